//! The meter in this process: the embedded default. Must never count more keys than it was given
//! room for.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use async_trait::async_trait;
use kernel::Timestamp;
use moka::policy::EvictionPolicy;

use super::{Meter, Quota, Reading, window};

/// A meter of bounded size: when it is full, whoever has not asked for the longest is forgotten.
pub struct MemoryMeter {
    used: moka::future::Cache<(Arc<str>, i64), Arc<AtomicU64>>,
}

impl MemoryMeter {
    /// A meter for at most so many keys at a time (about 200 bytes each).
    pub fn new(max_keys: u64) -> Self {
        let used = moka::future::Cache::builder()
            .max_capacity(max_keys)
            // The other policy would keep strangers out by not counting them.
            .eviction_policy(EvictionPolicy::lru())
            .build();
        Self { used }
    }
}

#[async_trait]
impl Meter for MemoryMeter {
    async fn take(&self, key: &str, units: u64, quota: Quota, now: Timestamp) -> Reading {
        let window = window(quota, now);
        let counter = self
            .used
            .get_with((key.into(), window.number), async { Arc::default() })
            .await;
        let taken = counter.fetch_update(Ordering::Relaxed, Ordering::Relaxed, |used| {
            used.checked_add(units).filter(|used| *used <= quota.limit)
        });
        Reading {
            is_granted: taken.is_ok(),
            used: match taken {
                Ok(before) => before.saturating_add(units),
                Err(used) => used,
            },
            resets_at: window.resets_at,
        }
    }

    fn name(&self) -> &'static str {
        "memory"
    }
}

#[cfg(test)]
impl MemoryMeter {
    /// How many keys it counts, after doing what it has put off.
    pub(super) async fn n_keys(&self) -> u64 {
        self.used.run_pending_tasks().await;
        self.used.entry_count()
    }
}
