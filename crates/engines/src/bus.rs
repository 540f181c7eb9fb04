//! The event bus: tells whoever is looking right now that something changed.
//!
//! The bus only wakes. It may lose, repeat and reorder notices (across publishers), so nothing that
//! must happen may depend on it: what is true stands in the database, and a subscriber that is told
//! [`Signal::Lagged`] reads it again from there.

mod memory;
mod redis;
mod topics;

use async_trait::async_trait;

pub use self::memory::MemoryBus;
pub use self::redis::RedisBus;
pub use self::topics::{CAPACITY, Signal, Subscription};

/// The longest topic, in bytes.
pub const MAX_TOPIC_BYTES: usize = 200;
/// The longest payload, in bytes. Payloads are ids and small views, not documents.
pub const MAX_PAYLOAD_BYTES: usize = 64 * 1024;

/// Publishes notices to whoever has subscribed to a topic, in this process or in all of them.
///
/// A topic is a name such as `chat:7`: 1 to [`MAX_TOPIC_BYTES`] bytes of printable ASCII without
/// spaces. It exists while somebody listens.
#[async_trait]
pub trait Bus: Send + Sync {
    /// Wakes the topic's subscribers. Returns within about a second even when the engine is away.
    /// An error means that *other* processes may not have heard; callers log or ignore it, because
    /// subscribers catch up from the database.
    async fn publish(&self, topic: &str, payload: &str) -> Result<(), BusError>;

    /// Starts listening: every notice published after this returned is received, or is covered by a
    /// [`Signal::Lagged`]. While the engine is away this succeeds all the same (at once, or after two
    /// seconds if it hangs), and the subscription says `Lagged` when the engine is back.
    async fn subscribe(&self, topic: &str) -> Result<Subscription, BusError>;

    /// Whether notices reach other processes right now. Answers within about a second.
    async fn health(&self) -> Result<(), BusError>;

    /// The engine's name for logs and metrics.
    fn name(&self) -> &'static str;
}

/// Why a notice could not be published or a topic not be listened to.
#[derive(Debug, thiserror::Error)]
pub enum BusError {
    /// The topic is empty, too long or has other characters than printable ASCII.
    #[error("a topic must be 1 to {MAX_TOPIC_BYTES} printable ASCII characters without spaces")]
    BadTopic,
    /// The payload is longer than [`MAX_PAYLOAD_BYTES`].
    #[error("a payload of {0} bytes is over the limit of {MAX_PAYLOAD_BYTES}")]
    PayloadTooLong(usize),
    /// The engine's address is not one. The address itself is left out: it may hold a password.
    #[error("the Redis address is not like redis://host:6379 or rediss://user:password@host:6380")]
    BadAddress(#[source] ::redis::RedisError),
    /// The engine did not answer, or answered with an error.
    #[error("the bus engine did not take the request")]
    Refused(#[source] ::redis::RedisError),
    /// The engine is away or too slow.
    #[error("the bus engine is away")]
    Away,
}

fn check_topic(topic: &str) -> Result<(), BusError> {
    let fits = (1..=MAX_TOPIC_BYTES).contains(&topic.len());
    if fits && topic.bytes().all(|byte| byte.is_ascii_graphic()) {
        Ok(())
    } else {
        Err(BusError::BadTopic)
    }
}

fn check_payload(payload: &str) -> Result<(), BusError> {
    if payload.len() <= MAX_PAYLOAD_BYTES {
        Ok(())
    } else {
        Err(BusError::PayloadTooLong(payload.len()))
    }
}

#[cfg(test)]
mod tests;
