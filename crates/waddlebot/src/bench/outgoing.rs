//! Many messages through the outgoing queue to a simulated Discord with its true limits: how much of
//! the permitted rate is used, and how many requests were refused.

use std::time::Duration;

use anyhow::Context;
use clap::Args;
use delivery::{NewDelivery, Priority};
use kernel::{Actor, Address, Draft, Medium, Mentions, Order};
use simulator::discord::{Discord, Limits, snowflake};

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
    /// Messages
    #[arg(long, default_value_t = 10_000)]
    messages: u64,
    /// Channels they go to, evenly
    #[arg(long, default_value_t = 50)]
    channels: u64,
}

/// Messages put into the queue in one transaction.
const BATCH: u64 = 500;
/// The longest a run may take, as a multiple of what is permitted.
const PATIENCE: u64 = 3;

pub(crate) async fn run(arguments: Arguments) -> anyhow::Result<()> {
    let place = tempfile::tempdir().context("making a temporary directory")?;
    // Without the global limit, so that the channels' own decide: 5 messages in 5 s each.
    let limits = Limits {
        global: 0,
        ..Limits::default()
    };
    let (per_window, window) = limits.messages;
    let discord = platform::discord(arguments.channels, limits).await?;
    let mut settings = config(place.path(), &arguments.database_url)?;
    platform::point_to(&mut settings, &discord);
    let system = System::start(&settings).await?;
    let community = platform::community(&system, &discord).await?;
    let actor = Actor::System("bench");
    for first in (0..arguments.messages).step_by(usize::try_from(BATCH).unwrap_or(1)) {
        let last = (first + BATCH).min(arguments.messages);
        let many = (first..last)
            .map(|n| {
                let order = Order {
                    medium: Medium::Discord,
                    address: Address::Channel {
                        server: snowflake("bench").to_string(),
                        channel: platform::channel(n % arguments.channels).to_string(),
                    },
                    act: kernel::Act::Post,
                    draft: Draft::text(format!("message {n}")),
                    reply_to: None,
                    mentions: Mentions::Nobody,
                    nonce: String::new(),
                };
                NewDelivery::new(community, format!("bench:{n}"), Priority::Bulk, order)
            })
            .collect();
        system.app.deliveries.post_many(&actor, many).await?;
    }
    let begun = system.app.clock.now();
    let worker = serve::start_jobs(&system.app, &settings).await?;
    let windows = arguments
        .messages
        .div_ceil(arguments.channels)
        .div_ceil(u64::from(per_window))
        .saturating_sub(1);
    let permitted = window.saturating_mul(u32::try_from(windows).unwrap_or(u32::MAX));
    let patience =
        permitted.saturating_mul(u32::try_from(PATIENCE).unwrap_or(1)) + Duration::from_secs(30);
    let sent = |discord: &Discord| -> u64 {
        let per_channel = |n| u64::try_from(discord.sent(platform::channel(n)).len()).unwrap_or(0);
        (0..arguments.channels).map(per_channel).sum()
    };
    let all = discord
        .wait_for(
            |discord| (sent(discord) >= arguments.messages).then_some(()),
            patience,
        )
        .await;
    let took = system.app.clock.now().since(begun);
    console::say(format!(
        "{:<10} {} of {} messages over {} channels in {:.1} s; permitted {:.1} s: {:.1} % of the rate used; {} refused (429)",
        system.app.db().engine().as_str(),
        console::grouped(sent(&discord)),
        console::grouped(arguments.messages),
        arguments.channels,
        took.as_secs_f64(),
        permitted.as_secs_f64(),
        permitted.as_secs_f64() / took.as_secs_f64() * 100.0,
        discord.exchanges().count(429),
    ));
    all.context("not everything was sent in time")?;
    system.app.stop.cancel();
    worker.await.context("stopping the jobs")?;
    system.stop().await
}
