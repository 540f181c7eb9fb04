//! RFC 3339 as Twitch writes it: in UTC or with an offset, with up to nine digits after the point.
//! Pure.

use std::str::FromStr;

use kernel::{Day, Timestamp};

/// Reads an instant; `None` if it is none.
pub(super) fn parse(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let day = Day::from_str(date).ok()?;
    let rest = rest.strip_prefix(['T', 't', ' '])?;
    let (time, zone) = rest.split_at_checked(rest.find(['Z', 'z', '+', '-'])?)?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = clock.split(':').map(two);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    let is_digits = fraction.bytes().all(|byte| byte.is_ascii_digit());
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 || !is_digits {
        return None;
    }
    let micros: i64 = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
    let offset = match zone {
        "Z" | "z" => 0,
        _ => {
            let (sign, zone) = zone.split_at_checked(1)?;
            let (hours, minutes) = zone.split_once(':')?;
            let secs = two(hours)? * 3_600 + two(minutes)? * 60;
            if sign == "-" { -secs } else { secs }
        }
    };
    let secs = hour * 3_600 + minute * 60 + second - offset;
    Some(Timestamp(
        day.start().0.checked_add(secs * 1_000_000 + micros)?,
    ))
}

fn two(text: &str) -> Option<i64> {
    let is_two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_two.then(|| text.parse().ok())?
}

#[cfg(test)]
mod tests {
    use super::parse;

    #[test]
    fn twitch_writes_instants_in_several_lengths() {
        for (text, micros) in [
            ("2026-11-27T06:00:00Z", 1_795_759_200_000_000),
            ("2026-11-27T06:00:00.5Z", 1_795_759_200_500_000),
            ("2026-11-27T06:00:00.123456789Z", 1_795_759_200_123_456),
            ("2026-11-27T08:00:00+02:00", 1_795_759_200_000_000),
            ("2026-11-26T22:30:00-07:30", 1_795_759_200_000_000),
        ] {
            assert_eq!(parse(text).map(|at| at.0), Some(micros), "{text}");
        }
        for text in [
            "",
            "2026-11-27",
            "2026-13-01T00:00:00Z",
            "2026-11-27T25:00:00Z",
            "2026-11-27T06:00Z",
            "äöü-11-27T06:00:00Z",
            "2026-11-27T06:00:00.xZ",
        ] {
            assert_eq!(parse(text), None, "{text}");
        }
    }
}
