//! A circuit breaker: after many failures nothing is asked for a while, then one request probes.

use std::{collections::VecDeque, time::Duration};

use kernel::Timestamp;

/// How many endings are looked at.
const LOOKED_AT: usize = 20;
/// Opens when at least half of [`LOOKED_AT`] failed, or this many in a row.
const IN_A_ROW: u32 = 5;
/// How long it stays open at first, and at most; doubled by each failed probe.
const OPEN: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(60));
/// A probe that is not heard of is forgotten after this long.
const PROBE_MAX: Duration = Duration::from_secs(90);

/// The state of one class of routes.
#[derive(Debug, Default)]
pub(super) struct Breaker {
    endings: VecDeque<bool>,
    in_a_row: u32,
    open_until: Option<Timestamp>,
    stays: Duration,
    probing_since: Option<Timestamp>,
}

impl Breaker {
    /// How long nothing may be asked; `None` = ask.
    pub(super) fn wait(&self, now: Timestamp) -> Option<Duration> {
        let until = self.open_until?;
        if until > now {
            return Some(until.since(now));
        }
        // Half open: one request at a time finds out.
        self.probing_since
            .filter(|since| now.since(*since) < PROBE_MAX)
            .map(|_| Duration::from_millis(250))
    }

    /// A request goes.
    pub(super) const fn take(&mut self, now: Timestamp) {
        if self.open_until.is_some() {
            self.probing_since = Some(now);
        }
    }

    /// One came back well.
    pub(super) fn succeeded(&mut self) {
        if self.open_until.is_some() {
            *self = Self::default();
        }
        self.in_a_row = 0;
        self.note(true);
    }

    /// One failed; answers whether that opened the breaker.
    pub(super) fn failed(&mut self, now: Timestamp) -> bool {
        self.in_a_row = self.in_a_row.saturating_add(1);
        self.note(false);
        let was_open = self.open_until.is_some();
        let failures = self.endings.iter().filter(|well| !**well).count();
        let half = self.endings.len() == LOOKED_AT && failures * 2 >= LOOKED_AT;
        if was_open || half || self.in_a_row >= IN_A_ROW {
            self.stays = if was_open {
                (self.stays * 2).min(OPEN.1)
            } else {
                OPEN.0
            };
            self.open_until = Some(now.plus(self.stays));
            self.probing_since = None;
            return !was_open;
        }
        false
    }

    /// One was not made after all.
    pub(super) const fn dropped(&mut self) {
        self.probing_since = None;
    }

    /// Whether nothing may be asked.
    pub(super) fn is_open(&self, now: Timestamp) -> bool {
        self.open_until.is_some_and(|until| until > now)
    }

    fn note(&mut self, well: bool) {
        if self.endings.len() == LOOKED_AT {
            self.endings.pop_front();
        }
        self.endings.push_back(well);
    }
}
