//! Instants, days, platforms, roles and counts as the API writes them.
//!
//! Must never use a zone but UTC.

use async_graphql::{Enum, InputValueError, InputValueResult, Scalar, ScalarType, Value};
use kernel::{Day, Timestamp};

/// A count as GraphQL's 32-bit `Int`; what does not fit is shown as the largest.
pub(crate) fn count(n: u64) -> i32 {
    i32::try_from(n).unwrap_or(i32::MAX)
}

/// An instant in UTC as ISO 8601 with milliseconds, e.g. `2026-11-23T18:50:16.000Z`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct DateTime(pub(crate) Timestamp);

/// An instant in UTC as ISO 8601 with milliseconds, e.g. `2026-11-23T18:50:16.000Z`.
#[Scalar(specified_by_url = "https://www.rfc-editor.org/rfc/rfc3339")]
impl ScalarType for DateTime {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        instant(text)
            .map(Self)
            .ok_or_else(|| InputValueError::custom("use an instant like 2026-11-23T18:50:16.000Z"))
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

fn instant(text: &str) -> Option<Timestamp> {
    let (date, time) = text.strip_suffix('Z')?.split_once('T')?;
    let day: Day = date.parse().ok()?;
    let (whole, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let mut parts = whole.splitn(3, ':').map(|part| {
        let digits = part.len() == 2 && part.bytes().all(|b| b.is_ascii_digit());
        digits.then(|| part.parse::<i64>().ok()).flatten()
    });
    let (hour, minute, second) = (parts.next()??, parts.next()??, parts.next()??);
    if hour > 23 || minute > 59 || second > 59 {
        return None;
    }
    if fraction.is_empty() || fraction.len() > 6 || !fraction.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    let micros: i64 = format!("{fraction:0<6}").parse().ok()?;
    let secs = hour * 3_600 + minute * 60 + second;
    Some(Timestamp(day.start().0 + secs * 1_000_000 + micros))
}

/// A UTC day, e.g. `2026-11-23`.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) struct Date(pub(crate) Day);

/// A UTC day, e.g. `2026-11-23`.
#[Scalar]
impl ScalarType for Date {
    fn parse(value: Value) -> InputValueResult<Self> {
        let Value::String(text) = &value else {
            return Err(InputValueError::expected_type(value));
        };
        text.parse().map(Self).map_err(InputValueError::custom)
    }

    fn to_value(&self) -> Value {
        Value::String(self.0.to_string())
    }
}

/// Where chat comes from. Where the API has a platform as a `String`, it is the same word in lower
/// case.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "kernel::Platform")]
pub(crate) enum Platform {
    /// Discord guilds.
    Discord,
    /// Twitch channels.
    Twitch,
    /// Slack workspaces.
    Slack,
    /// Logs of Internet Relay Chat.
    Irc,
    /// History from elsewhere.
    Import,
}

/// A role in a community, weakest first.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "kernel::Role")]
pub(crate) enum Role {
    /// Excluded.
    Banned,
    /// Belongs to the community.
    Member,
    /// A member the community honours.
    Vip,
    /// Keeps order.
    Moderator,
    /// Runs the community.
    Admin,
    /// Owns the community.
    Owner,
}

#[cfg(test)]
mod tests {
    use async_graphql::{ScalarType, Value};
    use kernel::{Day, Timestamp};
    use proptest::prelude::*;

    use super::{Date, DateTime, count, instant};

    #[test]
    fn instants_are_read_and_nothing_else_is() {
        assert_eq!(instant("1970-01-01T00:00:01Z"), Some(Timestamp(1_000_000)));
        assert_eq!(
            instant("1970-01-02T00:00:00.25Z"),
            Some(Timestamp(86_400_250_000))
        );
        for wrong in [
            "",
            "1970-01-01",
            "1970-01-01T00:00:01",
            "1970-01-01T24:00:00Z",
            "1970-01-01T00:00:60Z",
            "1970-01-01T+1:00:00Z",
            "1970-01-01T00:00:00.Z",
            "1970-01-01T00:00:00.1234567Z",
            "1970-13-01T00:00:00Z",
            "1970-01-01T00:00Z",
        ] {
            assert_eq!(instant(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn days_are_dates() {
        let date = Date::parse(Value::from("2026-11-23")).map(|date| date.0);
        assert!(date.is_ok_and(|day| day == Day::from_civil(2026, 11, 23).unwrap()));
        assert!(Date::parse(Value::from("2026-11-31")).is_err());
        assert!(Date::parse(Value::from(3)).is_err());
    }

    #[test]
    fn counts_beyond_32_bits_are_the_largest() {
        assert_eq!((count(7), count(u64::MAX)), (7, i32::MAX));
    }

    proptest! {
        #[test]
        fn an_instant_survives_its_text(millis in -60_000_000_000_000_i64..250_000_000_000_000) {
            let timestamp = Timestamp::from_millis(millis);
            prop_assert_eq!(instant(&timestamp.to_string()), Some(timestamp));
            let value = DateTime(timestamp).to_value();
            prop_assert!(DateTime::parse(value).is_ok_and(|back| back.0 == timestamp));
        }
    }
}
