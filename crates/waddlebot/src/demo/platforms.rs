//! The demo's platforms: the configuration that points the adapters to the simulated servers, and
//! the connections of the communities, as if somebody had installed the bot on each server.

use anyhow::Context;
use app::App;
use identity::Install;
use kernel::{Actor, CommunityId, Grant, Installed, Platform};
use simulator::{CommunityPlan, Place, Theatre, theatre};

use crate::config::Config;

/// What the bot may do on the simulated Twitch.
const TWITCH_SCOPES: [&str; 12] = platforms::twitch::SCOPES;

/// Points the adapters to the simulated servers.
pub(super) fn point_to(config: &mut Config, theatre: &Theatre) {
    let discord = &theatre.discord;
    config.discord.token = discord.token().into();
    config.discord.application_id = discord.application().to_string();
    config.discord.client_secret = discord.client_secret().to_owned().into();
    config.discord.api_url = discord.api_url();
    config.discord.gateway_url = discord.gateway_url();
    config.discord.authorize_url = discord.authorize_url();
    let twitch = &theatre.twitch;
    twitch.client_id().clone_into(&mut config.twitch.client_id);
    config.twitch.client_secret = twitch.client_secret().to_owned().into();
    config.twitch.bot_user_id.clear();
    config.twitch.api_url = twitch.api_url();
    config.twitch.id_url = twitch.id_url();
    config.twitch.eventsub_url = twitch.eventsub_url();
    let slack = &theatre.slack;
    let options = slack.options();
    config.slack.client_id.clone_from(&options.client_id);
    config.slack.client_secret = options.client_secret.clone().into();
    config.slack.app_token = options.app_token.clone().into();
    config.slack.api_url = slack.api_url();
    config.slack.authorize_url = slack.authorize_url();
}

/// Connects a community's servers. The simulated platforms are new at every start, and so are the
/// tokens.
pub(super) async fn connect(
    app: &App,
    community: CommunityId,
    plan: &CommunityPlan,
    theatre: &Theatre,
) -> anyhow::Result<()> {
    for place in plan.places() {
        let Some(grant) = grant(place, theatre) else {
            continue;
        };
        let install = Install {
            community,
            platform: place.platform,
            redirect: String::new(),
        };
        let installed = Installed {
            name: place.name.to_owned(),
            grant,
        };
        app.identity
            .finish_install(&Actor::System("demo"), &install, &installed)
            .await
            .with_context(|| format!("connecting {} on {}", place.name, place.platform))?;
    }
    Ok(())
}

fn grant(place: &Place, theatre: &Theatre) -> Option<Grant> {
    let server = theatre::server_id(place.platform, &place.server);
    let bare = |account: String| Grant {
        platform: place.platform,
        server: server.clone(),
        account,
        access: String::new().into(),
        refresh: None,
        expires_at: None,
        scopes: Vec::new(),
    };
    match place.platform {
        Platform::Discord => Some(bare(theatre.discord.application().to_string())),
        Platform::Twitch => {
            let tokens = theatre.twitch.authorise(&server, &TWITCH_SCOPES);
            Some(Grant {
                access: tokens.access.into(),
                refresh: Some(tokens.refresh.into()),
                scopes: tokens.scopes,
                ..bare(server.clone())
            })
        }
        Platform::Slack => Some(Grant {
            access: theatre.slack.token(&server)?.into(),
            ..bare(theatre.slack.bot_user(&server)?)
        }),
        Platform::Irc | Platform::Import => None,
    }
}
