//! No group on both sides of a split, positive rows spread evenly, the same seed the same split.

use super::*;
use proptest::prelude::*;

fn are_apart(groups: &[u64], one: &[usize], other: &[usize]) -> bool {
    let of = |rows: &[usize]| {
        rows.iter()
            .map(|row| groups[*row])
            .collect::<BTreeSet<u64>>()
    };
    of(one).is_disjoint(&of(other))
}

#[test]
fn positive_rows_are_spread_evenly() {
    let groups: Vec<u64> = (0..1000).collect();
    let labels: Vec<bool> = (0..1000).map(|row| row % 25 == 0).collect();
    for fold in grouped_k_fold(&groups, &labels, 5, 1).unwrap() {
        assert_eq!(fold.test.len(), 200);
        assert_eq!(fold.test.iter().filter(|row| labels[**row]).count(), 8);
    }
    let parts = grouped_parts(&groups, &labels, [0.7, 0.15, 0.15], 1).unwrap();
    assert_eq!(
        [parts.train.len(), parts.validation.len(), parts.test.len()],
        [700, 150, 150]
    );
    assert_eq!(
        parts.validation.iter().filter(|row| labels[**row]).count(),
        6
    );
}

#[test]
fn another_seed_gives_another_split_and_the_same_seed_the_same() {
    let groups: Vec<u64> = (0..100).collect();
    let labels: Vec<bool> = (0..100).map(|row| row % 4 == 0).collect();
    let split = |seed| grouped_k_fold(&groups, &labels, 4, seed).unwrap();
    assert_eq!(split(1), split(1));
    assert_ne!(split(1), split(2));
}

#[test]
fn too_few_groups_are_refused() {
    assert_eq!(
        grouped_k_fold(&[1, 1, 2], &[true, false, true], 3, 1),
        Err(SplitError::Groups {
            groups: 2,
            folds: 3
        })
    );
    assert_eq!(
        grouped_parts(&[1, 2, 3], &[true, false, true], [1.0, 0.0, 1.0], 1),
        Err(SplitError::Shares)
    );
}

#[test]
fn after_an_instant_only_those_who_are_new_are_judged() {
    let fold = by_time(&[1, 2, 1, 3, 2], &[0, 1, 5, 6, 1], 5);
    assert_eq!(fold.train, [0, 1, 4]);
    assert_eq!(fold.test, [3]);
}

proptest! {
    #[test]
    fn no_group_stands_on_both_sides(
        rows in prop::collection::vec((0_u64..30, any::<bool>(), -50_i64..50), 1..200), folds in 2_usize..6, seed: u64, at in -50_i64..50,
    ) {
        let groups: Vec<u64> = rows.iter().map(|row| row.0).collect();
        let labels: Vec<bool> = rows.iter().map(|row| row.1).collect();
        let times: Vec<i64> = rows.iter().map(|row| row.2).collect();
        let all: Vec<usize> = (0..rows.len()).collect();
        if let Ok(found) = grouped_k_fold(&groups, &labels, folds, seed) {
            let mut tested: Vec<usize> = found.iter().flat_map(|fold| fold.test.clone()).collect();
            tested.sort_unstable();
            prop_assert_eq!(&tested, &all);
            for fold in found {
                prop_assert!(are_apart(&groups, &fold.train, &fold.test));
                prop_assert_eq!(fold.train.len() + fold.test.len(), all.len());
                prop_assert!(!fold.test.is_empty());
            }
        }
        if let Ok(parts) = grouped_parts(&groups, &labels, [0.7, 0.15, 0.15], seed) {
            prop_assert!(are_apart(&groups, &parts.train, &parts.validation));
            prop_assert!(are_apart(&groups, &parts.train, &parts.test));
            prop_assert!(are_apart(&groups, &parts.validation, &parts.test));
            prop_assert_eq!(parts.train.len() + parts.validation.len() + parts.test.len(), all.len());
        }
        let fold = by_time(&groups, &times, at);
        prop_assert!(are_apart(&groups, &fold.train, &fold.test));
    }
}

#[test]
fn in_time_the_newest_of_each_class_are_judged_and_no_group_is_on_two_sides() {
    // Two rows a group; every fifth group is positive; time goes with the group.
    let groups: Vec<u64> = (0..400).map(|row| row / 2).collect();
    let labels: Vec<bool> = groups.iter().map(|group| group % 5 == 0).collect();
    let times: Vec<i64> = (0..400).collect();
    let parts = timed_parts(&groups, &labels, &times, [0.7, 0.15, 0.15]).unwrap();
    let all = [&parts.train, &parts.validation, &parts.test];
    assert_eq!(all.map(Vec::len), [280, 60, 60]);
    let positives = |rows: &[usize]| rows.iter().filter(|row| labels[**row]).count();
    assert_eq!(all.map(|rows| positives(rows)), [56, 12, 12]);
    assert!(are_apart(&groups, &parts.train, &parts.test));
    assert!(are_apart(&groups, &parts.train, &parts.validation));
    assert!(are_apart(&groups, &parts.validation, &parts.test));
    for class in [true, false] {
        let of = |rows: &[usize]| -> Vec<i64> {
            let own = rows.iter().filter(|row| labels[**row] == class);
            own.map(|row| times[*row]).collect()
        };
        let newest_learned = of(&parts.train).into_iter().max().unwrap();
        let oldest_judged = of(&parts.test).into_iter().min().unwrap();
        assert!(newest_learned < oldest_judged);
    }
    assert_eq!(
        timed_parts(&[1, 2], &[true, false], &[0, 0], [0.7, 0.15, 0.15]),
        Err(SplitError::Groups {
            groups: 2,
            folds: 3
        })
    );
    assert_eq!(
        timed_parts(&groups, &labels, &times, [0.7, 0.0, 0.3]),
        Err(SplitError::Shares)
    );
}
