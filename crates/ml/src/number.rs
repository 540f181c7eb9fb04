//! Conversions between kinds of numbers that the standard library leaves to `as`. Nothing else.

/// A count as a floating-point number: exact up to 2^53, which no set of rows reaches.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "counts stay far below 2^53"
)]
pub(crate) const fn real(n: usize) -> f64 {
    n as f64
}

/// The nearest `f32`; what is too large becomes infinite.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    reason = "rounding to the nearest f32 is what is wanted"
)]
pub(crate) const fn narrow(value: f64) -> f32 {
    value as f32
}

/// The whole number below; 0 for what is negative or not a number.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a saturating cast is what is wanted"
)]
pub(crate) fn floor(value: f64) -> usize {
    value.floor() as usize
}

/// A position kept in 32 bits as one that indexes.
pub(crate) fn position(n: u32) -> usize {
    usize::try_from(n).unwrap_or(usize::MAX)
}

/// A position in 32 bits; saturates, and the largest value is the position of nothing.
pub(crate) fn short(n: usize) -> u32 {
    u32::try_from(n).unwrap_or(u32::MAX)
}

/// The logistic function, without overflow: the probability of a margin.
pub fn sigmoid(margin: f64) -> f64 {
    if margin >= 0.0 {
        1.0 / (1.0 + (-margin).exp())
    } else {
        let odds = margin.exp();
        odds / (1.0 + odds)
    }
}

/// The log-odds of a probability, of one that is certain those of one in a million from it: the margin of a probability.
pub fn logit(probability: f64) -> f64 {
    const EDGE: f64 = 1e-6;
    let p = probability.clamp(EDGE, 1.0 - EDGE);
    (p / (1.0 - p)).ln()
}
