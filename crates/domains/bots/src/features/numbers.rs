//! Arithmetic that the signals share: narrowing to what a digest holds, means, quantiles, entropy.
//!
//! Must never know: a message, a member. An empty case is `f32::NAN`, never a made-up number.

/// A count as it fits into a byte; saturates.
pub(super) fn byte(count: usize) -> u8 {
    u8::try_from(count).unwrap_or(u8::MAX)
}

/// A count as it fits into half a byte; saturates.
pub(super) fn nibble(count: usize) -> u8 {
    byte(count).min(15)
}

/// A count as it fits into two bytes; saturates.
pub(super) fn short(count: usize) -> u16 {
    u16::try_from(count).unwrap_or(u16::MAX)
}

/// A count as a number to reckon with; exact below 2³², which no count here reaches.
pub(super) fn real(count: usize) -> f64 {
    f64::from(u32::try_from(count).unwrap_or(u32::MAX))
}

/// Microseconds as seconds.
pub(super) fn secs(micros: i64) -> f64 {
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "a span of time: exact below 285 years"
    )]
    let micros = micros as f64;
    micros / 1e6
}

/// The value a vector holds.
pub(super) fn single(value: f64) -> f32 {
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        reason = "models are trained and asked with the same rounding"
    )]
    let single = value as f32;
    single
}

/// `part` of `whole` on a scale of 0 to 255; 0 for an empty whole.
pub(super) fn scaled(part: usize, whole: usize) -> u8 {
    match whole {
        0 => 0,
        whole => byte((part.min(whole) * 255 + whole / 2) / whole),
    }
}

/// A non-negative value in steps of `1 / steps`, as it fits into two bytes; saturates below `u16::MAX`.
pub(super) fn stepped(value: f64, steps: f64) -> u16 {
    let value = (value * steps).round().clamp(0.0, f64::from(u16::MAX - 1));
    #[expect(
        clippy::as_conversions,
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "clamped to the range of u16"
    )]
    let stepped = value as u16;
    stepped
}

/// `part / whole`; NaN for an empty whole.
pub(super) fn share(part: usize, whole: usize) -> f64 {
    if whole == 0 {
        f64::NAN
    } else {
        real(part) / real(whole)
    }
}

/// The mean; NaN of nothing.
pub(super) fn mean(values: &[f64]) -> f64 {
    if values.is_empty() {
        f64::NAN
    } else {
        values.iter().sum::<f64>() / real(values.len())
    }
}

/// The standard deviation of a whole population; NaN of nothing.
pub(super) fn deviation(values: &[f64]) -> f64 {
    let mean = mean(values);
    let squares: f64 = values.iter().map(|v| (v - mean) * (v - mean)).sum();
    if values.is_empty() {
        f64::NAN
    } else {
        (squares / real(values.len())).sqrt()
    }
}

/// A quantile of ascending values, between neighbours in proportion; NaN of nothing.
pub(super) fn quantile(ascending: &[f64], q: f64) -> f64 {
    let Some(last) = ascending.len().checked_sub(1) else {
        return f64::NAN;
    };
    let place = q.clamp(0.0, 1.0) * real(last);
    let below = usize::from(stepped(place.floor(), 1.0)).min(last);
    let low = ascending.get(below).copied().unwrap_or(f64::NAN);
    let high = ascending.get((below + 1).min(last)).copied().unwrap_or(low);
    low + (high - low) * (place - real(below))
}

/// How evenly counts are spread, 0 (all in one) to 1 (as even as so many can be); NaN below two.
pub(super) fn evenness(counts: &[usize]) -> f64 {
    let whole: usize = counts.iter().sum();
    let most = whole.min(counts.len());
    if most < 2 {
        return f64::NAN;
    }
    let entropy: f64 = counts
        .iter()
        .filter(|count| **count > 0)
        .map(|count| {
            let p = real(*count) / real(whole);
            -p * p.log2()
        })
        .sum();
    // Not below zero, and no negative zero either.
    (entropy / real(most).log2()).clamp(0.0, 1.0) + 0.0
}

/// Sorts ascending; there is no NaN among measured values.
pub(super) fn ascending(mut values: Vec<f64>) -> Vec<f64> {
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// A 64-bit hash that is the same on every machine and in every version: FNV-1a with a mixing end.
pub(super) fn hash(bytes: &[u8]) -> u64 {
    let mut hash: u64 = 0xcbf2_9ce4_8422_2325;
    for byte in bytes {
        hash = (hash ^ u64::from(*byte)).wrapping_mul(0x0000_0100_0000_01b3);
    }
    mix(hash)
}

/// Spreads every bit of a number over all of them.
pub(super) const fn mix(mut value: u64) -> u64 {
    value ^= value >> 33;
    value = value.wrapping_mul(0xff51_afd7_ed55_8ccd);
    value ^= value >> 33;
    value = value.wrapping_mul(0xc4ce_b9fe_1a85_ec53);
    value ^ (value >> 33)
}

/// The upper half of a hash; never 0, which means "none".
pub(super) fn fold32(hash: u64) -> u32 {
    u32::try_from(hash >> 32).unwrap_or(u32::MAX).max(1)
}

/// The upper quarter of a hash; never 0, which means "none".
pub(super) fn fold16(hash: u64) -> u16 {
    u16::try_from(hash >> 48).unwrap_or(u16::MAX).max(1)
}

#[cfg(test)]
mod tests {
    use super::{evenness, mean, quantile, scaled};

    #[test]
    fn nothing_measured_is_not_a_number() {
        assert!(mean(&[]).is_nan());
        assert!(quantile(&[], 0.5).is_nan());
        assert!(evenness(&[7]).is_nan());
        assert_eq!(scaled(0, 0), 0);
    }

    #[test]
    fn a_quantile_lies_between_its_neighbours() {
        assert!((quantile(&[1.0, 2.0, 4.0], 0.5) - 2.0).abs() < 1e-12);
        assert!((quantile(&[1.0, 2.0], 0.25) - 1.25).abs() < 1e-12);
    }

    #[test]
    fn evenness_reaches_from_one_place_to_all() {
        assert!(evenness(&[5, 0, 0]).abs() < 1e-12);
        assert!((evenness(&[3, 3, 3]) - 1.0).abs() < 1e-12);
    }
}
