//! What an answer means and when the next try is: pure rules.

use std::time::Duration;

use kernel::{Day, HookError, HookReply, Timestamp};

/// How long after each failed try the next one is, at least; up to a tenth more is added by chance.
/// After the last one there is none.
pub const SCHEDULE: [Duration; 6] = [
    Duration::from_secs(5),
    Duration::from_mins(5),
    Duration::from_mins(30),
    Duration::from_hours(2),
    Duration::from_hours(5),
    Duration::from_hours(10),
];

/// Tries of a message before it has failed: at once, and those of the schedule.
pub const TRIES: u32 = 7;

/// The longest wait that a receiver may ask for.
pub const WAIT_MAX: Duration = Duration::from_hours(24);

/// A webhook is switched off when every try has failed for so long …
pub const FAILING_FOR: Duration = Duration::from_secs(5 * 86_400);
/// … and so many times at least.
pub const FAILURES_MIN: i32 = 12;

/// What comes after a try.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Next {
    /// Nothing: it arrived.
    Delivered,
    /// Another try, after so long.
    Again(Duration),
    /// Nothing: it failed too often.
    GivenUp,
    /// Nothing, and the receiver wants no more of them.
    Gone,
}

/// What comes after a try; `round` is which one it was, from 1; `chance` is in `0.0..1.0`.
pub fn next(
    answer: &Result<HookReply, HookError>,
    round: u32,
    now: Timestamp,
    chance: f64,
) -> Next {
    let asked = match answer {
        Ok(reply) if (200..300).contains(&reply.status) => return Next::Delivered,
        Ok(reply) if reply.status == 410 => return Next::Gone,
        Ok(reply) => reply
            .retry_after
            .as_deref()
            .and_then(|text| wait(text, now)),
        Err(_) => None,
    };
    let planned = usize::try_from(round.max(1) - 1)
        .ok()
        .and_then(|place| SCHEDULE.get(place));
    planned.map_or(Next::GivenUp, |planned| {
        let planned = planned.mul_f64(0.1_f64.mul_add(chance, 1.0));
        Next::Again(asked.map_or(planned, |asked| asked.min(WAIT_MAX).max(planned)))
    })
}

/// Whether a webhook whose tries fail is switched off now.
pub fn is_hopeless(failing_since: Timestamp, failures: i32, now: Timestamp) -> bool {
    failures >= FAILURES_MIN && now.since(failing_since) >= FAILING_FOR
}

/// How long `Retry-After` asks to wait: seconds, or a date as RFC 9110 writes it.
fn wait(text: &str, now: Timestamp) -> Option<Duration> {
    let text = text.trim();
    if let Ok(secs) = text.parse::<u32>() {
        return Some(Duration::from_secs(secs.into()));
    }
    Some(date(text)?.since(now))
}

/// `Wed, 21 Oct 2026 07:28:00 GMT`.
fn date(text: &str) -> Option<Timestamp> {
    const MONTHS: [&str; 12] = [
        "Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec",
    ];
    let (_, rest) = text.split_once(", ")?;
    let mut parts = rest.split(' ');
    let (day, month, year) = (parts.next()?, parts.next()?, parts.next()?);
    let (time, zone) = (parts.next()?, parts.next()?);
    let month = MONTHS.iter().position(|name| *name == month)? + 1;
    let day = Day::from_civil(
        year.parse().ok()?,
        u8::try_from(month).ok()?,
        day.parse().ok()?,
    )?;
    let mut clock = time.split(':').map(|part| part.parse::<u32>().ok());
    let (hour, minute, second) = (clock.next()??, clock.next()??, clock.next()??);
    let fits = zone == "GMT" && hour < 24 && minute < 60 && second <= 60;
    let secs = hour * 3_600 + minute * 60 + second;
    fits.then(|| day.start().plus(Duration::from_secs(secs.into())))
}

#[cfg(test)]
mod tests;
