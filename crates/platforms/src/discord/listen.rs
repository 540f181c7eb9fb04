//! Hears the gateway: shards as Discord advises, sessions resumed after every cut, and what a lost
//! session missed read again. Sources: Discord «Gateway», «Gateway Events», «Opcodes and Status
//! Codes».
//!
//! Must never read faster than is recorded, let an error of twilight into the log as it is (it holds
//! what was said), or identify more often than Discord allows.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use futures_util::{
    FutureExt, StreamExt,
    future::{BoxFuture, try_join_all},
    stream::FuturesUnordered,
};
use kernel::{Deaf, Ear, EventKind, Heard, InteractionKind, Platform, random};
use serde::Deserialize;
use tokio_util::sync::CancellationToken;
use twilight_gateway::{
    CloseFrame, ConfigBuilder, Intents, Message, Session, Shard, ShardId,
    error::ReceiveMessageErrorType, queue::InMemoryQueue,
};
use twilight_http::routing::Route;

use super::{
    ApiError, Discord,
    api::Ask,
    catch_up::{CHANNELS_MAX, HeardUpTo},
    ignored,
    recent::Recent,
    translate::{SaidOnTheWire, Taken, Translator},
};
use crate::{Hopeless, Listener};

/// Interactions and catching up that are under way at most, beyond which nothing new is read.
const UNDER_WAY_MAX: usize = 256;
/// The first pause after a failure to connect, and the longest.
const PAUSE: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(60));
/// How long a goodbye may take.
const GOODBYE: Duration = Duration::from_secs(1);

/// What we want to hear. Members and message content are privileged: they are switched on in
/// Discord's developer portal.
const INTENTS: Intents = Intents::GUILDS
    .union(Intents::GUILD_MEMBERS)
    .union(Intents::GUILD_MODERATION)
    .union(Intents::GUILD_MESSAGES)
    .union(Intents::GUILD_MESSAGE_REACTIONS)
    .union(Intents::MESSAGE_CONTENT)
    .union(Intents::GUILD_SCHEDULED_EVENTS);

/// What Discord advises before one connects.
#[derive(Debug, Deserialize)]
struct Advice {
    url: String,
    shards: u32,
    session_start_limit: StartLimit,
}

#[derive(Debug, Deserialize)]
struct StartLimit {
    total: u32,
    remaining: u32,
    /// Milliseconds.
    reset_after: u64,
    max_concurrency: u16,
}

/// What was done besides reading.
#[expect(clippy::large_enum_variant, reason = "lives for a moment")]
enum Done {
    /// An interaction was acknowledged: now it may be heard.
    Acknowledged(Heard),
    /// What a lost session missed.
    Missed(Vec<SaidOnTheWire>),
}

/// One shard while it is listened to.
struct Listening<'a> {
    discord: &'a Discord,
    ear: &'a Arc<dyn Ear>,
    stop: &'a CancellationToken,
    translator: Translator,
    up_to: Recent<String, HeardUpTo>,
    channels: Vec<String>,
    under_way: FuturesUnordered<BoxFuture<'a, Done>>,
    was_ready: bool,
    n_failures: u32,
    /// The number of the last close.
    closed: Option<u16>,
}

#[async_trait]
impl Listener for Discord {
    fn platform(&self) -> Platform {
        Platform::Discord
    }

    async fn listen(&self, ear: Arc<dyn Ear>, stop: CancellationToken) -> Result<(), Hopeless> {
        let Some(advice) = self.advice(&stop).await? else {
            return Ok(());
        };
        let url = self.settings.gateway_url.clone().unwrap_or(advice.url);
        let limit = advice.session_start_limit;
        let queue = InMemoryQueue::new(
            limit.max_concurrency.max(1),
            limit.remaining.min(limit.total),
            Duration::from_millis(limit.reset_after),
            limit.total,
        );
        let n_shards = advice.shards.max(1);
        let shards = (0..n_shards).map(|number| {
            let listening = Listening {
                discord: self,
                ear: &ear,
                stop: &stop,
                translator: Translator::new(
                    self.settings.application.to_string(),
                    Arc::clone(&self.option_order),
                ),
                up_to: Recent::new(CHANNELS_MAX),
                channels: Vec::new(),
                under_way: FuturesUnordered::new(),
                was_ready: false,
                n_failures: 0,
                closed: None,
            };
            listening.shard(ShardId::new(number, n_shards), url.clone(), queue.clone())
        });
        try_join_all(shards).await.map(|_| ())
    }

    /// Guilds come and go over the gateway by themselves.
    fn nudge(&self) {}
}

impl Discord {
    /// Asks how to connect, until it is answered; `None` = stopped.
    async fn advice(&self, stop: &CancellationToken) -> Result<Option<Advice>, Hopeless> {
        let mut n_failures = 0;
        loop {
            let asked = self.api.read::<Advice>(Ask::new(&Route::GetGatewayBot));
            let answered = tokio::select! {
                answered = asked => answered,
                () = stop.cancelled() => return Ok(None),
            };
            let error = match answered {
                Ok(advice) => return Ok(Some(advice)),
                Err(ApiError::Refused { status: 401, .. }) => {
                    return Err(Hopeless("Discord refuses the bot's token".to_owned()));
                }
                Err(error) => error,
            };
            n_failures += 1;
            tracing::warn!(%error, n_failures, "Discord does not say where its gateway is");
            let pause = match error {
                ApiError::RateLimited { after } | ApiError::Closed { after, .. } => after,
                _ => self.pause(n_failures),
            };
            tokio::select! {
                () = tokio::time::sleep(pause) => {}
                () = stop.cancelled() => return Ok(None),
            }
        }
    }

    /// Full jitter, doubling, at most a minute.
    fn pause(&self, n_failures: u32) -> Duration {
        let doubled = PAUSE.0.saturating_mul(1 << n_failures.min(10));
        doubled
            .min(PAUSE.1)
            .mul_f64(random::unit(self.entropy.as_ref()))
    }
}

impl Listening<'_> {
    /// Listens to one shard until stopped.
    async fn shard(
        mut self,
        id: ShardId,
        url: String,
        queue: InMemoryQueue,
    ) -> Result<(), Hopeless> {
        let stop = self.stop;
        let mut shard = self.connect(id, &url, &queue, None);
        loop {
            let may_read = self.under_way.len() < UNDER_WAY_MAX;
            let heard = tokio::select! {
                () = stop.cancelled() => Err(Deaf),
                Some(done) = self.under_way.next(), if !self.under_way.is_empty() => self.done(done).await,
                item = shard.next(), if may_read => match item {
                    Some(Ok(Message::Text(text))) => self.take(&text).await,
                    Some(Ok(Message::Close(frame))) => {
                        self.closed = frame.as_ref().map(|frame| frame.code);
                        tracing::info!(shard = id.number(), code = self.closed, "the connection to Discord was closed");
                        metrics::counter!("waddlebot_platform_reconnects_total", "platform" => "discord").increment(1);
                        Ok(())
                    }
                    Some(Err(error)) => {
                        if matches!(error.kind(), ReceiveMessageErrorType::Reconnect) {
                            shard = self.again(shard, &url, &queue).await;
                        } else {
                            ignored("not_json");
                        }
                        Ok(())
                    }
                    None => return Err(Hopeless(for_good(self.closed))),
                },
            };
            if heard.is_err() {
                shard.close(CloseFrame::NORMAL);
                // Whether the goodbye is answered or not: we go.
                let _ = tokio::time::timeout(GOODBYE, shard.next()).await;
                return Ok(());
            }
        }
    }

    fn connect(
        &self,
        id: ShardId,
        url: &str,
        queue: &InMemoryQueue,
        session: Option<Session>,
    ) -> Shard {
        let token = self.discord.settings.token.expose().clone();
        let mut config = ConfigBuilder::new(token, INTENTS)
            .proxy_url(url.to_owned())
            .queue(queue.clone());
        if let Some(session) = session {
            config = config.session(session);
        }
        Shard::with_config(id, config.build())
    }

    /// A connection could not be made: pauses, and begins anew with the same session.
    async fn again(&mut self, shard: Shard, url: &str, queue: &InMemoryQueue) -> Shard {
        self.n_failures = self.n_failures.saturating_add(1);
        let pause = self.discord.pause(self.n_failures);
        tracing::warn!(
            n_failures = self.n_failures,
            pause_ms = u64::try_from(pause.as_millis()).unwrap_or(u64::MAX),
            "the gateway of Discord cannot be reached"
        );
        tokio::select! {
            () = tokio::time::sleep(pause) => {}
            () = self.stop.cancelled() => {}
        }
        self.connect(shard.id(), url, queue, shard.session().cloned())
    }

    async fn take(&mut self, text: &str) -> Result<(), Deaf> {
        let now = self.discord.clock.now();
        match self.translator.take(text, now) {
            Ok(Taken::Heard(Heard::Interaction(interaction))) => {
                let discord = self.discord;
                let is_private = matches!(interaction.kind, InteractionKind::Press { .. });
                let acknowledged = async move {
                    let token = interaction.token.expose();
                    if let Err(error) = discord.defer(&interaction.id, token, is_private).await {
                        // The answer itself may still come in time.
                        tracing::warn!(%error, "an interaction could not be acknowledged");
                    }
                    Done::Acknowledged(Heard::Interaction(interaction))
                };
                self.under_way.push(acknowledged.boxed());
                Ok(())
            }
            Ok(Taken::Heard(heard)) => self.hear(heard).await,
            Ok(Taken::Ready) => {
                self.n_failures = 0;
                if self.was_ready {
                    self.catch_up();
                }
                self.was_ready = true;
                Ok(())
            }
            Ok(Taken::Resumed) => {
                self.n_failures = 0;
                Ok(())
            }
            Ok(Taken::Nothing) => Ok(()),
            Err(why) => {
                ignored(why.as_str());
                Ok(())
            }
        }
    }

    /// A new session after an old one: what was said in between is read.
    fn catch_up(&mut self) {
        let channels: Vec<HeardUpTo> = self
            .channels
            .iter()
            .filter_map(|id| self.up_to.get(id))
            .collect();
        let discord = self.discord;
        let missed = async move { Done::Missed(discord.missed(channels).await) };
        self.under_way.push(missed.boxed());
    }

    async fn done(&mut self, done: Done) -> Result<(), Deaf> {
        match done {
            Done::Acknowledged(heard) => self.hear(heard).await,
            Done::Missed(messages) => {
                for message in messages {
                    match self.translator.message(message) {
                        Ok(heard) => self.hear(heard).await?,
                        Err(why) => ignored(why.as_str()),
                    }
                }
                Ok(())
            }
        }
    }

    /// Hands something over, and waits until it is taken: the gateway is read no faster.
    async fn hear(&mut self, heard: Heard) -> Result<(), Deaf> {
        if let Heard::Event(event) = &heard
            && let EventKind::Message(_) = event.kind
        {
            let channel = event.origin.channel.clone();
            let up_to = HeardUpTo {
                guild: event.origin.server.clone(),
                channel: channel.clone(),
                message: event.event_id.clone(),
            };
            if self.up_to.put(channel.clone(), up_to).is_none() {
                self.channels.push(channel);
                let known = &self.up_to;
                if self.channels.len() > CHANNELS_MAX * 2 {
                    self.channels.retain(|channel| known.get(channel).is_some());
                }
            }
        }
        tokio::select! {
            heard = self.ear.hear(heard) => heard,
            () = self.stop.cancelled() => Err(Deaf),
        }
    }
}

/// Why Discord wants no more of us.
fn for_good(code: Option<u16>) -> String {
    match code {
        Some(4_004) => "Discord refuses the bot's token".to_owned(),
        Some(4_013 | 4_014) => {
            "Discord does not grant the intents: switch on «Server Members» and \
             «Message Content» for the bot in Discord's developer portal"
                .to_owned()
        }
        Some(code) => format!("Discord closed the connection for good (code {code})"),
        None => "Discord closed the connection for good".to_owned(),
    }
}
