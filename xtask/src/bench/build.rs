//! `cargo xtask bench build`: a clean release build in a temporary target directory, on two processors, with everything
//! downloaded before.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context, Result};

use super::usage::children_cpu;
use crate::process;
use crate::repo::Repo;
use crate::steps::seconds;

/// Builds and prints the times.
pub(super) fn run(repo: &Repo) -> Result<()> {
    process::run(repo.cargo().args(["fetch", "--locked"]))?;
    let target = tempfile::tempdir().context("creating a temporary target directory")?;
    let cargo = repo.cargo();
    let mut command = match which::which("taskset") {
        Ok(taskset) => {
            let mut command = Command::new(taskset);
            command
                .args(["-c", "0,1"])
                .arg(cargo.get_program())
                .current_dir(repo.root());
            command
        }
        Err(_) => cargo,
    };
    command.args(["build", "--release", "--offline", "--locked"]);
    command
        .env("CARGO_TARGET_DIR", target.path())
        .env("CARGO_BUILD_JOBS", "2");

    let cpu_before = children_cpu();
    let started = Instant::now();
    process::run(&mut command)?;
    let wall = started.elapsed();
    let cpu = children_cpu()
        .zip(cpu_before)
        .map(|(after, before)| after.saturating_sub(before));

    println!("clean release build, 2 processors");
    println!("  wall time       {}", seconds(wall));
    println!(
        "  processor time  {}",
        cpu.map_or_else(|| "unknown".to_owned(), seconds)
    );
    let size = std::fs::metadata(target.path().join("release/waddlebot"))
        .context("looking at the program")?
        .len();
    println!("  program         {} MiB", size.div_ceil(1024 * 1024));
    Ok(())
}
