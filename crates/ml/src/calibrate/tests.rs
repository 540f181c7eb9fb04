//! Calibration held against scikit-learn's figures and against what it must never turn round.

use super::*;
use crate::metrics::tests::figures;
use crate::number::real;
use proptest::prelude::*;

#[test]
fn the_curve_is_that_of_scikit_learn() {
    let (scores, labels) = figures();
    let margins: Vec<f64> = scores.iter().map(|score| (score - 0.5) * 6.0).collect();
    let found = Calibration::fit(&margins, &labels).unwrap();
    assert!((found.a - 1.275_521_11).abs() < 1e-4, "{found:?}");
    assert!((found.b + 1.220_762_34).abs() < 1e-4, "{found:?}");
}

#[test]
fn perfect_rows_do_not_make_it_certain() {
    let margins = [-3.0, -2.0, -1.0, 1.0, 2.0, 3.0];
    let labels = [false, false, false, true, true, true];
    let found = Calibration::fit(&margins, &labels).unwrap();
    let sure = found.probability(3.0);
    assert!(sure > 0.7 && sure < 0.95, "{sure}");
    assert!((found.probability(found.margin_at(0.7).unwrap()) - 0.7).abs() < 1e-9);
}

#[test]
fn one_class_is_refused_and_equal_margins_give_the_rate() {
    assert_eq!(Calibration::fit(&[1.0, 2.0], &[true, true]), Err(OneClass));
    let labels: Vec<bool> = (0..100).map(|row| row % 4 == 0).collect();
    let found = Calibration::fit(&[2.0; 100], &labels).unwrap();
    assert!((found.probability(2.0) - 0.25).abs() < 0.02);
}

#[test]
fn a_row_that_counts_three_times_is_a_row_said_three_times() {
    let (scores, labels) = figures();
    let margins: Vec<f64> = scores.iter().map(|score| (score - 0.5) * 6.0).collect();
    let times = |row: usize| 1 + row % 3;
    let weights: Vec<f64> = (0..margins.len()).map(|row| real(times(row))).collect();
    let said: Vec<usize> = (0..margins.len())
        .flat_map(|row| std::iter::repeat_n(row, times(row)))
        .collect();
    let all_margins: Vec<f64> = said.iter().map(|row| margins[*row]).collect();
    let all_labels: Vec<bool> = said.iter().map(|row| labels[*row]).collect();
    let weighted = Calibration::fit_weighted(&margins, &labels, &weights).unwrap();
    let repeated = Calibration::fit(&all_margins, &all_labels).unwrap();
    let once = Calibration::fit(&margins, &labels).unwrap();
    let near =
        |a: Calibration, b: Calibration| (a.a - b.a).abs() < 1e-6 && (a.b - b.b).abs() < 1e-6;
    assert!(near(weighted, repeated), "{weighted:?} {repeated:?}");
    assert!(!near(weighted, once), "{weighted:?}");
    assert_eq!(
        Calibration::fit_weighted(&[1.0, 2.0], &[true, false], &[1.0, 0.0]),
        Err(OneClass)
    );
}

proptest! {
    #[test]
    fn what_was_calibrated_wrongly_comes_back(a in 0.3_f64..3.0, b in -2.0_f64..2.0) {
        // Margins whose labels follow another curve: the curve is found again.
        let mut dice = crate::dice::Dice::new(5);
        let truth = Calibration { a, b };
        let margins: Vec<f64> = (0..4000).map(|_| dice.unit() * 8.0 - 4.0).collect();
        let labels: Vec<bool> = margins.iter().map(|m| dice.unit() < truth.probability(*m)).collect();
        let found = Calibration::fit(&margins, &labels).unwrap();
        prop_assert!((found.a - a).abs() < 0.35 * a && (found.b - b).abs() < 0.35, "{found:?}");
    }
}
