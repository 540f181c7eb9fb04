//! Thresholds of few bots and of many.

use ml::Calibration;

use super::{BY_THE_CURVE, FEW_BOTS, decision};

/// People at -4 to -2, bots at `lowest` and above, so many of each.
fn answers(people: u32, bots: u32, lowest: f64) -> (Vec<f64>, Vec<bool>) {
    let person = (0..people).map(|n| (-4.0 + 2.0 * f64::from(n) / f64::from(people), false));
    let bot = (0..bots).map(|n| (lowest + f64::from(n) * 0.01, true));
    person.chain(bot).unzip()
}

#[test]
fn of_few_bots_the_curve_decides_and_of_many_the_middle_between_the_answers() {
    let by = |bots: u32, lowest: f64| {
        let (margins, labels) = answers(1_000, bots, lowest);
        decision(&margins, &labels, &Calibration::NONE, BY_THE_CURVE, 0.004)
    };
    let few = u32::try_from(FEW_BOTS).unwrap() - 1;
    let bits = f64::to_bits;
    // Wherever the lowest of few bots lies.
    assert_eq!(bits(by(few, 4.0)), bits(BY_THE_CURVE));
    assert_eq!(bits(by(few, 8.0)), bits(BY_THE_CURVE));
    let middle = |lowest: f64| Calibration::NONE.probability(f64::midpoint(-2.002, lowest));
    assert!((by(few + 1, 4.0) - middle(4.0)).abs() < 1e-9);
    assert!((by(few + 1, 8.0) - middle(8.0)).abs() < 1e-9);
}

#[test]
fn a_share_that_so_few_people_cannot_measure_does_not_move_the_threshold() {
    // One of forty people looks like a bot to the curve, where four of a thousand may be accused.
    let (mut margins, labels) = answers(40, 40, 4.0);
    margins[0] = 5.0;
    let by = |most| decision(&margins, &labels, &Calibration::NONE, BY_THE_CURVE, most);
    assert_eq!(by(0.004).to_bits(), BY_THE_CURVE.to_bits());
    assert!(by(0.03) > 0.7, "one in forty can be measured");
}

#[test]
fn a_curve_that_would_accuse_too_many_does_not_decide() {
    let (mut margins, labels) = answers(1_000, 10, 4.0);
    // Five of a thousand people look like bots to the curve: one more than may be accused.
    for margin in margins.iter_mut().take(5) {
        *margin = 1.0;
    }
    let by = |most| decision(&margins, &labels, &Calibration::NONE, BY_THE_CURVE, most);
    let found = by(0.004);
    assert!(found > Calibration::NONE.probability(1.0), "{found}");
    assert_eq!(by(0.005).to_bits(), BY_THE_CURVE.to_bits());
}
