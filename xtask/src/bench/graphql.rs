//! `bench graphql`, with the stack that the roadmap names beside it on SQLite: `beside.py` over the same file.

use anyhow::Result;
use clap::Args;

use super::program;
use crate::python::Python;
use crate::repo::Repo;

/// The roadmap's stack, with the faster of the event loops and parsers that uvicorn takes.
const FROM_PYPI: [&str; 5] = [
    "strawberry-graphql==0.341.2",
    "fastapi==0.165.0",
    "uvicorn==0.54.0",
    "uvloop==0.23.0",
    "httptools==0.9.0",
];

/// What is measured.
#[derive(Debug, Args)]
// Those of the program are a group of the same name.
#[group(skip)]
pub(crate) struct Options {
    #[command(flatten)]
    program: program::Options,
    /// Leave the comparison with the roadmap's stack out
    #[arg(long)]
    alone: bool,
}

/// Runs the measurement on each database; the comparison where it is SQLite.
pub(super) fn run(repo: &Repo, options: &Options) -> Result<()> {
    let mut beside = Vec::new();
    if !options.alone {
        let python = Python::with(&repo.target_dir()?.join("bench-python"), &FROM_PYPI)?;
        let script = repo.root().join("xtask/src/bench/beside.py");
        let mut words = Vec::new();
        if let Some(packages) = &python.packages {
            words.extend([
                "env".to_owned(),
                format!("PYTHONPATH={}", packages.display()),
            ]);
        }
        words.push(python.program.display().to_string());
        words.push(script.display().to_string());
        beside.push(format!("--beside={}", words.join(",")));
    }
    program::run_with(repo, "graphql", &options.program, &beside)
}
