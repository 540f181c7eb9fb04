//! EventSub's requests («Getting events using webhooks»): the signature over id, timestamp and body
//! first, then the age, then repeats; only then is anything parsed.
//!
//! Must never parse an unsigned body, or answer an event we do not know with an error: Twitch would
//! send it again and then revoke.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use kernel::{Ear, Platform, Timestamp};
use reqwest::header::HeaderMap;
use serde::Deserialize;
use sha2::Sha256;
use twitch_api::eventsub::{Event, Transport};

use super::{
    api::{Api, Fault, Who},
    interest,
    listen::{ignored, unread},
    seen::Seen,
    time,
    translate::{Meaning, Stamp, translate},
};
use crate::{
    Webhook,
    webhook::{Answer, BODY_MAX, Delivered},
};

/// How far Twitch's time may be from ours.
const AGE_MAX: Duration = Duration::from_secs(600);
/// How long telling may take: Twitch wants an answer «within a few seconds».
const TELL: Duration = Duration::from_millis(900);

/// Takes EventSub's requests.
pub struct TwitchWebhook {
    api: Arc<Api>,
    seen: Mutex<Seen>,
}

impl std::fmt::Debug for TwitchWebhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TwitchWebhook").finish_non_exhaustive()
    }
}

/// Why a request is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unfit {
    /// There is no secret: nothing can be checked.
    SwitchedOff,
    TooLarge,
    /// A header is missing or strange.
    Headers,
    Signature,
    TooOld,
}

impl Unfit {
    const fn reason(self) -> &'static str {
        match self {
            Self::SwitchedOff => "switched_off",
            Self::TooLarge => "too_large",
            Self::Headers => "bad_headers",
            Self::Signature => "bad_signature",
            Self::TooOld => "too_old",
        }
    }

    const fn status(self) -> u16 {
        match self {
            Self::SwitchedOff => 404,
            Self::TooLarge => 413,
            Self::Headers => 400,
            Self::Signature | Self::TooOld => 403,
        }
    }
}

/// A request whose signature is right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Signed<'a> {
    id: &'a str,
    at: Timestamp,
    kind: &'a str,
}

/// Checks a request; parses nothing.
fn check<'a>(secret: &str, now: Timestamp, delivered: &Delivered<'a>) -> Result<Signed<'a>, Unfit> {
    if secret.is_empty() {
        return Err(Unfit::SwitchedOff);
    }
    if delivered.body.len() > BODY_MAX {
        return Err(Unfit::TooLarge);
    }
    let header = |name: &str| word(delivered.headers, name);
    let id = header("twitch-eventsub-message-id").ok_or(Unfit::Headers)?;
    let stamp = header("twitch-eventsub-message-timestamp").ok_or(Unfit::Headers)?;
    let kind = header("twitch-eventsub-message-type").ok_or(Unfit::Headers)?;
    let signature = header("twitch-eventsub-message-signature").ok_or(Unfit::Headers)?;
    let signature = signature.strip_prefix("sha256=").and_then(unhex);
    let signature = signature.ok_or(Unfit::Signature)?;
    let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes())
        .map_err(|_any_length_is_fine| Unfit::Signature)?;
    mac.update(id.as_bytes());
    mac.update(stamp.as_bytes());
    mac.update(delivered.body);
    // In constant time.
    if mac.verify_slice(&signature).is_err() {
        return Err(Unfit::Signature);
    }
    let at = time::parse(stamp).ok_or(Unfit::Headers)?;
    if now.since(at) > AGE_MAX || at.since(now) > AGE_MAX {
        return Err(Unfit::TooOld);
    }
    Ok(Signed { id, at, kind })
}

fn word<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    let value = headers.get(name)?.to_str().ok()?;
    (!value.is_empty() && value.len() <= 200).then_some(value)
}

fn unhex(text: &str) -> Option<Vec<u8>> {
    let digits: Option<Vec<u8>> = text
        .chars()
        .map(|c| c.to_digit(16).and_then(|digit| u8::try_from(digit).ok()))
        .collect();
    let digits = digits?;
    let pairs = digits.chunks_exact(2);
    if !pairs.remainder().is_empty() {
        return None;
    }
    pairs
        .map(|pair| match pair {
            [high, low] => Some(high * 16 + low),
            _ => None,
        })
        .collect()
}

impl TwitchWebhook {
    pub(super) fn new(api: Arc<Api>) -> Self {
        Self {
            api,
            seen: Mutex::default(),
        }
    }

    /// Asks EventSub to tell us about a channel by requests to `callback` (`https://`, port 443).
    ///
    /// # Errors
    /// If Twitch refuses, in its words.
    pub async fn subscribe(
        &self,
        server: &str,
        callback: &str,
    ) -> Result<(), kernel::ConnectError> {
        let told = |fault: Fault| kernel::ConnectError(fault.to_string());
        let grant = self.api.grant(server).await.map_err(told)?;
        let secret = self.api.settings.webhook_secret.expose();
        for interest in interest::allowed(server, &grant.scopes) {
            let build = |token: &str, client: &str| {
                let transport = Transport::webhook(callback, secret.clone());
                interest.request(transport, token, client)
            };
            match self.api.ask(Who::App, &build).await {
                Ok(_) | Err(Fault::Refused { status: 409, .. }) => {}
                Err(fault) => return Err(told(fault)),
            }
        }
        Ok(())
    }

    fn is_new(&self, now: Timestamp, id: &str) -> bool {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.is_new(now, id)
    }

    fn forget(&self, id: &str) {
        let mut seen = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        seen.forget(id);
    }

    async fn notified(
        &self,
        signed: Signed<'_>,
        delivered: &Delivered<'_>,
        ear: &Arc<dyn Ear>,
    ) -> Answer {
        let mut request = twitch_api::client::Request::new(Bytes::copy_from_slice(delivered.body));
        request.headers_mut().clone_from(delivered.headers);
        let event = match Event::parse_http(&request) {
            Ok(event) => event,
            Err(error) => {
                ignored(unread(&error));
                return Answer::empty(204);
            }
        };
        let stamp = Stamp {
            id: signed.id,
            at: signed.at,
        };
        match translate(&event, stamp, &self.api.own) {
            Meaning::Heard(heard) => {
                let told = tokio::time::timeout(TELL, ear.hear(*heard)).await;
                if !matches!(told, Ok(Ok(()))) {
                    // Busy or stopping: Twitch sends it again.
                    self.forget(signed.id);
                    ignored("busy");
                    return Answer::empty(503);
                }
            }
            Meaning::Nothing(why) => ignored(why),
        }
        Answer::empty(204)
    }

    async fn revoked(&self, body: &[u8]) -> Answer {
        #[derive(Deserialize)]
        struct Revoked {
            subscription: Subscription,
        }
        #[derive(Deserialize)]
        struct Subscription {
            status: String,
            #[serde(default)]
            condition: serde_json::Map<String, serde_json::Value>,
        }
        let Ok(Revoked { subscription }) = serde_json::from_slice(body) else {
            ignored("unreadable");
            return Answer::empty(204);
        };
        let why = match subscription.status.as_str() {
            "authorization_revoked" => {
                "the broadcaster took back what they had allowed: connect the channel again"
            }
            "user_removed" => "the channel is no more on Twitch",
            "notification_failures_exceeded" => {
                "Twitch gave up: our address for its events answered too slowly or with errors"
            }
            _ => "Twitch ended a subscription",
        };
        let fields = ["broadcaster_user_id", "to_broadcaster_user_id"];
        let mut servers = fields
            .iter()
            .filter_map(|field| subscription.condition.get(*field)?.as_str());
        if let Some(server) = servers.next() {
            self.api.keeper.report(server, Some(why)).await;
        }
        Answer::empty(204)
    }
}

#[async_trait]
impl Webhook for TwitchWebhook {
    fn platform(&self) -> Platform {
        Platform::Twitch
    }

    async fn deliver(&self, delivered: Delivered<'_>, ear: &Arc<dyn Ear>) -> Answer {
        let now = self.api.clock.now();
        let secret = self.api.settings.webhook_secret.expose();
        let signed = match check(secret, now, &delivered) {
            Ok(signed) => signed,
            Err(unfit) => {
                ignored(unfit.reason());
                return Answer::empty(unfit.status());
            }
        };
        if !self.is_new(now, signed.id) {
            // We have it: Twitch must not send it again.
            ignored("repeated");
            return Answer::empty(204);
        }
        match signed.kind {
            "notification" => self.notified(signed, &delivered, ear).await,
            "webhook_callback_verification" => challenge(delivered.body),
            "revocation" => self.revoked(delivered.body).await,
            _ => {
                ignored("unknown_type");
                Answer::empty(204)
            }
        }
    }
}

/// Echoes the challenge, as it is, as text.
fn challenge(body: &[u8]) -> Answer {
    #[derive(Deserialize)]
    struct Challenged {
        challenge: String,
    }
    let Ok(Challenged { challenge }) = serde_json::from_slice(body) else {
        ignored("unreadable");
        return Answer::empty(400);
    };
    Answer {
        status: 200,
        content_type: "text/plain",
        body: challenge,
    }
}

#[cfg(test)]
mod tests;
