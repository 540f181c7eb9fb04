//! Helix's token bucket: so many points in a minute, refilled evenly.

use std::time::Duration;

use kernel::Timestamp;

/// One point, in the unit of the level: filled by `limit` of these in each microsecond.
const POINT: i64 = 60_000_000;

/// The points of one application, or of one of its users.
#[derive(Debug)]
pub(crate) struct Points {
    limit: i64,
    level: i64,
    at: Timestamp,
}

/// What the headers say.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Count {
    pub(crate) limit: i64,
    pub(crate) remaining: i64,
    /// Seconds since the epoch when the bucket is full again.
    pub(crate) reset: i64,
    pub(crate) is_empty: bool,
}

impl Points {
    pub(crate) fn new(limit: u32, now: Timestamp) -> Self {
        let limit = i64::from(limit);
        Self {
            limit,
            level: limit * POINT,
            at: now,
        }
    }

    /// Takes a point, if there is one.
    pub(crate) fn take(&mut self, now: Timestamp) -> Count {
        let elapsed = i64::try_from(now.since(self.at).as_micros()).unwrap_or(i64::MAX);
        self.at = now;
        let full = self.limit * POINT;
        self.level = self
            .level
            .saturating_add(elapsed.saturating_mul(self.limit))
            .min(full);
        let is_empty = self.level < POINT;
        if !is_empty {
            self.level -= POINT;
        }
        let missing = (full - self.level) / self.limit.max(1);
        let refill = Duration::from_micros(u64::try_from(missing).unwrap_or(0));
        Count {
            limit: self.limit,
            remaining: self.level / POINT,
            reset: now.plus(refill).secs() + 1,
            is_empty,
        }
    }
}
