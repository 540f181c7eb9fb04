//! Interactions over HTTP, for those who give Discord an address instead of listening to the gateway.
//! Source: Discord «Receiving and Responding», «Security and Authorization».
//!
//! Must never look into a body whose signature was not checked, or hear the same interaction twice.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use ed25519_dalek::Signature;
use kernel::{Ear, Heard, InteractionKind, Platform, Timestamp};
use reqwest::header::HeaderMap;
use serde_json::Value;

use super::{
    Discord,
    courier::deferral,
    ignored, settings,
    translate::{AskedOnTheWire, Translator},
};
use crate::webhook::{Answer, BODY_MAX, Delivered, Webhook};

/// A request may be older or newer than our clock by this much.
const SKEW: Duration = Duration::from_secs(300);
/// Interactions remembered: more than come within [`SKEW`].
pub(super) const SEEN_MAX: usize = 50_000;
/// How long taking may last: Discord waits three seconds for all of it.
const TAKING: Duration = Duration::from_secs(1);

impl Discord {
    /// Checks signature and time; says what is wrong.
    fn checked(&self, delivered: &Delivered<'_>) -> Result<(), &'static str> {
        let Some(key) = &self.settings.public_key else {
            return Err("no_key");
        };
        let header = |name: &str| header(delivered.headers, name);
        let signature = header("x-signature-ed25519").and_then(settings::bytes::<64>);
        let (Some(signature), Some(timestamp)) = (signature, header("x-signature-timestamp"))
        else {
            return Err("bad_signature");
        };
        let signed = [timestamp.as_bytes(), delivered.body].concat();
        if key
            .verify_strict(&signed, &Signature::from_bytes(&signature))
            .is_err()
        {
            return Err("bad_signature");
        }
        let at = timestamp
            .parse()
            .map(Timestamp::from_secs)
            .or(Err("bad_time"))?;
        let now = self.clock.now();
        if now.since(at) > SKEW || at.since(now) > SKEW {
            return Err("bad_time");
        }
        Ok(())
    }
}

fn header<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn refuse(status: u16, why: &'static str) -> Answer {
    ignored(why);
    Answer::empty(status)
}

#[async_trait]
impl Webhook for Discord {
    fn platform(&self) -> Platform {
        Platform::Discord
    }

    async fn deliver(&self, delivered: Delivered<'_>, ear: &Arc<dyn Ear>) -> Answer {
        if delivered.body.len() > BODY_MAX {
            return refuse(413, "oversized");
        }
        if let Err(why) = self.checked(&delivered) {
            return refuse(401, why);
        }
        let Ok(body) = serde_json::from_slice::<Value>(delivered.body) else {
            return refuse(400, "not_json");
        };
        if body.get("type").and_then(Value::as_u64) == Some(1) {
            return Answer::json(r#"{"type":1}"#);
        }
        let Ok(asked) = serde_json::from_value::<AskedOnTheWire>(body) else {
            return refuse(400, "malformed");
        };
        let heard = match Translator::new(
            self.settings.application.to_string(),
            Arc::clone(&self.option_order),
        )
        .interaction(asked)
        {
            Ok(heard) => heard,
            Err(why) => return refuse(400, why.as_str()),
        };
        let Heard::Interaction(interaction) = &heard else {
            return refuse(400, "other_kind");
        };
        let is_private = matches!(interaction.kind, InteractionKind::Press { .. });
        let answer = Answer::json(deferral(is_private).to_string());
        if self.delivered.put(interaction.id.clone(), ()).is_some() {
            ignored("replayed");
            return answer;
        }
        match tokio::time::timeout(TAKING, ear.hear(heard)).await {
            Ok(Ok(())) => answer,
            Ok(Err(_)) | Err(_) => refuse(503, "busy"),
        }
    }
}

#[cfg(test)]
mod tests;
