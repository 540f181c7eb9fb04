//! `waddlebot replay`: history as if it happened now. A server on the same database shows it live.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use indicatif::{ProgressBar, ProgressDrawTarget};
use ingest::{
    format::{self, Format, discover},
    replay::{self, Replay, Replayed},
};
use kernel::Actor;

use crate::{cli, config::Config, console, import, lifecycle, serve::System};

/// What to replay.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// A file, or a directory of files
    path: PathBuf,
    /// The community it happens in, made if absent
    #[arg(long, value_name = "NAME")]
    community: String,
    /// How many times faster than it happened; pauses are at most 5 s
    #[arg(long, default_value_t = 1.0)]
    speed: f64,
    /// auto, jsonl, irc, slack-export, discord-chat-exporter or twitch-downloader
    #[arg(long, default_value = "auto", value_parser = cli::format)]
    format: std::option::Option<Format>,
    #[command(flatten)]
    reading: import::Reading,
}

pub(crate) async fn run(config: &Config, arguments: Arguments) -> anyhow::Result<()> {
    if arguments.speed.is_nan() || arguments.speed <= 0.0 {
        bail!("--speed must be above 0");
    }
    let found = discover(&arguments.path, arguments.format)
        .with_context(|| format!("looking at `{}`", arguments.path.display()))?;
    let system = System::start(config).await?;
    let actor = Actor::System("replay");
    let options = arguments.reading.options(system.app.clock.now())?;
    let community = import::community(&system, &actor, &arguments.community).await?;
    lifecycle::watch(system.app.stop.clone())?;
    console::say(format!(
        "replaying into {}: watch it at {}/c/{}/chat ({})",
        community.name,
        config.public_url(),
        community.slug,
        config.serve_command()
    ));
    let target = if console::watched() {
        ProgressDrawTarget::stderr()
    } else {
        ProgressDrawTarget::hidden()
    };
    let bar = ProgressBar::with_draw_target(None, target);
    for input in found.inputs {
        let reader = format::open(&input, &options)
            .with_context(|| format!("opening `{}`", input.path.display()))?;
        let replay = Replay {
            speed: arguments.speed,
            run: format!("replay-{}", system.app.clock.now().millis()),
            community: community.id,
        };
        let done = replay::run(&system.app, &system.ingest, reader, &replay, |now| {
            bar.set_position(now.events);
        })
        .await;
        let Replayed {
            events,
            rejected,
            broken,
        } = done.context("replaying")?;
        console::say(format!(
            "{}: {} events replayed, {} rejected",
            input.path.display(),
            console::grouped(events),
            console::grouped(rejected)
        ));
        if let Some(fatal) = broken {
            bail!(
                "`{}` could not be read to its end: {fatal}",
                input.path.display()
            );
        }
    }
    bar.finish_and_clear();
    system.stop().await
}
