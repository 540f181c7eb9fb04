//! A chat line in at the simulated Discord to the reply out at it, through the real adapter, the
//! pipeline, the commands and the outgoing queue, while others talk.

use std::{collections::HashMap, time::Duration};

use anyhow::{Context, bail};
use clap::Args;
use kernel::{Clock, SystemClock, Timestamp};
use simulator::discord::{Discord, Limits, made_at, snowflake};

use super::{ingest::config, platform};
use crate::{
    console,
    serve::{self, System},
};

/// How much, and where.
#[derive(Debug, Args)]
pub(crate) struct Arguments {
    /// The database; an empty one
    #[arg(long)]
    database_url: String,
    /// Messages said in a second, commands included
    #[arg(long, default_value_t = 500)]
    rate: u64,
    /// Every so many messages one is a command
    #[arg(long, default_value_t = 20)]
    every: u64,
    /// Seconds
    #[arg(long, default_value_t = 20)]
    secs: u64,
}

/// Channels in which people talk. Enough that a channel's commands do not wait for its limit.
const CHANNELS: u64 = 50;
/// People who talk: each waits 3 s between two commands.
const PEOPLE: u64 = 400;
/// How long the last replies may take.
const LAST: Duration = Duration::from_secs(20);

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let place = tempfile::tempdir().context("making a temporary directory")?;
    let discord = platform::discord(CHANNELS, Limits::generous()).await?;
    let mut settings = config(place.path(), &arguments.database_url)?;
    platform::point_to(&mut settings, &discord);
    let system = System::start_talking(&settings).await?;
    platform::community(&system, &discord).await?;
    let worker = serve::start_jobs(&system.app, &settings).await?;
    let listening = system.listen();
    let connected = discord
        .wait_for(
            |discord| (discord.gateway_counts().1 > 0).then_some(()),
            LAST,
        )
        .await;
    connected.context("the adapter did not connect")?;

    let said = talk(&discord, &arguments).await;
    let replies = replies(&discord, said.len()).await?;
    let mut times: Vec<Duration> = said
        .iter()
        .filter_map(|(id, at)| Some(replies.get(id)?.since(*at)))
        .collect();
    times.sort_unstable();
    let at = |share: usize| {
        let index = times.len().saturating_sub(1) * share / 1_000;
        times.get(index).copied().unwrap_or_default().as_secs_f64() * 1_000.0
    };
    console::say(format!(
        "{:<10} command to reply at {} messages/s ({} commands): p50 {:>5.1} ms  p95 {:>5.1} ms  p99 {:>5.1} ms  highest {:>6.1} ms",
        system.app.db().engine().as_str(),
        arguments.rate,
        times.len(),
        at(500),
        at(950),
        at(990),
        at(1_000),
    ));
    system.app.stop.cancel();
    worker.await.context("stopping the jobs")?;
    serve::finish(listening).await;
    system.stop().await
}

/// Says everything at an even pace; answers when each command was said, by its message.
async fn talk(discord: &Discord, arguments: &Arguments) -> Vec<(u64, Timestamp)> {
    let guild = snowflake("bench");
    let mut said = Vec::new();
    let gap = Duration::from_secs(1) / u32::try_from(arguments.rate.max(1)).unwrap_or(u32::MAX);
    let mut pace = tokio::time::interval(gap);
    for n in 0..arguments.rate * arguments.secs {
        pace.tick().await;
        let every = arguments.every.max(1);
        let is_command = n % every == 0;
        let text = if is_command { "!ping" } else { "quack" };
        // Commands go round by themselves, so that nobody and no channel meets a cooldown.
        let turn = if is_command { n / every } else { n };
        let user = snowflake(&format!("bench/user/{}", turn % PEOPLE));
        let at = SystemClock.now();
        let id = discord.say(guild, platform::channel(turn % CHANNELS), user, text);
        if is_command {
            said.push((id, at));
        }
    }
    said
}

/// When each message was answered; Discord's ids tell the time they were made to the millisecond,
/// which is what the platform would see.
async fn replies(discord: &Discord, n: usize) -> anyhow::Result<HashMap<u64, Timestamp>> {
    let all = |discord: &Discord| -> HashMap<u64, Timestamp> {
        (0..CHANNELS)
            .flat_map(|c| discord.sent(platform::channel(c)))
            .filter_map(|sent| Some((sent.reply_to?, made_at(sent.id))))
            .collect()
    };
    let found = discord
        .wait_for(
            |discord| {
                let found = all(discord);
                (found.len() >= n).then_some(found)
            },
            LAST,
        )
        .await;
    match found {
        Some(found) => Ok(found),
        None => bail!("only {} of {n} commands were answered", all(discord).len()),
    }
}
