//! Measurements, run by `cargo xtask bench`. Never part of a test: numbers of a busy machine prove
//! nothing.

mod ingest;
mod overview;
mod usage;

use clap::Subcommand;

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Import of a chat file, end to end
    Ingest(ingest::Arguments),
    /// Overview page and its GraphQL query over a million messages
    Overview(overview::Arguments),
}

pub(crate) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Ingest(arguments) => ingest::run(arguments).await,
        Command::Overview(arguments) => overview::run(arguments).await,
    }
}
