//! One score over all accounts of a person.

use kernel::Timestamp;

use super::Score;

const DAY_SECS: u64 = 86_400;

/// Accounts at least this old count in full, in days.
const GROWN: u32 = 360;
/// Younger ones count as if they were this old, in days.
const YOUNGEST: u32 = 30;

/// What one account brings along.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountShare {
    /// The sum of its changes over all communities, in thousandths of a point.
    pub change: i64,
    /// How old it is.
    pub age_days: u32,
}

impl AccountShare {
    /// Of an account that exists since an instant, as far as we know.
    pub(crate) fn since(change: i64, since: Timestamp, now: Timestamp) -> Self {
        let days = now.since(since).as_secs() / DAY_SECS;
        Self {
            change,
            age_days: u32::try_from(days).unwrap_or(u32::MAX),
        }
    }
}

/// The score over all accounts: 600, and what each account lost in full, and what it earned in
/// proportion to its age (30 days at least, 360 days and more in full); from 300 to 850.
///
/// So nobody gets rid of a loss by linking accounts, and many young accounts are worth little.
pub fn aggregate(shares: &[AccountShare]) -> Score {
    let weighed = shares.iter().map(|share| {
        if share.change <= 0 {
            return share.change;
        }
        let age = share.age_days.clamp(YOUNGEST, GROWN);
        share.change.saturating_mul(age.into()) / i64::from(GROWN)
    });
    Score::of(weighed.fold(0, i64::saturating_add))
}

#[cfg(test)]
mod tests {
    use super::{AccountShare, aggregate};
    use proptest::prelude::*;

    fn shares() -> impl Strategy<Value = Vec<AccountShare>> {
        let share = (-300_000_i64..=250_000, 0_u32..5_000)
            .prop_map(|(change, age_days)| AccountShare { change, age_days });
        proptest::collection::vec(share, 0..8)
    }

    proptest! {
        #[test]
        fn it_is_in_range_in_any_order_and_never_above_the_plain_sum(all in shares()) {
            let score = aggregate(&all);
            prop_assert!((300..=850).contains(&score.points()));
            let mut turned = all.clone();
            turned.reverse();
            prop_assert_eq!(aggregate(&turned), score);
            let sum = all.iter().map(|share| share.change).sum();
            prop_assert!(score <= super::Score::of(sum));
        }

        #[test]
        fn linking_an_empty_account_changes_nothing_and_a_bad_one_never_helps(
            all in shares(), loss in -300_000_i64..=0, age_days in 0_u32..5_000,
        ) {
            let with = |change| {
                let mut more = all.clone();
                more.push(AccountShare { change, age_days });
                aggregate(&more)
            };
            prop_assert_eq!(with(0), aggregate(&all));
            prop_assert!(with(loss) <= aggregate(&all));
        }

        #[test]
        fn growing_older_never_lowers_it(all in shares(), days in 0_u32..5_000) {
            let older: Vec<_> = all
                .iter()
                .map(|share| AccountShare { age_days: share.age_days + days, ..*share })
                .collect();
            prop_assert!(aggregate(&older) >= aggregate(&all));
        }
    }
}
