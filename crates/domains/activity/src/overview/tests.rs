use super::assemble;
use crate::{Period, store::overview::Facts};
use kernel::{Day, Platform, Timestamp, event::EventTag};
use std::collections::BTreeMap;

fn facts() -> Facts {
    Facts {
        first_day: Some(Day(50)),
        last_day: Some(Day(106)),
        members: 12,
        messages: BTreeMap::from([
            ((Day(95), Platform::Discord), 10),
            ((Day(100), Platform::Discord), 6),
            ((Day(100), Platform::Twitch), 4),
            ((Day(106), Platform::Slack), 1),
        ]),
        active: BTreeMap::from([(Day(95), 7), (Day(100), 5), (Day(106), 2)]),
        newcomers: BTreeMap::from([(Day(100), 3)]),
        wau: 6,
        mau: 10,
        kinds: vec![
            (Day(95), EventTag::Ban, 9, 0),
            (Day(101), EventTag::Ban, 1, 0),
            (Day(101), EventTag::Timeout, 2, 600),
            (Day(102), EventTag::Cheer, 3, 300),
            (Day(102), EventTag::Join, 4, 0),
        ],
        retained: 1,
        retainable: 4,
        ..Facts::default()
    }
}

#[test]
fn tiles_compare_with_the_equal_period_before() {
    let overview = assemble(
        Period::new(Day(100), Day(107)).unwrap(),
        Timestamp(0),
        &facts(),
    );
    assert_eq!(
        (overview.messages.value, overview.messages.previous),
        (11.0, Some(10.0))
    );
    assert_eq!(
        overview.messages.spark,
        [10.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0]
    );
    assert_eq!(
        (overview.dau.value, overview.dau.previous),
        (1.0, Some(1.0))
    );
    assert_eq!(
        (overview.moderation.value, overview.moderation.previous),
        (3.0, Some(9.0))
    );
    assert!((overview.stickiness.value - (14.0 / 30.0 / 10.0)).abs() < 1e-12);
    assert_eq!(overview.retention, Some(0.25));
    assert!((overview.joins.value - 4.0).abs() < 1e-12);
}

#[test]
fn a_community_without_earlier_days_has_nothing_to_compare_with() {
    let facts = Facts {
        first_day: Some(Day(100)),
        ..facts()
    };
    let overview = assemble(
        Period::new(Day(100), Day(107)).unwrap(),
        Timestamp(0),
        &facts,
    );
    assert_eq!(
        (
            overview.messages.previous,
            overview.dau.previous,
            overview.stickiness.previous
        ),
        (None, None, None)
    );
}

#[test]
fn an_empty_community_gives_zeros_and_no_ratio() {
    let overview = assemble(
        Period::last_days(Day(100), 30),
        Timestamp(0),
        &Facts::default(),
    );
    assert_eq!(
        (
            overview.retention,
            overview.stickiness.value,
            overview.daily.len()
        ),
        (None, 0.0, 30)
    );
    assert!(
        overview.platforms.is_empty() && overview.cohorts.is_empty() && overview.events.is_empty()
    );
}

#[test]
fn kinds_are_split_into_moderation_and_the_rest() {
    let overview = assemble(
        Period::new(Day(100), Day(107)).unwrap(),
        Timestamp(0),
        &facts(),
    );
    assert_eq!(
        overview.moderation_kinds,
        [(EventTag::Timeout, 2), (EventTag::Ban, 1)]
    );
    assert_eq!(
        overview.events,
        [(EventTag::Join, 4, 0), (EventTag::Cheer, 3, 300)]
    );
    let slack = overview
        .platforms
        .iter()
        .find(|row| row.platform == Platform::Slack)
        .unwrap();
    assert_eq!(slack.messages, 1);
    assert_eq!(
        overview.daily[0].messages,
        [(Platform::Discord, 6), (Platform::Twitch, 4)]
    );
}
