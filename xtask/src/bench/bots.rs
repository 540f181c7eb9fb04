//! `bench bots`, with ONNX Runtime and LightGBM beside it on SQLite: `bots.py` on the model and the rows that it left.

use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use super::program;
use crate::clients;
use crate::process;
use crate::repo::Repo;

/// What is measured.
#[derive(Debug, Args)]
// Those of the program are a group of the same name.
#[group(skip)]
pub(crate) struct Options {
    #[command(flatten)]
    program: program::Options,
    /// Leave the comparison with Python out
    #[arg(long)]
    alone: bool,
}

/// Runs the measurement on each database, then the others on what it left.
pub(super) fn run(repo: &Repo, options: &Options) -> Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("waddlebot-bench-")
        .tempdir()
        .context("creating a temporary directory")?;
    let left = format!("--folder={}", folder.path().display());
    program::run_with(repo, "bots", &options.program, &[left])?;
    if options.alone || !folder.path().join("own.json").exists() {
        return Ok(());
    }
    println!("── beside ONNX Runtime and LightGBM, on the same rows, one thread each");
    let python = clients::python_for_models(&repo.target_dir()?)?;
    let mut beside = Command::new(&python.program);
    if let Some(packages) = &python.packages {
        beside.env("PYTHONPATH", packages);
    }
    beside
        .arg(repo.root().join("xtask/src/bench/bots.py"))
        .arg(folder.path());
    process::run(&mut beside)
}
