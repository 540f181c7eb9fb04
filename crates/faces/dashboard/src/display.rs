//! How numbers, dates and spans of time are written for people. Pure; never reads the clock and
//! never writes markup.

use std::time::Duration;

use kernel::{Day, Timestamp};

const MONTHS: [&str; 12] = [
    "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
];

/// Days of the week, Monday first.
pub(crate) const WEEKDAYS: [&str; 7] = [
    "Monday",
    "Tuesday",
    "Wednesday",
    "Thursday",
    "Friday",
    "Saturday",
    "Sunday",
];

/// A whole number as a floating-point one, for shares and drawing. Exact up to 2^53.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "a chart needs three digits, not sixty-four bits"
)]
pub(crate) const fn float(count: u64) -> f64 {
    count as f64
}

/// The nearest whole number; 0 for what is negative or not a number.
#[expect(
    clippy::as_conversions,
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a saturating cast is what is wanted"
)]
pub(crate) fn rounded(value: f64) -> u64 {
    value.round() as u64
}

/// `12,345`.
pub(crate) fn count(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A count or a mean: whole from 10 on (`1,234`), else with one digit after the point (`3.4`).
pub(crate) fn figure(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let value = value.max(0.0);
    if value >= 9.95 || (value - value.round()).abs() < 0.05 {
        count(rounded(value))
    } else {
        format!("{value:.1}")
    }
}

/// A count in at most four characters, for axes: `950`, `1.2k`, `12k`, `3.4M`.
pub(crate) fn short(value: f64) -> String {
    let steps = [(1e9, "G"), (1e6, "M"), (1e3, "k")];
    for (unit, letter) in steps {
        if value.abs() >= unit {
            let scaled = value / unit;
            let text = if scaled.abs() < 10.0 {
                format!("{scaled:.1}")
            } else {
                format!("{scaled:.0}")
            };
            let text = text.strip_suffix(".0").unwrap_or(&text);
            return format!("{text}{letter}");
        }
    }
    let text = format!("{value:.1}");
    text.strip_suffix(".0").unwrap_or(&text).to_owned()
}

/// A share of 1 as a percentage: `34 %`, `3.4 %` below ten.
pub(crate) fn percent(share: f64) -> String {
    if !share.is_finite() {
        return "–".to_owned();
    }
    let value = share * 100.0;
    if value == 0.0 || value >= 9.95 {
        format!("{value:.0} %")
    } else {
        format!("{value:.1} %")
    }
}

/// Which way a measure went.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Direction {
    /// More than before.
    Up,
    /// Less than before.
    Down,
    /// The same to within half a percent.
    Level,
}

/// How a measure changed against the period before.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Change {
    /// The way it went.
    pub(crate) direction: Direction,
    /// `12 %`, or `new` where there was nothing before.
    pub(crate) amount: String,
}

/// Compares a value with the one of the period before; `None` if neither says anything.
pub(crate) fn change(value: f64, previous: Option<f64>) -> Option<Change> {
    let previous = previous.filter(|p| p.is_finite())?;
    if !value.is_finite() || (value <= 0.0 && previous <= 0.0) {
        return None;
    }
    if previous <= 0.0 {
        return Some(Change {
            direction: Direction::Up,
            amount: "new".to_owned(),
        });
    }
    let ratio = value / previous - 1.0;
    let direction = if ratio.abs() < 0.005 {
        Direction::Level
    } else if ratio > 0.0 {
        Direction::Up
    } else {
        Direction::Down
    };
    let amount = if ratio >= 9.995 {
        format!("× {:.0}", ratio + 1.0)
    } else {
        format!("{:.0} %", (ratio * 100.0).abs())
    };
    Some(Change { direction, amount })
}

fn month(number: u8) -> &'static str {
    MONTHS
        .get(usize::from(number).saturating_sub(1))
        .copied()
        .unwrap_or("?")
}

/// `23 Nov 2026`.
pub(crate) fn date(day: Day) -> String {
    let (y, m, d) = day.civil();
    format!("{d} {} {y}", month(m))
}

/// `23 Nov`.
pub(crate) fn day_month(day: Day) -> String {
    let (_, m, d) = day.civil();
    format!("{d} {}", month(m))
}

/// `Nov 2026`.
pub(crate) fn month_year(day: Day) -> String {
    let (y, m, _) = day.civil();
    format!("{} {y}", month(m))
}

/// `23 Nov 2026, 14:03 UTC`.
pub(crate) fn moment(at: Timestamp) -> String {
    format!("{}, {} UTC", date(at.day()), clock(at))
}

/// `14:03`, UTC.
pub(crate) fn clock(at: Timestamp) -> String {
    format!(
        "{:02}:{:02}",
        at.hour(),
        at.secs().div_euclid(60).rem_euclid(60)
    )
}

/// What somebody is told who failed too often.
pub(crate) fn wait(retry_after: Duration) -> String {
    let wait = duration(retry_after);
    format!("too many failed attempts: try again in {wait}")
}

/// How long ago: `just now`, `4 min ago`, `3 h ago`, `12 days ago`, then the date.
pub(crate) fn ago(now: Timestamp, then: Timestamp) -> String {
    let secs = now.since(then).as_secs();
    match secs {
        0..60 => "just now".to_owned(),
        60..3_600 => format!("{} min ago", secs / 60),
        3_600..86_400 => format!("{} h ago", secs / 3_600),
        86_400..172_800 => "yesterday".to_owned(),
        172_800..2_592_000 => format!("{} days ago", secs / 86_400),
        _ => date(then.day()),
    }
}

/// A moment in a table: as text, for machines, and how long ago.
pub(crate) struct When {
    /// `23 Nov 2026, 14:03 UTC`.
    pub(crate) text: String,
    /// For `datetime`.
    pub(crate) machine: String,
    /// `4 min ago`.
    pub(crate) ago: String,
}

/// A moment as seen now.
pub(crate) fn when(now: Timestamp, at: Timestamp) -> When {
    When {
        text: moment(at),
        machine: at.to_string(),
        ago: ago(now, at),
    }
}

/// How long to wait or how long something ran, rounded up: `40 seconds`, `3 minutes`, `2 hours`.
pub(crate) fn duration(span: Duration) -> String {
    let secs = span.as_secs() + u64::from(span.subsec_nanos() > 0);
    let (n, unit) = match secs {
        0..=90 => (secs, "second"),
        91..=5_400 => (secs.div_ceil(60), "minute"),
        5_401..=172_800 => (secs.div_ceil(3_600), "hour"),
        _ => (secs.div_ceil(86_400), "day"),
    };
    plural(n, unit)
}

/// `1 person`-style counting for regular nouns: `1 day`, `2 days`, `1,204 members`.
pub(crate) fn plural(n: u64, noun: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{} {noun}{s}", count(n))
}

/// `512 B`, `3.4 MB` (powers of 1000).
pub(crate) fn bytes(n: u64) -> String {
    if n < 1_000 {
        return format!("{n} B");
    }
    let mut value = float(n) / 1_000.0;
    let mut unit = "kB";
    for next in ["MB", "GB", "TB"] {
        if value < 999.95 {
            break;
        }
        value /= 1_000.0;
        unit = next;
    }
    format!("{value:.1} {unit}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts_are_grouped_by_thousands() {
        let cases = [
            (0, "0"),
            (999, "999"),
            (1_000, "1,000"),
            (1_234_567, "1,234,567"),
        ];
        for (n, text) in cases {
            assert_eq!(count(n), text);
        }
        assert_eq!(count(u64::MAX), "18,446,744,073,709,551,615");
    }

    #[test]
    fn figures_have_a_digit_after_the_point_only_when_it_says_something() {
        let cases = [
            (0.0, "0"),
            (3.42, "3.4"),
            (3.0, "3"),
            (9.97, "10"),
            (1_234.4, "1,234"),
            (f64::NAN, "–"),
        ];
        for (n, text) in cases {
            assert_eq!(figure(n), text, "{n}");
        }
    }

    #[test]
    fn axis_numbers_are_short() {
        let cases = [
            (0.0, "0"),
            (0.5, "0.5"),
            (950.0, "950"),
            (1_000.0, "1k"),
            (1_250.0, "1.2k"),
            (12_400.0, "12k"),
            (3.4e6, "3.4M"),
        ];
        for (n, text) in cases {
            assert_eq!(short(n), text, "{n}");
        }
    }

    #[test]
    fn a_change_is_said_in_percent_or_times_or_as_new() {
        let amount = |value, previous| change(value, previous).map(|c| (c.direction, c.amount));
        assert_eq!(
            amount(112.0, Some(100.0)),
            Some((Direction::Up, "12 %".to_owned()))
        );
        assert_eq!(
            amount(50.0, Some(100.0)),
            Some((Direction::Down, "50 %".to_owned()))
        );
        assert_eq!(
            amount(100.0, Some(100.0)),
            Some((Direction::Level, "0 %".to_owned()))
        );
        assert_eq!(
            amount(2_000.0, Some(10.0)),
            Some((Direction::Up, "× 200".to_owned()))
        );
        assert_eq!(
            amount(5.0, Some(0.0)),
            Some((Direction::Up, "new".to_owned()))
        );
        assert_eq!(amount(0.0, Some(0.0)), None);
        assert_eq!(amount(5.0, None), None);
        assert_eq!(amount(f64::NAN, Some(1.0)), None);
    }

    #[test]
    fn times_past_are_said_as_people_say_them() {
        let now = Timestamp::from_secs(1_700_000_000);
        let before = |secs: i64| ago(now, Timestamp::from_secs(1_700_000_000 - secs));
        assert_eq!(before(5), "just now");
        assert_eq!(before(-5), "just now");
        assert_eq!(before(240), "4 min ago");
        assert_eq!(before(10_800), "3 h ago");
        assert_eq!(before(90_000), "yesterday");
        assert_eq!(before(864_000), "10 days ago");
        assert_eq!(before(31_536_000), "14 Nov 2022");
    }

    #[test]
    fn spans_are_rounded_up_so_that_waiting_that_long_is_enough() {
        assert_eq!(duration(Duration::from_millis(300)), "1 second");
        assert_eq!(duration(Duration::from_secs(61)), "61 seconds");
        assert_eq!(duration(Duration::from_secs(121)), "3 minutes");
        assert_eq!(duration(Duration::from_secs(7_200)), "2 hours");
        assert_eq!(duration(Duration::from_secs(864_000)), "10 days");
    }

    #[test]
    fn dates_and_sizes_are_written_plainly() {
        let at = Timestamp::from_millis(1_795_461_016_000);
        assert_eq!(moment(at), "23 Nov 2026, 19:10 UTC");
        assert_eq!(month_year(at.day()), "Nov 2026");
        assert_eq!(bytes(512), "512 B");
        assert_eq!(bytes(3_400_000), "3.4 MB");
        assert_eq!(percent(0.034), "3.4 %");
        assert_eq!(percent(1.0), "100 %");
    }
}
