//! Import of a chat file: parse, dedupe, store, roll-ups, publish. Twice: the second import must
//! change nothing.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use ingest::{
    format::{Options, Rejected, discover},
    import::{self, Observer, Target},
    pipeline::Tally,
};
use kernel::Actor;

use super::usage;
use crate::{
    config::{Config, Sources},
    console,
    serve::System,
};

/// What to import, and where.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The database; an empty one
    #[arg(long)]
    database_url: String,
    /// The file; by default the largest of the chat sets beside the repository
    #[arg(long)]
    file: Option<PathBuf>,
}

/// The largest `messages.jsonl.gz` of `../shared/data/chat` by content.
const LARGEST: &str = "../shared/data/chat/irc-ubuntu/messages.jsonl.gz";

struct Silent;

impl Observer for Silent {
    fn progress(&mut self, _bytes: u64, _total: Tally) {}
    fn rejected(&mut self, rejected: &Rejected) {
        console::warn(format!("rejected {rejected}"));
    }
}

/// A configuration of a throw-away place with another database.
pub(super) fn config(data_dir: &std::path::Path, database_url: &str) -> anyhow::Result<Config> {
    let environment = vec![
        ("DATABASE_URL".to_owned(), database_url.to_owned()),
        ("WADDLEBOT_SERVER__METRICS_LISTEN".to_owned(), String::new()),
    ];
    Config::load(&Sources {
        data_dir: Some(data_dir.to_owned()),
        environment,
        ..Sources::default()
    })
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let file = arguments.file.unwrap_or_else(|| PathBuf::from(LARGEST));
    if !file.exists() {
        bail!(
            "`{}` does not exist: name a file with --file",
            file.display()
        );
    }
    let place = tempfile::tempdir().context("making a temporary directory")?;
    let system = System::start(&config(place.path(), &arguments.database_url)?).await?;
    let actor = Actor::System("bench");
    let community = system
        .app
        .identity
        .find_or_create_community(
            &actor,
            &identity::NewCommunity {
                name: "Bench".to_owned(),
                ..Default::default()
            },
        )
        .await?;
    let found = discover(&file, None).context("looking at the file")?;
    for round in ["first import", "second import"] {
        let (before, begun) = (usage::now(), system.app.clock.now());
        let mut total = Tally::default();
        for input in &found.inputs {
            let options = Options::new(system.app.clock.now());
            let target = Target::One(community.id);
            let done = import::run(
                &system.app,
                &system.ingest,
                &actor,
                input,
                &target,
                &options,
                &mut Silent,
            )
            .await;
            total += done.context("importing")?.tally;
        }
        let secs = system.app.clock.now().since(begun).as_secs_f64();
        let after = usage::now();
        let n = total.recorded + total.duplicates;
        let per_sec = f64::from(u32::try_from(n).unwrap_or(u32::MAX)) / secs;
        console::say(format!(
            "{:<10} {round:<14} {:>9} messages ({:>7} new)  {per_sec:>8.0}/s  {:>5.1} CPU µs/message  peak {}",
            system.app.db().engine().as_str(),
            console::grouped(n),
            console::grouped(total.recorded),
            f64::from(u32::try_from(after.cpu_micros - before.cpu_micros).unwrap_or(u32::MAX))
                / f64::from(u32::try_from(n.max(1)).unwrap_or(u32::MAX)),
            console::bytes(after.peak_bytes),
        ));
    }
    system.stop().await
}
