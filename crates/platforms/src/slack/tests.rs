//! Requests of Slack to us, and what is common to all parts. The conversation with a Slack is in
//! `tests/adapters/slack.rs`.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use hmac::{Hmac, KeyInit, Mac};
use kernel::{
    Clock, Deaf, Ear, Entropy, Grant, Grants, GrantsError, Heard, Platform, Secret, Timestamp,
};
use reqwest::header::{HeaderMap, HeaderValue};
use serde_json::json;
use sha2::Sha256;

use super::{Settings, Slack, Threads};
use crate::{
    Webhook,
    http::Http,
    webhook::{Answer, BODY_MAX, Delivered},
};

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(1_700_000_000)
    }
}

impl Entropy for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

/// Nothing is connected; remembers what was reported.
#[derive(Default)]
struct NoGrants(Mutex<Vec<(String, Option<String>)>>);

#[async_trait]
impl Grants for NoGrants {
    async fn all(&self, _: Platform) -> Result<Vec<Grant>, GrantsError> {
        Ok(Vec::new())
    }

    async fn of(&self, _: Platform, _: &str) -> Result<Option<Grant>, GrantsError> {
        Ok(None)
    }

    async fn renew(&self, _: &Grant) -> Result<(), GrantsError> {
        Ok(())
    }

    async fn report(
        &self,
        _: Platform,
        server: &str,
        trouble: Option<&str>,
    ) -> Result<(), GrantsError> {
        let report = (server.to_owned(), trouble.map(str::to_owned));
        self.0.lock().unwrap().push(report);
        Ok(())
    }
}

#[derive(Default)]
struct Log {
    heard: Mutex<Vec<Heard>>,
    is_deaf: bool,
}

#[async_trait]
impl Ear for Log {
    async fn hear(&self, heard: Heard) -> Result<(), Deaf> {
        if self.is_deaf {
            return Err(Deaf);
        }
        self.heard.lock().unwrap().push(heard);
        Ok(())
    }
}

struct World {
    slack: Slack,
    grants: Arc<NoGrants>,
    log: Arc<Log>,
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

fn world() -> World {
    let grants = Arc::new(NoGrants::default());
    let settings = Settings {
        signing_secret: Secret::new("sign".into()),
        ..Settings::default()
    };
    World {
        slack: Slack::new(
            settings,
            Http::new().unwrap(),
            grants.clone(),
            Arc::new(Fixed),
            Arc::new(Fixed),
        ),
        grants,
        log: Arc::default(),
    }
}

fn headers(kind: &str, at: i64, body: &[u8], secret: &[u8]) -> HeaderMap {
    let mut mac = Hmac::<Sha256>::new_from_slice(secret).unwrap();
    mac.update(format!("v0:{at}:").as_bytes());
    mac.update(body);
    let signature = format!("v0={}", kernel::random::hex(&mac.finalize().into_bytes()));
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("content-type", kind),
        ("x-slack-request-timestamp", &at.to_string()),
        ("x-slack-signature", &signature),
    ] {
        headers.insert(
            reqwest::header::HeaderName::from_bytes(name.as_bytes()).unwrap(),
            HeaderValue::from_str(value).unwrap(),
        );
    }
    headers
}

impl World {
    async fn deliver(&self, kind: &str, body: &str) -> Answer {
        let headers = headers(kind, 1_700_000_000, body.as_bytes(), b"sign");
        self.raw(&headers, body.as_bytes()).await
    }

    async fn raw(&self, headers: &HeaderMap, body: &[u8]) -> Answer {
        let ear: Arc<dyn Ear> = self.log.clone();
        self.slack.deliver(Delivered { headers, body }, &ear).await
    }

    fn n_heard(&self) -> usize {
        self.log.heard.lock().unwrap().len()
    }
}

fn said() -> String {
    json!({
        "token": "t", "team_id": "T1", "api_app_id": "A1", "type": "event_callback",
        "event_id": "Ev1", "event_time": 1_700_000_000,
        "event": {"type": "message", "channel": "C1", "user": "UANN", "text": "hi",
            "ts": "1700000000.000100"},
    })
    .to_string()
}

#[tokio::test]
async fn a_signed_event_is_heard_once_however_often_it_comes() {
    let world = world();
    for _ in 0..3 {
        assert_eq!(world.deliver(JSON, &said()).await, Answer::empty(200));
    }
    assert_eq!(world.n_heard(), 1);
    assert_eq!(world.slack.ignored()["again"], 2);
}

#[tokio::test]
async fn an_ear_that_hears_nothing_makes_slack_send_it_again() {
    let mut world = world();
    world.log = Arc::new(Log {
        is_deaf: true,
        ..Log::default()
    });
    assert_eq!(world.deliver(JSON, &said()).await, Answer::empty(503));
    world.log = Arc::default();
    assert_eq!(world.deliver(JSON, &said()).await, Answer::empty(200));
    assert_eq!(world.n_heard(), 1);
}

#[tokio::test]
async fn what_is_not_signed_by_slack_just_now_is_refused_and_counted() {
    let world = world();
    let body = said();
    let at = 1_700_000_000;
    let bytes = body.as_bytes();
    let mut no_signature = headers(JSON, at, bytes, b"sign");
    no_signature.remove("x-slack-signature");
    let mut half = headers(JSON, at, bytes, b"sign");
    half.insert("x-slack-signature", HeaderValue::from_static("v0=abc"));
    let mut other_time = headers(JSON, at, bytes, b"sign");
    other_time.insert(
        "x-slack-request-timestamp",
        HeaderValue::from_static("1700000001"),
    );
    let refused = [
        (headers(JSON, at, bytes, b"wrong"), "bad signature"),
        (headers(JSON, at, b"other", b"sign"), "bad signature"),
        (no_signature, "bad signature"),
        (half, "bad signature"),
        (other_time, "bad signature"),
        (headers(JSON, at - 301, bytes, b"sign"), "replayed"),
        (headers(JSON, at + 301, bytes, b"sign"), "replayed"),
    ];
    for (headers, why) in refused {
        let before = world.slack.ignored().get(why).copied().unwrap_or_default();
        assert_eq!(world.raw(&headers, bytes).await, Answer::empty(401));
        assert_eq!(world.slack.ignored()[why], before + 1);
    }
    let large = vec![b'x'; BODY_MAX + 1];
    let signed = headers(JSON, at, &large, b"sign");
    assert_eq!(world.raw(&signed, &large).await, Answer::empty(413));
    assert_eq!(world.slack.ignored()["oversized"], 1);
    assert_eq!(world.n_heard(), 0);
    let edge = headers(JSON, at - 300, bytes, b"sign");
    assert_eq!(world.raw(&edge, bytes).await, Answer::empty(200));
}

#[tokio::test]
async fn without_a_secret_nothing_is_taken() {
    let mut world = world();
    let settings = Settings::default();
    world.slack = Slack::new(
        settings,
        Http::new().unwrap(),
        world.grants.clone(),
        Arc::new(Fixed),
        Arc::new(Fixed),
    );
    let body = said();
    let signed = headers(JSON, 1_700_000_000, body.as_bytes(), b"");
    assert_eq!(
        world.raw(&signed, body.as_bytes()).await,
        Answer::empty(401)
    );
    assert_eq!(world.slack.ignored()["no signing secret"], 1);
}

#[tokio::test]
async fn nonsense_is_refused_or_ignored_with_a_reason() {
    let world = world();
    for (kind, body, status, why) in [
        (JSON, "<html>", 400, "not JSON"),
        ("text/html", "<html>", 400, "not JSON"),
        (JSON, "[1]", 400, "malformed"),
        (FORM, "payload=%7B", 400, "not JSON"),
        (FORM, "a=b", 400, "malformed"),
        (JSON, r#"{"type":"from_the_future"}"#, 200, "unknown type"),
        (
            JSON,
            r#"{"type":"event_callback","event_id":"Ev9"}"#,
            200,
            "malformed",
        ),
        (
            FORM,
            "payload=%7B%22type%22%3A%22x%22%2C%22trigger_id%22%3A%229%22%7D",
            200,
            "malformed",
        ),
    ] {
        let before = world.slack.ignored().get(why).copied().unwrap_or_default();
        assert_eq!(
            world.deliver(kind, body).await,
            Answer::empty(status),
            "{body}"
        );
        assert_eq!(world.slack.ignored()[why], before + 1, "{body}");
    }
    assert_eq!(world.n_heard(), 0);
}

#[tokio::test]
async fn the_address_is_proved_and_a_removed_app_is_reported() {
    let world = world();
    let check = r#"{"type":"url_verification","token":"t","challenge":"c h"}"#;
    let answer = world.deliver(JSON, check).await;
    assert_eq!((answer.status, answer.body.as_str()), (200, "c h"));
    let gone = said().replace(r#""type":"message""#, r#""type":"app_uninstalled""#);
    assert_eq!(world.deliver(JSON, &gone).await.status, 200);
    let why = "the app was removed from the workspace".to_owned();
    assert_eq!(
        *world.grants.0.lock().unwrap(),
        [("T1".to_owned(), Some(why))]
    );
}

#[test]
fn settings_and_adapter_print_no_secret() {
    let settings = Settings {
        client_secret: Secret::new("hush1".into()),
        signing_secret: Secret::new("hush2".into()),
        app_token: Secret::new("hush3".into()),
        ..Settings::default()
    };
    assert!(!format!("{settings:?}{:?}", world().slack).contains("hush"));
}

#[test]
fn answers_go_to_slack_only() {
    let real = Settings::default();
    assert!(real.answers_at("https://hooks.slack.com/commands/T1/1/x"));
    for other in [
        "http://hooks.slack.com/commands/T1/1/x",
        "https://hooks.slack.com.evil.example/x",
        "https://evil.example/hooks.slack.com",
        "http://127.0.0.1/x",
        "nonsense",
    ] {
        assert!(!real.answers_at(other), "{other}");
    }
    let local = Settings {
        api_url: "http://127.0.0.1:1/api".into(),
        ..Settings::default()
    };
    assert!(local.answers_at("http://127.0.0.1:1/commands/T1/1/x"));
    assert!(!local.answers_at("http://127.0.0.1:2/commands/T1/1/x"));
    assert!(!real.connects_to(&"ws://wss.slack.com/link".parse().unwrap()));
    assert!(local.connects_to(&"ws://127.0.0.1:1/link".parse().unwrap()));
}

#[test]
fn old_threads_are_forgotten() {
    let mut threads = Threads::default();
    for n in 0..=super::THREADS_MAX {
        threads.remember(&n.to_string(), "parent");
        threads.remember(&n.to_string(), "parent");
    }
    assert!(!threads.parents.contains_key("0"));
    assert_eq!(threads.parents.len(), super::THREADS_MAX);
}
