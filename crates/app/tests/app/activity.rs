//! What happened in chat: events counted once, pages that miss nobody, retention, live chat.

mod days;
mod live;
mod model;

use std::{collections::BTreeSet, time::Duration};

use activity::{ActivityError, Incoming, Member, MemberQuery, MemberSort, Period, Scope};
use identity::CommunityChange;
use kernel::{
    Clock, CommunityId, Cursor, Day, EventKind, MessageId, PageRequest, Platform, Role, Source,
    Timestamp, UserId,
};
use testkit::{Setup, World, message, on_both};

const DAY: Duration = Duration::from_hours(24);

/// So many messages of so many people, one a minute.
fn chat(
    world: &mut World,
    community: CommunityId,
    n_messages: usize,
    n_people: usize,
) -> Vec<Incoming> {
    let mut batch = Vec::new();
    for n in 0..n_messages {
        world.clock.advance(Duration::from_mins(1));
        let event = world.event(
            &format!("duck{}", n % n_people),
            message(&format!("quack {n}")),
        );
        batch.push(Incoming { community, event });
    }
    batch
}

async fn set_retention(world: &World, community: CommunityId, retention_days: u32) {
    let change = CommunityChange {
        name: "Pond".to_owned(),
        description: String::new(),
        retention_days,
    };
    world
        .app
        .identity
        .update_community(&world.system(), community, &change)
        .await
        .unwrap();
}

async fn members(world: &World, community: CommunityId, query: &MemberQuery) -> Vec<Member> {
    world
        .app
        .activity
        .members(&world.system(), community, query)
        .await
        .unwrap()
        .items
}

fn everybody() -> MemberQuery {
    MemberQuery {
        search: String::new(),
        platform: None,
        sort: MemberSort::Name,
        descending: false,
        page: PageRequest::first(100),
    }
}

async fn named(world: &World, community: CommunityId, search: &str) -> Vec<String> {
    let query = MemberQuery {
        search: search.to_owned(),
        ..everybody()
    };
    let found = members(world, community, &query).await;
    let count = world
        .app
        .activity
        .member_count(&world.system(), community, &query)
        .await
        .unwrap();
    assert_eq!(usize::try_from(count).unwrap(), found.len());
    found.into_iter().map(|member| member.name).collect()
}

/// Messages counted by the roll-ups, over all time.
async fn counted(world: &World) -> i64 {
    let hours = world
        .number("SELECT COALESCE(SUM(messages), 0) FROM activity_hour")
        .await;
    for other in ["activity_day", "member"] {
        let n = world
            .number(&format!("SELECT COALESCE(SUM(messages), 0) FROM {other}"))
            .await;
        assert_eq!(n, hours, "{other} and activity_hour must agree");
    }
    hours
}

on_both! {
    async fn an_event_seen_again_changes_nothing(world: World) {
        let pond = world.community("Pond").await;
        let mut batch = chat(&mut world, pond, 20, 3);
        for kind in [EventKind::Join, EventKind::Cheer { bits: 100 }] {
            let event = world.event("duck0", kind);
            batch.push(Incoming { community: pond, event });
        }
        let twice: Vec<Incoming> = batch.iter().chain(&batch).cloned().collect();
        let tally = world.record(twice).await;
        assert_eq!((tally.recorded, tally.duplicates), (22, 22), "twice in one batch");
        let before = world.dump().await;
        let tally = world.record(batch.clone()).await;
        assert_eq!((tally.recorded, tally.duplicates), (0, 22), "again in another");
        // The same id with other content, even for another community, is still the same event.
        let lake = world.community("Lake").await;
        let mut changed = batch[0].clone();
        changed.event.kind = message("edited");
        changed.community = lake;
        assert_eq!(world.record(vec![changed]).await.duplicates, 1);
        let mut after = world.dump().await;
        for table in ["community", "audit", "audit_head", "domain_event", "channel"] {
            after.insert(table, before[table].clone());
        }
        assert_eq!(before, after);
    }

    async fn two_processes_record_the_same_events_once(world: World) {
        let pond = world.community("Pond").await;
        let batch = chat(&mut world, pond, 200, 20);
        let other = world.another(Setup::default()).await;
        let (mut recorded, mut duplicates) = (0, 0);
        for part in batch.chunks(25) {
            let mut reversed = part.to_vec();
            reversed.reverse();
            let (a, b) = tokio::join!(world.ingest.import(part.to_vec(), None), other.ingest.import(reversed, None));
            for tally in [a.unwrap(), b.unwrap()] {
                recorded += tally.recorded;
                duplicates += tally.duplicates;
            }
        }
        assert_eq!((recorded, duplicates), (200, 200));
        assert_eq!(world.number("SELECT COUNT(*) FROM message").await, 200);
        assert_eq!(counted(&world).await, 200);
        assert_eq!(world.number("SELECT COUNT(*) FROM users").await, 20);
        other.stop().await;
    }

    async fn an_amount_beyond_reason_does_not_spoil_the_sums(world: World) {
        let pond = world.community("Pond").await;
        for _ in 0..20 {
            let kind = EventKind::Donation { amount_minor: u64::MAX, currency: "EUR".to_owned() };
            let event = world.event("ann", kind);
            world.record(vec![Incoming { community: pond, event }]).await;
        }
        let period = Period::last_days(world.clock.now().day(), 7);
        let overview = world.app.activity.overview(&world.system(), pond, period).await.unwrap();
        assert_eq!(overview.events.len(), 1);
        assert!(overview.events[0].1 == 20 && overview.events[0].2 > 0, "{:?}", overview.events);
    }

    async fn an_empty_community_has_an_empty_overview(world: World) {
        let pond = world.community("Pond").await;
        let period = Period::last_days(world.clock.now().day(), 30);
        let overview = world.app.activity.overview(&world.system(), pond, period).await.unwrap();
        assert_eq!((overview.members, overview.first_day, overview.retention), (0, None, None));
        assert_eq!((overview.daily.len(), overview.heat.len()), (30, 7));
        let summary = world.app.activity.summary(&world.system(), pond).await.unwrap();
        assert_eq!((summary.members, summary.spark.len(), summary.last_at), (0, 30, None));
    }

    async fn the_longest_period_and_the_edges_of_time_are_answered(world: World) {
        let pond = world.community("Pond").await;
        world.say(pond, "ann", "hello").await;
        let today = world.clock.now().day();
        for period in [
            Period::last_days(today, u32::MAX),
            Period::last_days(Day(0), 14_610),
            Period::new(Day(i32::MIN), Day(i32::MIN + 7)).unwrap(),
            Period::new(Day(i32::MAX - 7), Day(i32::MAX)).unwrap(),
        ] {
            let overview = world.app.activity.overview(&world.system(), pond, period).await.unwrap();
            assert_eq!(overview.daily.len(), usize::try_from(period.days()).unwrap());
        }
    }

    async fn paging_meets_everybody_once_in_every_order_while_others_arrive(world: World) {
        let pond = world.community("Pond").await;
        // Ties on purpose: few different counts, times and (by case) names.
        for n in 0..40 {
            let mut batch = Vec::new();
            for _ in 0..=n % 3 {
                let event = world.event(&format!("duck{n}"), message("quack"));
                batch.push(Incoming { community: pond, event });
            }
            for incoming in &mut batch {
                incoming.event.account.username = ["Duck", "duck", "Drake", "Ente", "ente"][n % 5].into();
            }
            if n % 10 == 0 {
                world.clock.advance(Duration::from_mins(1));
            }
            world.record(batch).await;
        }
        let known: BTreeSet<UserId> = members(&world, pond, &everybody()).await.iter().map(|m| m.user_id).collect();
        assert_eq!(known.len(), 40);
        let mut n_new = 0;
        for sort in [MemberSort::Name, MemberSort::FirstSeen, MemberSort::LastSeen, MemberSort::Messages] {
            for descending in [false, true] {
                let mut seen = Vec::new();
                let mut request = PageRequest::first(7);
                loop {
                    let query = MemberQuery { sort, descending, page: request.clone(), ..everybody() };
                    let page = world.app.activity.members(&world.system(), pond, &query).await.unwrap();
                    assert!(page.items.len() <= 7);
                    seen.extend(page.items);
                    n_new += 1;
                    world.say(pond, &format!("newcomer{n_new}"), "hi").await;
                    match page.next {
                        // Through its text, as a browser sends it.
                        Some(cursor) => request = PageRequest::after(Cursor::decode(&cursor.encode()).unwrap(), 7),
                        None => break,
                    }
                }
                let met: Vec<UserId> = seen.iter().map(|m| m.user_id).filter(|id| known.contains(id)).collect();
                let distinct: BTreeSet<UserId> = met.iter().copied().collect();
                assert_eq!((met.len(), &distinct), (40, &known), "{sort:?} descending {descending}");
                let key = |m: &Member| match sort {
                    MemberSort::Name => 0,
                    MemberSort::FirstSeen => m.first_at.0,
                    MemberSort::LastSeen => m.last_at.0,
                    MemberSort::Messages => i64::try_from(m.messages).unwrap(),
                };
                let keys: Vec<i64> = seen.iter().map(|m| if descending { -key(m) } else { key(m) }).collect();
                assert!(keys.is_sorted(), "{sort:?} descending {descending}: {keys:?}");
            }
        }
    }

    async fn a_search_finds_what_was_typed_and_nothing_else(world: World) {
        let pond = world.community("Pond").await;
        for name in ["100%", "1000", "a_b", "acb", "a\\b", "ÄRGER", "Ann", "anna"] {
            world.say(pond, name, "hello").await;
        }
        assert_eq!(named(&world, pond, "%").await, ["100%"]);
        assert_eq!(named(&world, pond, "a_b").await, ["a_b"]);
        assert_eq!(named(&world, pond, "\\").await, ["a\\b"]);
        assert_eq!(named(&world, pond, "ärger").await, ["ÄRGER"]);
        assert_eq!(named(&world, pond, " ANN ").await, ["Ann", "anna"]);
        assert_eq!(named(&world, pond, "'; DROP TABLE member; --").await, Vec::<String>::new());
        assert_eq!(named(&world, pond, "").await.len(), 8);
        for bad in ["a\0b".to_owned(), "x".repeat(201)] {
            let query = MemberQuery { search: bad, ..everybody() };
            let refused = world.app.activity.members(&world.system(), pond, &query).await;
            assert!(matches!(refused, Err(ActivityError::Invalid(_))), "{refused:?}");
            assert!(world.app.activity.member_count(&world.system(), pond, &query).await.is_err());
        }
        // A cursor somebody made up is a place like any other.
        for key in ["", "zzz", "9999999999999999999", "a\0b"] {
            for sort in [MemberSort::Name, MemberSort::Messages] {
                let cursor = Cursor { key: key.to_owned(), id: i64::MAX };
                let query = MemberQuery { sort, page: PageRequest::after(cursor, 10), ..everybody() };
                let answer = world.app.activity.members(&world.system(), pond, &query).await;
                assert!(matches!(answer, Ok(_) | Err(ActivityError::Invalid(_))), "{answer:?}");
            }
        }
    }

    async fn the_platform_filter_shows_who_was_seen_there(world: World) {
        let pond = world.community("Pond").await;
        for (name, platform) in [("ann", Platform::Discord), ("bob", Platform::Twitch), ("cid", Platform::Irc)] {
            let mut event = world.event(name, message("hello"));
            event.platform = platform;
            world.record(vec![Incoming { community: pond, event }]).await;
        }
        for (platform, name) in [(Platform::Discord, "ann"), (Platform::Twitch, "bob"), (Platform::Irc, "cid")] {
            let query = MemberQuery { platform: Some(platform), search: name.to_owned(), ..everybody() };
            let found = members(&world, pond, &query).await;
            assert_eq!(found.iter().map(|m| (m.name.as_str(), m.platforms.as_slice())).collect::<Vec<_>>(), [(name, [platform].as_slice())]);
        }
        let slack = MemberQuery { platform: Some(Platform::Slack), ..everybody() };
        assert_eq!(members(&world, pond, &slack).await, []);
    }

    async fn recent_messages_page_back_to_the_first(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        let mut batch = chat(&mut world, pond, 250, 5);
        for (n, incoming) in batch.iter_mut().enumerate() {
            if n % 5 == 0 {
                incoming.event.platform = Platform::Twitch;
            }
            if n % 2 == 0 {
                incoming.event.source = Source::Import;
            }
        }
        world.record(batch).await;
        world.say(lake, "eve", "not yours").await;
        let read = async |platform, before, limit| {
            world.app.activity.recent_messages(&world.system(), pond, platform, before, limit).await.unwrap()
        };
        assert_eq!(read(None, None, 9_999).await.len(), 200, "at most 200 at once");
        assert_eq!(read(None, None, 0).await.len(), 1);
        for (platform, n) in [(None, 250), (Some(Platform::Twitch), 50), (Some(Platform::Slack), 0)] {
            let mut texts = Vec::new();
            let mut before: Option<MessageId> = None;
            loop {
                let page = read(platform, before, 60).await;
                assert!(page.is_sorted_by_key(|m| m.id), "oldest first");
                let Some(first) = page.first() else { break };
                before = Some(first.id);
                texts.extend(page.into_iter().rev().map(|m| m.text));
            }
            let step = if platform.is_some() { 5 } else { 1 };
            let wanted: Vec<String> = (0..250).step_by(step).rev().take(n).map(|n| format!("quack {n}")).collect();
            assert_eq!(texts, wanted);
        }
    }

    async fn old_live_messages_go_and_what_they_counted_stays(world: World) {
        let pond = world.community("Pond").await;
        set_retention(&world, pond, 30).await;
        let live = chat(&mut world, pond, 10, 2);
        let mut imported = chat(&mut world, pond, 10, 2);
        for incoming in &mut imported {
            incoming.event.source = Source::Import;
        }
        world.record(live.clone()).await;
        world.record(imported).await;
        world.clock.advance(DAY * 29);
        world.say(pond, "duck0", "still here").await;
        assert_eq!(world.app.activity.apply_retention().await.unwrap(), 0);
        world.clock.advance(DAY * 2);
        let period = Period::last_days(world.clock.now().day(), 60);
        let overview = async || {
            let mut overview = world.app.activity.overview(&world.system(), pond, period).await.unwrap().as_ref().clone();
            overview.computed_at = Timestamp(0);
            overview
        };
        let before = overview().await;
        assert_eq!(world.app.activity.apply_retention().await.unwrap(), 10);
        assert_eq!(world.number("SELECT COUNT(*) FROM message WHERE imported").await, 10);
        assert_eq!(world.number("SELECT COUNT(*) FROM message WHERE NOT imported").await, 1);
        assert_eq!(overview().await, before);
        // A platform that delivers the removed ones again does not bring them back.
        let tally = world.record(live).await;
        assert_eq!((tally.too_old, tally.recorded, tally.duplicates), (10, 0, 0));
        assert_eq!(overview().await, before);
        assert_eq!(counted(&world).await, 21);
        assert_eq!(world.app.activity.apply_retention().await.unwrap(), 0, "nothing is left to remove");
        let purged = world.app.activity.purge(&world.system(), pond, world.clock.now(), Scope::LiveAndImported).await;
        assert_eq!(purged.unwrap(), 11, "imported history goes when somebody asks for it");
        assert_eq!(overview().await, before);
    }

    async fn many_messages_are_removed_in_parts(world: World) {
        let pond = world.community("Pond").await;
        let lake = world.community("Lake").await;
        for _ in 0..6 {
            let batch = chat(&mut world, pond, 1_000, 50);
            world.record(batch).await;
        }
        let other = chat(&mut world, lake, 10, 5);
        world.record(other).await;
        let cutoff = world.clock.now();
        let purged = world.app.activity.purge(&world.system(), pond, cutoff, Scope::Live).await.unwrap();
        assert_eq!(purged, 6_000);
        assert_eq!(world.number("SELECT COUNT(*) FROM message").await, 10, "the neighbour keeps theirs");
    }

    async fn a_linked_person_counts_once(world: World) {
        let pond = world.community("Pond").await;
        let say_on = async |world: &mut World, platform: Platform| {
            let mut event = world.event("ann", message("hello"));
            event.platform = platform;
            world.record(vec![Incoming { community: pond, event }]).await;
        };
        // Another community first, so that the accounts exist and can be linked.
        let lake = world.community("Lake").await;
        for platform in [Platform::Discord, Platform::Twitch] {
            let mut event = world.event("ann", EventKind::Join);
            event.platform = platform;
            world.record(vec![Incoming { community: lake, event }]).await;
        }
        world.sql("UPDATE platform_account SET user_id = (SELECT MIN(id) FROM users)").await;
        say_on(&mut world, Platform::Discord).await;
        say_on(&mut world, Platform::Twitch).await;
        let period = Period::last_days(world.clock.now().day(), 7);
        let overview = world.app.activity.overview(&world.system(), pond, period).await.unwrap();
        assert_eq!((overview.members, overview.wau.value, overview.newcomers.value), (1, 1.0, 1.0));
        assert_eq!(overview.daily.last().unwrap().active, 1);
        assert_eq!(overview.platforms.iter().map(|row| (row.messages, row.active, row.newcomers)).collect::<Vec<_>>(), [(1, 1, 1), (1, 1, 1)]);
        let found = members(&world, pond, &everybody()).await;
        assert_eq!((found.len(), found[0].messages, found[0].active_days), (1, 2, 1));
        assert_eq!(found[0].platforms, [Platform::Discord, Platform::Twitch]);
    }

    async fn an_aged_overview_is_shown_at_once_and_made_anew_behind_it(world: World) {
        let pond = world.community("Pond").await;
        let settings = activity::Settings {
            overview_ttl: Duration::from_secs(10),
            ..activity::Settings::default()
        };
        let clock = std::sync::Arc::new(world.clock.clone());
        let bus = std::sync::Arc::new(engines::MemoryBus::new());
        let service = activity::Activity::new(
            world.app.db().clone(), clock, world.app.identity.clone(), bus, settings,
        );
        let week = Period::last_days(world.clock.now().day(), 7);
        let actor = world.system();
        let members = async || service.overview(&actor, pond, week).await.unwrap().members;
        world.say(pond, "ann", "hello").await;
        assert_eq!(members().await, 1);
        world.say(pond, "bob", "hello").await;
        assert_eq!(members().await, 1, "young enough to be shown again");
        world.clock.advance(Duration::from_secs(11));
        assert_eq!(members().await, 1, "aged: shown at once");
        let renewed = async {
            while members().await != 2 {
                tokio::task::yield_now().await;
            }
        };
        let in_time = tokio::time::timeout(Duration::from_secs(20), renewed).await;
        assert!(in_time.is_ok(), "made anew in the background");
    }

    async fn the_first_messages_of_a_community_show_however_young_its_empty_overview_is(world: World) {
        let settings = activity::Settings { overview_ttl: Duration::from_secs(3_600), ..activity::Settings::default() };
        let service = activity::Activity::new(
            world.app.db().clone(),
            std::sync::Arc::new(world.clock.clone()),
            world.app.identity.clone(),
            std::sync::Arc::new(engines::MemoryBus::new()),
            settings,
        );
        let pond = world.community("Pond").await;
        let week = Period::last_days(world.clock.now().day(), 7);
        let actor = world.system();
        let members = async || service.overview(&actor, pond, week).await.unwrap().members;
        assert_eq!(members().await, 0);
        world.say(pond, "ann", "hello").await;
        assert_eq!(members().await, 1);
        world.say(pond, "bob", "hello").await;
        assert_eq!(members().await, 1, "from now on it is shared");
    }

    async fn what_was_kept_of_a_community_before_an_import_goes_with_its_end(world: World) {
        let settings = activity::Settings { overview_ttl: Duration::from_secs(3_600), ..activity::Settings::default() };
        let service = activity::Activity::new(
            world.app.db().clone(),
            std::sync::Arc::new(world.clock.clone()),
            world.app.identity.clone(),
            std::sync::Arc::new(engines::MemoryBus::new()),
            settings,
        );
        let pond = world.community("Pond").await;
        let actor = world.system();
        let members = async || service.summary(&actor, pond).await.unwrap().members;
        let run = service.begin_import(&actor, Some(pond), "key", "a.jsonl", "jsonl").await.unwrap();
        assert_eq!(members().await, 0);
        world.say(pond, "ann", "hello").await;
        assert_eq!(members().await, 0, "it was kept");
        service.finish_import(&actor, &run).await.unwrap();
        assert_eq!(members().await, 1);
    }

    async fn an_import_needs_a_community_that_exists(world: World) {
        let absent = world.app.activity.begin_import(&world.system(), Some(CommunityId(999)), "k", "a", "jsonl").await;
        assert!(matches!(absent, Err(ActivityError::NotFound)), "{absent:?}");
    }

    async fn an_interrupted_import_is_found_again_and_a_finished_one_begins_anew(world: World) {
        let pond = world.community("Pond").await;
        let adam = world.person(pond, "adam", Some(Role::Admin)).await;
        let activity = &world.app.activity;
        let begin = async || activity.begin_import(&adam.actor, Some(pond), "key", "a.jsonl", "jsonl").await.unwrap();
        let first = begin().await;
        let work = world.app.db().begin(&adam.actor, world.clock.now()).await.unwrap();
        let progress = activity::Progress { consumed: 50, recorded: 40, duplicates: 5, rejected: 5 };
        activity::advance(&work, first.id, progress).await.unwrap();
        work.commit().await.unwrap();
        let again = begin().await;
        assert_eq!((again.id, again.consumed, again.recorded), (first.id, 50, 40));
        let done = activity.finish_import(&adam.actor, &again).await.unwrap();
        assert!(done.finished);
        assert_eq!(activity.imports(&adam.actor, pond).await.unwrap(), [done]);
        let anew = begin().await;
        assert_eq!((anew.id, anew.consumed, anew.recorded, anew.finished), (first.id, 0, 0, false));
    }
}
