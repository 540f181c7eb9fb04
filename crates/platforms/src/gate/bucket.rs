//! One bucket: what is left in its window, how many are under way, and who was told to come back
//! when.

use std::time::Duration;

use kernel::Timestamp;

use super::{Reading, Rule, UNDER_WAY_MAX, window::Window};

/// How long a caller waits who finds a request of an unknown bucket under way.
const PROBE: Duration = Duration::from_millis(50);
/// Added to a window's end: our clock and the platform's do not tick as one.
const MARGIN: Duration = Duration::from_millis(5);

/// The furthest place in a line that anybody is told.
const PROMISE_MAX: Duration = Duration::from_secs(3_600);

/// What is known of a bucket.
#[derive(Debug, Default)]
pub(super) struct Bucket {
    /// Limit and remaining of the last reading, and when that window ends.
    known: Option<(u32, u32, Timestamp)>,
    /// The length of a window, as seen.
    period: Duration,
    /// For fixed rules.
    window: Window,
    /// Since when a request is under way.
    under_way: Option<Timestamp>,
    closed_until: Timestamp,
    /// The first place in the line that nobody was told.
    next_place: Timestamp,
}

impl Bucket {
    /// How long until a request may go; zero = now.
    pub(super) fn wait(&mut self, now: Timestamp, rule: Rule) -> Duration {
        let closed = self.closed_until.since(now);
        if closed > Duration::ZERO {
            return closed;
        }
        match rule {
            Rule::Fixed { limit, period } => self
                .window
                .wait(now, limit, period)
                .unwrap_or(Duration::ZERO),
            Rule::Learned => {
                if self
                    .under_way
                    .is_some_and(|since| now.since(since) < UNDER_WAY_MAX)
                {
                    return PROBE;
                }
                match self.known {
                    Some((_, 0, ends)) if ends > now => ends.since(now),
                    _ => Duration::ZERO,
                }
            }
        }
    }

    /// When one that must wait should come back: behind those who were told so before, evenly
    /// spread, so that a long line asks about twice for each request and not at every window.
    pub(super) fn promise(&mut self, now: Timestamp, rule: Rule) -> Duration {
        let wait = self.wait(now, rule);
        let gap = match rule {
            Rule::Fixed { limit, period } => period / limit.max(1),
            Rule::Learned => match self.known {
                Some((limit, _, _)) => (self.period + MARGIN) / limit.max(1),
                None => return wait,
            },
        };
        if wait < gap {
            // Its place has nearly come, or nobody stands in line.
            return wait;
        }
        let place = self
            .next_place
            .max(now.plus(wait))
            .min(now.plus(PROMISE_MAX));
        self.next_place = place.plus(gap);
        place.since(now)
    }

    /// A request goes.
    pub(super) fn take(&mut self, now: Timestamp, rule: Rule) {
        match rule {
            Rule::Fixed { .. } => self.window.push(now),
            Rule::Learned => {
                self.under_way = Some(now);
                if let Some((limit, remaining, ends)) = self.known {
                    self.known = if ends > now {
                        Some((limit, remaining.saturating_sub(1), ends))
                    } else {
                        // A new window: the answer will say what is left in it.
                        Some((limit, limit.saturating_sub(1), now.plus(self.period)))
                    };
                }
            }
        }
    }

    /// The request came back, somehow.
    pub(super) const fn done(&mut self) {
        self.under_way = None;
    }

    /// What its headers said.
    pub(super) fn learn(&mut self, now: Timestamp, reading: &Reading) {
        let ends = now.plus(reading.reset_after + MARGIN);
        self.period = self.period.max(reading.reset_after);
        self.known = Some((reading.limit.max(1), reading.remaining, ends));
    }

    /// Nothing until then.
    pub(super) fn close(&mut self, until: Timestamp) {
        self.closed_until = self.closed_until.max(until);
    }

    /// Whether forgetting it costs nothing.
    pub(super) fn is_idle(&self, now: Timestamp) -> bool {
        let hour = Duration::from_secs(3_600);
        self.under_way.is_none()
            && self.closed_until <= now
            && self.known.is_none_or(|(_, _, ends)| ends <= now)
            && self.window.last().is_none_or(|last| now.since(last) > hour)
    }
}
