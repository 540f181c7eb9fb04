//! Live chat: who listens hears everything that is said from then on, once, for as long as they may.

use std::{sync::Arc, time::Duration};

use activity::{Heard, Incoming, LiveFeed, LiveItem};
use async_trait::async_trait;
use engines::{Bus, BusError, bus::Subscription};
use kernel::{Clock, CommunityId, MessageId, Platform, Role, Source};
use testkit::{Setup, World, message, on_both, on_postgres};

/// A bus that is away.
struct DeadBus;

#[async_trait]
impl Bus for DeadBus {
    async fn publish(&self, _topic: &str, _payload: &str) -> Result<(), BusError> {
        Err(BusError::Away)
    }

    async fn subscribe(&self, _topic: &str) -> Result<Subscription, BusError> {
        Err(BusError::Away)
    }

    async fn health(&self) -> Result<(), BusError> {
        Err(BusError::Away)
    }

    fn name(&self) -> &'static str {
        "dead"
    }
}

async fn listen(world: &World, community: CommunityId) -> LiveFeed {
    world
        .app
        .activity
        .live(&world.system(), community, None, None)
        .await
        .unwrap()
}

/// The next so many texts.
async fn hear(feed: &mut LiveFeed, n: usize) -> Vec<String> {
    let mut texts = Vec::new();
    while texts.len() < n {
        match feed.next().await {
            Some(LiveItem::Messages(messages)) => {
                texts.extend(messages.into_iter().map(|m| m.text));
            }
            other => panic!("{other:?} after {texts:?}"),
        }
    }
    texts
}

async fn newest(world: &World, community: CommunityId) -> MessageId {
    let recent = world
        .app
        .activity
        .recent_messages(&world.system(), community, None, None, 1)
        .await;
    recent.unwrap()[0].id
}

on_both! {
    async fn every_listener_hears_what_is_said_from_then_on(world: World) {
        let (pond, lake) = (world.community("Pond").await, world.community("Lake").await);
        world.say(pond, "ann", "before").await;
        let mut first = listen(&world, pond).await;
        world.say(pond, "ann", "one").await;
        world.say(lake, "eve", "elsewhere").await;
        assert_eq!(hear(&mut first, 1).await, ["one"]);
        let mut second = listen(&world, pond).await;
        let batch: Vec<Incoming> = (0..600)
            .map(|n| Incoming { community: pond, event: world.event("bob", message(&n.to_string())) })
            .collect();
        world.record(batch).await;
        let wanted: Vec<String> = (0..600).map(|n| n.to_string()).collect();
        assert_eq!(hear(&mut first, 600).await, wanted);
        assert_eq!(hear(&mut second, 600).await, wanted);
    }

    async fn imported_history_is_not_live(world: World) {
        let pond = world.community("Pond").await;
        let mut feed = listen(&world, pond).await;
        let mut old = world.event("ann", message("long ago"));
        old.source = Source::Import;
        world.record(vec![Incoming { community: pond, event: old }]).await;
        world.say(pond, "ann", "now").await;
        assert_eq!(hear(&mut feed, 1).await, ["now"]);
    }

    async fn a_listener_may_choose_a_platform(world: World) {
        let pond = world.community("Pond").await;
        let mut feed = world.app.activity.live(&world.system(), pond, Some(Platform::Twitch), None).await.unwrap();
        world.say(pond, "ann", "on discord").await;
        let mut event = world.event("bob", message("on twitch"));
        event.platform = Platform::Twitch;
        world.record(vec![Incoming { community: pond, event }]).await;
        assert_eq!(hear(&mut feed, 1).await, ["on twitch"]);
    }

    async fn who_comes_back_hears_what_they_missed_once(world: World) {
        let pond = world.community("Pond").await;
        world.say(pond, "ann", "heard").await;
        let since = newest(&world, pond).await;
        for n in 0..5 {
            world.say(pond, "ann", &format!("missed {n}")).await;
        }
        let mut feed = world.app.activity.live(&world.system(), pond, None, Some(since)).await.unwrap();
        world.say(pond, "ann", "new").await;
        assert_eq!(hear(&mut feed, 6).await, ["missed 0", "missed 1", "missed 2", "missed 3", "missed 4", "new"]);
    }

    async fn what_is_read_for_somebody_who_comes_back_is_not_heard_again(world: World) {
        // Without a bus the reader that serves the first listener looks only now and then, so that
        // it mostly comes upon the message after the second listener has read it.
        world.restart(Setup { bus: Arc::new(DeadBus), ..Setup::default() }).await;
        let pond = world.community("Pond").await;
        world.say(pond, "ann", "heard").await;
        let mut first = listen(&world, pond).await;
        for n in 0..5 {
            let since = newest(&world, pond).await;
            world.say(pond, "ann", &format!("missed {n}")).await;
            let mut second = world.app.activity.live(&world.system(), pond, None, Some(since)).await.unwrap();
            assert_eq!(hear(&mut first, 1).await, [format!("missed {n}")]);
            world.say(pond, "ann", &format!("new {n}")).await;
            assert_eq!(hear(&mut second, 2).await, [format!("missed {n}"), format!("new {n}")]);
            assert_eq!(hear(&mut first, 1).await, [format!("new {n}")]);
        }
    }

    async fn who_comes_back_too_late_is_told_of_the_hole_and_hears_the_newest(world: World) {
        let pond = world.community("Pond").await;
        world.say(pond, "ann", "heard").await;
        let since = newest(&world, pond).await;
        let batch: Vec<Incoming> = (0..700)
            .map(|n| Incoming { community: pond, event: world.event("bob", message(&n.to_string())) })
            .collect();
        world.record(batch).await;
        let mut feed = world.app.activity.live(&world.system(), pond, None, Some(since)).await.unwrap();
        assert_eq!(feed.next().await, Some(LiveItem::Skipped(1)));
        let wanted: Vec<String> = (200..700).map(|n| n.to_string()).collect();
        assert_eq!(hear(&mut feed, 500).await, wanted);
        world.say(pond, "ann", "new").await;
        assert_eq!(hear(&mut feed, 1).await, ["new"]);
    }

    async fn a_listener_whose_rights_are_taken_hears_no_more(world: World) {
        let pond = world.community("Pond").await;
        let mike = world.person(pond, "mike", Some(Role::Member)).await;
        let activity = &world.app.activity;
        let mut feed = activity.live(&mike.actor, pond, None, None).await.unwrap();
        world.app.identity.set_role(&world.system(), pond, mike.user, Some(Role::Banned)).await.unwrap();
        world.clock.advance(Duration::from_secs(2));
        world.say(pond, "ann", "secret").await;
        assert_eq!(feed.next().await, None);
    }

    async fn a_slow_listener_is_told_that_it_missed_something(world: World) {
        let pond = world.community("Pond").await;
        let mut slow = listen(&world, pond).await;
        let mut quick = listen(&world, pond).await;
        // The quick one proves that each message went out as a batch of its own.
        for n in 0..300 {
            world.say(pond, "ann", &n.to_string()).await;
            assert_eq!(hear(&mut quick, 1).await, [n.to_string()]);
        }
        assert_eq!(slow.next().await, Some(LiveItem::Skipped(44)));
        assert_eq!(hear(&mut slow, 1).await, ["44"]);
    }

    async fn where_many_listen_all_hear_everything_in_order(world: World) {
        let pond = world.community("Pond").await;
        let mut feeds = Vec::new();
        for _ in 0..60 {
            feeds.push(listen(&world, pond).await);
        }
        let wanted: Vec<String> = (0..30).map(|n| n.to_string()).collect();
        for text in &wanted {
            world.say(pond, "ann", text).await;
        }
        for feed in &mut feeds {
            assert_eq!(hear(feed, 30).await, wanted);
        }
    }

    async fn batches_that_wait_are_handed_over_together(world: World) {
        let pond = world.community("Pond").await;
        let (mut slow, mut quick) = (listen(&world, pond).await, listen(&world, pond).await);
        for n in 0..5 {
            world.say(pond, "ann", &n.to_string()).await;
            assert_eq!(hear(&mut quick, 1).await, [n.to_string()]);
        }
        let Some(Heard::Batches(batches)) = slow.hear(3).await else { panic!() };
        assert_eq!(batches.len(), 3, "enough");
        let Some(Heard::Batches(batches)) = slow.hear(300).await else { panic!() };
        assert_eq!(batches.len(), 2, "what is left");
        let numbers: Vec<u64> = batches.iter().map(|batch| batch.number).collect();
        assert!(numbers[0] < numbers[1]);
    }

    async fn chat_is_live_also_without_a_bus(world: World) {
        world.restart(Setup { bus: Arc::new(DeadBus), ..Setup::default() }).await;
        let pond = world.community("Pond").await;
        let mut feed = listen(&world, pond).await;
        for text in ["one", "two"] {
            world.say(pond, "ann", text).await;
            assert_eq!(hear(&mut feed, 1).await, [text]);
        }
        let status = world.app.status(&world.system()).await.unwrap();
        let bus = status.dependencies.iter().find(|d| d.name == "bus").unwrap();
        assert!(bus.engine == "dead" && bus.trouble.is_some(), "{bus:?}");
    }

    async fn what_another_process_records_is_heard_too(world: World) {
        let pond = world.community("Pond").await;
        let mut feed = listen(&world, pond).await;
        let other = world.another(Setup::default()).await;
        let event = world.event("ann", message("from afar"));
        other.ingest.import(vec![Incoming { community: pond, event }], None).await.unwrap();
        assert_eq!(hear(&mut feed, 1).await, ["from afar"]);
        other.stop().await;
    }
}

/// SQLite has one writer; only on a server can a message that took its id earlier commit later.
#[testkit::tokio::test(
    flavor = "multi_thread",
    worker_threads = 2,
    crate = "::testkit::tokio"
)]
async fn a_message_that_commits_after_the_listener_came_is_heard_though_its_id_is_older() {
    on_postgres(|mut world: World| async move {
        let pond = world.community("Pond").await;
        for name in ["slow", "quick"] {
            let mut event = world.event(name, message("before"));
            event.origin.channel = name.to_owned();
            world
                .record(vec![Incoming {
                    community: pond,
                    event,
                }])
                .await;
        }
        let mut slow = world.event("slow", message("late"));
        "slow".clone_into(&mut slow.origin.channel);
        let late = [Incoming {
            community: pond,
            event: slow,
        }];
        let mut work = world
            .app
            .db()
            .begin(&world.system(), world.clock.now())
            .await
            .unwrap();
        activity::record(&mut work, &world.app.identity, &late)
            .await
            .unwrap();

        // Committing the roll-ups of both would wait for each other: another day, another hour.
        let mut quick = world.event("quick", message("first"));
        "quick".clone_into(&mut quick.origin.channel);
        quick.sent_at = quick.sent_at.minus(Duration::from_hours(30));
        world
            .record(vec![Incoming {
                community: pond,
                event: quick,
            }])
            .await;
        let mut feed = listen(&world, pond).await;
        work.commit().await.unwrap();
        assert_eq!(hear(&mut feed, 1).await, ["late"]);
        world.say(pond, "quick", "after").await;
        assert_eq!(hear(&mut feed, 1).await, ["after"]);
        world
    })
    .await;
}
