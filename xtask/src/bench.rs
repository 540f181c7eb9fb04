//! `cargo xtask bench`: measures what the project promises about speed and size, on the release program. Numbers are
//! printed, never judged: a promise is judged by a person on a quiet machine.

mod bots;
mod build;
mod graphql;
mod models;
mod program;
mod start;
mod usage;

use anyhow::Result;
use clap::Subcommand;

use crate::process;
use crate::repo::Repo;

/// What can be measured.
#[derive(Debug, Subcommand)]
pub(crate) enum Bench {
    /// Import of real chat, end to end, on SQLite and PostgreSQL (`waddlebot bench ingest`)
    Ingest(program::Options),
    /// The overview page and its query on a full database, on SQLite and PostgreSQL (`waddlebot bench overview`)
    Overview(program::Options),
    /// A chat command to its reply, on SQLite and PostgreSQL (`waddlebot bench commands`)
    Commands(program::Options),
    /// Ten thousand messages against true rate limits, on SQLite and PostgreSQL (`waddlebot bench outgoing`)
    Outgoing(program::Options),
    /// Memory of ten thousand idle subscriptions, delay of a thousand live ones (`waddlebot bench subscriptions`)
    Subscriptions(program::Options),
    /// A nested GraphQL query in a closed and an open loop, worked out and kept, and beside the roadmap's stack on SQLite
    /// (`waddlebot bench graphql`)
    Graphql(graphql::Options),
    /// Profile page and query among ten thousand people, cost of reputation a message (`waddlebot bench identity`)
    Identity(program::Options),
    /// Bot detection over an invented crowd: signals, scores, everybody's scores, learning, on SQLite and PostgreSQL; and
    /// beside ONNX Runtime and LightGBM on the same rows (`waddlebot bench bots`)
    Bots(bots::Options),
    /// Training and scoring of models, and beside ONNX Runtime and LightGBM on the same rows
    Models(models::Options),
    /// Time from start to ready on an existing data directory, and memory when idle
    Start(start::Options),
    /// Wall and processor time of a clean release build on two processors
    Build,
}

/// Runs one measurement.
pub(crate) fn run(repo: &Repo, bench: &Bench) -> Result<()> {
    match bench {
        Bench::Ingest(options) => program::run(repo, "ingest", options),
        Bench::Overview(options) => program::run(repo, "overview", options),
        Bench::Commands(options) => program::run(repo, "commands", options),
        Bench::Outgoing(options) => program::run(repo, "outgoing", options),
        Bench::Subscriptions(options) => program::run(repo, "subscriptions", options),
        Bench::Graphql(options) => graphql::run(repo, options),
        Bench::Identity(options) => program::run(repo, "identity", options),
        Bench::Bots(options) => bots::run(repo, options),
        Bench::Models(options) => models::run(repo, options),
        Bench::Start(options) => start::run(repo, options),
        Bench::Build => build::run(repo),
    }
}

/// Builds the release program and returns its path.
fn release_program(repo: &Repo) -> Result<std::path::PathBuf> {
    process::run(
        repo.cargo()
            .args(["build", "--release", "--package", "waddlebot"]),
    )?;
    Ok(repo.target_dir()?.join("release/waddlebot"))
}
