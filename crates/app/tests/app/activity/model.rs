//! The roll-ups answer what counting the raw events by hand answers.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::atomic::{AtomicU32, Ordering},
};

use activity::{Incoming, Measure, Overview, Period};
use kernel::{
    Account, ChatEvent, CommunityId, Day, EventKind, Origin, Platform, Source, Timestamp,
    event::{EventTag, Moderation, ModerationAction},
};
use proptest::{
    prelude::*,
    test_runner::{Config, TestCaseError, TestRunner},
};
use testkit::{World, message, on_both};

use super::{everybody, members};

const PEOPLE: usize = 6;
const PLATFORMS: [Platform; 3] = [Platform::Discord, Platform::Twitch, Platform::Slack];
/// 2004-06-01: history is old.
const BEGIN: Day = Day(12_570);
const DAYS: i32 = 100;

/// One raw event.
#[derive(Debug, Clone)]
struct Raw {
    person: usize,
    platform: Platform,
    at: Timestamp,
    kind: EventKind,
}

fn kinds() -> impl Strategy<Value = EventKind> {
    prop_oneof![
        8 => Just(message("quack")),
        1 => Just(EventKind::Join),
        1 => (1_u32..500).prop_map(|bits| EventKind::Cheer { bits }),
        1 => Just(EventKind::StreamOffline),
        1 => prop_oneof![Just(ModerationAction::Ban), Just(ModerationAction::Timeout)].prop_map(|action| {
            EventKind::Moderation(Moderation { action, moderator: None, reason: String::new(), duration_secs: Some(60) })
        }),
    ]
}

fn raw() -> impl Strategy<Value = Raw> {
    (
        0..PEOPLE,
        0..PLATFORMS.len(),
        0..DAYS,
        0_i64..86_400,
        kinds(),
    )
        .prop_map(|(person, platform, day, second, kind)| Raw {
            person,
            platform: PLATFORMS[platform],
            at: Timestamp::from_secs(BEGIN.plus(day).start().secs() + second),
            kind,
        })
}

fn case() -> impl Strategy<Value = (Vec<Raw>, Period)> {
    let period = (20..DAYS, 1..70_i32)
        .prop_map(|(from, days)| Period::new(BEGIN.plus(from), BEGIN.plus(from + days)).unwrap());
    (prop::collection::vec(raw(), 0..120), period)
}

/// Counts by hand.
struct Naive<'a>(&'a [Raw]);

impl Naive<'_> {
    fn messages(&self) -> impl Iterator<Item = &Raw> {
        self.0
            .iter()
            .filter(|raw| raw.kind.tag() == EventTag::Message)
    }

    fn writers(&self, span: Period) -> BTreeSet<usize> {
        self.messages()
            .filter(|raw| span.contains(raw.at.day()))
            .map(|raw| raw.person)
            .collect()
    }

    fn first_day_of(&self, person: usize) -> Option<Day> {
        self.messages()
            .filter(|raw| raw.person == person)
            .map(|raw| raw.at.day())
            .min()
    }

    fn newcomers(&self, span: Period) -> Vec<usize> {
        (0..PEOPLE)
            .filter(|p| self.first_day_of(*p).is_some_and(|day| span.contains(day)))
            .collect()
    }

    fn kind(&self, span: Period, wanted: impl Fn(EventTag) -> bool) -> usize {
        self.0
            .iter()
            .filter(|raw| span.contains(raw.at.day()) && wanted(raw.kind.tag()))
            .count()
    }

    fn mean_active(&self, span: Period) -> f64 {
        let days = span
            .each()
            .map(|day| self.writers(one(day)).len())
            .sum::<usize>();
        real(days) / f64::from(span.days())
    }
}

fn one(day: Day) -> Period {
    Period::new(day, day.plus(1)).unwrap()
}

fn back(until: Day, days: i32) -> Period {
    Period::new(until.plus(-days), until).unwrap()
}

fn real(n: usize) -> f64 {
    f64::from(u32::try_from(n).unwrap())
}

fn wide(n: usize) -> u64 {
    u64::try_from(n).unwrap()
}

/// How often something happened in a span.
type Count<'a> = &'a dyn Fn(Period) -> usize;

/// Compares an overview with the count by hand.
#[expect(clippy::float_cmp, reason = "counts are whole numbers")]
fn compare(overview: &Overview, raws: &[Raw], period: Period) -> Result<(), TestCaseError> {
    let naive = Naive(raws);
    let before = back(period.from, i32::try_from(period.days()).unwrap());
    let first_day = naive.messages().map(|raw| raw.at.day()).min();
    prop_assert_eq!(overview.first_day, first_day);
    prop_assert_eq!(
        overview.last_day,
        naive.messages().map(|raw| raw.at.day()).max()
    );
    let had_before = first_day.is_some_and(|day| day <= before.from);

    let is_there = |raw: &&Raw| {
        !matches!(
            raw.kind.tag(),
            EventTag::StreamOnline | EventTag::StreamOffline
        )
    };
    let people: BTreeSet<usize> = raws.iter().filter(is_there).map(|raw| raw.person).collect();
    prop_assert_eq!(overview.members, wide(people.len()));

    let count = |span: Period| {
        naive
            .messages()
            .filter(|raw| span.contains(raw.at.day()))
            .count()
    };
    let moderation = |span| naive.kind(span, EventTag::is_moderation);
    let joins = |span| naive.kind(span, |tag| tag == EventTag::Join);
    let newcomers = |span| naive.newcomers(span).len();
    let by_hand: [(&str, &Measure, Count<'_>); 4] = [
        ("messages", &overview.messages, &count),
        ("moderation", &overview.moderation, &moderation),
        ("joins", &overview.joins, &joins),
        ("newcomers", &overview.newcomers, &newcomers),
    ];
    for (name, measure, by_hand) in by_hand {
        prop_assert_eq!(measure.value, real(by_hand(period)), "{}", name);
        prop_assert_eq!(
            measure.previous,
            had_before.then(|| real(by_hand(before))),
            "{}",
            name
        );
        let course: Vec<f64> = period.each().map(|day| real(by_hand(one(day)))).collect();
        prop_assert_eq!(&measure.spark, &course, "{}", name);
    }

    prop_assert!((overview.dau.value - naive.mean_active(period)).abs() < 1e-9);
    prop_assert_eq!(overview.dau.previous.is_some(), had_before);
    if let Some(previous) = overview.dau.previous {
        prop_assert!((previous - naive.mean_active(before)).abs() < 1e-9);
    }
    for (days, measure) in [(7, &overview.wau), (30, &overview.mau)] {
        prop_assert_eq!(
            measure.value,
            real(naive.writers(back(period.until, days)).len())
        );
        let previous = real(naive.writers(back(period.from, days)).len());
        prop_assert_eq!(measure.previous, had_before.then_some(previous));
    }
    let weeks = i32::try_from(period.days()).unwrap() / 7;
    let weekly: Vec<f64> = (0..weeks)
        .rev()
        .map(|k| real(naive.writers(back(period.until.plus(-7 * k), 7)).len()))
        .collect();
    prop_assert_eq!(&overview.wau.spark, &weekly);
    let mau = naive.writers(back(period.until, 30)).len();
    let sticky = if mau == 0 {
        0.0
    } else {
        naive.mean_active(back(period.until, 30)) / real(mau)
    };
    prop_assert!((overview.stickiness.value - sticky).abs() < 1e-9);
    prop_assert!((0.0..=1.0).contains(&overview.stickiness.value));

    let cohort =
        naive.newcomers(Period::new(period.until.plus(-60), period.until.plus(-30)).unwrap());
    let back_again = naive.writers(back(period.until, 30));
    let stayed = cohort
        .iter()
        .filter(|person| back_again.contains(person))
        .count();
    let retention = (!cohort.is_empty()).then(|| real(stayed) / real(cohort.len()));
    prop_assert_eq!(overview.retention, retention);

    let mut heat = vec![[0_u64; 24]; 7];
    for raw in naive.messages().filter(|raw| period.contains(raw.at.day())) {
        heat[usize::from(raw.at.day().weekday())][usize::from(raw.at.hour())] += 1;
    }
    prop_assert_eq!(&overview.heat, &heat);

    for row in &overview.daily {
        let day = one(row.day);
        let mut per_platform: BTreeMap<Platform, u64> = BTreeMap::new();
        for raw in naive.messages().filter(|raw| day.contains(raw.at.day())) {
            *per_platform.entry(raw.platform).or_default() += 1;
        }
        prop_assert_eq!(&row.messages, &per_platform.into_iter().collect::<Vec<_>>());
        prop_assert_eq!(row.active, wide(naive.writers(day).len()));
        prop_assert_eq!(row.newcomers, wide(newcomers(day)));
        prop_assert_eq!(row.moderation, wide(moderation(day)));
    }
    prop_assert!(overview.daily.iter().map(|row| row.day).eq(period.each()));

    let mut platforms = Vec::new();
    for platform in PLATFORMS {
        let there: Vec<&Raw> = naive
            .messages()
            .filter(|raw| raw.platform == platform && period.contains(raw.at.day()))
            .collect();
        let active: BTreeSet<usize> = there.iter().map(|raw| raw.person).collect();
        let seen_there = |person: &usize| {
            raws.iter()
                .filter(is_there)
                .any(|raw| raw.person == *person && raw.platform == platform)
        };
        let new = naive
            .newcomers(period)
            .iter()
            .filter(|person| seen_there(person))
            .count();
        if !there.is_empty() {
            platforms.push((platform, wide(there.len()), wide(active.len()), wide(new)));
        }
    }
    let shown: Vec<_> = overview
        .platforms
        .iter()
        .map(|row| (row.platform, row.messages, row.active, row.newcomers))
        .collect();
    prop_assert_eq!(shown, platforms);

    let mut kinds: BTreeMap<EventTag, (u64, i64)> = BTreeMap::new();
    for raw in raws
        .iter()
        .filter(|raw| raw.kind.tag() != EventTag::Message && period.contains(raw.at.day()))
    {
        let entry = kinds.entry(raw.kind.tag()).or_default();
        *entry = (entry.0 + 1, entry.1 + raw.kind.amount());
    }
    let moderation_kinds: Vec<_> = kinds
        .iter()
        .filter(|(tag, _)| tag.is_moderation())
        .map(|(tag, (n, _))| (*tag, *n))
        .collect();
    prop_assert_eq!(&overview.moderation_kinds, &moderation_kinds);
    let others: Vec<_> = kinds
        .iter()
        .filter(|(tag, _)| !tag.is_moderation())
        .map(|(tag, (n, sum))| (*tag, *n, *sum))
        .collect();
    prop_assert_eq!(&overview.events, &others);

    // Cohorts: by the week of the first message, as far as the period's last week.
    let last_week = period.until.plus(-1).week_start();
    let first_week = period.from.week_start().max(last_week.plus(-7 * 11));
    let mut cohorts = Vec::new();
    let mut week = first_week;
    while week <= last_week {
        let whole_week = |monday: Day| Period {
            from: monday,
            until: monday.plus(7).min(period.until),
        };
        let cohort = naive.newcomers(whole_week(week));
        if !cohort.is_empty() {
            let mut active = Vec::new();
            let mut later = week;
            while later <= last_week {
                let wrote = naive.writers(whole_week(later));
                active.push(wide(
                    cohort
                        .iter()
                        .filter(|person| wrote.contains(person))
                        .count(),
                ));
                later = later.plus(7);
            }
            cohorts.push((week, wide(cohort.len()), active));
        }
        week = week.plus(7);
    }
    let shown: Vec<_> = overview
        .cohorts
        .iter()
        .map(|c| (c.week, c.size, c.active.clone()))
        .collect();
    prop_assert_eq!(shown, cohorts);
    Ok(())
}

static NEXT: AtomicU32 = AtomicU32::new(0);

fn incoming(community: CommunityId, raw: &Raw) -> Incoming {
    let event = ChatEvent {
        platform: raw.platform,
        event_id: format!("raw-{}", NEXT.fetch_add(1, Ordering::Relaxed)),
        origin: Origin {
            channel: "general".to_owned(),
            ..Origin::default()
        },
        account: Account {
            platform_user_id: format!("person-{}", raw.person),
            username: format!("person {}", raw.person),
            ..Account::default()
        },
        sent_at: raw.at,
        source: Source::Import,
        kind: raw.kind.clone(),
    };
    Incoming { community, event }
}

/// Records the events in three batches, the second half first, and compares.
async fn check(world: &World, raws: &[Raw], period: Period) -> Result<(), TestCaseError> {
    let community = world
        .community(&format!("Case {}", NEXT.fetch_add(1, Ordering::Relaxed)))
        .await;
    let mut batch: Vec<Incoming> = raws.iter().map(|raw| incoming(community, raw)).collect();
    batch.rotate_left(raws.len() / 2);
    for part in batch.chunks(raws.len() / 3 + 1) {
        let tally = world.record(part.to_vec()).await;
        prop_assert_eq!(tally.recorded, wide(part.len()));
    }
    let overview = world
        .app
        .activity
        .overview(&world.system(), community, period)
        .await
        .unwrap();
    compare(&overview, raws, period)?;

    for member in members(world, community, &everybody()).await {
        let person: usize = member
            .name
            .strip_prefix("person ")
            .unwrap()
            .parse()
            .unwrap();
        let theirs = |raw: &&Raw| raw.person == person && raw.kind.tag() != EventTag::StreamOffline;
        let written: Vec<&Raw> = raws
            .iter()
            .filter(theirs)
            .filter(|raw| raw.kind.tag() == EventTag::Message)
            .collect();
        prop_assert_eq!(member.messages, wide(written.len()));
        prop_assert_eq!(
            Some(member.first_at),
            raws.iter().filter(theirs).map(|raw| raw.at).min()
        );
        prop_assert_eq!(
            Some(member.last_at),
            raws.iter().filter(theirs).map(|raw| raw.at).max()
        );
        let days: BTreeSet<Day> = written.iter().map(|raw| raw.at.day()).collect();
        prop_assert_eq!(usize::try_from(member.active_days).unwrap(), days.len());
    }
    Ok(())
}

on_both! {
    async fn the_roll_ups_answer_what_counting_by_hand_answers(world: World) {
        // Everybody has an account on every platform, and they are linked.
        let register = world.community("Register").await;
        let mut accounts = Vec::new();
        for person in 0..PEOPLE {
            for platform in PLATFORMS {
                accounts.push(incoming(register, &Raw { person, platform, at: BEGIN.start(), kind: EventKind::Join }));
            }
        }
        world.record(accounts).await;
        world.sql(
            "UPDATE platform_account SET user_id = (SELECT MIN(a.user_id) FROM platform_account a \
             WHERE a.platform_user_id = platform_account.platform_user_id)",
        ).await;
        let mut runner = TestRunner::new(Config { cases: 24, failure_persistence: None, ..Config::default() });
        let shared = &world;
        let outcome = tokio::task::block_in_place(|| {
            runner.run(&case(), |(raws, period)| {
                tokio::runtime::Handle::current().block_on(check(shared, &raws, period))
            })
        });
        if let Err(failed) = outcome {
            panic!("{failed}");
        }
    }
}
