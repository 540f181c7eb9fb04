//! Domain events and the catalogue of what webhooks are sent: what is emitted is listed, and what is
//! listed is true.

use std::{
    collections::BTreeSet,
    path::{Path, PathBuf},
};

use kernel::Role;
use serde_json::Value;
use store::sql;
use testkit::{World, on_both};
use webhook::catalogue;

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

on_both! {
    async fn what_is_emitted_for_a_community_has_exactly_the_fields_of_its_kind(world: World) {
        let pond = world.community("Pond").await;
        world.person(pond, "ann", Some(Role::Member)).await;
        let all = emitted(&world).await;
        assert!(all.len() >= 2, "{all:?}");
        for (kind, community, payload) in all {
            if community.is_some() {
                let known = catalogue::find(&kind).unwrap();
                assert_eq!(known.fault(&payload), None, "{kind}: {payload}");
                assert_eq!(payload["community"].as_i64(), community.map(i64::from), "{kind}");
            }
        }
    }
}
