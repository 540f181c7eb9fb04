//! How sure it is that an account is automated: a number from 0 to 1, kept in whole millionths, so that
//! it is the same in every database and in every comparison.

use std::fmt;

/// A probability. The larger, the surer.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Probability(u32);

/// Millionths in one.
const ONE: u32 = 1_000_000;

impl Probability {
    /// Of so many millionths; more than a million are a million.
    pub const fn millionths(ppm: u32) -> Self {
        Self(if ppm > ONE { ONE } else { ppm })
    }

    /// Of so many hundredths; more than a hundred are a hundred.
    pub const fn percent(percent: u32) -> Self {
        Self::millionths(percent.saturating_mul(10_000))
    }

    /// Of a number of percent, to the ten thousandth; `None` for what is not from 0 to 100.
    pub fn from_percent(percent: f64) -> Option<Self> {
        let fits = (0.0..=100.0).contains(&percent);
        fits.then(|| Self::of(percent / 100.0))
    }

    /// In percent, as exactly as it is kept: 62.5.
    pub fn as_percent(self) -> f64 {
        f64::from(self.0) / 10_000.0
    }

    /// The nearest to a number; what is not a number is 0.
    pub fn of(value: f64) -> Self {
        let ppm = (value.clamp(0.0, 1.0) * f64::from(ONE)).round();
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            clippy::cast_sign_loss,
            reason = "0 to a million, and 0 for what is not a number"
        )]
        Self(ppm as u32)
    }

    /// Of log-odds, in which the shares of the causes of a prediction add up.
    pub fn of_log_odds(log_odds: f64) -> Self {
        Self::of(ml::sigmoid(log_odds))
    }

    /// As log-odds, of one that is certain those of one in a million from it.
    pub fn log_odds(self) -> f64 {
        ml::logit(self.value())
    }

    /// In millionths.
    pub const fn ppm(self) -> u32 {
        self.0
    }

    /// As a number from 0 to 1.
    pub fn value(self) -> f64 {
        f64::from(self.0) / f64::from(ONE)
    }

    /// On a scale of 0 to 100, rounded to the nearest: what people are shown.
    pub const fn confidence(self) -> u32 {
        (self.0 + 5_000) / 10_000
    }

    /// How little is known when this is all one knows: 1 at one half, 0 where it is certain.
    pub fn uncertainty(self) -> f64 {
        1.0 - (self.value() - 0.5).abs() * 2.0
    }

    pub(crate) fn stored(self) -> i32 {
        i32::try_from(self.0).unwrap_or(i32::MAX)
    }

    pub(crate) fn read(ppm: i32) -> Self {
        Self::millionths(u32::try_from(ppm).unwrap_or(0))
    }
}

impl fmt::Display for Probability {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} %", self.confidence())
    }
}

#[cfg(test)]
mod tests {
    use super::Probability;

    #[test]
    fn numbers_are_kept_to_the_millionth_and_shown_as_whole_percent() {
        for (value, ppm, confidence) in [
            (0.0, 0, 0),
            (1.0, 1_000_000, 100),
            (0.7, 700_000, 70),
            (0.994_999, 994_999, 99),
            (0.995, 995_000, 100),
            (-3.0, 0, 0),
            (7.0, 1_000_000, 100),
            (f64::NAN, 0, 0),
        ] {
            let made = Probability::of(value);
            assert_eq!(
                (made.ppm(), made.confidence()),
                (ppm, confidence),
                "{value}"
            );
            assert_eq!(Probability::read(made.stored()), made);
        }
        assert_eq!(Probability::percent(70), Probability::of(0.7));
        assert_eq!(Probability::read(-1), Probability::default());
    }

    #[test]
    fn percents_are_read_as_they_are_shown_and_nothing_beyond_them() {
        for (percent, ppm) in [
            (0.0, 0),
            (62.5, 625_000),
            (99.9999, 999_999),
            (100.0, 1_000_000),
        ] {
            let read = Probability::from_percent(percent).unwrap();
            assert_eq!(read.ppm(), ppm, "{percent}");
            assert!((read.as_percent() - percent).abs() < 1e-9, "{percent}");
        }
        for wrong in [-0.1, 100.1, f64::NAN, f64::INFINITY] {
            assert_eq!(Probability::from_percent(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn log_odds_lead_back_to_the_probability_and_end_somewhere() {
        assert!(Probability::percent(50).log_odds().abs() < 1e-9);
        for ppm in [1, 250_000, 700_000, 999_999] {
            let made = Probability::millionths(ppm);
            assert_eq!(Probability::of_log_odds(made.log_odds()), made);
        }
        assert!(Probability::percent(100).log_odds().is_finite());
        assert_eq!(Probability::of_log_odds(f64::NAN), Probability::default());
    }

    #[test]
    fn one_half_says_nothing_and_both_ends_say_all() {
        assert!((Probability::of(0.5).uncertainty() - 1.0).abs() < 1e-9);
        assert!(Probability::of(0.0).uncertainty().abs() < 1e-9);
        assert!(Probability::of(1.0).uncertainty().abs() < 1e-9);
        assert!(Probability::of(0.6).uncertainty() < Probability::of(0.45).uncertainty());
    }
}
