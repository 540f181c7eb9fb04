//! The bus across processes: Redis (or Valkey) publish/subscribe.
//!
//! One connection publishes; one connection per process listens to the union of the topics that
//! anybody here listens to, and [`Topics`] fans out. The listening task is a reconciler: it compares
//! the topics wanted with the topics subscribed and does the difference. Must never make a caller
//! wait for an engine that is away, and never be silent about notices that may have been lost.

use std::collections::HashSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use futures_util::StreamExt;
use kernel::Secret;
use redis::aio::{ConnectionManager, PubSub, PubSubSink};
use redis::{Client, Msg, RedisResult};
use tokio::sync::watch;
use tokio::time::{MissedTickBehavior, interval, sleep, timeout};
use tokio_util::task::AbortOnDropHandle;
use tracing::{info, warn};

use super::topics::Topics;
use super::{Bus, BusError, Subscription, check_payload, check_topic};
use crate::redis_link::{self, ANSWER_TIMEOUT, CONNECT_TIMEOUT};

/// How long `open` and `subscribe` wait for the engine before they go on without it.
const PATIENCE: Duration = Duration::from_secs(2);
/// How often the listening connection is tried, so that one that died silently is noticed.
const PING_EVERY: Duration = Duration::from_secs(5);
/// How long the engine may take to confirm a (un)subscription or a ping.
const CONFIRM_TIMEOUT: Duration = Duration::from_secs(3);
/// Pauses between attempts to connect, doubling from the first to the second.
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);
/// How many topics one SUBSCRIBE names.
const BATCH: usize = 500;

/// A bus through Redis.
///
/// While Redis is away, notices still reach the subscribers in this process (and `publish` returns
/// an error). When it is back, every subscriber here is told [`super::Signal::Lagged`], and if this
/// process published in the meantime, so is every subscriber in all other processes. A topic with
/// subscribers takes about 50 KB in each process that has them.
pub struct RedisBus {
    publisher: ConnectionManager,
    link: Arc<Link>,
    // Stops the listening task with the bus.
    _listener: AbortOnDropHandle<()>,
}

/// What the publishing side and the listening task share.
struct Link {
    topics: Arc<Topics>,
    /// Before every topic, so that several programs can share one Redis.
    prefix: String,
    /// The channel on which a process says that others may have lost its notices.
    lost_channel: String,
    connected: watch::Sender<bool>,
    /// Whether a notice of this process did not get out and others have not been told yet.
    owes_lost: AtomicBool,
}

impl RedisBus {
    /// Opens a bus on `redis://[user:password@]host:port`, `rediss://…` (TLS) or
    /// `redis+unix:///path`. `prefix` (such as `waddlebot:`) comes before every channel name.
    ///
    /// Waits up to two seconds for the connection, then goes on without it and keeps trying: the
    /// program must start while Redis is away. Fails only on an address that is not one.
    pub async fn open(address: &Secret<String>, prefix: &str) -> Result<Self, BusError> {
        let client = redis_link::client(address).map_err(BusError::BadAddress)?;
        let publisher = redis_link::connection(client.clone()).map_err(BusError::BadAddress)?;
        let link = Arc::new(Link {
            topics: Topics::behind_a_link(),
            // No topic can contain a space, so no topic can collide with the channel for losses.
            prefix: format!("{prefix}bus:"),
            lost_channel: format!("{prefix}bus: lost"),
            connected: watch::Sender::new(false),
            owes_lost: AtomicBool::new(false),
        });
        let mut connected = link.connected.subscribe();
        let listener = tokio::spawn(listen(client, publisher.clone(), Arc::clone(&link)));
        let bus = Self {
            publisher,
            link,
            _listener: AbortOnDropHandle::new(listener),
        };
        // Late is not an error: the listening task has logged why and keeps trying.
        let _ = timeout(PATIENCE, connected.wait_for(|connected| *connected)).await;
        Ok(bus)
    }

    /// How many topics somebody in this process listens to.
    pub fn n_topics(&self) -> usize {
        self.link.topics.len()
    }
}

impl Drop for RedisBus {
    fn drop(&mut self) {
        self.link.topics.close();
    }
}

#[async_trait]
impl Bus for RedisBus {
    async fn publish(&self, topic: &str, payload: &str) -> Result<(), BusError> {
        check_topic(topic)?;
        check_payload(payload)?;
        let channel = format!("{}{topic}", self.link.prefix);
        let sent = if *self.link.connected.borrow() {
            send(&self.publisher, &channel, payload).await
        } else {
            Err(BusError::Away)
        };
        if sent.is_err() {
            // Whether it got out is unknown after a timeout; a repeated notice does no harm.
            self.link.topics.send(topic, payload);
            self.link.owes_lost.store(true, Ordering::Release);
        }
        sent
    }

    async fn subscribe(&self, topic: &str) -> Result<Subscription, BusError> {
        check_topic(topic)?;
        let (subscription, mut live) = self.link.topics.join(topic);
        let arrives = *self.link.connected.borrow()
            && matches!(
                timeout(PATIENCE, live.wait_for(|live| *live)).await,
                Ok(Ok(_))
            );
        if !arrives {
            self.link.topics.mark_doubtful(topic);
        }
        Ok(subscription)
    }

    async fn health(&self) -> Result<(), BusError> {
        if !*self.link.connected.borrow() {
            return Err(BusError::Away);
        }
        let mut connection = self.publisher.clone();
        let ping = redis::cmd("PING");
        answer(ping.query_async::<String>(&mut connection)).await?;
        Ok(())
    }

    fn name(&self) -> &'static str {
        "redis"
    }
}

async fn send(publisher: &ConnectionManager, channel: &str, payload: &str) -> Result<(), BusError> {
    let mut publish = redis::cmd("PUBLISH");
    publish.arg(channel).arg(payload);
    let once = async || {
        let mut connection = publisher.clone();
        answer(publish.query_async::<i64>(&mut connection)).await
    };
    match once().await {
        // The connection had died while it was idle, and the manager has begun a new one.
        Err(BusError::Refused(error)) if error.is_io_error() && !error.is_timeout() => {
            once().await?;
        }
        other => {
            other?;
        }
    }
    Ok(())
}

async fn answer<T>(request: impl Future<Output = RedisResult<T>>) -> Result<T, BusError> {
    match timeout(ANSWER_TIMEOUT, request).await {
        Ok(answer) => answer.map_err(BusError::Refused),
        Err(_elapsed) => Err(BusError::Away),
    }
}

/// The listening task: connects, serves the connection until it breaks, and again, for ever.
async fn listen(client: Client, publisher: ConnectionManager, link: Arc<Link>) {
    let mut pause = FIRST_PAUSE;
    let mut was_connected = true;
    loop {
        let ended = match connect(&client).await {
            Ok(pubsub) => {
                let mut session = Session {
                    link: &link,
                    publisher: &publisher,
                    subscribed: HashSet::new(),
                };
                let error = session.serve(pubsub).await;
                if link.connected.send_replace(false) {
                    was_connected = true;
                    pause = FIRST_PAUSE;
                }
                link.topics.mark_all_cut();
                error
            }
            Err(error) => error,
        };
        // Once per outage, not once per attempt.
        if was_connected {
            was_connected = false;
            warn!(
                bus.error = %ended,
                bus.source = std::error::Error::source(&ended).map(tracing::field::display),
                "the bus lost Redis; live pages of this process still work, other processes hear nothing until it is back"
            );
        }
        sleep(pause).await;
        pause = (pause * 2).min(LONGEST_PAUSE);
    }
}

async fn connect(client: &Client) -> Result<PubSub, BusError> {
    match timeout(CONNECT_TIMEOUT, client.get_async_pubsub()).await {
        Ok(connected) => connected.map_err(BusError::Refused),
        Err(_elapsed) => Err(BusError::Away),
    }
}

/// One listening connection.
struct Session<'a> {
    link: &'a Link,
    publisher: &'a ConnectionManager,
    /// What this connection is subscribed to.
    subscribed: HashSet<Arc<str>>,
}

impl Session<'_> {
    /// Serves the connection until it breaks; returns why it did.
    async fn serve(&mut self, pubsub: PubSub) -> BusError {
        let (mut sink, mut messages) = pubsub.split();
        let lost_channel = self.link.lost_channel.as_str();
        if let Err(error) = confirm(sink.subscribe(lost_channel)).await {
            return error;
        }
        // Before anybody is told that we are connected: who subscribed earlier comes first.
        if let Err(error) = self.reconcile(&mut sink).await {
            return error;
        }
        self.link.connected.send_replace(true);
        info!(
            bus.n_topics = self.subscribed.len(),
            "the bus is connected to Redis"
        );

        let mut tick = interval(PING_EVERY);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            let done = tokio::select! {
                message = messages.next() => match message {
                    Some(message) => {
                        self.hear(&message);
                        Ok(())
                    }
                    None => Err(BusError::Away),
                },
                () = self.link.topics.changed() => self.reconcile(&mut sink).await,
                _ = tick.tick() => self.check(&mut sink).await,
            };
            if let Err(error) = done {
                return error;
            }
        }
    }

    /// Subscribes to what is wanted and is not subscribed, and the reverse.
    async fn reconcile(&mut self, sink: &mut PubSubSink) -> Result<(), BusError> {
        let wanted: HashSet<Arc<str>> = self.link.topics.names().into_iter().collect();
        let gone: Vec<_> = self
            .subscribed
            .difference(&wanted)
            .map(Arc::clone)
            .collect();
        for batch in gone.chunks(BATCH) {
            confirm(sink.unsubscribe(self.channels(batch))).await?;
        }
        let new: Vec<_> = wanted
            .difference(&self.subscribed)
            .map(Arc::clone)
            .collect();
        for batch in new.chunks(BATCH) {
            confirm(sink.subscribe(self.channels(batch))).await?;
        }
        self.subscribed = wanted;
        // All of them: a topic that went and came back meanwhile is new here but not in Redis.
        self.link.topics.mark_live(self.subscribed.iter());
        Ok(())
    }

    fn channels(&self, topics: &[Arc<str>]) -> Vec<String> {
        let prefix = &self.link.prefix;
        topics
            .iter()
            .map(|topic| format!("{prefix}{topic}"))
            .collect()
    }

    fn hear(&self, message: &Msg) {
        let channel = message.get_channel_name();
        if channel == self.link.lost_channel {
            self.link.topics.tell_all_lost();
        } else if let Some(topic) = channel.strip_prefix(&self.link.prefix)
            && let Ok(payload) = std::str::from_utf8(message.get_payload_bytes())
        {
            self.link.topics.send(topic, payload);
        }
    }

    /// Tries the connection, and pays what is owed to the other processes.
    async fn check(&self, sink: &mut PubSubSink) -> Result<(), BusError> {
        confirm(sink.ping::<redis::Value>()).await?;
        if self.link.owes_lost.swap(false, Ordering::AcqRel)
            && let Err(error) = send(self.publisher, &self.link.lost_channel, "").await
        {
            self.link.owes_lost.store(true, Ordering::Release);
            warn!(bus.error = %error, "other processes could not be told yet that they lost notices of the bus");
        }
        Ok(())
    }
}

async fn confirm<T>(request: impl Future<Output = RedisResult<T>>) -> Result<T, BusError> {
    match timeout(CONFIRM_TIMEOUT, request).await {
        Ok(answer) => answer.map_err(BusError::Refused),
        Err(_elapsed) => Err(BusError::Away),
    }
}
