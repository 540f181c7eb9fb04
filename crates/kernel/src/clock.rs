//! Time as the program sees it: microseconds since 1970-01-01T00:00:00Z, and whole UTC days.
//!
//! The only file that may read the system clock. Everything else is given a [`Clock`], so that a
//! month passes in a test in a millisecond.

use std::fmt;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

const MICROS_PER_SEC: i64 = 1_000_000;
const MICROS_PER_DAY: i64 = 86_400 * MICROS_PER_SEC;

/// An instant, in microseconds since the Unix epoch, UTC. Stored as a 64-bit integer on every
/// database, so that comparing and rounding mean the same everywhere.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Timestamp(pub i64);

/// A whole UTC day: days since 1970-01-01 (a Thursday).
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug, Default)]
pub struct Day(pub i32);

impl Timestamp {
    /// From milliseconds since the epoch; saturates.
    pub const fn from_millis(millis: i64) -> Self {
        Self(millis.saturating_mul(1_000))
    }

    /// From seconds since the epoch; saturates.
    pub const fn from_secs(secs: i64) -> Self {
        Self(secs.saturating_mul(MICROS_PER_SEC))
    }

    /// Milliseconds since the epoch, rounded down.
    pub const fn millis(self) -> i64 {
        self.0.div_euclid(1_000)
    }

    /// Seconds since the epoch, rounded down.
    pub const fn secs(self) -> i64 {
        self.0.div_euclid(MICROS_PER_SEC)
    }

    /// The UTC day this instant is in.
    pub fn day(self) -> Day {
        // In range: i64::MAX microseconds is 106,751,991 days.
        Day(i32::try_from(self.0.div_euclid(MICROS_PER_DAY)).unwrap_or(i32::MAX))
    }

    /// The UTC hour of the day, 0..=23.
    pub fn hour(self) -> u8 {
        u8::try_from(self.0.rem_euclid(MICROS_PER_DAY) / (3_600 * MICROS_PER_SEC)).unwrap_or(0)
    }

    /// This instant plus a duration; saturates.
    #[must_use]
    pub fn plus(self, duration: Duration) -> Self {
        Self(self.0.saturating_add(micros(duration)))
    }

    /// This instant minus a duration; saturates.
    #[must_use]
    pub fn minus(self, duration: Duration) -> Self {
        Self(self.0.saturating_sub(micros(duration)))
    }

    /// Time from `earlier` to this instant; zero if `earlier` is later.
    pub fn since(self, earlier: Self) -> Duration {
        Duration::from_micros(u64::try_from(self.0.saturating_sub(earlier.0)).unwrap_or(0))
    }
}

fn micros(duration: Duration) -> i64 {
    i64::try_from(duration.as_micros()).unwrap_or(i64::MAX)
}

impl Day {
    /// The first instant of the day; saturates.
    pub const fn start(self) -> Timestamp {
        // Widening only: `From` is not const yet, and i32 always fits i64.
        #[expect(clippy::as_conversions, reason = "const widening of i32 to i64")]
        Timestamp((self.0 as i64).saturating_mul(MICROS_PER_DAY))
    }

    /// The day `days` later (earlier if negative); saturates.
    #[must_use]
    pub const fn plus(self, days: i32) -> Self {
        Self(self.0.saturating_add(days))
    }

    /// Day of the week, 0 = Monday … 6 = Sunday.
    pub fn weekday(self) -> u8 {
        u8::try_from((self.0.saturating_add(3)).rem_euclid(7)).unwrap_or(0)
    }

    /// The Monday of this day's week.
    #[must_use]
    pub fn week_start(self) -> Self {
        self.plus(-i32::from(self.weekday()))
    }

    /// The civil date (proleptic Gregorian): year, month 1..=12, day 1..=31.
    /// Algorithm: Howard Hinnant, "chrono-Compatible Low-Level Date Algorithms", `civil_from_days`.
    pub fn civil(self) -> (i32, u8, u8) {
        let z = i64::from(self.0) + 719_468;
        let era = z.div_euclid(146_097);
        let doe = z.rem_euclid(146_097);
        let yoe = (doe - doe / 1_460 + doe / 36_524 - doe / 146_096) / 365;
        let doy = doe - (365 * yoe + yoe / 4 - yoe / 100);
        let mp = (5 * doy + 2) / 153;
        let day = doy - (153 * mp + 2) / 5 + 1;
        let month = if mp < 10 { mp + 3 } else { mp - 9 };
        let year = yoe + era * 400 + i64::from(month <= 2);
        (
            i32::try_from(year).unwrap_or(i32::MAX),
            u8::try_from(month).unwrap_or(1),
            u8::try_from(day).unwrap_or(1),
        )
    }

    /// The day of a civil date; `None` if there is no such date.
    pub fn from_civil(year: i32, month: u8, day: u8) -> Option<Self> {
        if !(1..=12).contains(&month) || !(1..=31).contains(&day) {
            return None;
        }
        let y = i64::from(year) - i64::from(month <= 2);
        let era = y.div_euclid(400);
        let yoe = y.rem_euclid(400);
        let shifted = i64::from(month) + if month > 2 { -3 } else { 9 };
        let doy = (153 * shifted + 2) / 5 + i64::from(day) - 1;
        let doe = yoe * 365 + yoe / 4 - yoe / 100 + doy;
        let found = Self(i32::try_from(era * 146_097 + doe - 719_468).ok()?);
        (found.civil() == (year, month, day)).then_some(found)
    }
}

impl fmt::Display for Day {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (year, month, day) = self.civil();
        write!(f, "{year:04}-{month:02}-{day:02}")
    }
}

impl std::str::FromStr for Day {
    type Err = NotADate;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let mut parts = text.splitn(3, '-');
        let mut next = || parts.next().ok_or_else(|| NotADate(text.to_owned()));
        let (year, month, day) = (next()?, next()?, next()?);
        let parsed =
            (|| Self::from_civil(year.parse().ok()?, month.parse().ok()?, day.parse().ok()?))();
        parsed.ok_or_else(|| NotADate(text.to_owned()))
    }
}

/// The text was not a date like `2026-11-23`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a date like 2026-11-23")]
pub struct NotADate(pub String);

impl fmt::Display for Timestamp {
    /// RFC 3339 in UTC with milliseconds, e.g. `2026-11-23T18:50:16.000Z`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let millis = self.millis().rem_euclid(86_400_000);
        let (hour, minute) = (millis / 3_600_000, millis / 60_000 % 60);
        write!(
            f,
            "{}T{hour:02}:{minute:02}:{:02}.{:03}Z",
            self.day(),
            millis / 1_000 % 60,
            millis % 1_000
        )
    }
}

/// A source of the current time. Implementations truncate to microseconds.
pub trait Clock: Send + Sync {
    /// The current instant.
    fn now(&self) -> Timestamp;
}

/// The computer's clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    #[expect(
        clippy::disallowed_methods,
        reason = "the one place that reads the system clock"
    )]
    fn now(&self) -> Timestamp {
        match SystemTime::now().duration_since(UNIX_EPOCH) {
            Ok(elapsed) => Timestamp(micros(elapsed)),
            Err(before) => Timestamp(-micros(before.duration())),
        }
    }
}

#[cfg(test)]
mod tests;
