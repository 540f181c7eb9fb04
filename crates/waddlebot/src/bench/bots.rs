//! What bot detection costs: the signals of a message, a score, everybody's scores, learning. What was learned and the rows
//! of it are left in a folder, so that other programs can be measured on the same.
//!
//! Must never judge: a goal stands beside each number, and whoever reads it knows the machine.

mod crowd;
mod pure;
mod stored;

use std::{path::PathBuf, time::Duration};

use anyhow::Context;
use clap::Args;
use tokio::time::Instant;

use super::{ingest::config, usage};
use crate::{console, serve::System};

/// How much, and where it goes.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The database; an empty one
    #[arg(long)]
    database_url: String,
    /// Messages of the invented crowd
    #[arg(long, default_value_t = 300_000)]
    messages: u32,
    /// Who says them; there are twice as many rows to learn from
    #[arg(long, default_value_t = 6_000)]
    people: u32,
    /// Another seed is another crowd
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// Where the model and the rows are left
    #[arg(long)]
    folder: Option<PathBuf>,
}

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let size = crowd::Size {
        messages: arguments.messages,
        people: arguments.people.max(1),
        seed: arguments.seed,
    };
    let place = tempfile::tempdir().context("making a temporary directory")?;
    let system = System::start(&config(place.path(), &arguments.database_url)?).await?;
    // By whole days, so that the signals of hours are the same each time.
    let lines = size.lines(system.app.clock.now().day().start());
    tell("", "", "measured", "goal");
    pure::run(&size, &lines, arguments.folder.as_deref())?;
    stored::run(&system, &lines).await?;
    console::say(format!("peak {}", console::bytes(usage::now().peak_bytes)));
    system.stop().await
}

/// A line of the table.
fn tell(place: &str, what: &str, measured: &str, goal: &str) {
    console::say(format!("{place:<10} {what:<54} {measured:>40}   {goal}"));
}

/// What some work took.
#[derive(Debug, Clone, Copy)]
struct Took {
    /// Of the processors, all threads together.
    cpu_micros: u64,
    wall: Duration,
}

impl Took {
    /// Processor time for each of so many, in microseconds.
    fn each(self, n: u64) -> f64 {
        real(self.cpu_micros) / real(n.max(1))
    }

    /// So many, each second that passed.
    fn per_second(self, n: u64) -> f64 {
        real(n) / self.wall.as_secs_f64().max(1e-9)
    }
}

/// Begins to measure.
struct Watch {
    cpu_micros: u64,
    begun: Instant,
}

impl Watch {
    fn start() -> Self {
        Self {
            cpu_micros: usage::now().cpu_micros,
            begun: Instant::now(),
        }
    }

    fn took(&self) -> Took {
        Took {
            wall: self.begun.elapsed(),
            cpu_micros: usage::now().cpu_micros.saturating_sub(self.cpu_micros),
        }
    }
}

/// How long they took, at the middle and at worst of a hundred, in microseconds.
fn percentiles(mut times: Vec<Duration>) -> String {
    times.sort_unstable();
    let at = |share: usize| {
        let place = times.len().saturating_sub(1) * share / 100;
        times.get(place).copied().unwrap_or_default().as_secs_f64() * 1e6
    };
    format!("p50 {:.1}, p99 {:.1} µs", at(50), at(99))
}

fn real(n: u64) -> f64 {
    f64::from(u32::try_from(n).unwrap_or(u32::MAX))
}

fn count(n: usize) -> anyhow::Result<u64> {
    u64::try_from(n).context("a count")
}

/// So many a second, for people.
fn rate(per_second: f64) -> String {
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a rate is a small positive number"
    )]
    let whole = per_second as u64;
    format!("{}/s", console::grouped(whole))
}
