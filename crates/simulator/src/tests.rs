//! What the crate promises, on all communities.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap, HashSet},
    sync::OnceLock,
    time::Duration,
};

use kernel::{ChatEvent, Day, EventKind, Platform, Source, Timestamp, event::EventTag};
use proptest::prelude::*;

use crate::{CommunityPlan, History, Live, communities};

const SEED: u64 = 1;
const HOUR: i64 = 3_600_000_000;

/// 2026-11-23, 18:50 UTC.
fn now() -> Timestamp {
    Timestamp(Day(20_780).start().0 + 18 * HOUR + 50 * 60_000_000)
}

fn run(seed: u64, plan: &CommunityPlan, from: Timestamp, until: Timestamp) -> Vec<ChatEvent> {
    History::new(seed, plan, from, until).collect()
}

/// Ninety days of every community.
fn quarter() -> &'static [(CommunityPlan, Vec<ChatEvent>)] {
    static QUARTER: OnceLock<Vec<(CommunityPlan, Vec<ChatEvent>)>> = OnceLock::new();
    QUARTER.get_or_init(|| {
        let from = Timestamp(now().0 - 90 * 24 * HOUR);
        let made = |plan: CommunityPlan| {
            let events = run(SEED, &plan, from, now());
            (plan, events)
        };
        communities().into_iter().map(made).collect()
    })
}

/// A quarter as seen by somebody who wants one community.
fn community(slug: &str) -> &'static (CommunityPlan, Vec<ChatEvent>) {
    quarter().iter().find(|(p, _)| p.slug == slug).unwrap()
}

fn text(event: &ChatEvent) -> Option<&str> {
    match &event.kind {
        EventKind::Message(message) => Some(&message.text),
        _ => None,
    }
}

fn is_spam(event: &ChatEvent) -> bool {
    let advertises = |t: &str| {
        [".example.com/", ".example.net/", ".test"]
            .iter()
            .any(|end| t.contains(end))
    };
    text(event).is_some_and(advertises)
}

#[test]
fn events_come_in_strict_order_and_no_two_share_an_id() {
    let mut ids = HashSet::new();
    for (plan, events) in quarter() {
        assert!(
            events.windows(2).all(|w| w[0].sent_at < w[1].sent_at),
            "{}",
            plan.slug
        );
        for event in events {
            assert!(ids.insert((event.platform, event.event_id.clone())));
            assert!(event.event_id.len() <= 200);
            assert_eq!(event.source, Source::Import);
        }
    }
}

#[test]
fn the_communities_are_as_large_as_the_demo_wants_them() {
    let sizes: Vec<usize> = quarter().iter().map(|(_, events)| events.len()).collect();
    let total: usize = sizes.iter().sum();
    assert!((72_000..=90_000).contains(&total), "{sizes:?}");
    assert!(sizes.iter().all(|n| *n > 8_000), "{sizes:?}");
}

#[test]
fn every_kind_of_event_happens() {
    let seen: BTreeSet<EventTag> = quarter()
        .iter()
        .flat_map(|(_, events)| events)
        .map(|event| event.kind.tag())
        .collect();
    assert_eq!(seen.len(), EventTag::ALL.len(), "{seen:?}");
}

#[test]
fn newcomers_return_less_and_less() {
    // Accounts by the week of their first message, as a retention table counts. The first weeks do
    // not count: everybody who was there before is new to somebody who has not looked before.
    let mut returned = [0_u32; 4];
    for seed in [1, 2] {
        for plan in communities() {
            let from = Timestamp(now().0 - 70 * 24 * HOUR);
            let events = run(seed, &plan, from, now());
            let mut weeks: HashMap<String, BTreeSet<i32>> = HashMap::new();
            for event in events.into_iter().filter(|e| text(e).is_some()) {
                let week = event.sent_at.day().week_start().0 / 7;
                weeks
                    .entry(event.account.platform_user_id)
                    .or_default()
                    .insert(week);
            }
            let start = from.day().week_start().0 / 7;
            for active in weeks.values() {
                let first = *active.first().unwrap();
                if (start + 4..=start + 6).contains(&first) {
                    for (k, count) in (0..).zip(&mut returned) {
                        *count += u32::from(active.contains(&(first + k)));
                    }
                }
            }
        }
    }
    let percent = returned.map(|n| n * 100 / returned[0]);
    assert!(returned[0] > 300, "too few to tell: {returned:?}");
    for (found, promised) in percent.into_iter().zip([100, 45, 32, 25]) {
        assert!(found.abs_diff(promised) <= 7, "{percent:?}");
    }
}

#[test]
fn every_spammer_is_new_and_removed_within_the_hour() {
    let mut n_spammers = 0;
    for (plan, events) in quarter() {
        let mut first: BTreeMap<&str, Timestamp> = BTreeMap::new();
        let mut last: BTreeMap<&str, Timestamp> = BTreeMap::new();
        let mut removed: BTreeMap<&str, Timestamp> = BTreeMap::new();
        for event in events {
            let id = event.account.platform_user_id.as_str();
            if is_spam(event) {
                let age = event.sent_at.since(event.account.created_at.unwrap());
                assert!(age < Duration::from_hours(120), "{age:?}");
                first.entry(id).or_insert(event.sent_at);
                last.insert(id, event.sent_at);
            }
            if matches!(event.kind.tag(), EventTag::Ban | EventTag::Kick) {
                assert!(matches!(&event.kind, EventKind::Moderation(m)
                    if m.moderator.as_deref().is_some_and(|by| by != id)));
                removed.insert(id, event.sent_at);
            }
        }
        n_spammers += first.len();
        // Somebody whose burst is not over when the history ends is removed after its end.
        let settled = |at: &Timestamp| now().since(*at) > Duration::from_hours(1);
        for (id, began) in first.iter().filter(|(_, at)| settled(at)) {
            let end = removed
                .get(id)
                .unwrap_or_else(|| panic!("{id} of {} stayed", plan.slug));
            assert!(end > last.get(id).unwrap());
            assert!(end.since(*began) < Duration::from_hours(1));
        }
    }
    assert!(n_spammers > 50);
}

#[test]
fn replies_and_reactions_point_at_something_said_before() {
    for (_, events) in quarter() {
        let mut said: HashSet<(Platform, &str)> = HashSet::new();
        let from = events[0].sent_at.day();
        for event in events {
            let target = match &event.kind {
                EventKind::Message(message) => message.reply_to.as_deref(),
                EventKind::Reaction { message_id, .. } => Some(message_id.as_str()),
                _ => None,
            };
            // The first day is cut: its targets may lie before the cut.
            if event.sent_at.day() > from {
                assert!(target.is_none_or(|id| said.contains(&(event.platform, id))));
            }
            if text(event).is_some() {
                said.insert((event.platform, &event.event_id));
            }
        }
    }
}

#[test]
fn there_is_variety_and_no_sentence_is_left_unfinished() {
    let mut texts = HashSet::new();
    for text in quarter().iter().flat_map(|(_, e)| e).filter_map(text) {
        assert!(!text.is_empty() && text == text.trim(), "`{text}`");
        assert!(
            !text.contains(['{', '}']) && !text.contains("  "),
            "`{text}`"
        );
        texts.insert(text);
    }
    assert!(texts.len() > 5_000, "{}", texts.len());
}

#[test]
fn mentions_are_counted_and_bots_say_that_they_are_bots() {
    let mut n_bots = 0;
    for event in quarter().iter().flat_map(|(_, events)| events) {
        if let EventKind::Message(message) = &event.kind {
            let marks = u32::try_from(message.text.matches('@').count()).unwrap();
            assert_eq!(marks, message.n_mentions, "{}", message.text);
        }
        n_bots += u32::from(event.account.is_bot);
    }
    assert!(n_bots > 500);
}

#[test]
fn weekends_are_for_games_and_weekdays_for_courses() {
    let per_weekday = |slug: &str| {
        let mut counts = [0_u32; 7];
        for event in &community(slug).1 {
            counts[usize::from(event.sent_at.day().weekday())] += 1;
        }
        counts
    };
    let games = per_weekday("pixel-harbour");
    assert!(games[5] > games[0] && games[5] > games[2], "{games:?}");
    let courses = per_weekday("maple-lane");
    assert!(
        courses[1] > courses[5] && courses[1] > courses[6],
        "{courses:?}"
    );
}

#[test]
fn a_quarter_has_a_launch_with_a_raid_and_an_outage() {
    let (plan, events) = community("pixel-harbour");
    let season = |event: &ChatEvent| event.sent_at.day().0.rem_euclid(CommunityPlan::SEASON);
    let of_day = |wanted: i32| events.iter().filter(move |e| season(e) == wanted);
    let joins = |day: i32| {
        of_day(day)
            .filter(|e| e.kind.tag() == EventTag::Join)
            .count()
    };
    // The same weekday a week before.
    assert!(joins(plan.launch) > 2 * joins(plan.launch - 7).max(1));
    assert!(
        of_day(plan.launch).any(|e| matches!(e.kind, EventKind::Raid { viewers } if viewers > 100))
    );
    let quiet = |day: i32| {
        of_day(day)
            .filter(|e| (14..17).contains(&e.sent_at.hour()))
            .count()
    };
    assert!(quiet(plan.outage) * 3 < quiet(plan.outage - 7).max(10));
}

#[test]
fn communities_grow_slowly() {
    for plan in communities() {
        let month = |first: i32| {
            let from = Day(first);
            run(SEED, &plan, from.start(), from.plus(35).start()).len()
        };
        // Two months of the same five weekdays' count, without a launch or with one each.
        let (before, after) = (month(20_650), month(20_650 + CommunityPlan::SEASON));
        assert!(
            after > before && after < before * 2,
            "{}: {before} {after}",
            plan.slug
        );
    }
}

#[test]
fn an_empty_or_absurd_period_is_no_trouble() {
    let plan = &communities()[0];
    assert_eq!(History::new(SEED, plan, now(), now()).count(), 0);
    assert_eq!(History::new(SEED, plan, now(), Timestamp(0)).count(), 0);
    let (least, most) = (Timestamp(i64::MIN), Timestamp(i64::MAX));
    assert!(History::new(SEED, plan, least, most).nth(10).is_some());
    let end = Timestamp(i64::MAX - 30 * HOUR);
    assert_eq!(History::new(SEED, plan, end, most).count(), 0);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(16))]

    #[test]
    fn the_same_seed_and_plan_give_the_same_events(
        seed in any::<u64>(), which in 0_usize..4, day in 15_000_i32..30_000,
    ) {
        let plan = &communities()[which];
        let (from, until) = (Day(day).start(), Day(day + 2).start());
        let events = run(seed, plan, from, until);
        prop_assert_eq!(&events, &run(seed, plan, from, until));
        prop_assert_ne!(&events, &run(seed ^ 1, plan, from, until));
    }

    #[test]
    fn a_top_up_equals_one_long_run(
        which in 0_usize..4, day in 20_000_i32..21_000, cut in 0_i64..72, again in 0_i64..72,
    ) {
        let plan = &communities()[which];
        let from = Day(day).start();
        let until = Timestamp(from.0 + 72 * HOUR);
        let at = |hours: i64| Timestamp(from.0 + hours * HOUR + 1_234_567);
        let (first, second) = (at(cut.min(again)), at(cut.max(again)));
        let mut parts = run(SEED, plan, from, first);
        parts.extend(run(SEED, plan, first, second));
        parts.extend(run(SEED, plan, second, until));
        prop_assert_eq!(parts, run(SEED, plan, from, until));
    }
}

/// Lets a community talk for some hours, each call when the last one asked for it.
fn listen(plan: &CommunityPlan, hours: i64) -> Vec<(ChatEvent, Duration)> {
    let mut live = Live::new(SEED, plan, now());
    let mut at = now();
    let mut heard = Vec::new();
    while at.0 < now().0 + hours * HOUR {
        let (event, wait) = live.next(at);
        at = at.plus(wait);
        heard.push((event, wait));
    }
    heard
}

#[test]
fn live_chat_comes_in_order_with_new_ids_and_the_same_twice() {
    for plan in communities() {
        let heard = listen(&plan, 8);
        assert_eq!(heard, listen(&plan, 8));
        assert!(heard.windows(2).all(|w| w[0].0.sent_at < w[1].0.sent_at));
        let ids: HashSet<&str> = heard.iter().map(|(e, _)| e.event_id.as_str()).collect();
        assert_eq!(ids.len(), heard.len());
        assert!(heard.iter().all(|(e, _)| e.source == Source::Live));
        let past = run(
            SEED,
            &plan,
            Timestamp(now().0 - 24 * HOUR),
            Timestamp(now().0 + 8 * HOUR),
        );
        assert!(past.iter().all(|e| !ids.contains(e.event_id.as_str())));
    }
}

#[test]
fn live_time_never_goes_back_even_if_the_callers_does() {
    let mut live = Live::new(SEED, &communities()[0], now());
    let first = live.next(now()).0;
    let second = live.next(Timestamp(now().0 - HOUR)).0;
    assert!(second.sent_at > first.sent_at);
}

#[test]
fn the_busiest_community_says_something_every_second_or_three_in_bursts() {
    let heard = listen(&communities()[0], 6);
    let n = heard.iter().filter(|(e, _)| text(e).is_some()).count();
    let mean_ms = 6 * 3_600_000 / n;
    assert!((1_000..=3_000).contains(&mean_ms), "{mean_ms} ms");
    let waits = |range: std::ops::Range<u128>| {
        heard
            .iter()
            .filter(|(_, w)| range.contains(&w.as_millis()))
            .count()
    };
    assert!(waits(0..1_000) > heard.len() / 10);
    assert!(waits(4_000..60_000) > heard.len() / 50);
    assert!(heard.iter().all(|(_, w)| *w < Duration::from_mins(1)));
}

#[test]
fn live_chat_has_the_people_of_the_history() {
    let plan = &communities()[0];
    let known: HashSet<&str> = community(plan.slug)
        .1
        .iter()
        .map(|e| e.account.platform_user_id.as_str())
        .collect();
    let heard = listen(plan, 1);
    let met = heard
        .iter()
        .filter(|(e, _)| known.contains(e.account.platform_user_id.as_str()))
        .count();
    assert!(met * 10 > heard.len() * 8, "{met} of {}", heard.len());
}

#[test]
fn live_spammers_are_removed_too_and_the_stream_begins_and_ends() {
    let heard = listen(&communities()[0], 48);
    let tags: BTreeSet<EventTag> = heard.iter().map(|(e, _)| e.kind.tag()).collect();
    assert!(tags.contains(&EventTag::StreamOnline) && tags.contains(&EventTag::StreamOffline));
    let end = heard.last().unwrap().0.sent_at;
    let removed: HashSet<&str> = heard
        .iter()
        .filter(|(e, _)| matches!(e.kind.tag(), EventTag::Ban | EventTag::Kick))
        .map(|(e, _)| e.account.platform_user_id.as_str())
        .collect();
    let spam: Vec<&ChatEvent> = heard
        .iter()
        .map(|(e, _)| e)
        .filter(|e| is_spam(e) && end.since(e.sent_at) > Duration::from_hours(1))
        .collect();
    assert!(!spam.is_empty());
    assert!(
        spam.iter()
            .all(|e| removed.contains(e.account.platform_user_id.as_str()))
    );
}
