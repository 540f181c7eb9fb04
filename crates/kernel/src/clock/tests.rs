use super::{Day, Timestamp};
use proptest::prelude::*;

#[test]
fn known_instants_have_their_day_hour_and_weekday() {
    let t = Timestamp::from_millis(1_763_923_816_123);
    assert_eq!(t.to_string(), "2025-11-23T18:50:16.123Z");
    assert_eq!((t.day().weekday(), t.hour()), (6, 18));
    assert_eq!(t.day().week_start().to_string(), "2025-11-17");
    assert_eq!(Timestamp(-1).day(), Day(-1));
    assert_eq!(Timestamp(-1).hour(), 23);
}

#[test]
fn dates_that_do_not_exist_are_refused() {
    for text in [
        "2025-02-29",
        "2025-13-01",
        "2025-00-10",
        "2025-1",
        "",
        "x-y-z",
    ] {
        assert!(text.parse::<Day>().is_err(), "{text}");
    }
    assert_eq!(
        "2024-02-29".parse::<Day>().map(|d| d.to_string()),
        Ok("2024-02-29".to_owned())
    );
}

proptest! {
    #[test]
    fn every_day_survives_its_civil_date(day in -2_000_000_i32..2_000_000) {
        let (y, m, d) = Day(day).civil();
        prop_assert_eq!(Day::from_civil(y, m, d), Some(Day(day)));
        prop_assert_eq!(Day(day).start().day(), Day(day));
    }
}
