//! A sliding window: how many happened in the last period, and when the next may. Exact, because it
//! remembers each instant; bounded by the limit it is asked about.

use std::{collections::VecDeque, time::Duration};

use kernel::Timestamp;

/// Instants kept at most; limits are far below.
const KEPT_MAX: usize = 20_000;

/// The instants of the last period.
#[derive(Debug, Default)]
pub(super) struct Window {
    instants: VecDeque<Timestamp>,
}

impl Window {
    /// How long until one more is within the limit; `None` = now.
    pub(super) fn wait(
        &mut self,
        now: Timestamp,
        limit: u32,
        period: Duration,
    ) -> Option<Duration> {
        while self
            .instants
            .front()
            .is_some_and(|first| now.since(*first) >= period)
        {
            self.instants.pop_front();
        }
        let limit = usize::try_from(limit.max(1)).unwrap_or(usize::MAX);
        let over = self.instants.len().checked_sub(limit)?;
        let first = self.instants.get(over)?;
        Some(first.plus(period).since(now))
    }

    /// One happened.
    pub(super) fn push(&mut self, now: Timestamp) {
        if self.instants.len() == KEPT_MAX {
            self.instants.pop_front();
        }
        self.instants.push_back(now);
    }

    /// When the last one happened.
    pub(super) fn last(&self) -> Option<Timestamp> {
        self.instants.back().copied()
    }
}
