//! Measurements, run by `cargo xtask bench`. Never part of a test: numbers of a busy machine prove
//! nothing.

mod askers;
mod bots;
mod commands;
mod followers;
mod graphql;
mod identity;
mod ingest;
mod outgoing;
mod overview;
mod platform;
mod subscriptions;
mod usage;

use clap::Subcommand;

/// What to measure.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Import of a chat file, end to end
    Ingest(ingest::Arguments),
    /// Overview page and its GraphQL query over a million messages
    Overview(overview::Arguments),
    /// A chat command in at a simulated Discord to its reply out there
    Commands(commands::Arguments),
    /// Many messages to a simulated Discord with its true limits
    Outgoing(outgoing::Arguments),
    /// Many followers of a community's chat over WebSockets, waiting and listening
    Subscriptions(subscriptions::Arguments),
    /// A nested GraphQL query over a million messages, worked out and kept
    Graphql(graphql::Arguments),
    /// The page and the query of somebody among many with three accounts each; what reputation adds to a message
    Identity(identity::Arguments),
    /// Bot detection over an invented crowd: signals, scores, everybody's scores, learning
    Bots(bots::Arguments),
    /// The clients of `bench graphql`, which starts them
    #[command(hide = true)]
    Askers(askers::Arguments),
    /// The followers of `bench subscriptions`, which starts them
    #[command(hide = true)]
    Followers(followers::Arguments),
}

pub(crate) async fn run(command: Command) -> anyhow::Result<()> {
    match command {
        Command::Ingest(arguments) => ingest::run(arguments).await,
        Command::Overview(arguments) => overview::run(arguments).await,
        Command::Commands(arguments) => commands::run(arguments).await,
        Command::Outgoing(arguments) => outgoing::run(arguments).await,
        Command::Subscriptions(arguments) => subscriptions::run(arguments).await,
        Command::Graphql(arguments) => graphql::run(arguments).await,
        Command::Identity(arguments) => identity::run(arguments).await,
        Command::Bots(arguments) => bots::run(arguments).await,
        Command::Askers(arguments) => askers::run(arguments).await,
        Command::Followers(arguments) => followers::run(arguments).await,
    }
}
