//! Response addresses: five answers within half an hour to a slash command or a press («Handling user
//! interaction: message responses»).

use std::{sync::Arc, time::Duration};

use axum::{
    body::Bytes,
    extract::State,
    http::{StatusCode, Uri},
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};

use super::{
    Shared, blocks,
    chat::TEXT_MAX,
    events,
    events::Subtype,
    ids,
    state::{ResponseUrl, SECRETS_MAX, Sent},
};

const USES_MAX: u32 = 5;
const GOOD_FOR: Duration = Duration::from_secs(30 * 60);

/// A new address; the answer is the whole of it.
pub(super) fn address(shared: &Shared, what: &str, url: ResponseUrl) -> String {
    let mut state = shared.state();
    let n = state.number();
    let secret = ids::secret("response", &format!("{n} {}", url.team));
    let key = format!("/{what}/{}/{n}/{secret}", url.team);
    if state.urls.len() >= SECRETS_MAX {
        state.urls.clear();
    }
    state.urls.insert(key.clone(), url);
    format!("{}{key}", shared.url())
}

/// Answers a POST to such an address.
pub(super) async fn respond(State(shared): State<Arc<Shared>>, uri: Uri, body: Bytes) -> Response {
    let payload: Value = match serde_json::from_slice(&body) {
        Ok(payload @ Value::Object(_)) => payload,
        _ => return (StatusCode::BAD_REQUEST, "invalid_payload").into_response(),
    };
    match say(&shared, uri.path(), &payload) {
        Ok(()) => "ok".into_response(),
        Err(name @ ("used_url" | "expired_url")) => {
            let body = json!({"ok": false, "error": name}).to_string();
            (StatusCode::NOT_FOUND, body).into_response()
        }
        Err(name) => (StatusCode::BAD_REQUEST, name).into_response(),
    }
}

/// Says an answer under the rules of its address.
pub(super) fn say(shared: &Arc<Shared>, key: &str, payload: &Value) -> Result<(), &'static str> {
    let flag = |name: &str| payload.get(name).and_then(Value::as_bool);
    let blocks = payload.get("blocks").cloned().unwrap_or_default();
    blocks::check(&blocks)?;
    let text: String = payload
        .get("text")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .chars()
        .take(TEXT_MAX)
        .collect();
    let deletes = flag("delete_original") == Some(true);
    if text.is_empty() && blocks.is_null() && !deletes {
        return Err("no_text");
    }
    let now = shared.options.clock.now();
    let mut state = shared.state();
    let url = state.urls.get_mut(key).ok_or("expired_url")?;
    if now.since(url.at) > GOOD_FOR {
        return Err("expired_url");
    }
    if url.n_used == USES_MAX {
        return Err("used_url");
    }
    url.n_used += 1;
    let url = url.clone();
    let original = url.message.clone();
    if let Some(ts) = original.filter(|_| deletes || flag("replace_original") == Some(true)) {
        let edited = state.ts(now);
        let message = state
            .message(&url.team, &url.channel, &ts)
            .ok_or("message_not_found")?;
        let before = message.clone();
        if deletes {
            message.is_deleted = true;
        } else {
            message
                .earlier
                .push(std::mem::replace(&mut message.text, text));
            message.blocks = blocks;
            message.edited_ts = Some(edited);
        }
        let message = message.clone();
        drop(state);
        if deletes {
            events::deleted(shared, &message);
        } else {
            events::changed(shared, &message, &before);
        }
    } else {
        let in_channel = payload.get("response_type").and_then(Value::as_str) == Some("in_channel");
        let user = state
            .teams
            .get(&url.team)
            .map(|team| team.bot_user.clone())
            .unwrap_or_default();
        let message = Sent {
            team: url.team,
            channel: url.channel,
            ts: state.ts(now),
            thread_ts: payload
                .get("thread_ts")
                .and_then(Value::as_str)
                .map(str::to_owned),
            user,
            is_ours: true,
            text,
            blocks,
            only_for: (!in_channel).then_some(url.user),
            via: "response_url",
            ..Sent::default()
        };
        state.keep(message.clone());
        drop(state);
        events::said(shared, &message, Some(Subtype::Answer));
    }
    shared.changed.notify_waiters();
    Ok(())
}
