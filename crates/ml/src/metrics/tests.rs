//! Metrics held against scikit-learn's figures and their own properties.

use super::*;
use proptest::prelude::*;

/// Sixty scores with ties, and labels that mostly follow them. The expected figures below are scikit-learn's.
pub(crate) fn figures() -> (Vec<f64>, Vec<bool>) {
    let rows = (0_u32..60).map(|i| {
        let place = (i * 37 + 11) % 53;
        let score = (f64::from(place) / 53.0 * 20.0).round() / 20.0;
        (score, place + (i * 29 + 5) % 31 > 50)
    });
    rows.unzip()
}

fn is_near(found: Option<f64>, wanted: f64) {
    let found = found.unwrap();
    assert!((found - wanted).abs() < 1e-12, "{found} {wanted}");
}

#[test]
fn metrics_are_those_of_scikit_learn() {
    let (scores, labels) = figures();
    is_near(auc_roc(&scores, &labels), 0.928_125_000_000_000_1);
    is_near(auc_pr(&scores, &labels), 0.859_478_468_899_521_5);
    is_near(log_loss(&scores, &labels), 0.426_493_124_383_556);
    is_near(brier(&scores, &labels), 0.138_25);
    for ranges in [10, 15] {
        let error = expected_calibration_error(&scores, &labels, ranges);
        is_near(error, 0.168_333_333_333_333_3);
    }
    let confusion = Confusion::at(&scores, &labels, 0.6);
    assert_eq!(
        confusion,
        Confusion {
            true_positives: 17,
            false_positives: 8,
            true_negatives: 32,
            false_negatives: 3
        }
    );
    is_near(Some(confusion.precision()), 0.68);
    is_near(Some(confusion.recall()), 0.85);
    is_near(Some(confusion.f1()), 0.755_555_555_555_555_6);
    is_near(Some(confusion.false_positive_rate()), 0.2);
    is_near(Some(confusion.accuracy()), 49.0 / 60.0);
}

#[test]
fn without_one_class_there_is_no_area_and_without_rows_no_loss() {
    assert_eq!(auc_roc(&[0.1, 0.2], &[true, true]), None);
    assert_eq!(auc_pr(&[0.1, 0.2], &[false, false]), None);
    assert_eq!(log_loss(&[], &[]), None);
    let nothing = Confusion::at(&[], &[], 0.5);
    assert!(nothing.precision().abs() < f64::EPSILON && nothing.f1().abs() < f64::EPSILON);
}

#[test]
fn a_curve_keeps_its_ends_when_it_is_thinned() {
    let (scores, labels) = figures();
    let whole = roc_curve(&scores, &labels, 1000);
    assert_eq!(whole.len(), 22);
    assert!((whole[1].y - 0.05).abs() < 1e-12 && whole[1].x.abs() < 1e-12);
    let few = roc_curve(&scores, &labels, 5);
    assert!(few.len() <= 5 && few.len() > 2, "{few:?}");
    assert_eq!(few.first(), whole.first());
    assert_eq!(few.last(), whole.last());
    let curve = precision_recall_curve(&scores, &labels, 1000);
    let end = curve.last().unwrap();
    assert!((end.x - 1.0).abs() < 1e-12 && (end.y - 1.0 / 3.0).abs() < 1e-12);
}

#[test]
fn a_threshold_keeps_to_its_bound_and_lies_between_scores() {
    let scores = [0.9, 0.8, 0.7, 0.6, 0.3, 0.2, 0.1, 0.05];
    let labels = [true, true, false, true, false, false, false, false];
    let strict = best_threshold(&scores, &labels, 0.0).unwrap();
    assert!((strict.threshold - 0.75).abs() < 1e-12, "{strict:?}");
    assert_eq!(strict.confusion, Confusion::at(&scores, &labels, 0.75));
    let lenient = best_threshold(&scores, &labels, 0.2).unwrap();
    assert!((lenient.threshold - 0.45).abs() < 1e-12, "{lenient:?}");
    assert_eq!(best_threshold(&[0.9, 0.1], &[false, true], 0.0), None);
}

#[test]
fn intervals_hold_the_metric_and_groups_count_as_one() {
    let (scores, labels) = figures();
    let pick = |rows: &[usize]| {
        let scores = crate::matrix::pick(&scores, rows);
        let labels = crate::matrix::pick(&labels, rows);
        [auc_roc(&scores, &labels), None]
    };
    let alone: Vec<u64> = (0..60).collect();
    let [auc, none] = intervals(&alone, &Bootstrap::default(), pick);
    let auc = auc.unwrap();
    assert!(
        auc.low > 0.8 && auc.low < 0.928 && auc.high > 0.928 && auc.high <= 1.0,
        "{auc:?}"
    );
    assert_eq!(none, None);
    // The same rows four times over are no more certain, if the groups say that they are the same.
    let four: Vec<u64> = (0..240).map(|row| row % 60).collect();
    let [again, _] = intervals(&four, &Bootstrap::default(), |rows| {
        let rows: Vec<usize> = rows.iter().map(|row| row % 60).collect();
        pick(&rows)
    });
    let again = again.unwrap();
    assert!((again.low - auc.low).abs() < 0.02, "{again:?} {auc:?}");
}

proptest! {
    #[test]
    fn the_area_is_the_share_of_pairs_in_the_right_order(
        rows in prop::collection::vec((0_u8..10, any::<bool>()), 2..60),
    ) {
        let scores: Vec<f64> = rows.iter().map(|row| f64::from(row.0)).collect();
        let labels: Vec<bool> = rows.iter().map(|row| row.1).collect();
        let (mut right, mut pairs) = (0.0, 0.0);
        for (a, _) in rows.iter().filter(|row| row.1) {
            for (b, _) in rows.iter().filter(|row| !row.1) {
                pairs += 1.0;
                right += match a.cmp(b) {
                    std::cmp::Ordering::Greater => 1.0,
                    std::cmp::Ordering::Equal => 0.5,
                    std::cmp::Ordering::Less => 0.0,
                };
            }
        }
        match auc_roc(&scores, &labels) {
            Some(area) => prop_assert!((area - right / pairs).abs() < 1e-9),
            None => prop_assert!(pairs < 1.0),
        }
    }

    #[test]
    fn no_threshold_within_the_bound_has_a_better_f1(
        rows in prop::collection::vec((0_u8..20, any::<bool>()), 2..60), bound in 0.0_f64..0.5,
    ) {
        let scores: Vec<f64> = rows.iter().map(|row| f64::from(row.0) / 20.0).collect();
        let labels: Vec<bool> = rows.iter().map(|row| row.1).collect();
        let chosen = best_threshold(&scores, &labels, bound);
        let best = chosen.map_or(0.0, |chosen| chosen.confusion.f1());
        if let Some(chosen) = chosen {
            prop_assert_eq!(chosen.confusion, Confusion::at(&scores, &labels, chosen.threshold));
            prop_assert!(chosen.confusion.false_positive_rate() <= bound);
        }
        for threshold in &scores {
            let confusion = Confusion::at(&scores, &labels, *threshold);
            if confusion.false_positive_rate() <= bound {
                prop_assert!(confusion.f1() <= best + 1e-12);
            }
        }
    }
}
