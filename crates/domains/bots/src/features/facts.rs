//! Plain counts over what is kept of an account, for rules: bursts, repeats, choruses, rhythm.
//!
//! Must never weigh: what a count means, the rules say.

use kernel::Timestamp;

use super::{
    State,
    digest::{Digest, Trait},
    numbers::secs,
};

/// Texts of up to so many characters are said by everybody and never count as repeated.
const SHORT: u16 = 5;

const THIRTY_MINUTES: f64 = 1_800.0;

const HOUR: f64 = 3_600.0;

/// Counts over the last messages of an account.
#[derive(Clone, Copy, PartialEq, Debug, Default)]
pub struct Facts {
    /// Messages that are kept.
    pub n_messages: usize,
    /// Most messages within a minute.
    pub most_in_a_minute: usize,
    /// Most equal texts within thirty minutes, commands left out.
    pub most_equal_texts: usize,
    /// Most texts within an hour that two other accounts had said within ten minutes before.
    pub most_in_chorus: usize,
    /// Of the pauses of ten minutes and more, how many have the same length, and how many there are.
    pub equal_pauses: [usize; 2],
    /// Hours of the day without any message in thirty days.
    pub silent_hours: u32,
    /// Messages with a link.
    pub n_links: usize,
}

impl State {
    /// Counts for rules.
    pub fn facts(&self) -> Facts {
        self.facts_of(&self.ring)
    }

    /// The same of the messages since an instant; hours are those of thirty days.
    pub fn facts_since(&self, since: Timestamp) -> Facts {
        let before = self.ring.partition_point(|digest| digest.at < since);
        self.facts_of(self.ring.get(before..).unwrap_or_default())
    }

    fn facts_of(&self, ring: &[Digest]) -> Facts {
        let hours = self.tiles.iter().fold(0, |all, tile| all | tile.hours);
        Facts {
            n_messages: ring.len(),
            most_in_a_minute: most(ring, 60.0, |_, _| true),
            most_equal_texts: most(ring, THIRTY_MINUTES, |first, other| {
                first.exact == other.exact
                    && first.exact != 0
                    && first.chars > SHORT
                    && !first.is(Trait::Command)
            }),
            most_in_chorus: most(ring, HOUR, |first, other| {
                first.is(Trait::Chorus) && other.is(Trait::Chorus)
            }),
            equal_pauses: pauses(ring),
            silent_hours: 24_u32.saturating_sub(hours.count_ones()),
            n_links: ring.iter().filter(|digest| digest.links > 0).count(),
        }
    }

    /// Whether its last eleven messages were sent within a minute.
    pub fn is_bursting(&self) -> bool {
        let eleventh = self.ring.len().checked_sub(11);
        let first = eleventh.and_then(|place| self.ring.get(place));
        match (first, self.ring.last()) {
            (Some(first), Some(last)) => secs(last.at.0.saturating_sub(first.at.0)) <= 60.0,
            _ => false,
        }
    }

    /// How many messages are kept as digests.
    pub const fn kept(&self) -> usize {
        self.ring.len()
    }
}

/// The most messages within a span of time that go with the first of them.
fn most(ring: &[Digest], span_secs: f64, goes: impl Fn(&Digest, &Digest) -> bool) -> usize {
    ring.iter()
        .enumerate()
        .map(|(place, first)| {
            ring.iter()
                .skip(place)
                .take_while(|other| secs(other.at.0.saturating_sub(first.at.0)) <= span_secs)
                .filter(|other| goes(first, other))
                .count()
        })
        .max()
        .unwrap_or(0)
}

fn pauses(ring: &[Digest]) -> [usize; 2] {
    let mut pauses: Vec<f64> = ring
        .windows(2)
        .filter_map(|pair| match pair {
            [a, b] => Some(secs(b.at.0.saturating_sub(a.at.0))),
            _ => None,
        })
        .filter(|secs| *secs >= 600.0)
        .collect();
    pauses.sort_by(f64::total_cmp);
    let equal = pauses
        .iter()
        .enumerate()
        .map(|(place, pause)| {
            let end = pause + (pause * 0.01).max(60.0);
            pauses.partition_point(|other| *other <= end) - place
        })
        .max()
        .unwrap_or(0);
    [equal, pauses.len()]
}
