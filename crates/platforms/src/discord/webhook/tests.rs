use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use ed25519_dalek::{Signer, SigningKey};
use kernel::{Clock, Deaf, Ear, Entropy, Heard, InteractionKind, Secret, Timestamp, random};
use reqwest::header::HeaderMap;
use serde_json::{Value, json};

use crate::{
    discord::{Discord, Settings},
    http::Http,
    webhook::{Answer, BODY_MAX, Delivered, Webhook},
};

const NOW: i64 = 1_700_000_000;

struct Fixed;

impl Clock for Fixed {
    fn now(&self) -> Timestamp {
        Timestamp::from_secs(NOW)
    }
}

impl Entropy for Fixed {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(7);
    }
}

#[derive(Default)]
struct Notes(Mutex<Vec<Heard>>);

#[async_trait]
impl Ear for Notes {
    async fn hear(&self, heard: Heard) -> Result<(), Deaf> {
        self.0.lock().unwrap().push(heard);
        Ok(())
    }
}

struct Desk {
    discord: Discord,
    notes: Arc<Notes>,
    ear: Arc<dyn Ear>,
    key: SigningKey,
}

fn desk() -> Desk {
    let key = SigningKey::from_bytes(&[5; 32]);
    let mut settings = Settings::new(Secret::new("token".into()), "700000000000000001");
    settings.public_key = Some(random::hex(key.verifying_key().as_bytes()));
    let notes = Arc::new(Notes::default());
    Desk {
        discord: Discord::new(
            settings,
            Http::new().unwrap(),
            Arc::new(Fixed),
            Arc::new(Fixed),
        )
        .unwrap(),
        ear: notes.clone(),
        notes,
        key,
    }
}

fn press(id: &str) -> Value {
    json!({
        "id": id, "type": 3, "token": "tok", "guild_id": "800000000000000001", "channel_id": "800000000000000002",
        "application_id": "700000000000000001", "version": 1,
        "member": { "user": { "id": "800000000000000003", "username": "ann" }, "roles": [], "permissions": "8" },
        "data": { "custom_id": "calendar:rsvp:7", "component_type": 2 },
        "message": { "id": "800000000000000004" },
    })
}

impl Desk {
    async fn deliver(&self, body: &[u8], timestamp: &str, signature: &str) -> Answer {
        let mut headers = HeaderMap::new();
        headers.insert("x-signature-ed25519", signature.parse().unwrap());
        headers.insert("x-signature-timestamp", timestamp.parse().unwrap());
        self.discord
            .deliver(
                Delivered {
                    headers: &headers,
                    body,
                },
                &self.ear,
            )
            .await
    }

    async fn signed(&self, body: &[u8], at: i64) -> Answer {
        let timestamp = at.to_string();
        let signed = [timestamp.as_bytes(), body].concat();
        let signature = random::hex(&self.key.sign(&signed).to_bytes());
        self.deliver(body, &timestamp, &signature).await
    }

    fn n_heard(&self) -> usize {
        self.notes.0.lock().unwrap().len()
    }
}

#[tokio::test]
async fn a_ping_is_answered_and_a_press_is_heard_and_promised_an_answer() {
    let desk = desk();
    assert_eq!(
        desk.signed(br#"{"id":"1","type":1}"#, NOW).await.body,
        r#"{"type":1}"#
    );
    let answer = desk
        .signed(
            press("900000000000000001").to_string().as_bytes(),
            NOW + 299,
        )
        .await;
    assert_eq!(
        (answer.status, answer.body.as_str()),
        (200, r#"{"data":{"flags":64},"type":5}"#)
    );
    let heard = desk.notes.0.lock().unwrap().pop().unwrap();
    let Heard::Interaction(interaction) = heard else {
        panic!("something else")
    };
    assert_eq!(interaction.origin.server, "800000000000000001");
    assert_eq!(interaction.account.standing, Some(kernel::Role::Moderator));
    assert_eq!(
        interaction.kind,
        InteractionKind::Press {
            id: "calendar:rsvp:7".into(),
            message_id: "800000000000000004".into()
        }
    );
}

#[tokio::test]
async fn what_is_not_signed_is_refused_before_it_is_read() {
    let desk = desk();
    let body = press("900000000000000001").to_string();
    let timestamp = NOW.to_string();
    for signature in ["", "00", &"0".repeat(128), &"g".repeat(128)] {
        assert_eq!(
            desk.deliver(body.as_bytes(), &timestamp, signature)
                .await
                .status,
            401
        );
    }
    let signature = random::hex(
        &desk
            .key
            .sign(format!("{timestamp}{body}").as_bytes())
            .to_bytes(),
    );
    let changed = body.replace("ann", "bob");
    assert_eq!(
        desk.deliver(changed.as_bytes(), &timestamp, &signature)
            .await
            .status,
        401
    );
    assert_eq!(
        desk.deliver(body.as_bytes(), "1700000001", &signature)
            .await
            .status,
        401
    );
    assert_eq!(desk.n_heard(), 0);
}

#[tokio::test]
async fn what_is_old_too_large_or_not_an_interaction_is_refused() {
    let desk = desk();
    let body = press("900000000000000001").to_string();
    for at in [NOW - 301, NOW + 301] {
        assert_eq!(desk.signed(body.as_bytes(), at).await.status, 401);
    }
    assert_eq!(
        desk.signed(&vec![b' '; BODY_MAX + 1], NOW).await.status,
        413
    );
    assert_eq!(desk.signed(b"<html>", NOW).await.status, 400);
    assert_eq!(desk.signed(br#"{"type":2}"#, NOW).await.status, 400);
    let mut strange = press("900000000000000002");
    strange["type"] = json!(99);
    assert_eq!(
        desk.signed(strange.to_string().as_bytes(), NOW)
            .await
            .status,
        400
    );
    assert_eq!(desk.n_heard(), 0);
}

#[tokio::test]
async fn a_replayed_request_is_not_heard_again() {
    let desk = desk();
    let body = press("900000000000000001").to_string();
    for _ in 0..3 {
        assert_eq!(desk.signed(body.as_bytes(), NOW).await.status, 200);
    }
    assert_eq!(desk.n_heard(), 1);
}
