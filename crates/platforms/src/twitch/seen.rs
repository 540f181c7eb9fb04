//! Message ids that were seen lately, so that a notification that comes twice counts once. EventSub
//! delivers at least once («Handling duplicate events»). Bounded; pure.

use std::{
    collections::{HashSet, VecDeque},
    time::Duration,
};

use kernel::Timestamp;

/// How long an id is remembered at least, if there is room: Twitch may repeat for ten minutes.
const KEPT: Duration = Duration::from_secs(15 * 60);
/// Ids remembered at most.
const KEPT_MAX: usize = 100_000;

/// The ids.
#[derive(Debug, Default)]
pub(super) struct Seen {
    ids: HashSet<String>,
    order: VecDeque<(Timestamp, String)>,
}

impl Seen {
    /// Whether this id is new; it is not any more afterwards.
    pub(super) fn is_new(&mut self, now: Timestamp, id: &str) -> bool {
        while let Some((at, _)) = self.order.front() {
            if now.since(*at) <= KEPT && self.order.len() < KEPT_MAX {
                break;
            }
            if let Some((_, old)) = self.order.pop_front() {
                self.ids.remove(&old);
            }
        }
        if !self.ids.insert(id.to_owned()) {
            return false;
        }
        self.order.push_back((now, id.to_owned()));
        true
    }

    /// It was not taken after all: the next time it is new again.
    pub(super) fn forget(&mut self, id: &str) {
        if self.ids.remove(id) {
            self.order.retain(|(_, seen)| seen != id);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{KEPT, KEPT_MAX, Seen};
    use kernel::Timestamp;

    #[test]
    fn an_id_counts_once_until_it_is_old_or_forgotten() {
        let mut seen = Seen::default();
        let now = Timestamp::from_secs(1);
        assert!(seen.is_new(now, "a"));
        assert!(!seen.is_new(now.plus(KEPT), "a"));
        seen.forget("a");
        assert!(seen.is_new(now, "a"));
        assert!(seen.is_new(now.plus(KEPT * 2), "b"));
        assert_eq!(seen.order.len(), 1, "the old one is gone");
    }

    #[test]
    fn there_are_never_more_than_the_bound() {
        let mut seen = Seen::default();
        for n in 0..KEPT_MAX + 10 {
            assert!(seen.is_new(Timestamp(0), &n.to_string()));
        }
        assert!(seen.order.len() <= KEPT_MAX && seen.ids.len() == seen.order.len());
    }
}
