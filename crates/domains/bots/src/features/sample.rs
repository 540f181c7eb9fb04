//! What a signal measures: the kept messages of one account with what all signals need of them, prepared once.
//!
//! Must never be kept: it borrows a state for the time of one vector.

use kernel::Timestamp;

use super::{
    Account, Community,
    digest::{Digest, Trait},
    numbers::{ascending, mean, real, secs, share},
    state::{DAYS, State, Tile},
};

/// What the signals look at.
pub(super) struct Sample<'a> {
    pub(super) ring: &'a [Digest],
    /// The tiles of the last thirty days before the moment of the vector.
    pub(super) tiles: &'a [Tile],
    pub(super) state: &'a State,
    pub(super) account: &'a Account,
    pub(super) community: &'a Community,
    pub(super) now: Timestamp,
    /// The messages that have a text.
    texts: Vec<&'a Digest>,
    /// Seconds between one message and the next, in their order.
    pub(super) intervals: Vec<f64>,
    /// Seconds since somebody else spoke in the channel, ascending, where that was within ten minutes.
    pub(super) answers: Vec<f64>,
}

impl<'a> Sample<'a> {
    pub(super) fn new(
        state: &'a State,
        now: Timestamp,
        account: &'a Account,
        community: &'a Community,
    ) -> Self {
        let oldest = now
            .day()
            .0
            .saturating_sub(i32::try_from(DAYS - 1).unwrap_or(i32::MAX));
        let from = state.tiles.partition_point(|tile| tile.day.0 < oldest);
        let intervals = state
            .ring
            .windows(2)
            .filter_map(|pair| match pair {
                [a, b] => Some(secs(b.at.0.saturating_sub(a.at.0))),
                _ => None,
            })
            .collect();
        let answers = state
            .ring
            .iter()
            .filter(|digest| digest.before != 0 && !digest.is(Trait::GoesOn))
            .map(|digest| waited(digest.gap))
            .collect();
        Self {
            ring: &state.ring,
            texts: state.ring.iter().filter(|one| one.exact != 0).collect(),
            tiles: state.tiles.get(from..).unwrap_or_default(),
            state,
            account,
            community,
            now,
            intervals,
            answers: ascending(answers),
        }
    }

    /// The share of the messages of which `which` is true; NaN without messages.
    pub(super) fn share(&self, which: impl Fn(&Digest) -> bool) -> f64 {
        let n = self.ring.iter().filter(|digest| which(digest)).count();
        share(n, self.ring.len())
    }

    /// The share of those messages that have a text of which `which` is true; NaN without texts.
    pub(super) fn share_of_texts(&self, which: impl Fn(&Digest) -> bool) -> f64 {
        let n = self.texts().filter(|digest| which(digest)).count();
        share(n, self.texts.len())
    }

    /// The messages that have a text.
    pub(super) fn texts(&self) -> impl ExactSizeIterator<Item = &'a Digest> + '_ {
        self.texts.iter().copied()
    }

    /// A number of each message that has a text.
    pub(super) fn of_texts(&self, what: impl Fn(&Digest) -> f64) -> Vec<f64> {
        self.texts().map(what).collect()
    }

    /// The mean of a number of each message that has a text; NaN without texts.
    pub(super) fn mean_of_texts(&self, what: impl Fn(&Digest) -> f64) -> f64 {
        mean(&self.of_texts(what))
    }

    /// A number summed over the days, for each message in them; NaN without messages.
    pub(super) fn of_days(&self, what: impl Fn(&Tile) -> u32) -> f64 {
        let messages: f64 = self.tiles.iter().map(|tile| f64::from(tile.messages)).sum();
        let sum: f64 = self.tiles.iter().map(|tile| f64::from(what(tile))).sum();
        if messages > 0.0 {
            sum / messages
        } else {
            f64::NAN
        }
    }
}

/// The seconds behind the steps of [`Digest::gap`].
pub(super) fn waited(gap: u16) -> f64 {
    (f64::from(gap) / 1_024.0).exp2() - 1.0
}

/// How often each value occurs.
pub(super) fn counts<T: Ord>(mut values: Vec<T>) -> Vec<usize> {
    values.sort_unstable();
    values.chunk_by(|a, b| a == b).map(<[T]>::len).collect()
}

/// The share of values that occurred before: 0 if all differ; NaN below two.
pub(super) fn repeated<T: Ord>(values: Vec<T>) -> f64 {
    let n = values.len();
    if n < 2 {
        return f64::NAN;
    }
    let distinct = counts(values).len();
    (real(n) - real(distinct)) / (real(n) - 1.0)
}

/// The share of the most frequent value; NaN below two.
pub(super) fn dominance<T: Ord>(values: Vec<T>) -> f64 {
    let n = values.len();
    if n < 2 {
        return f64::NAN;
    }
    share(counts(values).into_iter().max().unwrap_or(0), n)
}
