//! How many statements a query sends to the database: no more for longer lists. The documents of `corpus/` ask for every
//! list and every relation.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::Path,
};

use async_graphql::parser::{
    parse_query,
    types::{Selection, SelectionSet},
};
use identity::NewServer;
use kernel::{Platform, Role};
use serde_json::json;
use testkit::{Statements, World};

use super::{Client, Fields, base, schema_fields};

/// The documents and their names.
fn corpus() -> Vec<(String, String)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/tests/corpus");
    let mut documents = Vec::new();
    for file in std::fs::read_dir(folder).unwrap() {
        let file = file.unwrap();
        let name = file.file_name().into_string().unwrap();
        documents.push((name, std::fs::read_to_string(file.path()).unwrap()));
    }
    documents.sort_unstable();
    documents
}

/// Statements are heard on one thread, so the runtime has one.
#[tokio::test]
async fn longer_lists_send_no_more_statements_on_sqlite() {
    let (short, long) = (World::sqlite().await, World::sqlite().await);
    compare(&sent(short, 1).await, sent(long, 4).await);
}

#[tokio::test]
async fn longer_lists_send_no_more_statements_on_postgres() {
    if let (Some(short), Some(long)) = (World::postgres().await, World::postgres().await) {
        compare(&sent(short, 1).await, sent(long, 4).await);
    }
}

/// How often each document sent each statement.
type Sent = BTreeMap<(String, String), usize>;

fn compare(short: &Sent, long: Sent) {
    let grown: Vec<String> = long
        .into_iter()
        .filter(|(key, n)| short.get(key) != Some(n))
        .map(|((name, text), n)| format!("{name}: {n} times {text}"))
        .collect();
    assert!(grown.is_empty(), "{}", grown.join("\n"));
}

/// Asks all of the corpus in a world with `n` of everything.
async fn sent(mut world: World, n: usize) -> Sent {
    let mut known = None;
    for name in ["Pond", "Lake", "Sea", "Puddle"].into_iter().take(n) {
        let community = world.community(name).await;
        let owner = world.person(community, "olga", Some(Role::Owner)).await;
        let mike = world
            .person(community, "mike", Some(Role::Moderator))
            .await
            .user;
        for name in ["ann", "bob", "cid", "dan"].into_iter().take(n) {
            world.say(community, name, "quack").await;
        }
        for platform in [Platform::Discord, Platform::Slack] {
            let server = NewServer {
                platform,
                platform_server_id: format!("server of {name}"),
                name: name.to_owned(),
            };
            let identity = &world.app.identity;
            identity
                .connect_server(&world.system(), community, &server)
                .await
                .unwrap();
        }
        let webhooks = &world.app.webhooks;
        for place in ["a", "b", "c", "d"].into_iter().take(n) {
            let new = webhook::NewWebhook {
                url: format!("https://receiver.example/{place}"),
                ..webhook::NewWebhook::default()
            };
            let made = webhooks.create(&world.system(), community, &new).await;
            let id = made.unwrap().webhook.id;
            for _ in 0..n {
                webhooks.ping(&world.system(), id).await.unwrap();
            }
        }
        let runner = app::jobs::runner(&world.app, "tester");
        runner.run_due(world.app.clock.now()).await.unwrap();
        let connection = super::connected(&world, community, name).await;
        let mut delivery = None;
        for key in ["a", "b", "c", "d"].into_iter().take(n) {
            delivery = Some(super::said(&world, &connection, key).await);
        }
        known.get_or_insert((community, owner, mike, connection, delivery));
    }
    suspects(&world).await;
    models(&world).await;
    let (pond, olga, mike, connection, delivery) = known.unwrap();
    world.sql("UPDATE users SET claimed_at = 1").await;
    world.expect_leftovers();
    let root = world.admin("root").await;
    let (client, root) = (
        Client::of(&world, &olga).await,
        Client::of(&world, &root).await,
    );
    let variables = json!({
        "communityId": pond.0, "userId": mike.0, "connectionId": connection.id.0,
        "deliveryId": delivery.unwrap().to_string(),
    });
    let mut sent = Sent::new();
    for (name, document) in corpus() {
        let statements = Statements::listen();
        let is_for_root = ["instance.graphql", "models.graphql"].contains(&name.as_str());
        let asker = if is_for_root { &root } else { &client };
        let answer = asker.ask(&document, variables.clone()).await;
        assert_eq!(answer.get("errors"), None, "{name}: {answer}");
        let counts = statements.counts();
        assert!(!counts.is_empty(), "{name} asks nothing");
        sent.extend(
            counts
                .into_iter()
                .map(|(text, n)| ((name.clone(), text), n)),
        );
    }
    world.close().await;
    sent
}

/// Everybody is a suspect, was found to be a bot and says no; and lists are full.
async fn suspects(world: &World) {
    for statement in [
        "INSERT INTO bot_case (community_id, account_id, state, reasons, probability_ppm, value_ppm, opened_at, \
         changed_at, revision) SELECT DISTINCT m.community_id, a.id, 1, 1, 800000, 500000, 0, 0, 1 \
         FROM member m JOIN platform_account a ON a.user_id = m.user_id",
        "INSERT INTO bot_appeal (case_id, community_id, account_id, words, state, made_at, answer) \
         SELECT id, community_id, account_id, 'no', 0, 0, '' FROM bot_case",
        "INSERT INTO bot_review (case_id, community_id, account_id, verdict, reason, probability_ppm, was_sampled, at) \
         SELECT id, community_id, account_id, 1, '', 800000, FALSE, 0 FROM bot_case",
        "INSERT INTO bot_report (community_id, account_id, reason, weight_ppm, at, outcome) \
         SELECT community_id, account_id, '', 500000, 0, 1 FROM bot_case",
        "INSERT INTO bot_prediction (community_id, account_id, probability_ppm, rule_ppm, why, n_messages, at, \
         schema_hash, features) SELECT community_id, account_id, 800000, 700000, '[]', 20, 0, '', '' FROM bot_case",
        "INSERT INTO bot_list (name, kind, platform, source, reason, as_of, half_life_days, digest, n_entries, \
         imported_at) VALUES ('list', 1, 1, 'x', 'x', 0, 0, 'x', 1, 0)",
        "INSERT INTO bot_list_entry (list_id, value, reason, listed_at) SELECT id, 'ann', 'x', 0 FROM bot_list",
        "INSERT INTO bot_list_correction (scope, platform, value, verdict, reason, decided_at) \
         SELECT id, 1, 'ann', 1, 'x', 0 FROM community",
    ] {
        world.sql(statement).await;
    }
}

/// A model for each community, which was trained, rolled out and went wrong; and a signal that moved.
async fn models(world: &World) {
    // The first, which can be used.
    let new = ::bots::NewModel {
        name: "usable".to_owned(),
        community: None,
        metrics: json!({ "f1": 0.9 }),
        card: json!({}),
    };
    let bots = &world.app.bots;
    let system = world.system();
    let usable = bots.add_model(&system, &new, ::bots::prior::BYTES.into());
    assert_eq!(usable.await.unwrap().id, 1);
    let scored = format!(
        "UPDATE bot_prediction SET schema_hash = '{}', features = '[{}]', at = {}",
        ::bots::features::SCHEMA.hash(),
        vec!["1"; ::bots::features::SCHEMA.columns().len()].join(","),
        world.app.clock.now().0,
    );
    world.sql(&scored).await;
    for statement in [
        "INSERT INTO bot_model (name, version, scope, kind, state, blob, sha256, size_bytes, schema_hash, metrics, card, \
         added_at) SELECT 'own', id, id, 1, 1, 'x', 'x', 1, 'x', '{\"f1\":0.9}', '{}', 0 FROM community",
        "INSERT INTO bot_training (scope, state, asked_at, progress, n_rows, n_bots, n_people, n_new, model_id, log) \
         SELECT scope, 2, 0, 100, 2, 1, 1, 2, id, '[\"began\",\"ended\"]' FROM bot_model",
        "INSERT INTO bot_rollout (model_id, step, state, started_at, stepped_at, ended_at) \
         SELECT id, 10, 1, 0, 0, 1 FROM bot_model",
        "INSERT INTO bot_assignment (kind, run_id, community_id, arm, at) \
         SELECT 1, r.id, c.id, 1, 0 FROM bot_rollout r CROSS JOIN community c",
        "INSERT INTO bot_experiment (hypothesis, state, started_at, ended_at, ended_why, p_ppm) \
         SELECT 'it helps', 1, 0, 1, 'enough', 1000000 FROM community",
        "INSERT INTO bot_assignment (kind, run_id, community_id, arm, at) \
         SELECT 2, e.id, c.id, 1, 0 FROM bot_experiment e CROSS JOIN community c",
        "INSERT INTO bot_alert (kind, scope, words, numbers, at) SELECT 4, id, 'it failed', '{}', 0 FROM community",
        "INSERT INTO bot_drift (scope, signal, psi_ppm, n, model_id, at) \
         SELECT 0, name, 300000, 200, 0, 0 FROM community",
    ] {
        world.sql(statement).await;
    }
}

/// Notes the lists and relations that a selection asks for. The corpus has no fragments.
fn asked(fields: &Fields, on: &str, set: &SelectionSet, found: &mut BTreeSet<String>) {
    for selection in &set.items {
        let Selection::Field(field) = &selection.node else {
            panic!("the corpus has a fragment");
        };
        let name = field.node.name.node.as_str();
        if let Some(ty) = fields[on].get(name) {
            let base = base(&ty.base);
            if fields.contains_key(base) {
                found.insert(format!("{on}.{name}"));
                asked(fields, base, &field.node.selection_set.node, found);
            }
        }
    }
}

/// Every list and relation that can be reached from a type.
fn reachable(fields: &Fields, on: &str, found: &mut BTreeSet<String>) {
    for (name, ty) in &fields[on] {
        let base = base(&ty.base);
        if fields.contains_key(base) && found.insert(format!("{on}.{name}")) {
            reachable(fields, base, found);
        }
    }
}

#[test]
fn the_corpus_asks_for_every_list_and_relation() {
    let fields = schema_fields();
    let (mut wanted, mut found) = (BTreeSet::new(), BTreeSet::new());
    reachable(&fields, "Query", &mut wanted);
    for (_, document) in corpus() {
        let document = parse_query(document).unwrap();
        for (_, operation) in document.operations.iter() {
            asked(
                &fields,
                "Query",
                &operation.node.selection_set.node,
                &mut found,
            );
        }
    }
    let missing: Vec<_> = wanted.difference(&found).collect();
    assert!(
        missing.is_empty(),
        "src/tests/corpus does not ask for {missing:?}"
    );
}
