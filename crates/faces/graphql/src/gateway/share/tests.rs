//! What makes two subscriptions the same shape, and what keeps them apart.

use async_graphql::{Name, Value, Variables};
use serde_json::json;

use super::{Shape, shape};
use crate::{gateway::Document, settings::Limits};

const CHAT: &str = "subscription A($id: Int!, $since: ID, $all: Boolean = false) {
    chatMessage(communityId: $id, since: $since) { id text username @include(if: $all) }
}";

fn of(text: &str, variables: serde_json::Value) -> Option<Shape> {
    let document = Document::read(text, &Limits::default()).unwrap();
    shape(&document, None, &Variables::from_json(variables))
}

#[test]
fn subscriptions_that_ask_the_same_have_the_same_shape_wherever_they_go_on() {
    let first = of(CHAT, json!({ "id": 1, "all": true }));
    assert!(first.is_some());
    assert_eq!(first, of(CHAT, json!({ "all": true, "id": 1 })));
    assert_eq!(
        first,
        of(CHAT, json!({ "id": 1, "all": true, "since": "40" }))
    );
}

#[test]
fn whatever_else_differs_makes_another_shape() {
    let mut shapes = vec![
        of(CHAT, json!({ "id": 1 })),
        of(CHAT, json!({ "id": 2 })),
        of(CHAT, json!({ "id": 1, "all": true })),
        of(CHAT, json!({ "id": "1" })),
        of(
            "subscription { chatMessage(communityId: 1) { id } }",
            json!({}),
        ),
        of(
            "subscription { chatMessage(communityId: 1) { id text } }",
            json!({}),
        ),
        of(
            "subscription { chatMessage(communityId: 1, since: \"4\") { id text } }",
            json!({}),
        ),
        of(
            "subscription { it: chatMessage(communityId: 1) { id text } }",
            json!({}),
        ),
    ];
    let n = shapes.len();
    assert!(shapes.iter().all(Option::is_some));
    shapes.sort_unstable();
    shapes.dedup();
    assert_eq!(shapes.len(), n);
}

#[test]
fn operations_of_one_document_are_told_apart_and_several_roots_share_nothing() {
    let both = "subscription A { chatMessage(communityId: 1) { id } } subscription B { chatMessage(communityId: 1) { text } }";
    let document = Document::read(both, &Limits::default()).unwrap();
    let named = |name| shape(&document, Some(name), &Variables::default());
    assert!(named("A").is_some());
    assert_ne!(named("A"), named("B"));
    let two = "subscription { a: chatMessage(communityId: 1) { id } b: chatMessage(communityId: 2) { id } }";
    assert_eq!(of(two, json!({})), None);
    let spread =
        "subscription { ...F } fragment F on Subscription { chatMessage(communityId: 1) { id } }";
    assert_eq!(of(spread, json!({})), None);
}

#[test]
fn values_that_look_alike_in_a_row_are_not_mixed_up() {
    let with = |names: &[(&str, &str)]| {
        let document = Document::read(CHAT, &Limits::default()).unwrap();
        let mut variables = Variables::default();
        for (name, value) in names {
            variables.insert(Name::new(name), Value::from(*value));
        }
        shape(&document, None, &variables)
    };
    assert_ne!(with(&[("a", "b"), ("c", "d")]), with(&[("a", "b\"c\"d")]));
}
