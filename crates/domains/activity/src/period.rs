//! A span of whole UTC days. Every page and query has one.

use kernel::Day;

/// Longest period, in days: 40 years of history.
const DAYS_MAX: i32 = 14_610;

/// From a day up to, not including, another; at least one day.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Period {
    /// The first day.
    pub from: Day,
    /// The day after the last.
    pub until: Day,
}

/// The two days do not make a period.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the period must end after it begins and last at most {DAYS_MAX} days")]
pub struct BadPeriod;

impl Period {
    /// A checked period.
    pub fn new(from: Day, until: Day) -> Result<Self, BadPeriod> {
        let days = until.0.checked_sub(from.0).ok_or(BadPeriod)?;
        if (1..=DAYS_MAX).contains(&days) {
            Ok(Self { from, until })
        } else {
            Err(BadPeriod)
        }
    }

    /// The `n` days that end with `today`; `n` is clamped to 1..=14,610.
    pub fn last_days(today: Day, n: u32) -> Self {
        let n = i32::try_from(n).unwrap_or(DAYS_MAX).clamp(1, DAYS_MAX);
        let until = today.plus(1);
        Self {
            from: until.plus(-n),
            until,
        }
    }

    /// The number of days, at least 1.
    pub fn days(self) -> u32 {
        u32::try_from(self.until.0.saturating_sub(self.from.0))
            .unwrap_or(1)
            .max(1)
    }

    /// The equally long period right before.
    #[must_use]
    pub fn previous(self) -> Self {
        let days = i32::try_from(self.days()).unwrap_or(DAYS_MAX);
        Self {
            from: self.from.plus(-days),
            until: self.from,
        }
    }

    /// Each day.
    pub fn each(self) -> impl Iterator<Item = Day> {
        (self.from.0..self.until.0).map(Day)
    }

    /// Whether a day lies within.
    pub fn contains(self, day: Day) -> bool {
        self.from <= day && day < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::Period;
    use kernel::Day;

    #[test]
    fn a_period_knows_its_days_and_what_came_before() {
        let week = Period::last_days(Day(100), 7);
        assert_eq!((week.from, week.until, week.days()), (Day(94), Day(101), 7));
        assert_eq!(week.previous(), Period::new(Day(87), Day(94)).unwrap());
        assert_eq!(week.each().count(), 7);
        assert!(week.contains(Day(100)) && !week.contains(Day(101)));
    }

    #[test]
    fn empty_reversed_and_endless_periods_are_refused() {
        for (from, until) in [(5, 5), (6, 5), (0, 14_611), (i32::MIN, i32::MAX)] {
            assert!(Period::new(Day(from), Day(until)).is_err());
        }
    }
}
