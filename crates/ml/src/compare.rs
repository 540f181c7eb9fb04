//! Whether two shares differ: the test of two proportions for those who look once, and one that stays true for those who
//! look every day and stop when they like what they see.

use crate::number::real;

/// One side of a comparison.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Arm {
    /// How many were counted.
    pub trials: u64,
    /// How many of them were so.
    pub successes: u64,
}

/// What is known about the difference of two shares, the second less the first.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Comparison {
    /// The difference.
    pub difference: f64,
    /// Chance of such a difference or a larger one if there were none; true for who looks once.
    pub p_value: f64,
    /// Lower end of the interval for who looks once.
    pub low: f64,
    /// Upper end of it.
    pub high: f64,
    /// The same as `p_value`, true however often one looks; who looks repeatedly keeps the smallest.
    pub always_valid_p_value: f64,
    /// Lower end of the interval that is true however often one looks.
    pub always_valid_low: f64,
    /// Upper end of it.
    pub always_valid_high: f64,
}

/// Compares two shares. `level` is the share of cases in which intervals shall hold (0.95). `expected` is the size of a
/// difference that would matter (0.02): the always valid test is sharpest about there, and true for any. `None` if an arm
/// is empty or has more successes than trials, or a parameter is out of range.
pub fn two_proportions(a: Arm, b: Arm, level: f64, expected: f64) -> Option<Comparison> {
    let is_right = |arm: Arm| arm.trials > 0 && arm.successes <= arm.trials;
    let is_share = |value: f64| value > 0.0 && value < 1.0;
    if !is_right(a) || !is_right(b) || !is_share(level) || !is_share(expected) {
        return None;
    }
    let share = |arm: Arm| whole(arm.successes) / whole(arm.trials);
    let difference = share(b) - share(a);

    let pooled =
        whole(a.successes.saturating_add(b.successes)) / whole(a.trials.saturating_add(b.trials));
    let by_trials = 1.0 / whole(a.trials) + 1.0 / whole(b.trials);
    let if_equal = (pooled * (1.0 - pooled) * by_trials).sqrt();
    let p_value = if if_equal > 0.0 {
        two_sided(difference / if_equal)
    } else {
        1.0
    };

    // With one more of each outcome, so that a share of 0 or 1 is not taken for certain.
    let variance = |arm: Arm| {
        let n = whole(arm.trials) + 2.0;
        let share = (whole(arm.successes) + 1.0) / n;
        share * (1.0 - share) / n
    };
    let variance = variance(a) + variance(b);
    let width = normal_quantile(f64::midpoint(1.0, level)) * variance.sqrt();

    // Robbins' mixture: differences are taken to be normal about 0 with the expected size, and the likelihood of that is
    // held against no difference. Its inverse is a p-value at every look at once (Johari and others, 2017).
    let mixture = expected * expected;
    let both = variance + mixture;
    let log_ratio =
        0.5 * (variance / both).ln() + difference * difference * mixture / (2.0 * variance * both);
    let spread = 2.0 * (1.0 / (1.0 - level)).ln() + (both / variance).ln();
    let always = (variance * both / mixture * spread).sqrt();
    Some(Comparison {
        difference,
        p_value,
        low: (difference - width).max(-1.0),
        high: (difference + width).min(1.0),
        always_valid_p_value: (-log_ratio).exp().min(1.0),
        always_valid_low: (difference - always).max(-1.0),
        always_valid_high: (difference + always).min(1.0),
    })
}

fn whole(count: u64) -> f64 {
    real(usize::try_from(count).unwrap_or(usize::MAX))
}

/// Chance that a normal number is as far from 0 as this, on either side.
fn two_sided(z: f64) -> f64 {
    let x = z.abs() / std::f64::consts::SQRT_2;
    if x < 3.0 {
        // Error function by its series.
        let mut term = x;
        let mut sum = x;
        let mut n = 0.0;
        while term.abs() > 1e-17 * sum.abs() && n < 200.0 {
            n += 1.0;
            term *= -x * x / n;
            sum += term / (2.0 * n + 1.0);
        }
        (1.0 - sum * std::f64::consts::FRAC_2_SQRT_PI).clamp(0.0, 1.0)
    } else {
        // Its complement by a continued fraction, from the far end.
        let mut fraction = x;
        for n in (1..=60_u8).rev() {
            fraction = x + f64::from(n) / 2.0 / fraction;
        }
        (-x * x).exp() / fraction * std::f64::consts::FRAC_2_SQRT_PI / 2.0
    }
}

/// The normal number that this share (above one half) lies below.
fn normal_quantile(share: f64) -> f64 {
    let wanted = 2.0 * (1.0 - share);
    let (mut low, mut high) = (0.0, 40.0);
    for _ in 0..100 {
        let middle = f64::midpoint(low, high);
        if two_sided(middle) > wanted {
            low = middle;
        } else {
            high = middle;
        }
    }
    f64::midpoint(low, high)
}

#[cfg(test)]
mod tests;
