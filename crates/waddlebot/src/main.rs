//! WaddleBot: one self-hosted program that runs a community across Discord, Twitch and Slack.
//!
//! This crate is the command line, the configuration and the composition root: the only place where
//! an engine is chosen. Must never contain a rule of a domain.

mod adapters;
mod admin;
mod backup;
mod bench;
mod bots;
mod cli;
mod codegen;
mod compose;
mod config;
mod console;
mod demo;
mod doctor;
mod gateway;
mod hooks;
mod http;
mod import;
mod keys;
mod lifecycle;
mod migrate;
mod presence;
mod purge;
mod replay;
mod serve;
mod telemetry;
mod webhooks;

use std::process::ExitCode;

use clap::Parser;

/// Answers to queries are many small pieces that are made on one thread and freed on another, for which the allocator of
/// the C library takes locks.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> ExitCode {
    let cli = cli::Cli::parse();
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            console::error(&anyhow::Error::new(error).context("starting the runtime"));
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(cli.run());
    // Blocking tasks (a password hash, a file listing) must not hold up the exit.
    runtime.shutdown_background();
    match result {
        Ok(code) => code,
        Err(error) => {
            console::error(&error);
            ExitCode::FAILURE
        }
    }
}
