//! EventSub over webhooks («Getting events using webhooks»): the challenge, signed requests, tries
//! with the same message id, and revocation when too many fail.

use std::{sync::Arc, time::Duration};

use hmac::{Hmac, KeyInit, Mac};
use kernel::random::hex;
use serde_json::json;
use sha2::Sha256;
use tokio::sync::mpsc;

use super::{Shared, emit, state::Notice};

/// Notices that wait for one callback.
pub(crate) const QUEUE: usize = 1_000;
/// How often one notice is tried.
const TRIES: u32 = 4;
/// Notices in a row that may fail before the subscription is revoked.
const FAILURES_MAX: u32 = 5;

/// One callback.
pub(crate) struct Hook {
    pub(crate) shared: Arc<Shared>,
    pub(crate) subscription: String,
    pub(crate) callback: String,
    pub(crate) secret: String,
}

impl Hook {
    /// Verifies the callback, then delivers what comes.
    pub(crate) async fn run(self, mut queue: mpsc::Receiver<Notice>) {
        if !self.verify().await {
            self.set_status("webhook_callback_verification_failed");
            return;
        }
        self.set_status("enabled");
        let mut failures = 0;
        while let Some(notice) = queue.recv().await {
            if self.deliver(&notice).await {
                failures = 0;
                continue;
            }
            failures += 1;
            if failures == FAILURES_MAX {
                let mut state = self.shared.state();
                let status = "notification_failures_exceeded";
                emit::revoke(&self.shared, &mut state, &self.subscription, status);
            }
        }
    }

    fn set_status(&self, status: &'static str) {
        let mut state = self.shared.state();
        let mut found = state.subscriptions.iter_mut();
        if let Some(one) = found.find(|one| one.id == self.subscription) {
            one.status = status;
        }
        drop(state);
        self.shared.touch();
    }

    async fn verify(&self) -> bool {
        let challenge;
        let notice = {
            let mut state = self.shared.state();
            let message_id = state.ids.uuid();
            challenge = state.ids.token();
            let mut found = state.subscriptions.iter();
            let Some(one) = found.find(|one| one.id == self.subscription) else {
                return false;
            };
            Notice {
                message_id,
                message_type: "webhook_callback_verification",
                kind: one.kind.clone(),
                version: one.version.clone(),
                payload: json!({ "challenge": challenge, "subscription": one.view() }),
                at: self.shared.options.clock.now(),
            }
        };
        let answer = self.post(&notice, 0).await;
        answer.is_some_and(|(status, body)| status == 200 && body == challenge)
    }

    async fn deliver(&self, notice: &Notice) -> bool {
        for retry in 0..TRIES {
            if retry > 0 {
                tokio::time::sleep(self.pause(retry)).await;
            }
            let answer = self.post(notice, retry).await;
            if answer.is_some_and(|(status, _)| (200..300).contains(&status)) {
                return true;
            }
        }
        false
    }

    fn pause(&self, retry: u32) -> Duration {
        self.shared.options.hook_pause * retry
    }

    async fn post(&self, notice: &Notice, retry: u32) -> Option<(u16, String)> {
        let body = notice.payload.to_string();
        let at = notice.at.to_string();
        let signature = sign(&self.secret, &notice.message_id, &at, body.as_bytes());
        let request = self
            .shared
            .http
            .post(&self.callback)
            .header("Content-Type", "application/json")
            .header("Twitch-Eventsub-Message-Id", &notice.message_id)
            .header("Twitch-Eventsub-Message-Retry", retry.to_string())
            .header("Twitch-Eventsub-Message-Type", notice.message_type)
            .header("Twitch-Eventsub-Message-Signature", signature)
            .header("Twitch-Eventsub-Message-Timestamp", at)
            .header("Twitch-Eventsub-Subscription-Type", &notice.kind)
            .header("Twitch-Eventsub-Subscription-Version", &notice.version)
            .body(body);
        let response = request.send().await.ok()?;
        let status = response.status().as_u16();
        let body = response.text().await.unwrap_or_default();
        Some((status, body))
    }
}

/// `sha256=` and the HMAC of id, timestamp and body.
pub(crate) fn sign(secret: &str, id: &str, at: &str, body: &[u8]) -> String {
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(id.as_bytes());
    mac.update(at.as_bytes());
    mac.update(body);
    format!("sha256={}", hex(&mac.finalize().into_bytes()))
}
