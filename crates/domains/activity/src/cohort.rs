//! Cohort retention: of the people who first wrote in a week, how many wrote again k weeks later.

use std::collections::BTreeMap;

use kernel::Day;

/// The people whose first message was in one week.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cohort {
    /// The Monday of the week.
    pub week: Day,
    /// How many they are.
    pub size: u64,
    /// How many wrote in the k-th week after; index 0 is the first week itself and equals `size`.
    /// Reaches to the last week of the period.
    pub active: Vec<u64>,
}

/// Most cohorts shown.
pub(crate) const COHORTS_MAX: i32 = 12;

/// Builds the triangle. `counts` maps (cohort week, active week), each as the number of its
/// Monday's week, to people; `last_week` is the last column anybody can have reached.
pub(crate) fn triangle(
    counts: &BTreeMap<(i32, i32), u64>,
    first_week: i32,
    last_week: i32,
) -> Vec<Cohort> {
    (first_week..=last_week)
        .map(|week| {
            let active: Vec<u64> = (week..=last_week)
                .map(|later| counts.get(&(week, later)).copied().unwrap_or(0))
                .collect();
            Cohort {
                week: monday(week),
                size: active.first().copied().unwrap_or(0),
                active,
            }
        })
        .filter(|cohort| cohort.size > 0)
        .collect()
}

/// The number of a day's week: whole weeks since the Monday before the epoch.
pub(crate) const fn week_number(day: Day) -> i32 {
    day.0.saturating_add(3).div_euclid(7)
}

fn monday(week: i32) -> Day {
    Day(week.saturating_mul(7).saturating_sub(3))
}

#[cfg(test)]
mod tests {
    use super::{monday, triangle, week_number};
    use kernel::Day;
    use std::collections::BTreeMap;

    #[test]
    fn a_week_begins_on_monday() {
        for day in [Day(0), Day(19_000), Day(20_779)] {
            assert_eq!(monday(week_number(day)), day.week_start());
        }
    }

    #[test]
    fn each_cohort_reaches_the_last_week_and_empty_ones_are_left_out() {
        let counts = BTreeMap::from([((10, 10), 8), ((10, 12), 3), ((12, 12), 5)]);
        let cohorts = triangle(&counts, 10, 12);
        assert_eq!(cohorts.len(), 2);
        assert_eq!(cohorts[0].active, [8, 0, 3]);
        assert_eq!((cohorts[1].size, cohorts[1].active.len()), (5, 1));
    }
}
