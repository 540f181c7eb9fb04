//! What we sign is verified by the libraries that others wrote for the Standard Webhooks specification,
//! and by the examples of our own guide; what was changed or is old is not.
//!
//! `cargo xtask test` installs them; without them these tests skip and say so.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../../../simulator/tests/clients/run.rs"]
mod run;

use std::{path::Path, time::Duration};

use kernel::{Clock, Secret, SystemClock, Timestamp};
use run::Client;
use serde_json::{Map, Value, json};

const BODY: &str = r#"{"type":"webhook.ping","timestamp":"2026-06-01T12:00:00.000Z","data":{"name":"Ünïcode 🦆"}}"#;

fn secret(text: &str) -> Secret<String> {
    Secret::new(format!("whsec_{text}"))
}

fn headers(secrets: &[Secret<String>], at: Timestamp, body: &str) -> Value {
    let signed = webhook::signed(secrets, "msg_1", at, body).into_iter();
    let all: Map<String, Value> = signed
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    all.into()
}

/// A fenced example of the guide.
fn example(language: &str) -> String {
    let guide = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../../docs/guide/webhooks.md");
    let guide = std::fs::read_to_string(guide).unwrap();
    let (_, rest) = guide.split_once(&format!("```{language}\n")).unwrap();
    rest.split_once("```").unwrap().0.to_owned()
}

/// What a script is told: messages, and which of them are good.
fn told(language: &str) -> Value {
    let now = SystemClock.now();
    let new = secret("MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw");
    let old = secret("C2FVsBQIhrscChlQIMV+b5sSYspob7oD");
    let one = |headers: Value, body: &str, is_good: bool| json!({ "headers": headers, "body": body, "is_good": is_good });
    let own = std::slice::from_ref(&new);
    let late = now.minus(Duration::from_mins(6));
    let cases = [
        one(headers(own, now, BODY), BODY, true),
        one(headers(&[old.clone(), new.clone()], now, BODY), BODY, true),
        one(headers(&[old], now, BODY), BODY, false),
        one(
            headers(own, now, BODY),
            &BODY.replace("ping", "pong"),
            false,
        ),
        one(headers(own, late, BODY), BODY, false),
        one(headers(own, now, ""), "", true),
    ];
    json!({ "secret": new.expose(), "example": example(language), "cases": cases })
}

async fn verified_by(script: &'static str, language: &str) {
    let told = told(language);
    let Some(mut foreign) = Client::start(script, &told) else {
        return;
    };
    let wanted = told["cases"].as_array().unwrap().iter();
    let wanted: Vec<bool> = wanted.map(|case| case["is_good"] == true).collect();
    assert_eq!(foreign.saw("library").await["good"], json!(wanted));
    assert_eq!(foreign.saw("example").await["good"], json!(wanted));
    foreign.go().await;
    assert!(foreign.end().await.is_empty());
}

#[tokio::test]
async fn the_library_of_python_and_the_example_of_the_guide_take_what_we_sign() {
    verified_by("standard.py", "python").await;
}

#[tokio::test]
async fn the_library_of_node_and_the_example_of_the_guide_take_what_we_sign() {
    verified_by("standard.mjs", "js").await;
}
