//! The cache: keeps what is cheap to lose and dear to work out again.
//!
//! May forget anything at any time, so nothing may be only here. Must never make a caller fail, and
//! never wait longer for an engine than working it out again would take.

mod memory;
mod redis;

use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;

pub use self::memory::MemoryCache;
pub use self::redis::{CacheError, RedisCache};

/// The longest key, in bytes. A longer one is never found and never kept.
pub const MAX_KEY_BYTES: usize = 512;
/// The largest value, in bytes. A larger one is not kept.
pub const MAX_VALUE_BYTES: usize = 1024 * 1024;
/// The longest time anything is kept; a longer wish is cut to this.
pub const MAX_TTL: Duration = Duration::from_hours(30 * 24);

/// Keeps bytes for a while.
#[async_trait]
pub trait Cache: Send + Sync {
    /// What was put under the key, if it is still there and its time is not over.
    async fn get(&self, key: &str) -> Option<Bytes>;

    /// Keeps a value for `ttl` (to the millisecond, at most [`MAX_TTL`]), replacing an older one.
    /// A value that cannot be kept (over a limit, `ttl` of zero) replaces the older one by nothing,
    /// so that a get never gives what is out of date.
    async fn put(&self, key: &str, value: Bytes, ttl: Duration);

    /// Forgets the key. While an outside engine is away this does nothing, so a value whose
    /// staleness would do harm needs a short `ttl` or a version in its key.
    async fn remove(&self, key: &str);

    /// The engine's name for logs and metrics.
    fn name(&self) -> &'static str;
}

/// What a put comes to.
enum Keep {
    /// Keep it for this long.
    For(Duration),
    /// Forget what is there.
    Nothing,
}

fn judge(key: &str, value: &Bytes, ttl: Duration) -> Keep {
    let ttl = ttl.min(MAX_TTL);
    if fits(key) && value.len() <= MAX_VALUE_BYTES && ttl >= Duration::from_millis(1) {
        Keep::For(ttl)
    } else {
        Keep::Nothing
    }
}

fn fits(key: &str) -> bool {
    key.len() <= MAX_KEY_BYTES
}

#[cfg(test)]
mod tests;
