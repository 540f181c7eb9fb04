//! Requests of Slack to us: events, presses and slash commands («Verifying requests from Slack»).
//!
//! Must never parse what is not signed, or take what is older than five minutes.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use hmac::{Hmac, KeyInit, Mac};
use kernel::{Ear, Platform};
use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde::Deserialize;
use serde_json::{Map, Value};
use sha2::Sha256;
use slack_morphism::events::{SlackCommandEvent, SlackInteractionEvent, SlackPushEvent};

use super::{
    Core, Slack, intake,
    translate::{self, Noted},
};
use crate::webhook::{Answer, BODY_MAX, Delivered, Webhook};

/// How far a request's time may be from ours.
const SKEW_MAX_SECS: i64 = 300;
/// How long names and the ear may take before Slack is asked to send it again.
const ANSWER: Duration = Duration::from_millis(900);

/// What came.
enum Came {
    /// To be taken under this key.
    Noted(String, Noted),
    /// Slack checks that the address is ours.
    Challenge(String),
}

#[async_trait]
impl Webhook for Slack {
    fn platform(&self) -> Platform {
        Platform::Slack
    }

    async fn deliver(&self, delivered: Delivered<'_>, ear: &Arc<dyn Ear>) -> Answer {
        let core = &self.core;
        if delivered.body.len() > BODY_MAX {
            core.ignore("oversized");
            return Answer::empty(413);
        }
        if let Err(why) = core.is_signed(&delivered) {
            core.ignore(why);
            return Answer::empty(401);
        }
        let (key, noted) = match core.read(&delivered) {
            Ok(Came::Noted(key, noted)) => (key, noted),
            Ok(Came::Challenge(challenge)) => {
                return Answer {
                    status: 200,
                    content_type: "text/plain",
                    body: challenge,
                };
            }
            Err(why) => {
                core.ignore(why);
                return Answer::empty(400);
            }
        };
        if core.was_heard(&key) {
            core.ignore("again");
            return Answer::empty(200);
        }
        let taking = core.take_named(&key, noted, ear);
        match tokio::time::timeout(ANSWER, taking).await {
            Ok(true) => Answer::empty(200),
            // Slack sends it again; whatever was heard meanwhile is known by its id.
            Ok(false) | Err(_) => Answer::empty(503),
        }
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> &'a str {
    headers
        .get(name)
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
}

impl Core {
    /// Names within half the time, then the ear.
    async fn take_named(self: &Arc<Self>, key: &str, mut noted: Noted, ear: &Arc<dyn Ear>) -> bool {
        if let Noted::Heard { heard, .. } = &mut noted {
            let mut named = heard.clone();
            let completing = self.complete(&mut named);
            if tokio::time::timeout(ANSWER / 2, completing).await.is_ok() {
                *heard = named;
            }
        }
        self.take(key, noted, ear).await.is_ok()
    }

    fn is_signed(&self, delivered: &Delivered<'_>) -> Result<(), &'static str> {
        let secret = self.settings.signing_secret.expose();
        if secret.is_empty() {
            return Err("no signing secret");
        }
        let at = header(delivered.headers, "x-slack-request-timestamp");
        let signature = header(delivered.headers, "x-slack-signature");
        let given = signature
            .strip_prefix("v0=")
            .and_then(unhex)
            .ok_or("bad signature")?;
        let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
            return Err("no signing secret");
        };
        for part in [b"v0:", at.as_bytes(), b":", delivered.body] {
            mac.update(part);
        }
        // In constant time.
        mac.verify_slice(&given).map_err(|_wrong| "bad signature")?;
        let at: i64 = at.parse().map_err(|_not_a_number| "bad signature")?;
        let now = self.clock.now().secs();
        if now.abs_diff(at) > SKEW_MAX_SECS.unsigned_abs() {
            return Err("replayed");
        }
        Ok(())
    }

    fn read(&self, delivered: &Delivered<'_>) -> Result<Came, &'static str> {
        let kind = header(delivered.headers, CONTENT_TYPE.as_str());
        if kind.starts_with("application/json") {
            let value: Value = serde_json::from_slice(delivered.body).map_err(|_why| "not JSON")?;
            return self.event(&value);
        }
        if !kind.starts_with("application/x-www-form-urlencoded") {
            return Err("not JSON");
        }
        let mut form: Map<String, Value> = url::form_urlencoded::parse(delivered.body)
            .map(|(name, value)| (name.into_owned(), Value::String(value.into_owned())))
            .collect();
        let now = self.clock.now();
        if let Some(Value::String(payload)) = form.get("payload") {
            let value: Value = serde_json::from_str(payload).map_err(|_why| "not JSON")?;
            let noted = match SlackInteractionEvent::deserialize(&value) {
                Ok(event) => translate::interaction(event, now),
                Err(_) => Noted::Ignored("malformed"),
            };
            let trigger = value.get("trigger_id").and_then(Value::as_str);
            let key = intake::key(trigger.unwrap_or_default(), &noted);
            return Ok(Came::Noted(key, noted));
        }
        if form.get("ssl_check").is_some() {
            return Ok(Came::Challenge(String::new()));
        }
        let user_name = match form.remove("user_name") {
            Some(Value::String(name)) => Some(name),
            _ => None,
        };
        let command =
            SlackCommandEvent::deserialize(Value::Object(form)).map_err(|_why| "malformed")?;
        let noted = translate::command(command, user_name, now);
        Ok(Came::Noted(intake::key("", &noted), noted))
    }

    fn event(&self, value: &Value) -> Result<Came, &'static str> {
        let text = |name: &str| value.get(name).and_then(Value::as_str).map(str::to_owned);
        let kind = text("type").ok_or("malformed")?;
        let id = text("event_id").unwrap_or_default();
        match SlackPushEvent::deserialize(value) {
            Ok(SlackPushEvent::UrlVerification(check)) => Ok(Came::Challenge(check.challenge)),
            Ok(SlackPushEvent::EventCallback(callback)) => {
                let noted = translate::event(callback, |bot| self.is_our_bot(bot));
                Ok(Came::Noted(intake::key(&id, &noted), noted))
            }
            Ok(SlackPushEvent::AppRateLimited(_)) => {
                tracing::warn!("Slack sends us no more than 30,000 events an hour of a workspace");
                Ok(Came::Noted(id, Noted::Ignored("rate limited")))
            }
            // Taken, so that Slack does not send it again, which would help nobody.
            Err(_) if kind == "event_callback" => Ok(Came::Noted(id, Noted::Ignored("malformed"))),
            Err(_) => Ok(Came::Noted(id, Noted::Ignored("unknown type"))),
        }
    }
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    if !text.is_ascii() || !text.len().is_multiple_of(2) {
        return None;
    }
    (0..text.len())
        .step_by(2)
        .map(|at| u8::from_str_radix(text.get(at..at + 2)?, 16).ok())
        .collect()
}
