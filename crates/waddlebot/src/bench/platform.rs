//! What the measurements of platforms share: a simulated Discord with one guild, and a system that
//! is connected to it.

use anyhow::Context;
use identity::{Install, NewCommunity};
use kernel::{Actor, CommunityId, Grant, Installed, Platform};
use simulator::discord::{ChannelSpec, DiscordServer, GuildSpec, Limits, Options, snowflake};

use crate::{config::Config, serve::System};

/// A guild of so many channels, on a platform with these limits.
pub(super) async fn discord(n_channels: u64, limits: Limits) -> anyhow::Result<DiscordServer> {
    let guild = GuildSpec {
        id: snowflake("bench"),
        name: "Bench".to_owned(),
        owner: snowflake("bench/owner"),
        channels: (0..n_channels)
            .map(|n| ChannelSpec {
                id: channel(n),
                name: format!("channel-{n}"),
            })
            .collect(),
        is_installed: true,
    };
    let options = Options {
        guilds: vec![guild],
        limits,
        ..Options::default()
    };
    DiscordServer::start(options)
        .await
        .context("starting the simulated Discord")
}

/// The id of a channel.
pub(super) fn channel(n: u64) -> u64 {
    snowflake(&format!("bench/{n}"))
}

/// Points the configuration to a simulated Discord.
pub(super) fn point_to(config: &mut Config, discord: &DiscordServer) {
    config.discord.token = discord.token().into();
    config.discord.application_id = discord.application().to_string();
    config.discord.api_url = discord.api_url();
    config.discord.gateway_url = discord.gateway_url();
}

/// A community that is connected to the guild.
pub(super) async fn community(
    system: &System,
    discord: &DiscordServer,
) -> anyhow::Result<CommunityId> {
    let actor = Actor::System("bench");
    let new = NewCommunity {
        name: "Bench".to_owned(),
        ..NewCommunity::default()
    };
    let identity = &system.app.identity;
    let community = identity.find_or_create_community(&actor, &new).await?;
    let install = Install {
        community: community.id,
        platform: Platform::Discord,
        redirect: String::new(),
    };
    let installed = Installed {
        name: "Bench".to_owned(),
        grant: Grant {
            platform: Platform::Discord,
            server: snowflake("bench").to_string(),
            account: discord.application().to_string(),
            access: String::new().into(),
            refresh: None,
            expires_at: None,
            scopes: Vec::new(),
        },
    };
    identity
        .finish_install(&actor, &install, &installed)
        .await?;
    Ok(community.id)
}
