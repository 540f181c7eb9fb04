//! `waddlebot purge`: removes old raw messages of a community on request.

use std::time::Duration;

use activity::Scope;
use anyhow::Context;
use clap::Args;
use kernel::Actor;

use crate::{config::Config, console, serve::System};

/// What to remove.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The community's name in URLs
    #[arg(long)]
    community: String,
    /// Remove messages sent more than so many days ago
    #[arg(long, value_name = "DAYS")]
    older_than: u32,
    /// Imported history too
    #[arg(long)]
    include_imported: bool,
}

pub(crate) async fn run(config: &Config, arguments: &Arguments) -> anyhow::Result<()> {
    let system = System::start(config).await?;
    let actor = Actor::System("purge");
    let community = system.community(&actor, &arguments.community).await?;
    let age = Duration::from_secs(u64::from(arguments.older_than) * 86_400);
    let scope = if arguments.include_imported {
        Scope::LiveAndImported
    } else {
        Scope::Live
    };
    let cutoff = system.app.clock.now().minus(age);
    let removed = system
        .app
        .activity
        .purge(&actor, community.id, cutoff, scope)
        .await
        .context("removing messages")?;
    console::say(format!(
        "removed {} messages of {}; its statistics stay",
        console::grouped(removed),
        community.name
    ));
    system.stop().await
}
