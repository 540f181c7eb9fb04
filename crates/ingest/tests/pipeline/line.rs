//! The line itself: batches, back-pressure, poison, duplicates, stopping.

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use activity::Incoming;
use ingest::{IngestError, Settings, pipeline::Checkpoint};
use kernel::{Clock, CommunityId, EventKind};
use testkit::{Node, Setup, World, message, on_both};

use super::stage::{Gate, Harm, Poison, until};

fn events(world: &mut World, community: CommunityId, n: usize) -> Vec<Incoming> {
    (0..n)
        .map(|k| {
            let event = world.event(&format!("duck{}", k % 7), message(&format!("quack {k}")));
            Incoming { community, event }
        })
        .collect()
}

async fn messages(world: &World) -> i64 {
    world.number("SELECT COUNT(*) FROM message").await
}

/// The roll-ups count what is stored.
async fn assert_counted(world: &World) {
    let n = messages(world).await;
    for table in ["activity_day", "activity_hour", "member"] {
        let counted = world
            .number(&format!("SELECT COALESCE(SUM(messages), 0) FROM {table}"))
            .await;
        assert_eq!(counted, n, "{table}");
    }
}

on_both! {
    async fn what_waits_is_committed_together_up_to_a_bound(world: World) {
        let gate = Gate::new(0);
        let ingest = Settings { batch_max: 50, ..Settings::default() };
        world.restart(Setup { reactions: vec![gate.clone()], ingest, ..Setup::default() }).await;
        let pond = world.community("Pond").await;
        let mut events = events(&mut world, pond, 121).into_iter();
        world.ingest.submit(events.next().unwrap()).await.unwrap();
        gate.arrived(1).await;
        for event in events {
            world.ingest.submit(event).await.unwrap();
        }
        assert_eq!(world.app.status(&world.system()).await.unwrap().backlog, 121);
        gate.open();
        world.stop().await;
        assert_eq!(gate.sizes(), [1, 50, 50, 20]);
        world.restart(Setup::default()).await;
        assert_eq!(messages(&world).await, 121);
        assert_counted(&world).await;
    }

    async fn senders_wait_while_the_queue_is_full_and_nothing_is_lost(world: World) {
        let gate = Gate::new(0);
        let ingest = Settings { queue_max: 10, ..Settings::default() };
        world.restart(Setup { reactions: vec![gate.clone()], ingest, ..Setup::default() }).await;
        let pond = world.community("Pond").await;
        let sent = Arc::new(AtomicUsize::new(0));
        let mut events = events(&mut world, pond, 40).into_iter();
        world.ingest.submit(events.next().unwrap()).await.unwrap();
        gate.arrived(1).await;
        let senders: Vec<_> = events.map(|event| {
            let (ingest, sent) = (world.ingest.clone(), Arc::clone(&sent));
            tokio::spawn(async move {
                ingest.submit(event).await.unwrap();
                sent.fetch_add(1, Ordering::SeqCst);
            })
        }).collect();
        // All have knocked, ten were let in.
        until(|| world.app.backlog().load(Ordering::SeqCst) == 40).await;
        until(|| sent.load(Ordering::SeqCst) == 10).await;
        assert!(senders.iter().filter(|sender| sender.is_finished()).count() <= 10);
        gate.open();
        for sender in senders {
            sender.await.unwrap();
        }
        world.restart(Setup::default()).await;
        assert_eq!(messages(&world).await, 40);
    }

    async fn a_bad_event_is_put_aside_and_the_others_are_recorded(world: World) {
        let poison = Poison::new(&[("event-3", Harm::Error), ("event-57", Harm::Panic), ("event-100", Harm::Error)]);
        world.restart(Setup { reactions: vec![poison], ..Setup::default() }).await;
        world.expect_leftovers();
        let pond = world.community("Pond").await;
        let system = world.system();
        let run = world.app.activity.begin_import(&system, Some(pond), "k", "a", "jsonl").await.unwrap();
        let batch = events(&mut world, pond, 100);
        let checkpoint = Checkpoint { run: run.id, consumed: 104, rejected: 4 };
        let tally = world.ingest.import(batch.clone(), Some(checkpoint)).await.unwrap();
        assert_eq!((tally.recorded, tally.duplicates, tally.quarantined), (97, 0, 3));
        let aside = world.app.activity.quarantined(&system).await.unwrap();
        let mut ids: Vec<(&str, &str)> = aside.iter().map(|q| (q.event_id.as_str(), q.reason.as_str())).collect();
        ids.sort_unstable();
        assert_eq!(ids, [
            ("event-100", "unexpected data in the database: on purpose: "),
            ("event-3", "unexpected data in the database: on purpose: "),
            ("event-57", "panicked: on purpose"),
        ]);
        assert_eq!(world.number("SELECT COUNT(*) FROM quarantine WHERE payload LIKE '{%quack%}'").await, 3);
        let runs = world.app.activity.imports(&system, pond).await.unwrap();
        assert_eq!((runs[0].consumed, runs[0].recorded, runs[0].rejected), (104, 97, 7), "the checkpoint moved and counts all");
        assert_eq!(messages(&world).await, 97);
        assert_counted(&world).await;
        // The cause is mended: fed in again, only the three are new.
        world.restart(Setup::default()).await;
        let tally = world.record(batch).await;
        assert_eq!((tally.recorded, tally.duplicates), (3, 97));
    }

    async fn a_bad_live_event_does_not_stop_the_line(world: World) {
        let poison = Poison::new(&[("event-2", Harm::Panic)]);
        world.restart(Setup { reactions: vec![poison], ..Setup::default() }).await;
        world.expect_leftovers();
        let pond = world.community("Pond").await;
        for event in events(&mut world, pond, 5) {
            world.ingest.submit(event).await.unwrap();
        }
        // A community that does not exist is the database's own refusal.
        let event = world.event("ann", EventKind::Join);
        world.ingest.submit(Incoming { community: CommunityId(999), event }).await.unwrap();
        until(|| world.app.backlog().load(Ordering::SeqCst) == 0).await;
        assert_eq!(messages(&world).await, 4);
        assert_eq!(world.app.status(&world.system()).await.unwrap().quarantined, 2);
        assert_eq!(world.app.backlog().load(Ordering::SeqCst), 0);
    }

    async fn a_database_that_is_away_for_a_moment_costs_nothing(world: World) {
        let poison = Poison::new(&[("event-5", Harm::Away(3)), ("event-6", Harm::Lost(12))]);
        world.restart(Setup { reactions: vec![poison], ..Setup::default() }).await;
        let pond = world.community("Pond").await;
        let batch = events(&mut world, pond, 10);
        let tally = world.record(batch).await;
        assert_eq!((tally.recorded, tally.quarantined), (10, 0));
        assert_eq!(messages(&world).await, 10);
        assert_counted(&world).await;
    }

    async fn an_import_gives_up_after_its_patience_and_writes_nothing(world: World) {
        let poison = Poison::new(&[("event-5", Harm::Away(usize::MAX))]);
        let ingest = Settings { import_patience: std::time::Duration::ZERO, ..Settings::default() };
        world.restart(Setup { reactions: vec![poison], ingest, ..Setup::default() }).await;
        let pond = world.community("Pond").await;
        let batch = events(&mut world, pond, 10);
        let refused = world.ingest.import(batch, None).await;
        assert!(matches!(refused, Err(IngestError::Storage(_))), "{refused:?}");
        assert_eq!(messages(&world).await, 0);
    }

    async fn a_stop_writes_what_was_taken_and_takes_no_more(world: World) {
        let gate = Gate::new(0);
        world.restart(Setup { reactions: vec![gate.clone()], ..Setup::default() }).await;
        let pond = world.community("Pond").await;
        let batch = events(&mut world, pond, 501);
        let late = batch[500].clone();
        for event in batch.into_iter().take(500) {
            world.ingest.submit(event).await.unwrap();
        }
        gate.arrived(1).await;
        world.app.stop.cancel();
        gate.open();
        let ingest = world.ingest.clone();
        world.restart(Setup::default()).await;
        assert!(matches!(ingest.submit(late.clone()).await, Err(IngestError::Stopped)));
        assert!(matches!(ingest.import(vec![late], None).await, Err(IngestError::Stopped)));
        assert_eq!(messages(&world).await, 500);
        assert_counted(&world).await;
    }

    async fn a_stop_is_heard_however_busy_the_line_is(world: World) {
        let pond = world.community("Pond").await;
        let template = world.event("ann", message("spam"));
        let mut senders = Vec::new();
        let accepted = Arc::new(AtomicUsize::new(0));
        for sender in 0..4 {
            let (ingest, accepted, template) = (world.ingest.clone(), Arc::clone(&accepted), template.clone());
            senders.push(tokio::spawn(async move {
                for n in 0.. {
                    let mut event = template.clone();
                    event.event_id = format!("{sender}-{n}");
                    if ingest.submit(Incoming { community: pond, event }).await.is_err() {
                        return;
                    }
                    accepted.fetch_add(1, Ordering::SeqCst);
                }
            }));
        }
        until(|| accepted.load(Ordering::SeqCst) > 500).await;
        world.stop().await;
        for sender in senders {
            sender.await.unwrap();
        }
        world.restart(Setup::default()).await;
        let stored = usize::try_from(messages(&world).await).unwrap();
        assert_eq!(stored, accepted.load(Ordering::SeqCst), "what was accepted is stored");
    }

    async fn a_sender_that_gives_up_waiting_is_not_counted_for_ever(world: World) {
        let gate = Gate::new(0);
        let ingest = Settings { queue_max: 1, ..Settings::default() };
        world.restart(Setup { reactions: vec![gate.clone()], ingest, ..Setup::default() }).await;
        let pond = world.community("Pond").await;
        let mut senders = Vec::new();
        for part in events(&mut world, pond, 60).chunks(10).map(<[Incoming]>::to_vec) {
            let ingest = world.ingest.clone();
            senders.push(tokio::spawn(async move { ingest.import(part, None).await.map(|_| ()) }));
        }
        for event in events(&mut world, pond, 6) {
            let ingest = world.ingest.clone();
            senders.push(tokio::spawn(async move { ingest.submit(event).await }));
        }
        until(|| world.app.backlog().load(Ordering::SeqCst) == 66).await;
        for sender in &senders {
            sender.abort();
        }
        gate.open();
        until(|| world.app.backlog().load(Ordering::SeqCst) == 0).await;
    }

    async fn a_bound_of_nothing_still_lets_events_pass(world: World) {
        let ingest = Settings { queue_max: 0, batch_max: 0, ..Settings::default() };
        world.restart(Setup { ingest, ..Setup::default() }).await;
        let pond = world.community("Pond").await;
        for event in events(&mut world, pond, 3) {
            world.ingest.submit(event).await.unwrap();
        }
        until(|| world.app.backlog().load(Ordering::SeqCst) == 0).await;
        assert_eq!(messages(&world).await, 3);
    }

    async fn four_processes_with_the_same_people_record_everything_once(world: World) {
        const EVENTS: usize = 1_200;
        let communities = [world.community("Pond").await, world.community("Lake").await];
        let mut nodes = Vec::new();
        for _ in 0..4 {
            nodes.push(world.another(Setup::default()).await);
        }
        let all: Vec<Incoming> = (0..EVENTS).map(|n| {
            // Everybody is everywhere, and names change all the time.
            let mut event = world.event(&format!("duck{}", n * 31 % 97), message("quack"));
            event.account.username = format!("duck {}", n % 11);
            event.origin.channel = format!("channel {}", n * 7 % 23);
            event.sent_at = event.sent_at.minus(std::time::Duration::from_mins(u64::try_from(n * 37 % 5_000).unwrap()));
            Incoming { community: communities[n % 2], event }
        }).collect();
        // Every event is delivered to two processes, to each in an order of its own.
        let feed = |node: &Node, k: usize| {
            let ingest = node.ingest.clone();
            let mut mine: Vec<Incoming> = all.iter().enumerate()
                .filter(|(n, _)| n % 4 == k || (n + 1) % 4 == k)
                .map(|(_, incoming)| incoming.clone())
                .collect();
            if k % 2 == 1 {
                mine.reverse();
            }
            tokio::spawn(async move {
                let (mut recorded, mut others) = (0, 0);
                for part in mine.chunks(60) {
                    let tally = ingest.import(part.to_vec(), None).await.unwrap();
                    recorded += tally.recorded;
                    others += tally.duplicates;
                    assert_eq!((tally.quarantined, tally.too_old), (0, 0));
                }
                (recorded, others)
            })
        };
        let feeders: Vec<_> = nodes.iter().enumerate().map(|(k, node)| feed(node, k)).collect();
        let (mut recorded, mut others) = (0, 0);
        for feeder in feeders {
            let (r, o) = feeder.await.unwrap();
            recorded += r;
            others += o;
        }
        let wanted = u64::try_from(EVENTS).unwrap();
        assert_eq!((recorded, others), (wanted, wanted));
        assert_eq!(messages(&world).await, i64::try_from(EVENTS).unwrap());
        assert_counted(&world).await;
        assert_eq!(world.number("SELECT COUNT(*) FROM users").await, 97);
        assert_eq!(world.number("SELECT COUNT(*) FROM platform_account").await, 97);
        assert_eq!(world.number("SELECT COUNT(*) FROM channel").await, 46);
        assert!(world.clock.now().0 > 0);
        for node in nodes {
            node.stop().await;
        }
    }
}
