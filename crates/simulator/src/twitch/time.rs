//! RFC 3339, as Twitch reads it.

use std::str::FromStr;

use kernel::{Day, Timestamp};

/// Reads `2026-11-27T18:00:00Z`, with or without a fraction, with `Z` or an offset.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    let (date, rest) = text.split_at_checked(10)?;
    let day = Day::from_str(date).ok()?;
    let rest = rest.strip_prefix(['T', 't'])?;
    let zone = rest.find(['Z', 'z', '+', '-'])?;
    let (time, zone) = rest.split_at_checked(zone)?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let mut parts = clock.split(':').map(two);
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    if parts.next().is_some() || hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    if !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
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
    Some(Timestamp(day.start().0 + secs * 1_000_000 + micros))
}

fn two(text: &str) -> Option<i64> {
    let is_two = text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit());
    is_two.then(|| text.parse().ok())?
}

/// Seconds only, as schedules show them: `2026-11-27T18:00:00Z`.
pub(crate) fn whole(at: Timestamp) -> String {
    let text = at.to_string();
    text.split_once('.')
        .map_or(text.clone(), |(secs, _)| format!("{secs}Z"))
}
