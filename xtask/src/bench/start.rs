//! `cargo xtask bench start`: how long `waddlebot serve` takes from start to ready on an existing data directory, and how
//! much memory it holds when idle.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::Args;
use rustix::process::Signal;

use super::release_program;
use super::usage::{memory_kib, mib};
use crate::process::{self, Guard};
use crate::repo::Repo;
use crate::services::{answers_ok, free_port};

/// What is started.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// The data directory to start on; fill it first, for example with `waddlebot import`
    #[arg(long)]
    data_dir: PathBuf,
    /// How many times to start
    #[arg(long, default_value_t = 5)]
    rounds: u32,
    /// More arguments for `waddlebot serve`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// How long one start may take.
const READY_WITHIN: Duration = Duration::from_mins(1);
/// How long the program is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(5);

/// Starts, waits, looks, stops, and prints the numbers.
pub(super) fn run(repo: &Repo, options: &Options) -> Result<()> {
    if !options.data_dir.is_dir() {
        bail!(
            "`{}` is no data directory: make one with `waddlebot import`",
            options.data_dir.display()
        );
    }
    let program = release_program(repo)?;
    let temporary = tempfile::tempdir().context("creating a temporary directory")?;
    let mut times = Vec::new();
    let mut idle = None;
    for round in 1..=options.rounds {
        let port = free_port()?;
        let mut command = process::dying_with_parent(&program);
        command
            .arg("serve")
            .arg("--data-dir")
            .arg(&options.data_dir);
        command
            .arg("--listen")
            .arg(format!("127.0.0.1:{port}"))
            .args(&options.arguments);
        let log = temporary.path().join(format!("serve-{round}.log"));
        let started = Instant::now();
        let mut server = Guard::service(command, &log, Signal::TERM)?;
        process::wait_until("`waddlebot serve`", READY_WITHIN, || {
            if !server.is_running() {
                let said = std::fs::read_to_string(&log).unwrap_or_default();
                bail!(
                    "`waddlebot serve` ended:\n{}",
                    process::last_lines(&said, 20)
                );
            }
            Ok(answers_ok(port, "/readyz"))
        })?;
        times.push(started.elapsed());
        if round == options.rounds {
            std::thread::sleep(IDLE);
            idle = memory_kib(server.id(), "VmRSS");
        }
    }
    times.sort_unstable();
    println!(
        "start on {}, {} rounds",
        options.data_dir.display(),
        options.rounds
    );
    println!("  to ready        {}", spread(&times));
    println!(
        "  idle memory     {} (after {} s)",
        mib(idle),
        IDLE.as_secs()
    );
    Ok(())
}

/// Smallest, middle and largest of sorted times.
fn spread(times: &[Duration]) -> String {
    let middle = times.get(times.len() / 2);
    match (times.first(), middle, times.last()) {
        (Some(least), Some(middle), Some(most)) => format!(
            "median {} ms (min {}, max {})",
            middle.as_millis(),
            least.as_millis(),
            most.as_millis()
        ),
        _ => "nothing measured".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spread_names_the_middle() {
        let times = [100, 200, 900].map(Duration::from_millis);
        assert_eq!(spread(&times), "median 200 ms (min 100, max 900)");
        assert_eq!(spread(&[]), "nothing measured");
    }
}
