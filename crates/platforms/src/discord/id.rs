//! Discord's ids as numbers and as times. Source: Discord «Snowflakes».

use kernel::Timestamp;

use super::ApiError;

/// 2015-01-01T00:00:00Z in milliseconds: where Discord's ids begin to count.
const EPOCH_MS: u64 = 1_420_070_400_000;

/// When the thing with this id was made; `None` if it is no Discord id.
pub fn created_at(id: &str) -> Option<Timestamp> {
    let millis = (id.parse::<u64>().ok()? >> 22).checked_add(EPOCH_MS)?;
    i64::try_from(millis).ok().map(Timestamp::from_millis)
}

/// An id as a number.
pub(super) fn number(id: &str) -> Result<u64, ApiError> {
    id.parse()
        .ok()
        .filter(|id| *id != 0)
        .ok_or_else(|| ApiError::Invalid("not an id of Discord".to_owned()))
}

/// A time as Discord writes it; `None` if it is none.
pub(super) fn time(text: &str) -> Option<Timestamp> {
    let parsed = twilight_model::util::Timestamp::parse(text).ok()?;
    Some(Timestamp(parsed.as_micros()))
}

/// A time as Discord reads it.
pub(super) fn iso(at: Timestamp) -> String {
    let text = at.to_string();
    format!("{}+00:00", text.trim_end_matches('Z'))
}

#[cfg(test)]
mod tests {
    use kernel::Timestamp;

    use super::{created_at, iso, number, time};

    #[test]
    fn an_id_says_when_the_account_was_made() {
        // The example of Discord's own page.
        let at = created_at("175928847299117063").unwrap();
        assert_eq!(at.millis(), 1_462_015_105_796);
        assert_eq!(created_at("ann"), None);
        assert!(number("0").is_err() && number("12").is_ok());
    }

    #[test]
    fn times_come_and_go_in_discords_form() {
        let at = Timestamp::from_millis(1_700_000_000_123);
        assert_eq!(iso(at), "2023-11-14T22:13:20.123+00:00");
        assert_eq!(time("2023-11-14T22:13:20.123000+00:00"), Some(at));
        assert_eq!(time("soon"), None);
    }
}
