//! Discord's ids: a time and a counter in 64 bits. Sources: Discord «Snowflakes». Must never answer
//! an id whose time lies before 2015, which the platform could not have made.

use kernel::Timestamp;
use sha2::{Digest, Sha256};

/// 2015-01-01T00:00:00Z in milliseconds: where Discord's ids begin to count.
pub(super) const EPOCH_MS: u64 = 1_420_070_400_000;
/// Nine years of milliseconds: ids made of names look as if made in 2015 to 2023.
const RANGE_MS: u64 = 9 * 365 * 86_400_000;

/// A valid-looking id for any name: the same name always has the same id, two names never have the
/// same in practice (60 bits of SHA-256). A decimal id of 15 to 20 digits stands for itself.
pub fn snowflake(name: &str) -> u64 {
    if (15..=20).contains(&name.len())
        && let Ok(id) = name.parse()
    {
        return id;
    }
    let hash = digest(name);
    (((hash >> 22) % RANGE_MS) << 22) | (hash & 0x3f_ffff)
}

/// Like [`snowflake`], but made at this time: what the platform says about an account's age follows
/// from its id.
pub fn snowflake_at(name: &str, made_at: Timestamp) -> u64 {
    from_time(made_at) | (digest(name) & 0x3f_ffff)
}

/// The first id of a time.
pub(super) fn from_time(at: Timestamp) -> u64 {
    let millis = u64::try_from(at.millis()).unwrap_or(0);
    millis.saturating_sub(EPOCH_MS) << 22
}

/// When an id was made, to the millisecond.
pub fn made_at(id: u64) -> Timestamp {
    time_of(id)
}

/// When an id was made.
pub(super) fn time_of(id: u64) -> Timestamp {
    let millis = (id >> 22).saturating_add(EPOCH_MS);
    Timestamp::from_millis(i64::try_from(millis).unwrap_or(i64::MAX))
}

/// A time as Discord writes it: `2026-11-23T18:50:16.123000+00:00`.
pub(super) fn iso(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{}000+00:00", text.trim_end_matches('Z'))
}

/// A time as clients write it: RFC 3339 in UTC, with or without fraction.
pub(super) fn parse_iso(text: &str) -> Option<Timestamp> {
    let rest = text
        .strip_suffix('Z')
        .or_else(|| text.strip_suffix("+00:00"))?;
    let (day, time) = rest.split_once('T')?;
    let day: kernel::Day = day.parse().ok()?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = clock.split(':');
    let mut next = || parts.next()?.parse::<i64>().ok();
    let (hour, minute, second) = (next()?, next()?, next()?);
    let in_range =
        (0..24).contains(&hour) && (0..60).contains(&minute) && (0..61).contains(&second);
    let digits: String = fraction.chars().chain("000000".chars()).take(6).collect();
    let micros: i64 = digits.parse().ok()?;
    in_range.then(|| {
        Timestamp(day.start().0 + ((hour * 60 + minute) * 60 + second) * 1_000_000 + micros)
    })
}

fn digest(name: &str) -> u64 {
    let hash = Sha256::digest(name.as_bytes());
    let mut first = [0_u8; 8];
    for (to, from) in first.iter_mut().zip(hash.iter()) {
        *to = *from;
    }
    u64::from_be_bytes(first)
}

#[cfg(test)]
mod tests {
    use kernel::Timestamp;

    use super::{iso, parse_iso, snowflake, snowflake_at, time_of};

    #[test]
    fn a_name_always_has_the_same_id_and_an_id_stands_for_itself() {
        assert_eq!(snowflake("sim-pond"), snowflake("sim-pond"));
        assert_ne!(snowflake("sim-pond"), snowflake("sim-pone"));
        assert_eq!(snowflake("175928847299117063"), 175_928_847_299_117_063);
        let year = time_of(snowflake("sim-pond")).day().civil().0;
        assert!((2015..2024).contains(&year));
    }

    #[test]
    fn an_id_says_when_it_was_made() {
        let at = Timestamp::from_millis(1_700_000_000_123);
        assert_eq!(time_of(snowflake_at("ann", at)), at);
        // The example of Discord's own page.
        assert_eq!(time_of(175_928_847_299_117_063).millis(), 1_462_015_105_796);
    }

    #[test]
    fn times_are_written_as_discord_does_and_read_as_clients_do() {
        let at = Timestamp::from_millis(1_700_000_000_123);
        assert_eq!(iso(at), "2023-11-14T22:13:20.123000+00:00");
        assert_eq!(parse_iso(&iso(at)), Some(at));
        assert_eq!(
            parse_iso("2023-11-14T22:13:20Z"),
            Some(Timestamp::from_secs(1_700_000_000))
        );
        assert_eq!(parse_iso("2023-11-14T25:13:20Z"), None);
        assert_eq!(parse_iso("tomorrow"), None);
    }
}
