//! What goes out: nothing is lost, nothing is said twice that need not be, every wait is obeyed, and
//! every end can be seen.

use std::{sync::Arc, time::Duration};

use app::{App, jobs};
use async_trait::async_trait;
use delivery::{
    AttemptOutcome, DeliveryError, DeliveryFilter, DeliveryView, NewDelivery, Priority, State,
};
use kernel::{
    Act, Actor, Address, CarryError, Clock, CommunityId, Courier, DeliveryId, Draft, Haste, Medium,
    Order, PageRequest, Receipt, Role, Timestamp, Turn,
};
use store::job;
use testkit::{Setup, TestCourier, World, on_both};
use tokio::sync::OnceCell;
use tokio_util::sync::CancellationToken;

const SECOND: Duration = Duration::from_secs(1);

/// An order to say hello in a Discord channel.
pub(crate) fn hello() -> Order {
    Order {
        medium: Medium::Discord,
        address: Address::Channel {
            server: "pond".into(),
            channel: "general".into(),
        },
        act: Act::Post,
        draft: Draft::text("hello"),
        reply_to: None,
        mentions: kernel::Mentions::Nobody,
        nonce: "overwritten".into(),
    }
}

/// An interactive hello under a key.
pub(crate) fn greeting(community: CommunityId, key: &str) -> NewDelivery {
    NewDelivery::new(community, key, Priority::Interactive, hello())
}

fn of(community: CommunityId, key: &str, priority: Priority) -> NewDelivery {
    NewDelivery::new(community, key, priority, hello())
}

/// Restarts the world with couriers.
async fn with(world: &mut World, couriers: Vec<Arc<dyn Courier>>) {
    let setup = Setup {
        couriers,
        ..Setup::default()
    };
    world.restart(setup).await;
}

/// A world whose Discord is this courier, with a community of its own.
async fn pond(world: &mut World, courier: &Arc<TestCourier>) -> CommunityId {
    with(world, vec![courier.clone()]).await;
    let n = world.number("SELECT COUNT(*) FROM community").await;
    world.community(&format!("Pond {n}")).await
}

async fn post(world: &World, new: NewDelivery) -> DeliveryId {
    let system = world.system();
    world.app.deliveries.post(&system, new).await.unwrap()
}

async fn get(world: &World, id: DeliveryId) -> DeliveryView {
    let system = world.system();
    world
        .app
        .deliveries
        .get(&system, id)
        .await
        .unwrap()
        .unwrap()
}

async fn run(world: &World) -> usize {
    let runner = jobs::runner(&world.app, "tester");
    runner.run_due(world.clock.now()).await.unwrap()
}

/// A runner that runs until it is stopped or killed.
fn start(app: &Arc<App>) -> (CancellationToken, tokio::task::JoinHandle<()>) {
    let stop = CancellationToken::new();
    let (runner, token) = (jobs::runner(app, "tester"), stop.clone());
    (stop, tokio::spawn(async move { runner.run(token).await }))
}

fn lost() -> Result<Receipt, CarryError> {
    Err(CarryError::Unknown("the answer did not come".into()))
}

fn unavailable() -> Result<Receipt, CarryError> {
    Err(CarryError::Unavailable("503".into()))
}

on_both! {
    async fn a_message_is_sent_once_and_its_words_are_forgotten(world: World) {
        let courier = TestCourier::new(Medium::Discord);
        let pond = pond(&mut world, &courier).await;
        let id = post(&world, greeting(pond, "a")).await;
        let before = get(&world, id).await;
        assert_eq!((before.state, before.draft), (State::Pending, Some(Draft::text("hello"))));
        assert_eq!(run(&world).await, 1);
        assert_eq!(run(&world).await, 0);
        let orders = courier.orders();
        assert_eq!(orders.len(), 1);
        assert_eq!(orders[0].draft, Draft::text("hello"));
        assert!(orders[0].nonce.len() <= 25 && orders[0].nonce.is_ascii() && orders[0].nonce != "overwritten");
        assert_eq!(courier.asked(), [Haste::Next]);
        let view = get(&world, id).await;
        assert_eq!((view.state, view.draft.clone()), (State::Sent, None));
        assert_eq!((view.message_id.as_deref(), view.is_confirmed, view.attempts), (Some("message-1"), true, 1));
        assert_eq!(view.finished_at, Some(world.clock.now()));
        assert_eq!(view.tries.len(), 1);
        assert_eq!(view.tries[0].outcome, Some(AttemptOutcome::Done));
        assert_eq!(world.number("SELECT COUNT(*) FROM delivery WHERE body LIKE '%hello%'").await, 0);
        assert_eq!(courier.n_left(), 0);
    }

    async fn fifty_posts_of_one_key_at_once_are_one_message(world: World) {
        let courier = TestCourier::new(Medium::Discord);
        let pond = pond(&mut world, &courier).await;
        let posts: Vec<_> = (0..50)
            .map(|_| {
                let app = Arc::clone(&world.app);
                tokio::spawn(async move {
                    app.deliveries.post(&Actor::System("test"), greeting(pond, "once")).await.unwrap()
                })
            })
            .collect();
        let mut ids = Vec::new();
        for posted in posts {
            ids.push(posted.await.unwrap());
        }
        ids.dedup();
        assert_eq!(ids.len(), 1);
        assert_eq!(run(&world).await, 1);
        assert_eq!(post(&world, greeting(pond, "once")).await, ids[0], "also after it was sent");
        assert_eq!(run(&world).await, 0);
        assert_eq!(courier.orders().len(), 1);
        let lake = world.community("Lake").await;
        assert_ne!(post(&world, greeting(lake, "once")).await, ids[0], "a key is one community's");
        assert_eq!(run(&world).await, 1);
    }

    async fn many_are_answered_in_order_and_none_is_posted_if_one_cannot_be(world: World) {
        let courier = TestCourier::new(Medium::Discord);
        let pond = pond(&mut world, &courier).await;
        let system = world.system();
        let known = post(&world, of(pond, "1", Priority::Bulk)).await;
        let many = |keys: &[&str]| keys.iter().map(|key| of(pond, key, Priority::Bulk)).collect::<Vec<_>>();
        let ids = world.app.deliveries.post_many(&system, many(&["0", "1", "2", "0"])).await.unwrap();
        assert_eq!((ids[1], ids[3]), (known, ids[0]));
        for (id, key) in ids.iter().zip(["0", "1", "2"]) {
            assert_eq!(get(&world, *id).await.key, key);
        }
        let mut broken = many(&["3", "4"]);
        broken[1].order.draft = Draft::default();
        let refused = world.app.deliveries.post_many(&system, broken).await;
        assert!(matches!(refused, Err(DeliveryError::Invalid(_))), "{refused:?}");
        assert_eq!(run(&world).await, 3);
        assert_eq!(courier.asked(), [Haste::Line; 3], "bulk stands in line");
        assert_eq!(world.app.deliveries.post_many(&system, vec![]).await.unwrap(), []);
    }

    async fn what_cannot_be_sent_is_refused_before_it_is_queued(world: World) {
        let pond = world.community("Pond").await;
        let mut wrong = vec![greeting(pond, ""), greeting(pond, &"k".repeat(201)), greeting(pond, "a\0b")];
        let changes: [fn(&mut Order); 6] = [
            |order| order.draft = Draft::text(" "),
            |order| order.draft = Draft::text("x".repeat(70_000)),
            |order| order.medium = Medium::Email,
            |order| order.address = Address::Mailbox { to: "ann@example.org".into() },
            |order| order.address = Address::Channel { server: "s".into(), channel: String::new() },
            |order| order.address = Address::Channel { server: "s".into(), channel: "a\nb".into() },
        ];
        for change in changes {
            let mut new = greeting(pond, "k");
            change(&mut new.order);
            wrong.push(new);
        }
        for new in wrong {
            let refused = world.app.deliveries.post(&world.system(), new).await;
            assert!(matches!(refused, Err(DeliveryError::Invalid(_))), "{refused:?}");
        }
        assert_eq!(world.number("SELECT COUNT(*) FROM delivery").await, 0);
    }

    async fn a_message_belongs_to_the_change_that_asks_for_it(world: World) {
        let courier = TestCourier::new(Medium::Discord);
        let pond = pond(&mut world, &courier).await;
        let system = world.system();
        let begin = async || world.app.db().begin(&system, world.clock.now()).await.unwrap();
        let mut work = begin().await;
        world.app.deliveries.post_in(&system, &mut work, greeting(pond, "a")).await.unwrap();
        drop(work);
        assert_eq!(run(&world).await, 0, "rolled back");
        let mut work = begin().await;
        let id = world.app.deliveries.post_in(&system, &mut work, greeting(pond, "a")).await.unwrap();
        work.commit().await.unwrap();
        assert_eq!(run(&world).await, 1);
        assert_eq!(get(&world, id).await.state, State::Sent);
    }

    async fn nothing_is_lost_by_a_restart(world: World) {
        let pond = pond(&mut world, &TestCourier::new(Medium::Discord)).await;
        let many = (0..20).map(|n| of(pond, &n.to_string(), Priority::ALL[n % 5])).collect();
        let later = of(pond, "later", Priority::Reminder).due_at(world.clock.now().plus(SECOND * 60));
        world.app.deliveries.post_many(&world.system(), many).await.unwrap();
        post(&world, later).await;
        let courier = TestCourier::new(Medium::Discord);
        with(&mut world, vec![courier.clone()]).await;
        assert_eq!(run(&world).await, 20);
        world.clock.advance(SECOND * 60);
        assert_eq!(run(&world).await, 1);
        assert_eq!(courier.orders().len(), 21);
        assert_eq!(world.number("SELECT COUNT(*) FROM delivery WHERE state = 2").await, 21);
    }

    async fn a_call_whose_process_was_killed_is_repeated_unless_somebody_looks_on(world: World) {
        // (priority, does the platform know nonces, is it said again)
        for (priority, knows, again) in [
            (Priority::Reminder, false, true),
            (Priority::Bulk, false, true),
            (Priority::Interactive, false, false),
            (Priority::Interactive, true, true),
        ] {
            let holding = TestCourier::holding(Medium::Discord);
            let pond = pond(&mut world, &holding).await;
            let id = post(&world, of(pond, "a", priority)).await;
            let (_stop, running) = start(&world.app);
            holding.reaches(1).await;
            let during = get(&world, id).await;
            assert_eq!((during.state, during.attempts), (State::Sending, 1), "durable before the call");
            assert_eq!(during.tries[0].ended_at, None);
            running.abort();
            running.await.unwrap_err();
            let after = if knows { TestCourier::knowing_nonces } else { TestCourier::new }(Medium::Discord);
            with(&mut world, vec![after.clone()]).await;
            assert_eq!(run(&world).await, 0, "the lease still stands");
            world.clock.advance(SECOND * 31);
            assert_eq!(run(&world).await, 1);
            let view = get(&world, id).await;
            if again {
                assert_eq!(view.state, State::Sent, "{priority:?}");
                assert_eq!(after.orders()[0].nonce, holding.orders()[0].nonce);
                assert_eq!(view.tries[0].outcome, Some(AttemptOutcome::Done));
                assert_eq!(view.tries[1].outcome, Some(AttemptOutcome::CutOff));
            } else {
                assert_eq!(view.state, State::Unknown);
                assert_eq!(after.orders().len(), 0);
                assert_eq!(view.tries[0].outcome, Some(AttemptOutcome::CutOff));
                assert!(view.last_error.is_some() && view.draft.is_some());
            }
        }
    }

    async fn a_lost_answer_is_repeated_unless_somebody_looks_on(world: World) {
        for (priority, knows, again) in [
            (Priority::Reminder, false, true),
            (Priority::Sync, false, true),
            (Priority::Bulk, false, true),
            (Priority::Interactive, false, false),
            (Priority::Interactive, true, true),
        ] {
            let courier = if knows { TestCourier::knowing_nonces } else { TestCourier::new }(Medium::Discord);
            let pond = pond(&mut world, &courier).await;
            courier.answer([lost()]);
            let id = post(&world, of(pond, "a", priority)).await;
            run(&world).await;
            world.clock.advance(SECOND * 2);
            run(&world).await;
            let view = get(&world, id).await;
            let orders = courier.orders();
            if again {
                assert_eq!((view.state, orders.len()), (State::Sent, 2), "{priority:?}");
                assert_eq!(orders[0].nonce, orders[1].nonce);
            } else {
                assert_eq!((view.state, orders.len()), (State::Unknown, 1));
                assert_eq!(view.last_error.as_deref(), Some("the answer did not come"));
                // A person decides that it is to be said again.
                world.app.deliveries.retry(&world.system(), id).await.unwrap();
                run(&world).await;
                assert_eq!((get(&world, id).await.state, courier.orders().len()), (State::Sent, 2));
            }
        }
    }

    async fn an_edit_or_deletion_is_repeated_because_twice_is_once(world: World) {
        let courier = TestCourier::new(Medium::Discord);
        let pond = pond(&mut world, &courier).await;
        let id = post(&world, greeting(pond, "a")).await;
        let system = world.system();
        let early = world.app.deliveries.edit(&system, id, "e", Draft::text("hi")).await;
        assert!(matches!(early, Err(DeliveryError::Conflict(_))), "{early:?}");
        run(&world).await;
        courier.answer([lost()]);
        let edit = world.app.deliveries.edit(&system, id, "e", Draft::text("hi")).await.unwrap();
        run(&world).await;
        world.clock.advance(SECOND * 2);
        run(&world).await;
        assert_eq!(get(&world, edit).await.state, State::Sent);
        let orders = courier.orders();
        assert_eq!(orders.len(), 3);
        assert_eq!(orders[2].act, Act::Edit { message_id: "message-1".into() });
        assert_eq!((&orders[2].address, &orders[2].draft), (&hello().address, &Draft::text("hi")));
        let back = world.app.deliveries.take_back(&system, id).await.unwrap();
        assert_eq!(world.app.deliveries.take_back(&system, id).await.unwrap(), back);
        run(&world).await;
        assert_eq!(courier.orders()[3].act, Act::Delete { message_id: "message-1".into() });
        assert_eq!(courier.orders().len(), 4);
    }

    async fn a_wait_that_the_platform_asks_for_is_obeyed_exactly_and_is_no_attempt(world: World) {
        let courier = TestCourier::new(Medium::Discord);
        let pond = pond(&mut world, &courier).await;
        let after = Duration::from_millis(1_234);
        courier.turns([
            Ok(Turn::In(after)),
            Err(CarryError::Closed { after, why: "the last requests failed".into() }),
        ]);
        courier.answer([Err(CarryError::RateLimited { after }), Err(CarryError::Closed { after, why: "x".into() })]);
        let id = post(&world, greeting(pond, "a")).await;
        for n in 0..4 {
            assert_eq!(run(&world).await, 1, "{n}");
            assert_eq!(get(&world, id).await.state, State::Pending);
            world.clock.advance(after.saturating_sub(Duration::from_micros(1)));
            assert_eq!(run(&world).await, 0, "{n}: not a moment too early");
            world.clock.advance(Duration::from_micros(1));
        }
        assert_eq!(run(&world).await, 1);
        let view = get(&world, id).await;
        assert_eq!((view.state, view.attempts), (State::Sent, 3));
        let outcomes: Vec<_> = view.tries.iter().filter_map(|n| n.outcome).collect();
        assert_eq!(outcomes, [AttemptOutcome::Done, AttemptOutcome::Closed, AttemptOutcome::RateLimited]);
        assert_eq!(world.number("SELECT MAX(attempt) FROM job WHERE kind LIKE 'delivery.%'").await, 1);
        assert_eq!(courier.n_left(), 0, "no turn was taken that was not used");
    }

    async fn what_is_refused_has_failed_at_once_with_the_platforms_words(world: World) {
        let courier = TestCourier::new(Medium::Discord);
        let pond = pond(&mut world, &courier).await;
        let why = "Missing Permissions (50013)";
        courier.answer([Err(CarryError::Refused(why.into()))]);
        courier.turns([Ok(Turn::Now), Err(CarryError::Refused("no such account".into()))]);
        let called = post(&world, greeting(pond, "a")).await;
        run(&world).await;
        let uncalled = post(&world, greeting(pond, "b")).await;
        run(&world).await;
        let filter = DeliveryFilter { state: Some(State::Failed), medium: Some(Medium::Discord) };
        let page = world.app.deliveries.list(&world.system(), pond, filter, &PageRequest::first(10)).await.unwrap();
        let seen: Vec<_> = page.items.iter().map(|view| (view.id, view.attempts, view.last_error.as_deref())).collect();
        assert_eq!(seen, [(uncalled, 0, Some("no such account")), (called, 1, Some(why))]);
        assert_eq!(world.app.status(&world.system()).await.unwrap().dead, 0, "nobody else has to act");
        world.app.deliveries.retry(&world.system(), called).await.unwrap();
        run(&world).await;
        let view = get(&world, called).await;
        assert_eq!((view.state, view.last_error, view.attempts), (State::Sent, None, 2));
        let again = world.app.deliveries.retry(&world.system(), called).await;
        assert!(matches!(again, Err(DeliveryError::Conflict(_))), "{again:?}");
    }

    async fn what_fails_too_often_is_a_dead_letter_that_can_be_replayed(world: World) {
        let courier = TestCourier::new(Medium::Discord);
        let pond = pond(&mut world, &courier).await;
        let system = world.system();
        let exhaust = async |key: &str| {
            courier.answer((0..20).map(|_| unavailable()));
            let id = post(&world, of(pond, key, Priority::Sync)).await;
            for _ in 0..20 {
                run(&world).await;
                world.clock.advance(SECOND * 300);
            }
            let view = get(&world, id).await;
            assert_eq!((view.state, view.attempts), (State::Failed, 20));
            assert_eq!(view.last_error.as_deref(), Some("503"));
            id
        };
        let replayed = exhaust("a").await;
        let letters = world.app.dead_letters(&system, &PageRequest::first(10)).await.unwrap();
        assert_eq!(letters.items.len(), 1);
        assert_eq!(letters.items[0].kind, "delivery.discord");
        assert!(!letters.items[0].payload.contains("hello"));
        world.app.replay_job(&system, letters.items[0].id).await.unwrap();
        run(&world).await;
        assert_eq!(get(&world, replayed).await.state, State::Sent);
        let retried = exhaust("b").await;
        world.app.deliveries.retry(&system, retried).await.unwrap();
        run(&world).await;
        assert_eq!(get(&world, retried).await.state, State::Sent);
        assert_eq!(world.app.status(&system).await.unwrap().dead, 0, "its letter is done with");
        let nonces: std::collections::BTreeSet<_> = courier.orders().into_iter().map(|order| order.nonce).collect();
        assert_eq!(nonces.len(), 2, "one each, however often they were tried");
    }

    async fn what_is_cancelled_is_not_sent(world: World) {
        let courier = TestCourier::holding(Medium::Discord);
        let pond = pond(&mut world, &courier).await;
        let system = world.system();
        let later = world.clock.now().plus(SECOND);
        let id = post(&world, greeting(pond, "a").due_at(later)).await;
        world.clock.advance(Duration::from_micros(999_999));
        world.app.deliveries.cancel(&system, id).await.unwrap();
        world.clock.advance(SECOND);
        assert_eq!(run(&world).await, 0);
        let view = get(&world, id).await;
        assert_eq!((view.state, view.draft), (State::Cancelled, None));
        let under_way = post(&world, greeting(pond, "b")).await;
        let (stop, running) = start(&world.app);
        courier.reaches(1).await;
        let late = world.app.deliveries.cancel(&system, under_way).await;
        assert!(matches!(late, Err(DeliveryError::Conflict(_))), "{late:?}");
        courier.release(1);
        stop.cancel();
        running.await.unwrap();
        assert_eq!(get(&world, under_way).await.state, State::Sent);
        let absent = world.app.deliveries.cancel(&system, DeliveryId(999)).await;
        assert!(matches!(absent, Err(DeliveryError::NotFound)), "{absent:?}");
    }

    async fn what_is_cancelled_while_a_worker_has_it_is_not_sent_either(world: World) {
        let courier = Arc::new(Meddling::default());
        with(&mut world, vec![courier.clone()]).await;
        let pond = world.community("Pond").await;
        let id = post(&world, greeting(pond, "a")).await;
        courier.target.set((Arc::clone(&world.app), id)).ok().unwrap();
        run(&world).await;
        world.clock.advance(SECOND);
        run(&world).await;
        let view = get(&world, id).await;
        assert_eq!((view.state, view.attempts), (State::Cancelled, 0));
        assert_eq!(courier.inner().n_left(), 1, "its turn was given back");
        assert_eq!(courier.inner().orders().len(), 0);
    }

    async fn what_is_useless_expires_and_says_so(world: World) {
        let courier = TestCourier::new(Medium::Discord);
        let pond = pond(&mut world, &courier).await;
        let end = world.clock.now().plus(SECOND * 10);
        // One waits for its turn longer than it is of use, one finds nobody at work in time.
        courier.turns([Ok(Turn::In(SECOND * 3_600))]);
        let waiting = post(&world, greeting(pond, "a").not_after(end)).await;
        run(&world).await;
        let idle = post(&world, greeting(pond, "b").not_after(end)).await;
        let useful = post(&world, greeting(pond, "c").not_after(end.plus(SECOND))).await;
        world.clock.set(Timestamp(end.0 + 1_000));
        assert_eq!(run(&world).await, 3);
        for id in [waiting, idle] {
            let view = get(&world, id).await;
            assert_eq!((view.state, view.attempts, view.draft), (State::Expired, 0, None));
            assert_eq!(view.last_error.as_deref(), Some("its time passed before it could be sent"));
        }
        assert_eq!(get(&world, useful).await.state, State::Sent);
    }

    async fn a_turn_is_given_back_when_the_try_cannot_be_written(world: World) {
        let courier = TestCourier::new(Medium::Discord);
        let pond = pond(&mut world, &courier).await;
        let id = post(&world, greeting(pond, "a")).await;
        world.sql("ALTER TABLE delivery_attempt RENAME TO away").await;
        run(&world).await;
        assert_eq!((courier.n_left(), courier.orders().len()), (1, 0));
        world.sql("ALTER TABLE away RENAME TO delivery_attempt").await;
        world.clock.advance(SECOND * 2);
        run(&world).await;
        let view = get(&world, id).await;
        assert_eq!((view.state, view.attempts), (State::Sent, 1));
    }

    async fn sixty_four_sends_at_a_time_share_their_commits(world: World) {
        let courier = TestCourier::holding(Medium::Discord);
        let pond = pond(&mut world, &courier).await;
        let many = (0..64).map(|n| of(pond, &n.to_string(), Priority::Sync)).collect();
        world.app.deliveries.post_many(&world.system(), many).await.unwrap();
        let (stop, running) = start(&world.app);
        courier.reaches(64).await;
        assert_eq!(world.number("SELECT COUNT(*) FROM delivery_attempt WHERE ended_at IS NULL").await, 64);
        courier.release(64);
        stop.cancel();
        running.await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM delivery WHERE state = 2").await, 64);
        let n_commits = world.app.deliveries.n_commits();
        assert!(n_commits <= 64, "{n_commits} commits for 128 writes");
    }

    async fn ten_thousand_bulk_messages_do_not_delay_a_reply(world: World) {
        let courier = TestCourier::new(Medium::Discord);
        let pond = pond(&mut world, &courier).await;
        let lake = world.community("Lake").await;
        let bulk = (0..10_000).map(|n| of(pond, &n.to_string(), Priority::Bulk)).collect();
        world.app.deliveries.post_many(&world.system(), bulk).await.unwrap();
        let (stop, running) = start(&world.app);
        courier.reaches(200).await;
        let before = courier.orders().len();
        let mut reply = greeting(lake, "reply");
        reply.order.draft = Draft::text("reply");
        post(&world, reply).await;
        let is_reply = |order: &Order| order.draft == Draft::text("reply");
        let mut n = before;
        while !courier.orders().iter().any(is_reply) {
            n += 1;
            courier.reaches(n).await;
        }
        stop.cancel();
        running.await.unwrap();
        let place = courier.orders().iter().position(is_reply).unwrap();
        assert!(place - before <= 4 * 64, "{} bulk messages went first", place - before);
        world.expect_leftovers();
    }

    async fn old_deliveries_go_and_those_of_dead_jobs_come_to_an_end(world: World) {
        let holding = TestCourier::holding(Medium::Discord);
        let pond = pond(&mut world, &holding).await;
        let old = post(&world, greeting(pond, "old")).await;
        world.app.deliveries.cancel(&world.system(), old).await.unwrap();
        // A message that ends its process three times.
        let poison = post(&world, of(pond, "poison", Priority::Sync)).await;
        for n in 1..=3 {
            let (_stop, running) = start(&world.app);
            holding.reaches(n).await;
            running.abort();
            running.await.unwrap_err();
            // Its lease runs out; the second time it comes back two seconds later.
            world.clock.advance(SECOND * 40);
            let queue = job::Queue::new(world.app.db().clone(), "tester");
            queue.claim(world.clock.now(), &job::Room::default()).await.unwrap();
            world.clock.advance(SECOND * 3);
        }
        assert_eq!(world.app.status(&world.system()).await.unwrap().dead, 1);
        let tended = world.app.deliveries.tend().await.unwrap();
        assert_eq!((tended.n_abandoned, tended.n_removed), (1, 0));
        let view = get(&world, poison).await;
        assert_eq!(view.state, State::Unknown, "the last call may have arrived");
        assert!(view.last_error.unwrap().contains("three times"));
        assert_eq!(view.tries[0].outcome, Some(AttemptOutcome::CutOff));
        world.clock.advance(SECOND * 86_400 * 30);
        assert_eq!(world.app.deliveries.tend().await.unwrap().n_removed, 1, "one ended a little later");
        world.clock.advance(SECOND);
        assert_eq!(world.app.deliveries.tend().await.unwrap().n_removed, 1);
        assert_eq!(world.number("SELECT COUNT(*) FROM delivery_attempt").await, 0);
        world.expect_leftovers();
    }

    async fn people_see_what_was_said_and_what_they_did_is_on_record(world: World) {
        let courier = TestCourier::new(Medium::Discord);
        let pond = pond(&mut world, &courier).await;
        let mod_ = world.person(pond, "mona", Some(Role::Moderator)).await.actor;
        let member = world.person(pond, "mel", Some(Role::Member)).await.actor;
        let deliveries = &world.app.deliveries;
        let mut answer = greeting(pond, "a");
        answer.order.address = Address::Answer {
            server: "pond".into(),
            channel: "general".into(),
            interaction: "i1".into(),
            token: "very-secret".into(),
        };
        let id = deliveries.post(&mod_, answer).await.unwrap();
        let later = world.clock.now().plus(SECOND);
        let cancelled = deliveries.post(&mod_, greeting(pond, "b").due_at(later)).await.unwrap();
        deliveries.post(&mod_, greeting(pond, "b")).await.unwrap();
        deliveries.cancel(&mod_, cancelled).await.unwrap();
        let view = deliveries.get(&mod_, id).await.unwrap().unwrap();
        assert_eq!(view.address, hello().address);
        assert!(view.requested_by.starts_with("user:"));
        assert_eq!(deliveries.get(&member, id).await.unwrap(), None);
        run(&world).await;
        assert!(matches!(courier.orders()[0].address, Address::Answer { .. }));
        let everywhere = format!("{:?}", world.dump().await);
        assert!(!everywhere.contains("very-secret"), "gone once it was used");
        let first = deliveries.list(&mod_, pond, DeliveryFilter::default(), &PageRequest::first(1)).await.unwrap();
        assert_eq!(first.items[0].id, cancelled);
        let rest = PageRequest::after(first.next.unwrap(), 10);
        let second = deliveries.list(&mod_, pond, DeliveryFilter::default(), &rest).await.unwrap();
        assert_eq!((second.items.len(), second.items[0].id, second.next), (1, id, None));
        let log = world.app.audit(&world.system(), &PageRequest::first(10)).await.unwrap();
        let actions: Vec<_> = log.items.iter().map(|entry| entry.action.as_str()).take(3).collect();
        assert_eq!(actions, ["delivery.cancel", "delivery.post", "delivery.post"]);
    }

    async fn a_stop_lets_calls_end(world: World) {
        let courier = TestCourier::holding(Medium::Discord);
        let pond = pond(&mut world, &courier).await;
        let id = post(&world, greeting(pond, "a")).await;
        let (stop, running) = start(&world.app);
        courier.reaches(1).await;
        stop.cancel();
        courier.release(1);
        running.await.unwrap();
        assert_eq!((get(&world, id).await.state, courier.n_ended()), (State::Sent, 1));
        let left = job::stats(world.app.db().read()).await.unwrap();
        assert_eq!(left, []);
    }
}

/// Cancels a delivery at the moment its worker asks for a turn.
#[derive(Default)]
struct Meddling {
    target: OnceCell<(Arc<App>, DeliveryId)>,
    inner: std::sync::OnceLock<Arc<TestCourier>>,
}

impl Meddling {
    fn inner(&self) -> &Arc<TestCourier> {
        self.inner.get_or_init(|| TestCourier::new(Medium::Discord))
    }
}

#[async_trait]
impl Courier for Meddling {
    fn medium(&self) -> Medium {
        Medium::Discord
    }

    fn turn(&self, order: &Order, haste: Haste) -> Result<Turn, CarryError> {
        let (app, id) = self.target.get().unwrap();
        let system = Actor::System("test");
        let cancel = app.deliveries.cancel(&system, *id);
        tokio::task::block_in_place(|| tokio::runtime::Handle::current().block_on(cancel)).unwrap();
        self.inner().turn(order, haste)
    }

    fn leave(&self, order: &Order) {
        self.inner().leave(order);
    }

    fn knows_nonces(&self, _order: &Order) -> bool {
        false
    }

    async fn carry(&self, order: &Order) -> Result<Receipt, CarryError> {
        self.inner().carry(order).await
    }
}
