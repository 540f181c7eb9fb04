//! Times as exports write them.

use kernel::{Day, Timestamp};

/// RFC 3339 with any offset, e.g. `2024-05-01T10:00:00.123+02:00`; microseconds are kept.
pub(super) fn rfc3339(text: &str) -> Option<Timestamp> {
    let parsed = chrono::DateTime::parse_from_rfc3339(text.trim()).ok()?;
    Some(Timestamp(parsed.timestamp_micros()))
}

/// RFC 3339 in UTC with microseconds; what [`rfc3339`] reads back unchanged.
pub(super) fn to_rfc3339(at: Timestamp) -> String {
    let seconds = at.secs().rem_euclid(86_400);
    format!(
        "{}T{:02}:{:02}:{:02}.{:06}Z",
        at.day(),
        seconds / 3_600,
        seconds / 60 % 60,
        seconds % 60,
        at.0.rem_euclid(1_000_000)
    )
}

/// A wall-clock time on a day, `offset_secs` east of UTC.
pub(super) fn local(day: Day, secs_of_day: u32, offset_secs: i32) -> Timestamp {
    let micros = (i64::from(secs_of_day) - i64::from(offset_secs)).saturating_mul(1_000_000);
    Timestamp(day.start().0.saturating_add(micros))
}

/// `HH:MM` or `HH:MM:SS` as seconds of the day; a leap second counts as the last second.
pub(super) fn clock(text: &str) -> Option<u32> {
    let mut parts = text.split(':');
    let hours = two_digits(parts.next()?)?;
    let minutes = two_digits(parts.next()?)?;
    let seconds = parts.next().map_or(Some(0), two_digits)?;
    let valid = parts.next().is_none() && hours < 24 && minutes < 60 && seconds <= 60;
    valid.then_some(hours * 3_600 + minutes * 60 + seconds.min(59))
}

fn two_digits(text: &str) -> Option<u32> {
    let digits = text.len() == 2 && text.bytes().all(|b| b.is_ascii_digit());
    digits.then(|| text.parse().ok()).flatten()
}

/// `YYYY-MM-DD`, with exactly those widths.
pub(super) fn iso_day(text: &str) -> Option<Day> {
    let shape = text.len() == 10
        && text
            .bytes()
            .enumerate()
            .all(|(i, b)| matches!(i, 4 | 7) == (b == b'-') && (b == b'-' || b.is_ascii_digit()));
    shape.then(|| text.parse().ok()).flatten()
}

#[cfg(test)]
mod tests {
    use super::{clock, iso_day, local, rfc3339, to_rfc3339};
    use kernel::{Day, Timestamp};

    #[test]
    fn offsets_and_fractions_are_understood() {
        let at = Timestamp(1_714_557_600_123_456);
        for text in [
            "2024-05-01T10:00:00.123456Z",
            "2024-05-01T12:00:00.123456+02:00",
        ] {
            assert_eq!(rfc3339(text), Some(at));
        }
        assert_eq!(rfc3339(&to_rfc3339(at)), Some(at));
        assert_eq!(rfc3339("2024-05-01"), None);
        assert_eq!(rfc3339("0001-01-01T00:00:00"), None);
    }

    #[test]
    fn clocks_and_dates_have_fixed_widths() {
        assert_eq!(clock("10:01"), Some(36_060));
        assert_eq!(clock("23:59:60"), Some(86_399));
        for bad in ["1:01", "24:00", "10:60", "10:01:02:03", "", "10", "+1:00"] {
            assert_eq!(clock(bad), None, "{bad}");
        }
        assert_eq!(iso_day("2004-11-27"), Day::from_civil(2004, 11, 27));
        for bad in ["2004-13-01", "2004-1-27", "-004-11-27", "2004-11-27x"] {
            assert_eq!(iso_day(bad), None, "{bad}");
        }
    }

    #[test]
    fn local_time_east_of_greenwich_is_earlier_in_utc() {
        let day = Day::from_civil(2004, 11, 27).unwrap();
        let noon = local(day, 43_200, 0);
        assert_eq!(local(day, 43_200, 3_600).0, noon.0 - 3_600_000_000);
    }
}
