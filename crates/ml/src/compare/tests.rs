//! Comparisons of two arms: what is found, and how often something is found where nothing is.

use super::*;
use crate::dice::Dice;

fn arm(successes: u64, trials: u64) -> Arm {
    Arm { trials, successes }
}

#[test]
fn tails_and_quantiles_of_the_normal_are_those_of_the_tables() {
    for (z, p) in [
        (0.0, 1.0),
        (1.0, 0.317_310_507_862_914),
        (1.959_963_984_540_054, 0.05),
        (4.0, 6.334_248_366_623_996e-5),
        (4.5, 6.795_346_249_460_121e-6),
        (8.0, 1.244_192_114_854_348_6e-15),
    ] {
        let found = two_sided(z);
        assert!((found - p).abs() <= 1e-9 * p + 1e-15, "{z}: {found} {p}");
    }
    assert!((normal_quantile(0.975) - 1.959_963_984_540_054).abs() < 1e-9);
}

#[test]
fn the_test_is_the_one_of_the_books() {
    // 120 of 1000 against 160 of 1000: z = 2.5777, p = 0.00994.
    let found = two_proportions(arm(120, 1000), arm(160, 1000), 0.95, 0.02).unwrap();
    assert!((found.difference - 0.04).abs() < 1e-12);
    assert!((found.p_value - 0.009_944_9).abs() < 1e-5, "{found:?}");
    assert!(found.low > 0.009 && found.high < 0.071, "{found:?}");
    assert!(found.always_valid_p_value > found.p_value);
    assert!(found.always_valid_low < found.low && found.always_valid_high > found.high);
}

#[test]
fn senseless_arms_have_no_answer() {
    for (a, b) in [(arm(0, 0), arm(1, 2)), (arm(3, 2), arm(1, 2))] {
        assert_eq!(two_proportions(a, b, 0.95, 0.02), None);
    }
    assert_eq!(two_proportions(arm(1, 2), arm(1, 2), 1.0, 0.02), None);
    let nothing = two_proportions(arm(0, 50), arm(0, 50), 0.95, 0.02).unwrap();
    assert!((nothing.p_value - 1.0).abs() < 1e-12);
    assert!(nothing.low < 0.0 && nothing.high > 0.0);
}

/// Looks after every hundred on each side, up to five thousand; answers whether it was ever sure, plainly and always.
fn looked_at(dice: &mut Dice, shares: [f64; 2]) -> (bool, bool) {
    let mut arms = [arm(0, 0); 2];
    let (mut plain, mut always) = (false, false);
    for _ in 0..50 {
        for (arm, share) in arms.iter_mut().zip(shares) {
            for _ in 0..100 {
                arm.trials += 1;
                arm.successes += u64::from(dice.unit() < share);
            }
        }
        let found = two_proportions(arms[0], arms[1], 0.95, 0.02).unwrap();
        plain |= found.p_value < 0.05;
        always |= found.always_valid_p_value < 0.05;
    }
    (plain, always)
}

#[test]
fn looking_every_day_deceives_the_plain_test_but_not_the_other() {
    let mut dice = Dice::new(11);
    let (mut plain, mut always) = (0, 0);
    for _ in 0..300 {
        let (was_plain, was_always) = looked_at(&mut dice, [0.1, 0.1]);
        plain += i32::from(was_plain);
        always += i32::from(was_always);
    }
    // Five in a hundred are promised: fifteen of three hundred.
    assert!(plain > 60, "{plain}");
    assert!(always <= 15, "{always}");
}

#[test]
fn a_difference_that_is_there_is_found() {
    let mut dice = Dice::new(12);
    let found = (0..50).filter(|_| looked_at(&mut dice, [0.10, 0.13]).1);
    let found = found.count();
    assert!(found > 45, "{found}");
}
