//! Events, presses and slash commands posted to the app's address: signed, three seconds to answer,
//! three more tries («Events API», «Verifying requests from Slack»).

use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use reqwest::header::CONTENT_TYPE;
use serde_json::{Value, json};
use sha2::Sha256;

use super::{
    Shared,
    deliver::{self, Envelope},
};

/// `v0=…` over a body.
pub(super) fn sign(secret: &str, at_secs: i64, body: &str) -> String {
    // A key of any length will do, so this cannot fail; an empty signature would be refused.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(secret.as_bytes()) else {
        return String::new();
    };
    mac.update(format!("v0:{at_secs}:{body}").as_bytes());
    format!("v0={}", kernel::random::hex(&mac.finalize().into_bytes()))
}

/// The body in the form its kind has.
pub(super) fn body(envelope: &Envelope) -> (&'static str, String) {
    let form = "application/x-www-form-urlencoded";
    match envelope.kind {
        "events_api" => ("application/json", envelope.payload.to_string()),
        "interactive" => {
            let body = url::form_urlencoded::Serializer::new(String::new())
                .append_pair("payload", &envelope.payload.to_string())
                .finish();
            (form, body)
        }
        _ => {
            let mut body = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in envelope.payload.as_object().into_iter().flatten() {
                match value {
                    Value::String(text) => body.append_pair(name, text),
                    other => body.append_pair(name, &other.to_string()),
                };
            }
            (form, body.finish())
        }
    }
}

/// Asks whether the app's address is the app's: `url_verification`.
pub(super) async fn verify(shared: &Shared) -> bool {
    let Some(url) = &shared.options.request_url else {
        return false;
    };
    let n = shared.state().number();
    let challenge = super::ids::secret("challenge", &format!("{n} {url}"));
    let body = json!({
        "token": "simulated-verification-token",
        "challenge": challenge,
        "type": "url_verification",
    })
    .to_string();
    let at = shared.now_secs();
    let request = shared
        .http
        .post(url)
        .header(CONTENT_TYPE, "application/json")
        .header("X-Slack-Request-Timestamp", at.to_string())
        .header(
            "X-Slack-Signature",
            sign(&shared.options.signing_secret, at, &body),
        );
    let Ok(answer) = request.body(body).send().await else {
        return false;
    };
    let is_success = answer.status().is_success();
    let said = answer.bytes().await.unwrap_or_default();
    // As plain text, as a form or as JSON.
    is_success && String::from_utf8_lossy(&said).contains(&challenge)
}

/// Posts until it is taken, or three times more.
pub(super) async fn push(shared: Arc<Shared>, mut envelope: Envelope) {
    let Some(url) = shared.options.request_url.clone() else {
        return;
    };
    let (kind, body) = body(&envelope);
    let waits = shared.options.retry_after;
    loop {
        let at = shared.now_secs();
        let mut request = shared
            .http
            .post(&url)
            .header(CONTENT_TYPE, kind)
            .header("X-Slack-Request-Timestamp", at.to_string())
            .header(
                "X-Slack-Signature",
                sign(&shared.options.signing_secret, at, &body),
            );
        if envelope.attempt > 0 {
            request = request
                .header("X-Slack-Retry-Num", envelope.attempt.to_string())
                .header("X-Slack-Retry-Reason", envelope.reason);
        }
        let (reason, may_retry) = match request.body(body.clone()).send().await {
            Ok(answer) if answer.status().is_success() => {
                let said = answer.bytes().await.unwrap_or_default();
                let payload = serde_json::from_slice::<Value>(&said).ok();
                shared.state().line.n_acknowledged += 1;
                shared.changed.notify_waiters();
                deliver::answered(&shared, &envelope, payload.as_ref());
                return;
            }
            Ok(answer) => (
                "http_error",
                !answer.headers().contains_key("x-slack-no-retry"),
            ),
            Err(error) if error.is_timeout() => ("http_timeout", true),
            Err(_) => ("connection_failed", true),
        };
        let at = usize::try_from(envelope.attempt).unwrap_or(usize::MAX);
        // Only events are tried again; a person presses again.
        let Some(wait) = waits
            .get(at)
            .filter(|_| may_retry && envelope.kind == "events_api")
        else {
            shared.state().line.n_given_up += 1;
            return;
        };
        tokio::time::sleep(*wait).await;
        envelope.attempt += 1;
        envelope.reason = reason;
    }
}
