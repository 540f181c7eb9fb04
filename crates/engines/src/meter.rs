//! The meter: counts what somebody has used of an allowance that comes back, window after window.
//!
//! May forget what was counted (the caller then has its allowance once more), so nothing that is
//! owned may be counted here. Must never let two callers who take at once take more than there is,
//! nor make a caller wait for an engine that is away.

mod memory;
mod redis;

use std::time::Duration;

use async_trait::async_trait;
use kernel::Timestamp;

pub use self::memory::MemoryMeter;
pub use self::redis::{MeterError, RedisMeter};

/// How much there is, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Quota {
    /// Most units in one window.
    pub limit: u64,
    /// How long a window is, to the millisecond, at least one. Windows follow each other from the
    /// beginning of 1970, so that every process has the same ones.
    pub window: Duration,
}

/// What a meter shows after somebody asked for units.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Reading {
    /// Whether they were taken.
    pub is_granted: bool,
    /// Units used in this window, with those just taken.
    pub used: u64,
    /// When the next window begins.
    pub resets_at: Timestamp,
}

/// Counts units by key.
#[async_trait]
pub trait Meter: Send + Sync {
    /// Takes `units` from what the key may still use in the window that `now` is in: all of them, or
    /// none if fewer are left. Taking none shows how things stand.
    async fn take(&self, key: &str, units: u64, quota: Quota, now: Timestamp) -> Reading;

    /// The engine's name for logs and metrics.
    fn name(&self) -> &'static str;
}

/// One window of a quota.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Window {
    /// Which one, counted from 1970.
    number: i64,
    resets_at: Timestamp,
    /// Until it is over, in milliseconds, at least one.
    left_ms: u64,
}

fn window(quota: Quota, now: Timestamp) -> Window {
    let length_ms = i64::try_from(quota.window.as_millis())
        .unwrap_or(i64::MAX)
        .max(1);
    let number = now.millis().div_euclid(length_ms);
    let end_ms = number.saturating_add(1).saturating_mul(length_ms);
    Window {
        number,
        resets_at: Timestamp::from_millis(end_ms),
        left_ms: u64::try_from(end_ms.saturating_sub(now.millis()))
            .unwrap_or(1)
            .max(1),
    }
}

#[cfg(test)]
mod tests;
