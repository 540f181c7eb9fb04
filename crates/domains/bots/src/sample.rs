//! The random sample: who is looked at whatever their score, so that what the model never suspects is seen too. Recall and the
//! false-positive rate of [`crate::monitoring`] are known from it alone.
//!
//! Invariants: who is drawn does not depend on the score, nor, but where a community's room is full, on who is scored first: a lot says it,
//! rarer where many speak; only who spoke in the last week is drawn; while enough of a community's drawn accounts wait for somebody to look,
//! nobody else is drawn, suspected or not, so that those whom the model suspects are not looked at more often. Who waited for four weeks
//! takes no room: those were not looked at, and others may be.

use std::{
    collections::{BTreeSet, HashMap},
    time::Duration,
};

use ::store::StoreError;
use kernel::{CommunityId, Timestamp};
use sea_orm::ConnectionTrait;

use crate::{
    bearing::Bearings,
    lot::lot,
    outcome::Candidate,
    store::{case as table, state::Seat},
};

/// One of so many is drawn in a week.
const ONE_OF: u64 = 200;
/// About so many of a large community are drawn in a week: as many as its moderators look at, so that who is scored first is not drawn
/// more often.
const A_WEEK: u64 = 10;
/// While so many drawn accounts of a community wait, nobody else is drawn.
const WAITING_MAX: usize = 20;
/// Those that were drawn longer ago take no room.
const WAITING: Duration = Duration::from_secs(28 * 86_400);
const WEEK_SECS: i64 = 7 * 86_400;

/// Whether an account is drawn by chance in the week of an instant, in a community with so many members: the same for whoever asks, and
/// without regard to what it does. Who is drawn among many is among few too.
fn has_the_lot((community, account): Seat, members: u32, at: Timestamp) -> bool {
    let week = at.secs().div_euclid(WEEK_SECS);
    let (community, account) = (community.0.to_le_bytes(), account.0.to_le_bytes());
    let week = week.to_le_bytes();
    let one_of = ONE_OF.max(u64::from(members) / A_WEEK);
    lot([b"sample".as_slice(), &community, &account, &week]) <= u64::MAX / one_of
}

/// Those of accounts that have the lot and for whom there is room where others of their community wait already.
fn with_room(lots: &[Seat], waiting: &[Seat]) -> BTreeSet<Seat> {
    let mut drawn = BTreeSet::new();
    let mut n_waiting: HashMap<CommunityId, usize> = HashMap::new();
    for seat in waiting {
        *n_waiting.entry(seat.0).or_default() += 1;
    }
    for seat in lots {
        let n = n_waiting.entry(seat.0).or_default();
        if waiting.contains(seat) {
            drawn.insert(*seat);
        } else if *n < WAITING_MAX && drawn.insert(*seat) {
            *n += 1;
        }
    }
    drawn
}

/// Those that are drawn of accounts which are scored. At most one statement, and none where nobody has the lot.
pub(crate) async fn drawn(
    conn: &impl ConnectionTrait,
    candidates: &[Candidate<'_>],
    bearings: &Bearings,
    now: Timestamp,
) -> Result<BTreeSet<Seat>, StoreError> {
    let spoke = |candidate: &Candidate<'_>| {
        let last = candidate.state.last_at();
        last.is_some_and(|last| now.secs() - last.secs() < WEEK_SECS)
    };
    let lots: Vec<Seat> = candidates
        .iter()
        .filter(|one| !one.is_early && has_the_lot(one.seat, 0, now) && spoke(one))
        .map(|one| one.seat)
        .filter(|seat| has_the_lot(*seat, bearings.members(seat.0), now))
        .filter(|seat| bearings.exemption(*seat, now).is_none())
        .collect();
    let communities: BTreeSet<CommunityId> = lots.iter().map(|seat| seat.0).collect();
    let communities: Vec<CommunityId> = communities.into_iter().collect();
    let waiting = table::drawn(conn, &communities, now.minus(WAITING)).await?;
    Ok(with_room(&lots, &waiting))
}

#[cfg(test)]
mod tests {
    use super::{Seat, WAITING_MAX, has_the_lot, with_room};
    use kernel::{AccountId, CommunityId, Timestamp};

    #[test]
    fn one_in_two_hundred_is_drawn_and_another_week_draws_others() {
        let drawn = |week: i64| -> Vec<i64> {
            let at = Timestamp::from_secs(week * super::WEEK_SECS + 5);
            let all = 0..40_000_i64;
            all.filter(|id| has_the_lot((CommunityId(3), AccountId(*id)), 0, at))
                .collect()
        };
        let (one, other) = (drawn(2_900), drawn(2_901));
        assert!((140..260).contains(&one.len()), "{}", one.len());
        assert_eq!(one, drawn(2_900));
        let both = one.iter().filter(|id| other.contains(id)).count();
        assert!(both < 10, "{both}");
        let at = Timestamp::from_secs(2_900 * super::WEEK_SECS + 5);
        let of_many = |id: &i64| has_the_lot((CommunityId(3), AccountId(*id)), 40_000, at);
        let few: Vec<i64> = (0..40_000_i64).filter(of_many).collect();
        assert!((2..30).contains(&few.len()), "about ten of many: {few:?}");
        assert!(few.iter().all(|id| one.contains(id)));
    }

    #[test]
    fn nobody_else_is_drawn_while_enough_of_a_community_wait() {
        let seats = |community: i32, ids: std::ops::Range<i64>| -> Vec<Seat> {
            ids.map(|id| (CommunityId(community), AccountId(id)))
                .collect()
        };
        let waiting = seats(1, 0..18);
        let mut lots = seats(1, 17..30);
        lots.extend(seats(2, 0..3));
        let drawn = with_room(&lots, &waiting);
        // One that waits already, the two that are let in, and the other community.
        assert_eq!(WAITING_MAX, 20);
        let mut expected = seats(1, 17..20);
        expected.extend(seats(2, 0..3));
        assert_eq!(drawn.into_iter().collect::<Vec<_>>(), expected);
        let full = with_room(&lots, &seats(1, 100..120));
        assert_eq!(full.into_iter().collect::<Vec<_>>(), seats(2, 0..3));
    }
}
