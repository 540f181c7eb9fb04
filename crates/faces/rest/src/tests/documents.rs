//! The OpenAPI document: current, complete, and true about who is asked for.

use std::path::Path;

use axum::http::Method;
use serde_json::{Value, json};
use testkit::World;

use super::Client;

#[test]
fn the_committed_document_is_current() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/reference/openapi.json");
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert_eq!(
        committed,
        crate::document(),
        "docs/reference/openapi.json is not the document any more: run cargo xtask codegen"
    );
}

pub(super) fn operations() -> Vec<(Method, String, Value)> {
    let document: Value = serde_json::from_str(&crate::document()).unwrap();
    let mut all = Vec::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let Ok(method) = method.to_uppercase().parse() else {
                continue;
            };
            if operation.is_object() {
                all.push((method, path.clone(), operation.clone()));
            }
        }
    }
    all
}

#[test]
fn every_operation_is_described_and_named_once() {
    let all = operations();
    assert!(all.len() > 45, "{}", all.len());
    let mut names: Vec<String> = Vec::new();
    for (method, path, operation) in &all {
        let text = |key: &str| operation[key].as_str().unwrap_or_default().to_owned();
        assert!(!text("summary").is_empty(), "{method} {path}");
        names.push(text("operationId"));
        assert!(operation["responses"]["500"].is_object());
    }
    names.sort();
    let n = names.len();
    names.dedup();
    assert_eq!(names.len(), n, "operation ids must differ: {names:?}");
}

/// Whether the document says that nobody needs to sign in for it.
fn is_open(operation: &Value) -> bool {
    let ways = operation["security"].as_array();
    ways.is_some_and(|ways| ways.iter().any(|way| way == &json!({})))
}

#[tokio::test]
async fn every_operation_that_is_not_open_asks_who_is_there() {
    let world = World::sqlite().await;
    let settings = crate::Settings {
        per_minute_anonymous: 10_000,
        ..crate::Settings::default()
    };
    let client = Client::with(&world, settings);
    let mut n_open = 0;
    for (method, path, operation) in operations() {
        let path = path.strip_prefix("/api/v1").unwrap();
        let part = |part: &str| match part {
            "{provider}" => "discord".to_owned(),
            part if part.starts_with('{') => "1".to_owned(),
            part => part.to_owned(),
        };
        let path: Vec<String> = path.split('/').map(part).collect();
        let path = path.join("/");
        if is_open(&operation) {
            n_open += 1;
            continue;
        }
        let body = (method != Method::GET).then(|| json!({}));
        let answer = client.ask(method.clone(), &path, body).await;
        assert_eq!(
            (answer.status.as_u16(), answer.code()),
            (401, "UNAUTHENTICATED"),
            "{method} {path}"
        );
    }
    assert_eq!(n_open, 16, "a route that is open to all is open on purpose");
    world.close().await;
}

#[tokio::test]
async fn a_running_server_has_the_document() {
    let world = World::sqlite().await;
    let answer = Client::anonymous(&world)
        .get("/openapi.json")
        .await
        .expect(200);
    assert_eq!(answer.json["openapi"], "3.1.0");
    world.close().await;
}
