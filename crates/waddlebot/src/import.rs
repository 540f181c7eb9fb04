//! `waddlebot import`: chat history from files, with a progress bar, a summary, and every record
//! that could not be used in a report beside the data.

use std::{
    fs::File,
    io::{BufWriter, Write},
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context, bail};
use clap::Args;
use identity::NewCommunity;
use indicatif::{HumanDuration, ProgressBar, ProgressDrawTarget, ProgressStyle};
use ingest::{
    Tally,
    format::{Encoding, Format, InputFile, Options, Rejected, discover},
    import::{self, Observer, Summary, Target},
};
use kernel::Actor;

use crate::{cli, config::Config, console, serve::System};

/// Rejected records shown on the screen; all of them are in the report.
const SHOWN: u64 = 10;

/// What to import.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// Files or directories
    #[arg(required = true)]
    paths: Vec<PathBuf>,
    /// Put everything into this community (name or name in URLs), made if absent; without it each
    /// record goes where its `community` field says
    #[arg(long, value_name = "NAME")]
    community: Option<String>,
    /// auto, jsonl, irc, slack-export, discord-chat-exporter or twitch-downloader
    #[arg(long, default_value = "auto", value_parser = cli::format)]
    format: std::option::Option<Format>,
    #[command(flatten)]
    reading: Reading,
}

/// How to read files that do not say everything themselves.
#[derive(Debug, Clone, Args)]
pub(crate) struct Reading {
    /// IRC logs: hours east of UTC of their times, e.g. 1 or -5.5
    #[arg(
        long,
        value_name = "HOURS",
        default_value_t = 0.0,
        allow_negative_numbers = true
    )]
    utc_offset: f64,
    /// IRC logs: the channel, if the file's name does not tell
    #[arg(long)]
    channel: Option<String>,
    /// IRC logs: read lines that are not UTF-8 as ISO 8859-1
    #[arg(long)]
    latin1: bool,
}

impl Reading {
    pub(crate) fn options(&self, now: kernel::Timestamp) -> anyhow::Result<Options> {
        if !(-14.0..=14.0).contains(&self.utc_offset) {
            bail!("--utc-offset must be from -14 to 14");
        }
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            reason = "within 14 hours: fits i32"
        )]
        let utc_offset_secs = (self.utc_offset * 3_600.0).round() as i32;
        let encoding = if self.latin1 {
            Encoding::Latin1Fallback
        } else {
            Encoding::Utf8
        };
        Ok(Options {
            utc_offset_secs,
            channel: self.channel.clone(),
            encoding,
            ..Options::new(now)
        })
    }
}

/// Finds the community of a name, made if there is none.
pub(crate) async fn community(
    system: &System,
    actor: &Actor,
    name: &str,
) -> anyhow::Result<identity::Community> {
    let new = NewCommunity {
        name: name.to_owned(),
        ..NewCommunity::default()
    };
    let found = system
        .app
        .identity
        .find_or_create_community(actor, &new)
        .await;
    found.with_context(|| format!("finding or making the community `{name}`"))
}

pub(crate) async fn run(config: &Config, arguments: Arguments) -> anyhow::Result<ExitCode> {
    let mut inputs = Vec::new();
    for path in &arguments.paths {
        let found = discover(path, arguments.format)
            .with_context(|| format!("looking at `{}`", path.display()))?;
        for skipped in found.skipped {
            console::warn(format!(
                "skipped {}: {}",
                skipped.path.display(),
                skipped.why
            ));
        }
        inputs.extend(found.inputs);
    }
    if inputs.is_empty() {
        bail!("there is nothing to import");
    }
    let system = System::start(config).await?;
    let actor = Actor::System("import");
    let options = arguments.reading.options(system.app.clock.now())?;
    let target = match &arguments.community {
        Some(name) => Target::One(community(&system, &actor, name).await?.id),
        None => Target::ByField {
            fallback: "Imported".to_owned(),
        },
    };
    crate::lifecycle::watch(system.app.stop.clone())?;
    let mut broken = false;
    for input in &inputs {
        let mut watcher = Watcher::new(input, &config.data_dir);
        let done = import::run(
            &system.app,
            &system.ingest,
            &actor,
            input,
            &target,
            &options,
            &mut watcher,
        )
        .await;
        watcher.bar.finish_and_clear();
        let summary = done.with_context(|| format!("importing `{}`", input.path.display()))?;
        broken |= summary.broken.is_some();
        tell(input, &summary, &watcher);
    }
    console::say(format!(
        "see it: {}, then {}/",
        config.serve_command(),
        config.public_url()
    ));
    system.stop().await?;
    Ok(if broken {
        ExitCode::FAILURE
    } else {
        ExitCode::SUCCESS
    })
}

fn tell(input: &InputFile, summary: &Summary, watcher: &Watcher) {
    let n = console::grouped;
    let Tally {
        recorded,
        duplicates,
        quarantined,
        ..
    } = summary.tally;
    let secs = watcher.bar.elapsed().as_secs_f64().max(0.001);
    let events = u32::try_from(recorded + duplicates).unwrap_or(u32::MAX);
    console::say(format!(
        "{} ({}): {} recorded, {} known already, {} rejected, {} put aside, {} without content; {} ({:.0}/s)",
        input.path.display(),
        input.format,
        n(recorded),
        n(duplicates),
        n(summary.rejected),
        n(quarantined),
        n(summary.ignored),
        HumanDuration(watcher.bar.elapsed()),
        f64::from(events) / secs,
    ));
    if recorded == 0 && duplicates > 0 {
        console::say("  nothing new: a message counts once, in the community that had it first");
    }
    if summary.resumed_at > 0 {
        console::say(format!(
            "  went on after record {}, where an earlier import had ended",
            n(summary.resumed_at)
        ));
    }
    if let Some(report) = watcher.report.as_ref().filter(|_| summary.rejected > 0) {
        console::say(format!(
            "  every rejected record with its reason: {}",
            report.path.display()
        ));
    }
    if let Some(fatal) = &summary.broken {
        console::warn(format!(
            "  the file could not be read to its end: {fatal}; what came before is imported"
        ));
    }
}

/// Shows progress and writes the report of rejected records.
struct Watcher {
    bar: ProgressBar,
    rejected: u64,
    place: PathBuf,
    report: Option<Report>,
}

struct Report {
    path: PathBuf,
    file: BufWriter<File>,
}

impl Watcher {
    fn new(input: &InputFile, data_dir: &Path) -> Self {
        let target = if console::watched() {
            ProgressDrawTarget::stderr()
        } else {
            ProgressDrawTarget::hidden()
        };
        let bar = ProgressBar::with_draw_target(Some(input.bytes), target);
        if let Ok(style) = ProgressStyle::with_template(
            "{bar:32} {bytes}/{total_bytes}  {elapsed} elapsed, {eta} left  {msg}",
        ) {
            bar.set_style(style);
        }
        let key: String = input.key.chars().take(12).collect();
        let name = input
            .path
            .file_name()
            .map_or_else(String::new, |name| name.to_string_lossy().into_owned());
        Self {
            bar,
            rejected: 0,
            place: data_dir.join("rejected").join(format!("{name}-{key}.txt")),
            report: None,
        }
    }

    fn open_report(&self) -> std::io::Result<Report> {
        if let Some(place) = self.place.parent() {
            std::fs::create_dir_all(place)?;
        }
        Ok(Report {
            path: self.place.clone(),
            file: BufWriter::new(File::create(&self.place)?),
        })
    }

    fn write(&mut self, rejected: &Rejected) -> std::io::Result<()> {
        if self.report.is_none() {
            self.report = Some(self.open_report()?);
        }
        match &mut self.report {
            Some(report) => writeln!(report.file, "{rejected}\t{}", rejected.excerpt),
            None => Ok(()),
        }
    }
}

impl Observer for Watcher {
    fn progress(&mut self, bytes: u64, total: Tally) {
        self.bar.set_position(bytes);
        self.bar
            .set_message(format!("{} recorded", console::grouped(total.recorded)));
    }

    fn rejected(&mut self, rejected: &Rejected) {
        self.rejected += 1;
        if self.rejected <= SHOWN {
            self.bar
                .suspend(|| console::warn(format!("  rejected {rejected}")));
        } else if self.rejected == SHOWN + 1 {
            self.bar
                .suspend(|| console::warn("  more rejected records are in the report"));
        }
        if let Err(error) = self.write(rejected) {
            self.bar
                .suspend(|| console::warn(format!("  the report could not be written: {error}")));
        }
    }
}
