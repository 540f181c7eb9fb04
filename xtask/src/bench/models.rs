//! `bench models`: what training and scoring cost in `ml`, with ONNX Runtime and LightGBM beside it on the same rows.

use std::process::Command;

use anyhow::{Context, Result};
use clap::Args;

use crate::clients;
use crate::process;
use crate::repo::Repo;

/// What is measured.
#[derive(Debug, Args)]
pub(crate) struct Options {
    /// Leave the comparison with Python out
    #[arg(long)]
    alone: bool,
}

/// Runs the measurement of the crate, then the others on what it left.
pub(super) fn run(repo: &Repo, options: &Options) -> Result<()> {
    let folder = tempfile::Builder::new()
        .prefix("waddlebot-bench-")
        .tempdir()
        .context("creating a temporary directory")?;
    let mut own = repo.cargo();
    own.args(["run", "--quiet", "--release", "--package", "ml"])
        .args(["--example", "measure", "--"])
        .arg(folder.path());
    process::run(&mut own)?;
    if options.alone {
        return Ok(());
    }
    let python = clients::python_for_models(&repo.target_dir()?)?;
    let mut beside = Command::new(&python.program);
    if let Some(packages) = &python.packages {
        beside.env("PYTHONPATH", packages);
    }
    beside
        .arg(repo.root().join("xtask/src/bench/models.py"))
        .arg(folder.path());
    process::run(&mut beside)
}
