//! How many jobs a worker can take at the moment: slots that all kinds share, and slots that a kind
//! has for itself. Pure: no clock, no database.

use std::collections::BTreeMap;

use super::Priority;

/// Free slots. A kind without an entry is not taken at all.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Room<'a> {
    shared: usize,
    kinds: BTreeMap<&'a str, Kind>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Kind {
    left: usize,
    /// Whether its slots are its own; else they come out of the shared ones.
    is_apart: bool,
    /// Slots of its own that bulk may not take.
    kept: usize,
}

impl<'a> Room<'a> {
    /// Room for so many jobs of the kinds to be named.
    pub const fn new(shared: usize) -> Self {
        Self {
            shared,
            kinds: BTreeMap::new(),
        }
    }

    /// Of this kind at most so many, out of the shared slots.
    #[must_use]
    pub fn kind(mut self, kind: &'a str, at_most: usize) -> Self {
        let entry = Kind {
            left: at_most,
            is_apart: false,
            kept: 0,
        };
        self.kinds.insert(kind, entry);
        self
    }

    /// Of this kind so many, beside the shared slots; the last `kept` of them are for what is more
    /// urgent than bulk.
    #[must_use]
    pub fn apart(mut self, kind: &'a str, left: usize, kept: usize) -> Self {
        let entry = Kind {
            left,
            is_apart: true,
            kept,
        };
        self.kinds.insert(kind, entry);
        self
    }

    /// How many jobs there is room for in all.
    pub fn total(&self) -> usize {
        let of = |is_apart| {
            let kinds = self.kinds.values().filter(move |k| k.is_apart == is_apart);
            kinds.fold(0_usize, |sum, kind| sum.saturating_add(kind.left))
        };
        of(true).saturating_add(of(false).min(self.shared))
    }

    /// How many jobs of a kind and priority there is room for.
    pub(super) fn left(&self, kind: &str, priority: Priority) -> usize {
        let Some(entry) = self.kinds.get(kind) else {
            return 0;
        };
        if !entry.is_apart {
            return entry.left.min(self.shared);
        }
        if priority >= Priority::Bulk {
            return entry.left.saturating_sub(entry.kept);
        }
        entry.left
    }

    /// Takes a slot.
    pub(super) fn take(&mut self, kind: &str) {
        if let Some(entry) = self.kinds.get_mut(kind) {
            entry.left = entry.left.saturating_sub(1);
            if !entry.is_apart {
                self.shared = self.shared.saturating_sub(1);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Priority, Room};

    #[test]
    fn kinds_share_slots_unless_they_have_their_own() {
        let mut room = Room::new(3).kind("a", 2).kind("b", 9).apart("c", 4, 1);
        assert_eq!(room.total(), 7);
        for kind in ["a", "a", "b"] {
            assert!(room.left(kind, Priority::Sync) > 0);
            room.take(kind);
        }
        assert_eq!(room.left("a", Priority::Sync), 0);
        assert_eq!(
            room.left("b", Priority::Reminder),
            0,
            "the shared ones are taken"
        );
        assert_eq!(room.left("c", Priority::Sync), 4);
        assert_eq!(room.left("unknown", Priority::Sync), 0);
        assert_eq!(room.total(), 4);
    }

    #[test]
    fn bulk_leaves_the_kept_slots_to_what_is_more_urgent() {
        let mut room = Room::new(0).apart("c", 4, 1);
        for _ in 0..3 {
            assert!(room.left("c", Priority::Bulk) > 0);
            room.take("c");
        }
        assert_eq!(room.left("c", Priority::Bulk), 0);
        assert_eq!(room.left("c", Priority::Backfill), 0);
        assert_eq!(room.left("c", Priority::Interactive), 1);
    }
}
