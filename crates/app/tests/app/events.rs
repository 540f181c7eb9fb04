//! Domain events and the catalogue of what webhooks are sent: what is emitted is listed, and what is
//! listed is true.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
    sync::Arc,
    time::Duration,
};

use ::activity::{Incoming, SuspicionState};
use bots::{AppealState, NewReview, Probability, Verdict};
use community::{CommandChange, SettingChange};
use identity::{Adjustment, CommunityChange, Install, MergeSide};
use kernel::{
    AccountId, CarryError, Clock, Courier, Grant, Installed, Medium, PageRequest, Platform, Role,
    Secret,
};
use serde_json::Value;
use store::sql;
use testkit::{Setup, TestCourier, World, on_both};
use webhook::catalogue;

use super::{bot_training::labels, delivery::greeting};

const DAY: Duration = Duration::from_secs(86_400);
const HOUR: Duration = Duration::from_secs(3_600);

/// Every Rust file below a directory, tests left out.
fn sources(place: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(place).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(sources(&path));
        } else if path.extension().is_some_and(|end| end == "rs") {
            found.push(path);
        }
    }
    found
}

/// The kinds that the domains declare in their `events.rs`.
fn declared(domains: &Path) -> BTreeSet<String> {
    let is_events = |path: &PathBuf| path.ends_with("src/events.rs");
    let mut kinds = BTreeSet::new();
    for path in sources(domains).into_iter().filter(is_events) {
        let text = std::fs::read_to_string(path).unwrap();
        for line in text.lines().filter(|line| line.starts_with("pub const ")) {
            let kind = line.split('"').nth(1).unwrap();
            kinds.insert(kind.to_owned());
        }
    }
    kinds
}

#[test]
fn every_kind_of_event_is_in_the_catalogue_and_nothing_else_is() {
    let domains = Path::new(env!("CARGO_MANIFEST_DIR")).join("../domains");
    let mut listed: BTreeSet<String> = catalogue::KINDS
        .iter()
        .map(|kind| kind.name.to_owned())
        .collect();
    assert!(listed.remove(catalogue::PING));
    assert_eq!(
        declared(&domains),
        listed,
        "left: events.rs; right: the catalogue"
    );
    // An event is made with a declared kind, never with a text of its own.
    for path in sources(&domains) {
        let text: String = std::fs::read_to_string(&path)
            .unwrap()
            .split_whitespace()
            .collect();
        for made in text.split("DomainEvent{kind:").skip(1) {
            let named = made.chars().next().unwrap();
            assert!(named.is_ascii_uppercase(), "{}: {made:.40}", path.display());
        }
    }
}

/// Every event so far, as (kind, community, payload).
async fn emitted(world: &World) -> Vec<(String, Option<i32>, Value)> {
    let query = "SELECT kind, community_id, payload FROM domain_event ORDER BY id";
    let rows = sql::rows(world.app.db().read(), query, vec![])
        .await
        .unwrap();
    rows.iter()
        .map(|row| {
            let payload: String = row.try_get_by_index(2).unwrap();
            (
                row.try_get_by_index(0).unwrap(),
                row.try_get_by_index(1).unwrap(),
                serde_json::from_str(&payload).unwrap(),
            )
        })
        .collect()
}

/// Does everything that is told, once.
async fn everything(world: &mut World) {
    let system = world.system();
    let pond = world.community("Pond").await;
    let app = world.app.clone();
    let person = world.person(pond, "ann", Some(Role::Member)).await;
    let moderator = world.person(pond, "mona", Some(Role::Moderator)).await;
    let change = CommunityChange {
        name: "The pond".to_owned(),
        description: "ducks".to_owned(),
        retention_days: 30,
    };
    app.identity
        .update_community(&system, pond, &change)
        .await
        .unwrap();
    let server = Installed {
        name: "Pond".to_owned(),
        grant: Grant {
            platform: Platform::Discord,
            server: "pond".to_owned(),
            account: "1".to_owned(),
            access: Secret::new("token".to_owned()),
            refresh: None,
            expires_at: None,
            scopes: Vec::new(),
        },
    };
    let install = Install {
        community: pond,
        platform: Platform::Discord,
        redirect: String::new(),
    };
    let made = app
        .identity
        .finish_install(&system, &install, &server)
        .await
        .unwrap();
    app.identity.disconnect(&system, made.id).await.unwrap();
    let adjustment = Adjustment {
        points: -25,
        note: "loud".to_owned(),
        key: "once".to_owned(),
    };
    let activity = &app.activity;
    activity
        .adjust_reputation(&moderator.actor, pond, person.user, &adjustment)
        .await
        .unwrap();
    let run = activity
        .begin_import(&system, Some(pond), "key", "a.jsonl", "jsonl")
        .await
        .unwrap();
    activity.finish_import(&system, &run).await.unwrap();
    // Many newcomers at once are suspicious.
    world.say(pond, "ann", "quiet today").await;
    world.clock.advance(DAY * 20);
    for n in 0..60 {
        let name = format!("duck{n}");
        let event = world.event(&name, testkit::message("hi"));
        world
            .record(vec![Incoming {
                community: pond,
                event,
            }])
            .await;
    }
    app.bots.tick().await.unwrap();
    world.clock.advance(HOUR);
    activity.watch().await.unwrap();
    let flags = activity
        .suspicions(&system, pond, None, &PageRequest::first(5))
        .await
        .unwrap();
    let flag = flags.items.first().unwrap().id;
    activity
        .decide_suspicion(&moderator.actor, pond, flag, SuspicionState::Dismissed)
        .await
        .unwrap();
    activity.watch().await.unwrap();
    let reply = CommandChange {
        reply: Some("quack".to_owned()),
        ..CommandChange::default()
    };
    let louder = CommandChange {
        reply: Some("QUACK".to_owned()),
        ..CommandChange::default()
    };
    let off = SettingChange {
        is_enabled: false,
        ..SettingChange::default()
    };
    let commands = &app.commands;
    commands
        .add_command(&system, pond, "hello", &reply)
        .await
        .unwrap();
    commands
        .edit_command(&system, pond, "hello", &louder)
        .await
        .unwrap();
    commands
        .remove_command(&system, pond, "hello")
        .await
        .unwrap();
    commands
        .set_command(&system, pond, "ping", &off)
        .await
        .unwrap();
    // Somebody is called a bot, and it was a mistake.
    let bots = &app.bots;
    let account = format!(
        "SELECT MIN(id) FROM platform_account WHERE user_id = {}",
        person.user
    );
    let account = AccountId(world.number(&account).await);
    assert!(
        bots.report(&moderator.actor, pond, account, "spam")
            .await
            .unwrap()
    );
    let suspects = bots
        .suspects(&system, pond, Some(Probability::default()), 5)
        .await
        .unwrap();
    let case = suspects.first().unwrap().id;
    let verdict = NewReview {
        verdict: Verdict::Bot,
        reason: String::new(),
        revision: None,
    };
    bots.review(&moderator.actor, pond, case, &verdict)
        .await
        .unwrap();
    let appeal = bots
        .appeal(&person.actor, case, "I am a duck")
        .await
        .unwrap();
    bots.answer_appeal(&system, pond, appeal, AppealState::Granted, "")
        .await
        .unwrap();
    learned(world).await;
    // A merge of two who are both known here, and its end; then the kept one is erased.
    world.sql("UPDATE users SET claimed_at = 1").await;
    let other = world.person(pond, "anna", None).await;
    let root = world.admin("root").await;
    let (kept, session) = (person.user, world.session(root.user).await);
    let identity = &app.identity;
    let merge = identity
        .request_merge(&root.actor, kept, other.user)
        .await
        .unwrap();
    identity
        .confirm_merge(&root.actor, session, None, merge, MergeSide::Kept)
        .await
        .unwrap();
    let session = world.session(other.user).await;
    let own = world.actor_of(other.user).await;
    identity
        .confirm_merge(&own, session, None, merge, MergeSide::Merged)
        .await
        .unwrap();
    let session = world.session(root.user).await;
    identity
        .undo_merge(&root.actor, session, None, merge)
        .await
        .unwrap();
    let session = world.session(other.user).await;
    let own = world.actor_of(other.user).await;
    app.identity
        .request_erasure(&own, session, None)
        .await
        .unwrap();
    world.clock.advance(DAY * 15);
    assert_eq!(app.tend_privacy().await.unwrap(), 1);
}

/// A community learns for itself, once in vain; its model is deployed and taken back; and it is among those that get a new
/// model first, which is halted.
async fn learned(world: &mut World) {
    let system = world.system();
    let bots = world.app.bots.clone();
    let brook = world.community("Brook").await;
    labels(world, brook, 6, 6).await;
    let training = async |is_possible: bool| {
        let asked = bots.start_training(&system, Some(brook)).await.unwrap();
        let way = world.place().join("blobs/training");
        if !is_possible {
            // Where files go, there is a file in the way.
            std::fs::create_dir_all(world.place().join("blobs")).unwrap();
            std::fs::write(&way, "in the way").unwrap();
        }
        bots.run_training(asked.id, true).await.unwrap();
        if !is_possible {
            std::fs::remove_file(&way).unwrap();
        }
        let after = bots.training(&system, asked.id).await.unwrap();
        after.unwrap().model
    };
    assert_eq!(training(false).await, None);
    let own = training(true).await.unwrap();
    bots.promote_model(&system, own).await.unwrap();
    bots.roll_back_model(&system, Some(brook)).await.unwrap();
    let new = bots::NewModel {
        name: "new".to_owned(),
        community: None,
        metrics: serde_json::json!({}),
        card: serde_json::json!({}),
    };
    let file = bots::prior::BYTES.into();
    let model = bots.add_model(&system, &new, file).await.unwrap();
    let rollout = bots.start_rollout(&system, model.id).await.unwrap();
    for step in [10, 50] {
        bots.advance_rollout(&system, rollout.id, step)
            .await
            .unwrap();
    }
    bots.halt_rollout(&system, rollout.id, "enough")
        .await
        .unwrap();
}

on_both! {
    async fn everything_that_is_told_has_exactly_the_fields_of_its_kind(world: World) {
        let courier = TestCourier::new(Medium::Discord);
        let couriers: Vec<Arc<dyn Courier>> = vec![courier.clone()];
        world.restart(Setup { couriers, ..Setup::default() }).await;
        world.expect_leftovers();
        everything(&mut world).await;
        let lake = world.community("Lake").await;
        courier.answer([Err(CarryError::Refused("gone".to_owned()))]);
        world.app.deliveries.post(&world.system(), greeting(lake, "g")).await.unwrap();
        let runner = app::jobs::runner(&world.app, "tester");
        runner.run_due(world.clock.now()).await.unwrap();
        let mut missing: BTreeSet<&str> = catalogue::offered().map(|kind| kind.name).collect();
        for (kind, community, payload) in emitted(&world).await {
            let known = catalogue::find(&kind).unwrap();
            if community.is_none() {
                continue;
            }
            assert_eq!(known.fault(&payload), None, "{kind}: {payload}");
            assert_eq!(payload["community"].as_i64(), community.map(i64::from), "{kind}");
            missing.remove(kind.as_str());
        }
        assert_eq!(missing, BTreeSet::new(), "was not told");
        let n = async |kind: &str| world.number(&format!("SELECT COUNT(*) FROM domain_event WHERE kind = '{kind}' AND community_id IS NOT NULL")).await;
        assert_eq!(n(activity::SUSPICION_FLAGGED).await, world.number("SELECT COUNT(*) FROM suspicion").await, "once for each");
        assert_eq!(n(activity::MEMBER_JOINED).await, 75, "once for each person");
    }

    async fn history_that_is_imported_makes_nobody_join(world: World) {
        let pond = world.community("Pond").await;
        let mut old = world.event("ann", testkit::message("long ago"));
        old.source = kernel::Source::Import;
        world.record(vec![Incoming { community: pond, event: old }]).await;
        world.say(pond, "ann", "and now").await;
        let mut robot = world.event("robot", testkit::message("beep"));
        robot.account.is_bot = true;
        world.record(vec![Incoming { community: pond, event: robot }]).await;
        world.say(pond, "bob", "hello").await;
        world.say(pond, "bob", "hello again").await;
        let joined = "SELECT COUNT(*) FROM domain_event WHERE kind = 'activity.member_joined'";
        assert_eq!(world.number(joined).await, 1, "bob");
    }
}
