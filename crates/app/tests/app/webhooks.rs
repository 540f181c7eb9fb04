//! Outgoing webhooks: every event is sent, signed, at least once, to whoever wants it; nothing is sent
//! of what did not happen; nobody is kept waiting by somebody else; and every end can be seen.

use std::{collections::BTreeSet, sync::Arc, time::Duration};

use app::jobs;
use kernel::{
    Actor, Clock, CommunityId, Courier, ErrorCode, HookCall, HookError, HookMessageId, HookReply,
    Medium, PageRequest, Role, Secret, Timestamp, WebhookId,
};
use serde_json::Value;
use store::{DomainEvent, KeyRing, seal::Keys};
use testkit::{Person, SeededEntropy, Setup, TestCourier, TestHooks, World, on_both};
use tokio_util::sync::CancellationToken;
use webhook::{
    MadeWebhook, Message, MessageFilter, MessageState, NewWebhook, WebhookChange, WebhookError,
    WebhookReason, WebhookState, policy,
};

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);

/// A webhook of a community with an address of its own.
pub(crate) async fn webhook(world: &World, community: CommunityId) -> WebhookId {
    made(world, community, &[]).await.webhook.id
}

/// A message of a webhook that failed.
pub(crate) async fn failed(world: &World, webhook: WebhookId) -> HookMessageId {
    let service = &world.app.webhooks;
    let id = service.ping(&world.system(), webhook).await.unwrap();
    world
        .sql(&format!(
            "UPDATE webhook_message SET state = 2, finished_at = 1 WHERE id = {id}"
        ))
        .await;
    id
}

async fn made(world: &World, community: CommunityId, kinds: &[&str]) -> MadeWebhook {
    let n = world.number("SELECT COUNT(*) FROM webhook").await;
    let new = NewWebhook {
        url: format!("https://receiver.example/{n}"),
        description: "the kitchen".to_owned(),
        kinds: kinds.iter().map(|kind| (*kind).to_owned()).collect(),
    };
    let service = &world.app.webhooks;
    service
        .create(&world.system(), community, &new)
        .await
        .unwrap()
}

/// A world with these receivers and a community.
async fn pond(world: &mut World, hooks: &Arc<TestHooks>) -> CommunityId {
    let setup = Setup {
        hooks: Arc::clone(hooks),
        ..Setup::default()
    };
    world.restart(setup).await;
    world.community("Pond").await
}

/// Something happens.
async fn happen(world: &World, community: CommunityId) {
    let mut work = world
        .app
        .db()
        .begin(&world.system(), world.clock.now())
        .await
        .unwrap();
    work.emit(event(community, 7), &[]).await.unwrap();
    work.commit().await.unwrap();
}

fn event(community: CommunityId, user: i32) -> DomainEvent {
    DomainEvent {
        kind: identity::ROLE_CHANGED,
        community: Some(community),
        payload: serde_json::json!({ "community": community.0, "user": user, "role": "vip" }),
    }
}

/// Runs what is due now.
async fn run(world: &World) {
    let runner = jobs::runner(&world.app, "tester");
    runner.run_due(world.clock.now()).await.unwrap();
}

async fn messages(world: &World, webhook: WebhookId) -> Vec<Message> {
    let (service, page) = (&world.app.webhooks, PageRequest::first(100));
    let listed = service
        .messages(&world.system(), webhook, MessageFilter::default(), &page)
        .await;
    listed.unwrap().items
}

async fn only(world: &World, webhook: WebhookId) -> Message {
    let listed = messages(world, webhook).await;
    assert_eq!(listed.len(), 1, "{listed:?}");
    let message = world
        .app
        .webhooks
        .message(&world.system(), listed[0].id)
        .await;
    message.unwrap().unwrap()
}

async fn state(world: &World, id: WebhookId) -> WebhookState {
    let seen = world
        .app
        .webhooks
        .webhook(&world.system(), id)
        .await
        .unwrap();
    seen.unwrap().state
}

fn header(call: &HookCall, name: &str) -> String {
    let found = call.headers.iter().find(|(header, _)| *header == name);
    found.unwrap().1.clone()
}

/// Whether a call is signed with a secret.
fn is_signed(call: &HookCall, secret: &Secret<String>) -> bool {
    let at = Timestamp::from_secs(header(call, "webhook-timestamp").parse().unwrap());
    let wanted = webhook::signature(secret, &header(call, "webhook-id"), at, &call.body).unwrap();
    header(call, "webhook-signature")
        .split(' ')
        .any(|one| one == wanted)
}

on_both! {
    async fn an_event_is_sent_signed_to_each_webhook_of_its_community_that_wants_it(world: World) {
        let hooks = TestHooks::new();
        let pond = pond(&mut world, &hooks).await;
        let lake = world.community("Lake").await;
        let person = world.person(pond, "ann", None).await;
        let all = made(&world, pond, &[]).await;
        let some = made(&world, pond, &["identity.role_changed"]).await;
        let others = made(&world, pond, &["identity.person_merged"]).await;
        let foreign = made(&world, lake, &[]).await;
        world.app.identity.set_role(&world.system(), pond, person.user, Some(Role::Vip)).await.unwrap();
        run(&world).await;
        let calls = hooks.calls();
        assert_eq!(calls.len(), 2, "{calls:?}");
        for (made, call) in [&all, &some].into_iter().zip(&calls) {
            assert_eq!(call.url, made.webhook.url);
            assert!(is_signed(call, &made.secret));
            assert_eq!(header(call, "webhook-timestamp"), world.clock.now().secs().to_string());
            let sent: Value = serde_json::from_str(&call.body).unwrap();
            assert_eq!(sent["type"], "identity.role_changed");
            assert_eq!(sent["timestamp"], world.clock.now().to_string());
            assert_eq!((sent["data"]["user"].as_i64(), sent["data"]["role"].as_str()), (Some(person.user.0.into()), Some("vip")));
            let message = only(&world, made.webhook.id).await;
            assert_eq!((message.state, message.attempts, message.status), (MessageState::Delivered, 1, Some(204)));
            assert_eq!((message.public_id.as_str(), message.body.as_str()), (header(call, "webhook-id").as_str(), call.body.as_str()));
            assert_eq!(message.tries.len(), 1);
        }
        assert!(!is_signed(&calls[0], &some.secret), "each has a secret of its own");
        assert_ne!(header(&calls[0], "webhook-id"), header(&calls[1], "webhook-id"));
        for quiet in [others, foreign] {
            assert!(messages(&world, quiet.webhook.id).await.is_empty());
        }
        run(&world).await;
        assert_eq!(hooks.calls().len(), 2, "once");
    }

    async fn nothing_is_sent_of_what_was_rolled_back(world: World) {
        let hooks = TestHooks::new();
        let pond = pond(&mut world, &hooks).await;
        let id = webhook(&world, pond).await;
        let mut work = world.app.db().begin(&world.system(), world.clock.now()).await.unwrap();
        work.emit(event(pond, 1), &[]).await.unwrap();
        drop(work);
        run(&world).await;
        assert!(hooks.calls().is_empty() && messages(&world, id).await.is_empty());
    }

    async fn many_events_of_one_change_are_sent_in_their_own_messages(world: World) {
        let hooks = TestHooks::new();
        let pond = pond(&mut world, &hooks).await;
        let id = webhook(&world, pond).await;
        let mut work = world.app.db().begin(&world.system(), world.clock.now()).await.unwrap();
        work.emit_all((0..300).map(|user| event(pond, user)).collect(), &[]).await.unwrap();
        work.commit().await.unwrap();
        run(&world).await;
        let users = |bodies: Vec<String>| -> BTreeSet<i64> {
            bodies.iter().map(|body| serde_json::from_str::<Value>(body).unwrap()["data"]["user"].as_i64().unwrap()).collect()
        };
        let sent = hooks.calls().into_iter().map(|call| call.body).collect::<Vec<_>>();
        assert_eq!((sent.len(), users(sent).len()), (300, 300));
        // What a message says is what the event of its id says.
        let wrong = "SELECT COUNT(*) FROM webhook_message m JOIN domain_event e ON e.id = m.event_id \
                     WHERE m.body NOT LIKE '%' || e.payload || '%'";
        assert_eq!(world.number(wrong).await, 0);
        assert_eq!(world.number(&format!("SELECT COUNT(*) FROM webhook_message WHERE webhook_id = {id}")).await, 300);
    }

    async fn a_message_is_tried_seven_times_as_the_schedule_says_under_one_id(world: World) {
        let hooks = TestHooks::new();
        let pond = pond(&mut world, &hooks).await;
        let id = webhook(&world, pond).await;
        hooks.always(TestHooks::status(500));
        happen(&world, pond).await;
        for planned in policy::SCHEDULE {
            run(&world).await;
            let message = only(&world, id).await;
            assert_eq!((message.state, message.status), (MessageState::Waiting, Some(500)));
            let due = message.due_at.unwrap();
            let wait = due.since(world.clock.now());
            assert!(wait >= planned && wait <= planned.mul_f64(1.1), "{wait:?} for {planned:?}");
            world.clock.set(due.minus(Duration::from_millis(1)));
            let before = hooks.calls().len();
            run(&world).await;
            assert_eq!(hooks.calls().len(), before, "not before its time");
            world.clock.set(due);
        }
        run(&world).await;
        let message = only(&world, id).await;
        assert_eq!((message.state, message.attempts, message.due_at), (MessageState::Failed, policy::TRIES, None));
        let numbers: Vec<u32> = message.tries.iter().map(|one| one.n).collect();
        assert_eq!(numbers, [7, 6, 5, 4, 3, 2, 1]);
        let calls = hooks.calls();
        let distinct = |name: &str| calls.iter().map(|call| header(call, name)).collect::<BTreeSet<_>>().len();
        assert_eq!((distinct("webhook-id"), distinct("webhook-timestamp")), (1, 7));
        assert!(calls.iter().all(|call| call.body == calls[0].body));
        world.clock.advance(DAY * 3);
        run(&world).await;
        assert_eq!(hooks.calls().len(), 7, "no more after the last");
    }

    async fn what_a_receiver_asks_for_and_says_is_kept(world: World) {
        let hooks = TestHooks::new();
        let pond = pond(&mut world, &hooks).await;
        let id = webhook(&world, pond).await;
        let busy = HookReply { status: 429, retry_after: Some("3600".to_owned()), excerpt: "é".repeat(1_000) };
        hooks.answer([Ok(busy), Err(HookError::TimedOut), TestHooks::status(200)]);
        happen(&world, pond).await;
        run(&world).await;
        let message = only(&world, id).await;
        assert_eq!(message.due_at, Some(world.clock.now().plus(HOUR)));
        assert_eq!(message.tries[0].excerpt, "é".repeat(512), "a KiB of it");
        world.clock.advance(HOUR);
        run(&world).await;
        let message = only(&world, id).await;
        assert_eq!((message.status, message.trouble), (None, Some(HookError::TimedOut)));
        let seen = world.app.webhooks.webhook(&world.system(), id).await.unwrap().unwrap();
        assert_eq!((seen.failures, seen.failing_since), (2, Some(world.clock.now().minus(HOUR))));
        world.clock.set(message.due_at.unwrap());
        run(&world).await;
        assert_eq!(only(&world, id).await.state, MessageState::Delivered);
        let seen = world.app.webhooks.webhook(&world.system(), id).await.unwrap().unwrap();
        assert_eq!((seen.failures, seen.failing_since, seen.last_success_at), (0, None, Some(world.clock.now())));
    }

    async fn gone_switches_a_webhook_off_and_its_people_are_told_once(world: World) {
        let (hooks, courier) = (TestHooks::new(), TestCourier::new(Medium::Email));
        let couriers: Vec<Arc<dyn Courier>> = vec![courier.clone()];
        world.restart(Setup { hooks: hooks.clone(), couriers, ..Setup::default() }).await;
        let pond = world.community("Pond").await;
        for (name, role) in [("olga", Role::Owner), ("adam", Role::Admin), ("mona", Role::Moderator), ("mute", Role::Owner)] {
            let person = world.person(pond, name, Some(role)).await;
            if name != "mute" {
                world.sql(&format!("UPDATE users SET email = '{name}@example.org', email_folded = '{name}@example.org' WHERE id = {}", person.user)).await;
            }
        }
        let id = webhook(&world, pond).await;
        hooks.always(TestHooks::status(410));
        happen(&world, pond).await;
        happen(&world, pond).await;
        run(&world).await;
        assert_eq!(hooks.calls().len(), 1, "the second message finds it off");
        assert!(messages(&world, id).await.iter().all(|message| message.state == MessageState::Failed));
        let off = world.app.webhooks.webhook(&world.system(), id).await.unwrap().unwrap();
        assert_eq!((off.state, off.reason), (WebhookState::SwitchedOff, Some(WebhookReason::Gone)));
        happen(&world, pond).await;
        assert_eq!(messages(&world, id).await.len(), 2, "what happens then is not kept for it");
        let refused = world.app.webhooks.ping(&world.system(), id).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Conflict);
        for _ in 0..2 {
            world.app.tend_webhooks().await.unwrap();
            run(&world).await;
        }
        let mails: Vec<String> = courier.orders().iter().map(|order| format!("{order:?}")).collect();
        assert_eq!(mails.len(), 2, "{mails:?}");
        for (mail, who) in mails.iter().zip(["olga", "adam"]) {
            assert!(mail.contains(&format!("{who}@example.org")) && mail.contains("https://receiver.example"), "{mail}");
            assert!(mail.contains("410") && mail.contains(&format!("/c/pond/settings/webhooks/{id}")), "{mail}");
            assert!(!mail.contains("receiver.example/0"), "only its site: {mail}");
        }
        let audit = format!("{:?}", world.app.audit(&world.system(), &PageRequest::first(50)).await.unwrap());
        assert!(audit.contains("webhook.switch_off") && !audit.contains("receiver.example/0"));
        hooks.always(TestHooks::status(200));
        world.app.webhooks.resume(&world.system(), id).await.unwrap();
        happen(&world, pond).await;
        run(&world).await;
        assert_eq!(state(&world, id).await, WebhookState::On);
        assert_eq!(messages(&world, id).await[0].state, MessageState::Delivered);
    }

    async fn five_days_of_failure_switch_a_webhook_off_and_one_success_starts_them_anew(world: World) {
        let hooks = TestHooks::new();
        let pond = pond(&mut world, &hooks).await;
        let id = webhook(&world, pond).await;
        hooks.always(Err(HookError::NotConnected));
        let day = async |world: &World| {
            happen(world, pond).await;
            for _ in 0..24 {
                run(world).await;
                world.clock.advance(HOUR);
            }
        };
        for _ in 0..4 {
            day(&world).await;
        }
        assert_eq!(state(&world, id).await, WebhookState::On);
        hooks.always(TestHooks::status(200));
        day(&world).await;
        hooks.always(TestHooks::status(503));
        for _ in 0..5 {
            assert_eq!(state(&world, id).await, WebhookState::On);
            day(&world).await;
        }
        day(&world).await;
        let off = world.app.webhooks.webhook(&world.system(), id).await.unwrap().unwrap();
        assert_eq!((off.state, off.reason), (WebhookState::SwitchedOff, Some(WebhookReason::Failing)));
    }

    async fn a_process_that_ends_between_the_call_and_its_record_sends_the_same_again(world: World) {
        let hooks = TestHooks::holding("");
        let pond = pond(&mut world, &hooks).await;
        let id = webhook(&world, pond).await;
        happen(&world, pond).await;
        let app = Arc::clone(&world.app);
        let worker = tokio::spawn(async move { jobs::runner(&app, "doomed").run(CancellationToken::new()).await });
        hooks.reaches(1).await;
        worker.abort();
        assert!(worker.await.unwrap_err().is_cancelled());
        assert_eq!(only(&world, id).await.attempts, 0, "nothing was recorded");
        hooks.release(10);
        world.clock.advance(Duration::from_secs(31));
        run(&world).await;
        let calls = hooks.calls();
        assert_eq!(calls.len(), 2);
        assert_eq!(header(&calls[0], "webhook-id"), header(&calls[1], "webhook-id"));
        assert_eq!(calls[0].body, calls[1].body);
        let message = only(&world, id).await;
        assert_eq!((message.state, message.attempts), (MessageState::Delivered, 1));
    }

    async fn a_hundred_workers_send_each_message_once(world: World) {
        let hooks = TestHooks::new();
        let pond = pond(&mut world, &hooks).await;
        webhook(&world, pond).await;
        for _ in 0..100 {
            happen(&world, pond).await;
        }
        let workers: Vec<_> = (0..100).map(|n| {
            let (app, now) = (Arc::clone(&world.app), world.clock.now());
            tokio::spawn(async move { jobs::runner(&app, &format!("worker {n}")).run_due(now).await.unwrap() })
        }).collect();
        for worker in workers {
            worker.await.unwrap();
        }
        let calls = hooks.calls();
        let ids: BTreeSet<String> = calls.iter().map(|call| header(call, "webhook-id")).collect();
        assert_eq!((calls.len(), ids.len()), (100, 100));
        assert_eq!(world.number("SELECT COUNT(*) FROM webhook_message WHERE state = 1 AND attempts = 1").await, 100);
    }

    async fn one_slow_receiver_keeps_no_other_waiting(world: World) {
        let hooks = TestHooks::holding("/0");
        let pond = pond(&mut world, &hooks).await;
        let lake = world.community("Lake").await;
        let slow = webhook(&world, pond).await;
        let quick = [webhook(&world, pond).await, webhook(&world, lake).await];
        for _ in 0..20 {
            happen(&world, pond).await;
        }
        for _ in 0..3 {
            happen(&world, lake).await;
        }
        let (app, stop) = (Arc::clone(&world.app), CancellationToken::new());
        let token = stop.clone();
        let worker = tokio::spawn(async move { jobs::runner(&app, "worker").run(token).await });
        // Four of the slow one, all of the others.
        while hooks.calls().len() < 4 + 20 + 3 {
            // In small steps: leases run out by this clock, and then the slow ones would be sent again.
            world.clock.advance(Duration::from_millis(10));
            world.app.db().begin(&world.system(), world.clock.now()).await.unwrap().commit().await.unwrap();
            tokio::task::yield_now().await;
        }
        let to_slow = hooks.calls().iter().filter(|call| call.url.ends_with("/0")).count();
        assert_eq!(to_slow, 4);
        hooks.release(100);
        while world.number("SELECT COUNT(*) FROM webhook_message WHERE state = 0").await > 0 {
            world.clock.advance(Duration::from_secs(1));
            tokio::task::yield_now().await;
        }
        stop.cancel();
        worker.await.unwrap();
        assert_eq!(messages(&world, slow).await.len(), 20);
        assert_eq!((messages(&world, quick[0]).await.len(), messages(&world, quick[1]).await.len()), (20, 3));
        run(&world).await;
    }

    async fn a_paused_webhook_keeps_what_happens_until_it_goes_on(world: World) {
        let hooks = TestHooks::new();
        let pond = pond(&mut world, &hooks).await;
        let id = webhook(&world, pond).await;
        let service = world.app.webhooks.clone();
        happen(&world, pond).await;
        assert_eq!(service.pause(&world.system(), id).await.unwrap().state, WebhookState::Paused);
        assert_eq!(service.pause(&world.system(), id).await.unwrap().state, WebhookState::Paused, "twice is once");
        happen(&world, pond).await;
        run(&world).await;
        world.clock.advance(HOUR);
        world.app.tend_webhooks().await.unwrap();
        run(&world).await;
        assert!(hooks.calls().is_empty());
        assert!(messages(&world, id).await.iter().all(|message| message.state == MessageState::Waiting));
        service.resume(&world.system(), id).await.unwrap();
        run(&world).await;
        assert_eq!(hooks.calls().len(), 2);
        assert!(messages(&world, id).await.iter().all(|message| message.state == MessageState::Delivered));
    }

    async fn after_a_rotation_both_secrets_sign_for_a_day(world: World) {
        let hooks = TestHooks::new();
        let pond = pond(&mut world, &hooks).await;
        let old = made(&world, pond, &[]).await;
        let new = world.app.webhooks.rotate(&world.system(), old.webhook.id).await.unwrap();
        assert_ne!(old.secret, new.secret);
        assert_eq!(new.webhook.old_secret_until, Some(world.clock.now().plus(DAY)));
        happen(&world, pond).await;
        run(&world).await;
        world.clock.advance(DAY);
        happen(&world, pond).await;
        run(&world).await;
        let calls = hooks.calls();
        assert!(is_signed(&calls[0], &old.secret) && is_signed(&calls[0], &new.secret));
        assert!(!is_signed(&calls[1], &old.secret) && is_signed(&calls[1], &new.secret));
        world.app.tend_webhooks().await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM webhook WHERE old_secret_sealed IS NOT NULL").await, 0);
    }

    async fn secrets_are_sealed_bound_to_their_row_and_sealed_anew_with_a_new_key(world: World) {
        let hooks = TestHooks::new();
        let pond = pond(&mut world, &hooks).await;
        let one = made(&world, pond, &[]).await;
        let other = made(&world, pond, &[]).await;
        let rotated = world.app.webhooks.rotate(&world.system(), one.webhook.id).await.unwrap();
        let dump = format!("{:?}", world.dump().await);
        for secret in [&one.secret, &other.secret, &rotated.secret] {
            assert!(secret.expose().starts_with("whsec_") && !dump.contains(secret.expose().as_str()));
            assert!(!dump.contains(secret.expose().trim_start_matches("whsec_")));
        }
        let db = world.app.db();
        let key = |id: &str, byte: u8| (id.to_owned(), Secret::new([byte; store::seal::KEY_BYTES]));
        let both = KeyRing::new(&Keys::new("new", vec![key("new", 8), key("test", 7)]).unwrap());
        assert_eq!(app::check_seals(db, &both).await.unwrap().by_key.get("test"), Some(&3));
        let done = app::reseal(db, &both, &SeededEntropy::new(5)).await.unwrap();
        assert_eq!((done.texts, done.overtaken), (3, 0));
        let old = KeyRing::new(&Keys::new("test", vec![key("test", 7)]).unwrap());
        assert_eq!(app::missing_key(db, &old).await.unwrap().as_deref(), Some("new"));
        // A sealed text that was moved to another row opens nothing.
        world.sql(&format!("UPDATE webhook SET secret_sealed = (SELECT secret_sealed FROM webhook WHERE id = {}) WHERE id = {}", one.webhook.id, other.webhook.id)).await;
        let trouble = app::check_seals(db, &both).await.unwrap().trouble.unwrap();
        assert_eq!(trouble.0, format!("webhook {}", other.webhook.id));
    }

    async fn what_failed_is_sent_again_when_somebody_asks_under_its_old_id(world: World) {
        let hooks = TestHooks::new();
        let pond = pond(&mut world, &hooks).await;
        let id = webhook(&world, pond).await;
        let service = world.app.webhooks.clone();
        hooks.always(TestHooks::status(500));
        happen(&world, pond).await;
        let mut since = world.clock.now();
        for n in 0..3 {
            world.clock.advance(HOUR);
            if n == 0 {
                since = world.clock.now();
            }
            happen(&world, pond).await;
        }
        for _ in 0..30 {
            run(&world).await;
            world.clock.advance(HOUR);
        }
        assert!(messages(&world, id).await.iter().all(|message| message.state == MessageState::Failed));
        let before = hooks.calls();
        hooks.always(TestHooks::status(200));
        assert_eq!(service.replay_failed(&world.system(), id, since).await.unwrap(), 3);
        assert_eq!(service.replay_failed(&world.system(), id, since).await.unwrap(), 0, "they wait");
        run(&world).await;
        let oldest = messages(&world, id).await.pop().unwrap();
        assert_eq!(oldest.state, MessageState::Failed, "it happened before");
        for _ in 0..2 {
            service.replay(&world.system(), oldest.id).await.unwrap();
            run(&world).await;
        }
        let known: BTreeSet<String> = before.iter().map(|call| header(call, "webhook-id")).collect();
        let again = &hooks.calls()[before.len()..];
        assert_eq!(again.len(), 5, "three, and one twice");
        assert!(again.iter().all(|call| known.contains(&header(call, "webhook-id"))));
        let oldest = service.message(&world.system(), oldest.id).await.unwrap().unwrap();
        assert_eq!((oldest.state, oldest.attempts, oldest.tries.len()), (MessageState::Delivered, 9, 9));
    }

    async fn a_ping_goes_to_one_webhook_whatever_it_wants(world: World) {
        let hooks = TestHooks::new();
        let pond = pond(&mut world, &hooks).await;
        let id = made(&world, pond, &["identity.person_merged"]).await.webhook.id;
        webhook(&world, pond).await;
        let service = world.app.webhooks.clone();
        for _ in 0..5 {
            service.ping(&world.system(), id).await.unwrap();
        }
        let refused = service.ping(&world.system(), id).await.unwrap_err();
        assert_eq!(refused.code(), ErrorCode::Conflict, "enough are on their way");
        run(&world).await;
        let calls = hooks.calls();
        assert_eq!(calls.len(), 5);
        let sent: Value = serde_json::from_str(&calls[0].body).unwrap();
        assert_eq!((sent["type"].as_str(), sent["data"]["webhook"].as_i64()), (Some("webhook.ping"), Some(id.0.into())));
        assert_eq!(webhook::catalogue::find("webhook.ping").unwrap().fault(&sent["data"]), None);
    }

    async fn what_cannot_be_is_refused_in_words_and_bounds_hold_under_a_rush(world: World) {
        let hooks = TestHooks::new();
        let pond = pond(&mut world, &hooks).await;
        let (service, system) = (world.app.webhooks.clone(), world.system());
        let new = |url: &str| NewWebhook { url: url.to_owned(), ..NewWebhook::default() };
        let field = |error: WebhookError| match error {
            WebhookError::Invalid { field, .. } => field,
            other => panic!("{other:?}"),
        };
        assert_eq!(field(service.create(&system, pond, &new("http://a.example")).await.unwrap_err()), "url");
        let unknown = NewWebhook { kinds: vec!["identity.nothing".to_owned()], ..new("https://a.example") };
        assert_eq!(field(service.create(&system, pond, &unknown).await.unwrap_err()), "kinds");
        let ping = NewWebhook { kinds: vec!["webhook.ping".to_owned()], ..new("https://a.example") };
        assert_eq!(field(service.create(&system, pond, &ping).await.unwrap_err()), "kinds");
        let long = NewWebhook { description: "a".repeat(201), ..new("https://a.example") };
        assert_eq!(field(service.create(&system, pond, &long).await.unwrap_err()), "description");
        let absent = service.create(&system, CommunityId(999), &new("https://a.example")).await.unwrap_err();
        assert_eq!(absent.code(), ErrorCode::NotFound);
        let rush: Vec<_> = (0..20).map(|n| {
            let (service, system) = (service.clone(), world.system());
            // Each address twice.
            let new = new(&format!("https://{}.example", n % 10));
            tokio::spawn(async move { service.create(&system, pond, &new).await.is_ok() })
        }).collect();
        let mut n_made = 0;
        for one in rush {
            n_made += usize::from(one.await.unwrap());
        }
        assert_eq!(n_made, 10);
        let full = service.create(&system, pond, &new("https://eleven.example")).await.unwrap_err();
        assert_eq!(full.code(), ErrorCode::Conflict);
        let all = service.webhooks(&system, pond).await.unwrap();
        let taken = WebhookChange { url: Some(all[1].url.clone()), ..WebhookChange::default() };
        assert_eq!(service.change(&system, all[0].id, &taken).await.unwrap_err().code(), ErrorCode::Conflict);
        service.remove(&system, all[0].id).await.unwrap();
        assert_eq!(service.remove(&system, all[0].id).await.unwrap_err().code(), ErrorCode::NotFound);
        service.create(&system, pond, &new("https://eleven.example")).await.unwrap();
    }

    async fn a_new_address_is_sent_what_waits_and_only_wanted_kinds_from_then_on(world: World) {
        let hooks = TestHooks::new();
        let pond = pond(&mut world, &hooks).await;
        let made = made(&world, pond, &[]).await;
        hooks.answer([TestHooks::status(500)]);
        happen(&world, pond).await;
        run(&world).await;
        let change = WebhookChange {
            url: Some("https://new.example/".to_owned()),
            kinds: Some(vec!["identity.person_merged".to_owned(), "identity.person_merged".to_owned()]),
            ..WebhookChange::default()
        };
        let changed = world.app.webhooks.change(&world.system(), made.webhook.id, &change).await.unwrap();
        assert_eq!((changed.kinds.len(), changed.description.as_str()), (1, "the kitchen"));
        happen(&world, pond).await;
        world.clock.advance(HOUR);
        run(&world).await;
        let calls = hooks.calls();
        assert_eq!(calls.len(), 2);
        assert_eq!((calls[0].url.as_str(), calls[1].url.as_str()), (made.webhook.url.as_str(), "https://new.example/"));
        assert!(is_signed(&calls[1], &made.secret));
    }

    async fn old_messages_and_removed_webhooks_go(world: World) {
        let hooks = TestHooks::new();
        let pond = pond(&mut world, &hooks).await;
        let (kept, removed) = (webhook(&world, pond).await, webhook(&world, pond).await);
        happen(&world, pond).await;
        world.app.webhooks.remove(&world.system(), removed).await.unwrap();
        run(&world).await;
        assert_eq!(hooks.calls().len(), 1, "a removed one is not called");
        world.app.tend_webhooks().await.unwrap();
        assert_eq!(world.number("SELECT COUNT(*) FROM webhook").await, 1);
        assert_eq!(world.number("SELECT COUNT(*) FROM webhook_message").await, 1);
        world.clock.advance(DAY * 31);
        happen(&world, pond).await;
        run(&world).await;
        world.app.tend_webhooks().await.unwrap();
        assert_eq!(messages(&world, kept).await.len(), 1);
        assert_eq!(world.number("SELECT COUNT(*) FROM webhook_attempt").await, 1);
    }

    async fn a_message_whose_job_was_lost_is_found_and_one_whose_job_died_has_failed(world: World) {
        world.expect_leftovers();
        let hooks = TestHooks::new();
        let pond = pond(&mut world, &hooks).await;
        let id = webhook(&world, pond).await;
        happen(&world, pond).await;
        happen(&world, pond).await;
        let (lost, dead) = (1, 0);
        let listed = messages(&world, id).await;
        world.sql(&format!("DELETE FROM job WHERE unique_key = '{}'", listed[lost].id)).await;
        world.sql(&format!("UPDATE job SET state = 4, finished_at = 1 WHERE unique_key = '{}'", listed[dead].id)).await;
        world.clock.advance(HOUR);
        world.app.tend_webhooks().await.unwrap();
        run(&world).await;
        let listed = messages(&world, id).await;
        assert_eq!((listed[lost].state, listed[dead].state), (MessageState::Delivered, MessageState::Failed));
        world.app.webhooks.replay(&world.system(), listed[dead].id).await.unwrap();
        world.app.tend_webhooks().await.unwrap();
        run(&world).await;
        assert_eq!(messages(&world, id).await[dead].state, MessageState::Delivered, "the dead job is done with");
    }

    async fn somebody_elses_webhooks_look_like_none(world: World) {
        let hooks = TestHooks::new();
        let pond = pond(&mut world, &hooks).await;
        let lake = world.community("Lake").await;
        let owner = world.person(lake, "sam", Some(Role::Owner)).await;
        let moderator = world.person(pond, "mona", Some(Role::Moderator)).await;
        let id = webhook(&world, pond).await;
        let message = failed(&world, id).await;
        run(&world).await;
        let service = &world.app.webhooks;
        for Person { actor, .. } in [&owner, &moderator] {
            for (webhook, message) in [(id, message), (WebhookId(999), HookMessageId(999))] {
                assert!(service.webhook(actor, webhook).await.unwrap().is_none());
                assert!(service.message(actor, message).await.unwrap().is_none());
                for code in [
                    service.change(actor, webhook, &WebhookChange::default()).await.unwrap_err().code(),
                    service.rotate(actor, webhook).await.unwrap_err().code(),
                    service.remove(actor, webhook).await.unwrap_err().code(),
                    service.replay(actor, message).await.unwrap_err().code(),
                    service.replay_failed(actor, webhook, Timestamp(0)).await.unwrap_err().code(),
                    service.ping(actor, webhook).await.unwrap_err().code(),
                ] {
                    assert_eq!(code, ErrorCode::NotFound);
                }
            }
        }
        assert!(matches!(service.webhooks(&Actor::Anonymous, pond).await, Err(WebhookError::NotAllowed(_))));
    }
}
