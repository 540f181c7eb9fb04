//! Requests with right and wrong signatures, without a network.

use std::sync::{
    Arc, Mutex,
    atomic::{AtomicBool, Ordering},
};

use async_trait::async_trait;
use hmac::{Hmac, KeyInit, Mac};
use kernel::{
    Clock, Deaf, Ear, Entropy, Grant, Grants, GrantsError, Heard, Platform, Secret, Timestamp,
    random::hex,
};
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};
use serde_json::json;
use sha2::Sha256;

use super::{AGE_MAX, TwitchWebhook, Unfit, check};
use crate::{
    Webhook,
    http::Http,
    twitch::{Settings, Twitch},
    webhook::{BODY_MAX, Delivered},
};

const SECRET: &str = "a secret of this test";
const NOW: Timestamp = Timestamp::from_secs(1_795_759_200);

struct Still;

impl Clock for Still {
    fn now(&self) -> Timestamp {
        NOW
    }
}

impl Entropy for Still {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

/// Remembers what was reported.
#[derive(Default)]
struct Reports(Mutex<Vec<(String, Option<String>)>>);

#[async_trait]
impl Grants for Reports {
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
struct Ears {
    heard: Mutex<Vec<Heard>>,
    is_deaf: AtomicBool,
}

#[async_trait]
impl Ear for Ears {
    async fn hear(&self, heard: Heard) -> Result<(), Deaf> {
        if self.is_deaf.load(Ordering::Relaxed) {
            return Err(Deaf);
        }
        self.heard.lock().unwrap().push(heard);
        Ok(())
    }
}

struct Fixture {
    hook: Arc<TwitchWebhook>,
    reports: Arc<Reports>,
    ears: Arc<Ears>,
}

fn fixture() -> Fixture {
    let settings = Settings {
        webhook_secret: Secret::new(SECRET.to_owned()),
        ..Settings::default()
    };
    let reports = Arc::new(Reports::default());
    let grants: Arc<dyn Grants> = reports.clone();
    let twitch = Twitch::new(
        settings,
        Http::new().unwrap(),
        grants,
        Arc::new(Still),
        Arc::new(Still),
    );
    Fixture {
        hook: twitch.webhook(),
        reports,
        ears: Arc::default(),
    }
}

fn signed(secret: &str, id: &str, kind: &str, at: Timestamp, body: &[u8]) -> HeaderMap {
    let stamp = at.to_string();
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
    mac.update(id.as_bytes());
    mac.update(stamp.as_bytes());
    mac.update(body);
    let signature = format!("sha256={}", hex(&mac.finalize().into_bytes()));
    [
        ("twitch-eventsub-message-id", id),
        ("twitch-eventsub-message-timestamp", &stamp),
        ("twitch-eventsub-message-type", kind),
        ("twitch-eventsub-message-signature", &signature),
        ("twitch-eventsub-subscription-type", "channel.follow"),
        ("twitch-eventsub-subscription-version", "2"),
    ]
    .into_iter()
    .map(|(name, value)| {
        (
            HeaderName::from_static(name),
            HeaderValue::from_str(value).unwrap(),
        )
    })
    .collect()
}

fn follow() -> Vec<u8> {
    json!({
        "subscription": {
            "id": "s", "status": "enabled", "type": "channel.follow", "version": "2", "cost": 0,
            "condition": { "broadcaster_user_id": "1", "moderator_user_id": "1" },
            "transport": { "method": "webhook", "callback": "https://bot.example.org/hooks/twitch" },
            "created_at": "2026-11-27T05:00:00Z",
        },
        "event": {
            "user_id": "7", "user_login": "ann", "user_name": "Ann",
            "broadcaster_user_id": "1", "broadcaster_user_login": "ducks",
            "broadcaster_user_name": "Ducks", "followed_at": "2026-11-27T05:59:59Z",
        },
    })
    .to_string()
    .into_bytes()
}

async fn deliver(fixture: &Fixture, headers: &HeaderMap, body: &[u8]) -> (u16, String) {
    let ear: Arc<dyn Ear> = fixture.ears.clone();
    let answer = fixture
        .hook
        .deliver(Delivered { headers, body }, &ear)
        .await;
    (answer.status, answer.body)
}

#[test]
fn only_what_is_signed_small_and_fresh_is_taken() {
    let body = follow();
    let verdict = |secret: &str, now: Timestamp, headers: &HeaderMap, body: &[u8]| {
        check(secret, now, &Delivered { headers, body }).map(|signed| signed.at)
    };
    let good = signed(SECRET, "m1", "notification", NOW, &body);
    assert_eq!(verdict(SECRET, NOW, &good, &body), Ok(NOW));
    assert_eq!(verdict("", NOW, &good, &body), Err(Unfit::SwitchedOff));
    assert_eq!(verdict("another", NOW, &good, &body), Err(Unfit::Signature));
    assert_eq!(verdict(SECRET, NOW, &good, b"{}"), Err(Unfit::Signature));
    let late = NOW.plus(AGE_MAX * 2);
    assert_eq!(verdict(SECRET, late, &good, &body), Err(Unfit::TooOld));
    assert_eq!(
        verdict(SECRET, NOW.minus(AGE_MAX * 2), &good, &body),
        Err(Unfit::TooOld)
    );
    let large = vec![b' '; BODY_MAX + 1];
    assert_eq!(verdict(SECRET, NOW, &good, &large), Err(Unfit::TooLarge));
    for name in [
        "twitch-eventsub-message-id",
        "twitch-eventsub-message-timestamp",
        "twitch-eventsub-message-type",
        "twitch-eventsub-message-signature",
    ] {
        let mut headers = good.clone();
        headers.remove(name);
        assert_eq!(
            verdict(SECRET, NOW, &headers, &body),
            Err(Unfit::Headers),
            "{name}"
        );
    }
    for signature in ["sha256=", "sha256=zz", "sha256=abc", "md5=00", "sha256=é"] {
        let mut headers = good.clone();
        let value = HeaderValue::from_bytes(signature.as_bytes()).unwrap();
        headers.insert("twitch-eventsub-message-signature", value);
        assert!(
            verdict(SECRET, NOW, &headers, &body).is_err(),
            "{signature}"
        );
    }
    // The id is signed too: another one cannot be put in its place.
    let mut headers = good;
    headers.insert("twitch-eventsub-message-id", HeaderValue::from_static("m2"));
    assert_eq!(verdict(SECRET, NOW, &headers, &body), Err(Unfit::Signature));
}

#[tokio::test]
async fn a_notification_is_told_once_however_often_it_comes() {
    let fixture = fixture();
    let body = follow();
    let headers = signed(SECRET, "m1", "notification", NOW, &body);
    for _ in 0..3 {
        assert_eq!(deliver(&fixture, &headers, &body).await.0, 204);
    }
    assert_eq!(fixture.ears.heard.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn what_could_not_be_told_is_asked_for_again() {
    let fixture = fixture();
    let body = follow();
    let headers = signed(SECRET, "m1", "notification", NOW, &body);
    fixture.ears.is_deaf.store(true, Ordering::Relaxed);
    assert_eq!(deliver(&fixture, &headers, &body).await.0, 503);
    fixture.ears.is_deaf.store(false, Ordering::Relaxed);
    assert_eq!(deliver(&fixture, &headers, &body).await.0, 204);
    assert_eq!(fixture.ears.heard.lock().unwrap().len(), 1);
}

#[tokio::test]
async fn a_challenge_is_echoed_as_it_is() {
    let fixture = fixture();
    let body = br#"{"challenge":"pogchamp-kappa-360noscope-vohiyo","subscription":{}}"#;
    let headers = signed(SECRET, "m1", "webhook_callback_verification", NOW, body);
    let (status, echoed) = deliver(&fixture, &headers, body).await;
    assert_eq!(
        (status, echoed.as_str()),
        (200, "pogchamp-kappa-360noscope-vohiyo")
    );
    let unsigned = signed("wrong", "m2", "webhook_callback_verification", NOW, body);
    assert_eq!(
        deliver(&fixture, &unsigned, body).await,
        (403, String::new())
    );
}

#[tokio::test]
async fn nonsense_with_a_right_signature_is_ignored() {
    let fixture = fixture();
    for (n, (kind, body)) in [
        ("notification", &b"<html>Bad Gateway</html>"[..]),
        ("notification", b"{}"),
        ("notification", b"\xff\xfe"),
        ("something_new", b"{}"),
        ("revocation", b"[]"),
    ]
    .into_iter()
    .enumerate()
    {
        let headers = signed(SECRET, &format!("m{n}"), kind, NOW, body);
        assert_eq!(deliver(&fixture, &headers, body).await.0, 204, "{kind}");
    }
    let body = follow();
    let mut headers = signed(SECRET, "m9", "notification", NOW, &body);
    let unknown = HeaderValue::from_static("channel.dances");
    headers.insert("twitch-eventsub-subscription-type", unknown);
    assert_eq!(deliver(&fixture, &headers, &body).await.0, 204);
    assert!(fixture.ears.heard.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_revocation_is_told_to_who_connected_the_channel() {
    let fixture = fixture();
    let body = json!({ "subscription": {
        "status": "authorization_revoked", "type": "channel.follow",
        "condition": { "broadcaster_user_id": "1", "moderator_user_id": "1" },
    }})
    .to_string()
    .into_bytes();
    let headers = signed(SECRET, "m1", "revocation", NOW, &body);
    assert_eq!(deliver(&fixture, &headers, &body).await.0, 204);
    let reports = fixture.reports.0.lock().unwrap();
    let (server, trouble) = reports.first().unwrap();
    assert_eq!(server, "1");
    assert!(
        trouble
            .as_deref()
            .unwrap()
            .contains("connect the channel again")
    );
}
