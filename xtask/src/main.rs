//! The project's chores, one command each: `cargo xtask test | ci | tidy | codegen | bench`.
//!
//! Never part of the product: no own crate depends on it and it depends on none of them, so that it builds fast and
//! works while they do not compile.

#![expect(
    clippy::disallowed_macros,
    clippy::disallowed_methods,
    reason = "a console program for people: it prints, it measures real time, and it waits for other programs"
)]

mod bench;
mod ci;
mod clients;
mod codegen;
mod install;
mod process;
mod python;
mod repo;
mod services;
mod steps;
mod test;
mod tidy;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

/// What can be asked for on the command line.
#[derive(Debug, Parser)]
#[command(
    name = "cargo xtask",
    about = "The project's chores, one command each."
)]
struct Cli {
    #[command(subcommand)]
    chore: Chore,
}

#[derive(Debug, Subcommand)]
enum Chore {
    /// Run all tests, with private PostgreSQL, Redis, S3 and Chromium (found or installed).
    Test(test::Options),
    /// Run everything that must pass before a change is merged.
    Ci(ci::Options),
    /// Check the tree against the rules of the house that a machine can check.
    Tidy,
    /// Rewrite the generated files.
    Codegen,
    /// Measure what the project promises about speed and size.
    #[command(subcommand)]
    Bench(bench::Bench),
}

fn main() -> ExitCode {
    match run(&Cli::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // Without a backtrace, which says nothing about a chore.
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(cli: &Cli) -> Result<()> {
    process::stop_children_on_signal()?;
    let repo = repo::Repo::locate()?;
    match &cli.chore {
        Chore::Test(options) => test::run(&repo, options),
        Chore::Ci(options) => ci::run(&repo, options),
        Chore::Tidy => tidy::run(&repo),
        Chore::Codegen => codegen::run(&repo),
        Chore::Bench(bench) => bench::run(&repo, bench),
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    #[test]
    fn every_command_line_can_be_read() {
        super::Cli::command().debug_assert();
    }
}
