//! The fairness rule: which of the waiting groups (one kind of one community) get how many of the
//! free slots. Pure: no clock, no database.

use super::{Priority, Room};

/// Ready jobs of one priority, kind and lane.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Group {
    pub(super) priority: i16,
    pub(super) lane: i32,
    pub(super) kind: String,
}

/// The last group served when slots ran out: the next round begins behind it.
pub(super) type Mark = Option<(i32, String)>;

/// Sorts the groups of one priority into serving order: those behind the mark first, then round
/// again from the start; each group once.
pub(super) fn order(mut groups: Vec<Group>, mark: &Mark) -> Vec<Group> {
    groups.sort();
    groups.dedup();
    if let Some((lane, kind)) = mark {
        groups.sort_by_key(|group| (group.lane, group.kind.as_str()) <= (*lane, kind.as_str()));
    }
    groups
}

/// Deals slots to groups one at a time, round after round, until none are left or no group may have
/// more; a kind gets at most its room. All groups are of one priority. Answers each group's share.
pub(super) fn deal(
    groups: &[Group],
    free: usize,
    priority: Priority,
    room: &Room<'_>,
) -> Vec<usize> {
    let mut shares = vec![0; groups.len()];
    let mut room = room.clone();
    let mut left = free;
    loop {
        let before = left;
        for (group, share) in groups.iter().zip(&mut shares) {
            if left > 0 && room.left(&group.kind, priority) > 0 {
                *share += 1;
                room.take(&group.kind);
                left -= 1;
            }
        }
        if left == 0 || left == before {
            return shares;
        }
    }
}

/// Where the next claim of this priority begins: behind the last group served if some group that may
/// run got nothing because the slots ran out, else at the start.
pub(super) fn mark(
    groups: &[Group],
    shares: &[usize],
    priority: Priority,
    room: &Room<'_>,
) -> Mark {
    let eligible = |group: &Group| room.left(&group.kind, priority) > 0;
    let left_out = groups
        .iter()
        .zip(shares)
        .any(|(group, share)| *share == 0 && eligible(group));
    let last = groups.iter().zip(shares).rfind(|(_, share)| **share > 0);
    last.filter(|_| left_out)
        .map(|(group, _)| (group.lane, group.kind.clone()))
}

#[cfg(test)]
mod tests {
    use super::{Group, Priority::Sync, Room, deal, mark, order};
    use std::collections::BTreeSet;

    fn group(lane: i32, kind: &str) -> Group {
        Group {
            priority: 2,
            lane,
            kind: kind.to_owned(),
        }
    }

    #[test]
    fn slots_are_dealt_one_by_one_and_a_kind_keeps_to_its_room() {
        let groups = [
            group(1, "mail"),
            group(2, "mail"),
            group(2, "sync"),
            group(3, "other"),
        ];
        let room = Room::new(100).kind("mail", 3).kind("sync", 100);
        assert_eq!(deal(&groups, 8, Sync, &room), [2, 1, 5, 0]);
        assert_eq!(deal(&groups, 1, Sync, &room), [1, 0, 0, 0]);
        assert_eq!(deal(&groups, 0, Sync, &room), [0, 0, 0, 0]);
        assert_eq!(deal(&[], 5, Sync, &room), [0_usize; 0]);
        let shared = Room::new(2).kind("mail", 3).apart("sync", 4, 0);
        assert_eq!(deal(&groups, 8, Sync, &shared), [1, 1, 4, 0]);
    }

    #[test]
    fn with_more_groups_than_slots_every_group_is_served_in_turn() {
        let groups: Vec<Group> = (0..10)
            .flat_map(|lane| [group(lane, "a"), group(lane, "b")])
            .collect();
        let room = Room::new(100).kind("a", 100).kind("b", 100);
        let mut place = None;
        let mut served = BTreeSet::new();
        for _ in 0..7 {
            let ordered = order(groups.clone(), &place);
            let shares = deal(&ordered, 3, Sync, &room);
            served.extend(
                ordered
                    .iter()
                    .zip(&shares)
                    .filter(|(_, n)| **n > 0)
                    .map(|(g, _)| g.clone()),
            );
            place = mark(&ordered, &shares, Sync, &room);
        }
        assert_eq!(
            served.len(),
            20,
            "20 groups are served within ceil(20 / 3) = 7 rounds"
        );
    }

    #[test]
    fn the_mark_is_forgotten_once_nobody_is_left_out() {
        let groups = [group(1, "a"), group(2, "a"), group(3, "unknown")];
        let room = Room::new(100).kind("a", 100);
        assert_eq!(
            mark(&groups, &deal(&groups, 2, Sync, &room), Sync, &room),
            None
        );
        assert_eq!(
            mark(&groups, &deal(&groups, 1, Sync, &room), Sync, &room),
            Some((1, "a".to_owned()))
        );
    }
}
