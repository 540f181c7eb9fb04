//! How many statements a query sends to the database: no more for longer lists. The documents of `corpus/` ask for every
//! list and every relation.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::Path,
};

use async_graphql::parser::{
    parse_query, parse_schema,
    types::{BaseType, Selection, SelectionSet, Type, TypeKind, TypeSystemDefinition},
};
use identity::NewServer;
use kernel::{Platform, Role};
use serde_json::json;
use testkit::{Statements, World};

use super::Client;

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
        known.get_or_insert((community, owner, mike));
    }
    let (pond, olga, mike) = known.unwrap();
    let claimed = format!(
        "UPDATE users SET claimed_at = 1 WHERE id IN ({}, {mike})",
        olga.user
    );
    world.sql(&claimed).await;
    let client = Client::of(&world, &olga).await;
    let variables = json!({ "communityId": pond.0, "userId": mike.0 });
    let mut sent = Sent::new();
    for (name, document) in corpus() {
        let statements = Statements::listen();
        let answer = client.ask(&document, variables.clone()).await;
        assert_eq!(answer.get("errors"), None, "{name}");
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

type Fields = HashMap<String, HashMap<String, Type>>;

fn base(ty: &BaseType) -> &str {
    match ty {
        BaseType::Named(name) => name,
        BaseType::List(item) => base(&item.base),
    }
}

/// The fields of the objects of the schema.
fn fields() -> Fields {
    let definitions = parse_schema(crate::sdl()).unwrap().definitions;
    let objects = definitions.into_iter().filter_map(|definition| {
        let TypeSystemDefinition::Type(definition) = definition else {
            return None;
        };
        let TypeKind::Object(object) = definition.node.kind else {
            return None;
        };
        let fields = object.fields.into_iter().map(|field| field.node);
        let fields = fields.map(|field| (field.name.node.to_string(), field.ty.node));
        Some((definition.node.name.node.to_string(), fields.collect()))
    });
    objects.collect()
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
    let fields = fields();
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
