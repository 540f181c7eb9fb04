//! The cache in this process: the embedded default. Must never take more memory than it was given.

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use bytes::Bytes;
use kernel::{Clock, Timestamp};
use moka::Expiry;

use super::{Cache, Keep, fits, judge};

/// What an entry costs beside its bytes (moka's bookkeeping): an estimate.
const ENTRY_BYTES: usize = 200;

/// A cache of bounded size: when it is full, what is used least goes first.
///
/// An entry is over when the given clock says so; moka's own timer frees its memory.
pub struct MemoryCache {
    entries: moka::future::Cache<Arc<str>, Entry>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone)]
struct Entry {
    // Not a slice of something larger: that would keep the larger alive and unaccounted for.
    value: Bytes,
    ttl: Duration,
    over_at: Timestamp,
}

impl MemoryCache {
    /// A cache that holds at most `max_bytes`, keys and bookkeeping included.
    pub fn new(max_bytes: u64, clock: Arc<dyn Clock>) -> Self {
        let entries = moka::future::Cache::builder()
            .max_capacity(max_bytes)
            .weigher(|key: &Arc<str>, entry: &Entry| {
                u32::try_from(key.len() + entry.value.len() + ENTRY_BYTES).unwrap_or(u32::MAX)
            })
            .expire_after(OwnTtl)
            .build();
        Self { entries, clock }
    }
}

struct OwnTtl;

impl Expiry<Arc<str>, Entry> for OwnTtl {
    fn expire_after_create(&self, _: &Arc<str>, entry: &Entry, _: Instant) -> Option<Duration> {
        Some(entry.ttl)
    }

    fn expire_after_update(
        &self,
        _: &Arc<str>,
        entry: &Entry,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.ttl)
    }
}

#[async_trait]
impl Cache for MemoryCache {
    async fn get(&self, key: &str) -> Option<Bytes> {
        if !fits(key) {
            return None;
        }
        let entry = self.entries.get(key).await?;
        (self.clock.now() < entry.over_at).then_some(entry.value)
    }

    async fn put(&self, key: &str, value: Bytes, ttl: Duration) {
        match judge(key, &value, ttl) {
            Keep::For(ttl) => {
                let entry = Entry {
                    value: Bytes::copy_from_slice(&value),
                    ttl,
                    over_at: self.clock.now().plus(ttl),
                };
                self.entries.insert(key.into(), entry).await;
            }
            Keep::Nothing => self.remove(key).await,
        }
    }

    async fn remove(&self, key: &str) {
        self.entries.invalidate(key).await;
    }

    fn name(&self) -> &'static str {
        "memory"
    }
}

#[cfg(test)]
impl MemoryCache {
    /// What it holds, by its own count, after doing what it has put off.
    pub(super) async fn weight_bytes(&self) -> u64 {
        self.entries.run_pending_tasks().await;
        self.entries.weighted_size()
    }
}
