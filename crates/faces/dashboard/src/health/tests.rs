//! From an overview to the page's values, without a database.

use std::collections::BTreeMap;

use activity::{Cohort, DayRow, Measure, Overview, Period, PlatformRow};
use kernel::{Day, Platform, Timestamp, event::EventTag};

use super::{
    Content, build, panel,
    period::{Choice, buckets},
    report,
};
use crate::layout::Shell;

/// `n` days up to 23 November 2026 with ten messages on each, five of them on Twitch.
pub(crate) fn sample(n: u32) -> Overview {
    let today = Day::from_civil(2026, 11, 23).unwrap();
    let period = Period::last_days(today, n);
    let daily: Vec<DayRow> = period
        .each()
        .map(|day| DayRow {
            day,
            messages: vec![(Platform::Discord, 5), (Platform::Twitch, 5)],
            active: 4,
            newcomers: 1,
            moderation: 0,
        })
        .collect();
    let days = f64::from(n);
    let flat = |value: f64| Measure {
        value,
        previous: Some(value),
        spark: vec![value; 3],
    };
    Overview {
        period,
        previous: period.previous(),
        computed_at: Timestamp::from_secs(1_795_461_016),
        first_day: Some(period.previous().from),
        last_day: Some(today),
        members: 40,
        dau: flat(4.0),
        wau: flat(9.0),
        mau: flat(20.0),
        stickiness: flat(0.2),
        messages: Measure {
            value: days * 10.0,
            previous: Some(days * 5.0),
            spark: Vec::new(),
        },
        newcomers: flat(days),
        retention: Some(0.34),
        joins: Measure::default(),
        moderation: Measure {
            value: 2.0,
            previous: Some(2.0),
            spark: vec![0.0, 2.0],
        },
        daily,
        heat: vec![[1; 24]; 7],
        cohorts: vec![
            Cohort {
                week: today.week_start().plus(-7),
                size: 10,
                active: vec![10, 4],
            },
            Cohort {
                week: today.week_start(),
                size: 7,
                active: vec![7],
            },
        ],
        platforms: vec![
            PlatformRow {
                platform: Platform::Discord,
                messages: 50,
                active: 4,
                newcomers: 1,
            },
            PlatformRow {
                platform: Platform::Twitch,
                messages: 150,
                active: 0,
                newcomers: 0,
            },
        ],
        moderation_kinds: vec![(EventTag::Timeout, 2)],
        events: vec![(EventTag::Gift, 2, 15), (EventTag::Donation, 1, 500)],
    }
}

#[test]
fn steps_add_up_to_the_whole_period() {
    for n in [1, 30, 120, 121, 400, 731, 732, 5_000] {
        let o = sample(n);
        let buckets = buckets(o.period);
        let panel = panel::messages(&o, &buckets, &super::period::columns(&buckets));
        let sum: u64 = panel
            .table
            .rows
            .iter()
            .map(|(_, cells)| {
                cells
                    .last()
                    .unwrap()
                    .replace(',', "")
                    .parse::<u64>()
                    .unwrap()
            })
            .sum();
        assert_eq!(sum, u64::from(n) * 10, "{n} days");
        assert_eq!(panel.table.heads, ["Discord", "Twitch", "All"]);
    }
}

#[test]
fn a_week_that_the_period_cuts_has_only_its_days() {
    let o = sample(200);
    let buckets = buckets(o.period);
    // 23 November 2026 is a Monday: its week has one day in the period.
    assert_eq!(panel::sum_at(&o, &buckets, o.period.until.plus(-1)), 10);
    assert_eq!(panel::sum_at(&o, &buckets, o.period.until.plus(-2)), 70);
}

#[test]
fn the_mean_of_actives_does_not_depend_on_the_step() {
    for n in [30, 200, 800] {
        let o = sample(n);
        let buckets = buckets(o.period);
        let panel = panel::active(&o, &buckets, &super::period::columns(&buckets));
        assert!(
            panel.table.rows.iter().all(|(_, cells)| cells == &["4"]),
            "{n}"
        );
    }
}

#[test]
fn tiles_say_how_things_changed_in_words_too() {
    let tiles = super::tile::tiles(&sample(30));
    let by_name: BTreeMap<&str, &super::Tile> = tiles.iter().map(|t| (t.label, t)).collect();
    let messages = by_name["Messages"].change.as_ref().unwrap();
    assert_eq!(
        (messages.arrow, messages.amount.as_str(), messages.tone),
        ("▲", "100 %", "good")
    );
    assert_eq!(
        messages.spoken,
        "100 % more than in the 30 days before (25 Sep 2026 – 24 Oct 2026), which had 150"
    );
    assert_eq!(by_name["Moderation"].note, "no change");
    assert_eq!(by_name["30-day retention"].value, "34 %");
    assert_eq!(by_name["Stickiness"].value, "20 %");
}

#[test]
fn a_change_against_half_a_period_is_not_told() {
    let mut o = sample(30);
    o.messages.previous = None;
    let tiles = super::tile::tiles(&o);
    let messages = tiles.iter().find(|tile| tile.label == "Messages").unwrap();
    assert!(messages.change.is_none());
    assert_eq!(messages.note, "no full period before");
}

#[test]
fn an_empty_period_points_to_where_the_history_is() {
    let mut o = sample(30);
    o.messages = Measure::default();
    o.moderation = Measure::default();
    o.events.clear();
    o.first_day = Day::from_civil(2004, 2, 1);
    o.last_day = Day::from_civil(2008, 5, 20);
    let page = build(&o, Choice::Month, "ducks", Shell::bare("Health"));
    let Content::Elsewhere {
        extent,
        newest_href,
    } = page.state
    else {
        panic!("the page should point elsewhere");
    };
    assert_eq!(extent, "1 Feb 2004 – 20 May 2008");
    assert_eq!(
        newest_href,
        "/c/ducks/health?from=2008-04-21&until=2008-05-20"
    );
    o.first_day = None;
    o.last_day = None;
    let page = build(&o, Choice::Month, "ducks", Shell::bare("Health"));
    assert!(matches!(page.state, Content::Nothing));
}

#[test]
fn shares_and_means_stand_a_platform_without_people() {
    let rows = panel::platforms(&sample(7));
    assert_eq!(
        (rows[0].label, rows[0].share.as_str(), rows[0].each.as_str()),
        ("Twitch", "75 %", "–")
    );
    assert_eq!(rows[1].each, "13");
}

#[test]
fn the_triangle_has_a_cell_for_each_week_that_has_passed() {
    let triangle = panel::retention(&sample(7));
    assert_eq!(triangle.weeks, [0, 1]);
    assert_eq!(triangle.rows[0].cells[1].share, "40 %");
    assert_eq!(
        triangle.rows[0].cells[1].title,
        "4 of 10 wrote 1 week later"
    );
    assert_eq!(triangle.rows[0].cells[1].level, 4);
    assert_eq!(triangle.rows[1].cells.len(), 1);
}

#[test]
fn money_is_not_added_up_across_currencies() {
    let rows = panel::events(&sample(7));
    assert_eq!(
        (rows[0].label, rows[0].amount.as_str()),
        ("Gifted subscriptions", "15 subscriptions")
    );
    assert_eq!((rows[1].label, rows[1].amount.as_str()), ("Donations", "–"));
}

#[test]
fn every_report_is_a_table_of_raw_numbers() {
    let o = sample(2);
    let text = |name: &str| report::csv(name, &o).unwrap().into_text();
    assert_eq!(
        text("messages"),
        "day,discord,twitch,slack,irc,import\r\n2026-11-22,5,5,0,0,0\r\n2026-11-23,5,5,0,0,0\r\n"
    );
    assert_eq!(text("people").lines().nth(1), Some("2026-11-22,4,1,0"));
    assert_eq!(text("hours").lines().count(), 169);
    assert_eq!(text("retention").lines().last(), Some("2026-11-23,7,0,7"));
    assert_eq!(text("platforms").lines().last(), Some("twitch,150,0,0"));
    assert_eq!(text("moderation").lines().last(), Some("timeout,2,0"));
    assert_eq!(text("events").lines().nth(1), Some("gift,2,15"));
    assert!(report::csv("passwords", &o).is_none());
}
