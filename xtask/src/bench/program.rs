//! Measurements that the program makes of itself (`waddlebot bench NAME`), once on SQLite and once on a private PostgreSQL
//! with the durability of production. Its output is passed through; what the process used is added as a table.

use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use clap::{Args, ValueEnum};

use super::release_program;
use super::usage::{children_cpu, memory_kib, mib};
use crate::process;
use crate::repo::Repo;
use crate::services::{self, Durability};
use crate::steps::seconds;

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Measure one database only
    #[arg(long, value_enum)]
    database: Option<Database>,
    /// More arguments for `waddlebot bench`
    #[arg(last = true)]
    arguments: Vec<String>,
}

/// The two databases of the product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Database {
    Sqlite,
    Postgres,
}

/// One run of the program.
#[derive(Debug)]
struct Run {
    database: &'static str,
    wall: Duration,
    cpu: Option<Duration>,
    peak_kib: Option<u64>,
    has_passed: bool,
}

/// Runs the program's own measurement on each database.
pub(super) fn run(repo: &Repo, name: &str, options: &Options) -> Result<()> {
    run_with(repo, name, options, &[])
}

/// The same with more arguments on SQLite.
pub(super) fn run_with(
    repo: &Repo,
    name: &str,
    options: &Options,
    on_sqlite: &[String],
) -> Result<()> {
    let program = release_program(repo)?;
    let temporary = tempfile::Builder::new()
        .prefix("waddlebot-bench-")
        .tempdir()
        .context("creating a temporary directory")?;
    let is_wanted = |database| options.database.is_none_or(|wanted| wanted == database);
    let mut runs = Vec::new();
    if is_wanted(Database::Sqlite) {
        let file = temporary.path().join("bench.sqlite");
        let url = format!("sqlite://{}?mode=rwc", file.display());
        let arguments = [on_sqlite, &options.arguments].concat();
        runs.push(measure(&program, name, "SQLite", &url, &arguments)?);
    }
    if is_wanted(Database::Postgres) {
        let bin = crate::install::postgres_bin()?;
        let server = services::start_postgres(&bin, temporary.path(), Durability::Full)?;
        runs.push(measure(
            &program,
            name,
            "PostgreSQL",
            server.url(),
            &options.arguments,
        )?);
    }
    print!("{}", table(&runs));
    if runs.iter().any(|run| !run.has_passed) {
        bail!("`waddlebot bench {name}` failed");
    }
    Ok(())
}

fn measure(
    program: &Path,
    name: &str,
    database: &'static str,
    url: &str,
    arguments: &[String],
) -> Result<Run> {
    println!("── {name} on {database}");
    let mut command = Command::new(program);
    command
        .args(["bench", name, "--database-url", url])
        .args(arguments);
    let cpu_before = children_cpu();
    let mut peak_kib = None;
    let started = Instant::now();
    let status = process::status(&mut command, |id| {
        peak_kib = peak_kib.max(memory_kib(id, "VmHWM"));
    })?;
    let wall = started.elapsed();
    let cpu = children_cpu()
        .zip(cpu_before)
        .map(|(after, before)| after.saturating_sub(before));
    Ok(Run {
        database,
        wall,
        cpu,
        peak_kib,
        has_passed: status.success(),
    })
}

/// What each process used as a whole, its preparation included.
fn table(runs: &[Run]) -> String {
    let row = |run: &Run| {
        let cpu = run.cpu.map_or_else(|| "unknown".to_owned(), seconds);
        let (wall, peak) = (seconds(run.wall), mib(run.peak_kib));
        let failed = if run.has_passed { "" } else { "  FAILED" };
        format!(
            "{:<12}{wall:>12}{cpu:>18}{peak:>14}{failed}\n",
            run.database
        )
    };
    let rows: Vec<String> = runs.iter().map(row).collect();
    let (wall, cpu, peak) = ("wall time", "processor time", "peak memory");
    format!(
        "\n{:<12}{wall:>12}{cpu:>18}{peak:>14}\n{}",
        "database",
        rows.concat()
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failed_run_shows_in_the_table() {
        let run = |database, has_passed| Run {
            database,
            wall: Duration::from_secs(2),
            cpu: Some(Duration::from_secs(1)),
            peak_kib: Some(2048),
            has_passed,
        };
        let table = table(&[run("SQLite", true), run("PostgreSQL", false)]);
        let last = table.lines().last().unwrap();
        assert!(
            last.starts_with("PostgreSQL") && last.ends_with("2 MiB  FAILED"),
            "{table}"
        );
        assert!(!table.contains("unknown"), "{table}");
    }
}
