//! `/_sim`: looking into the simulator and driving it over HTTP, with the same verbs as from Rust.
//! `POST /_sim/<verb>` with a JSON object; `GET /_sim/state`.

use std::{sync::Arc, time::Duration};

use axum::{
    Json, Router,
    extract::{Path, State as Extract},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{Broadcaster, Partnership, Shared, Standing, Twitch, emit, socket};
use crate::wire::Rule;

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/_sim/state", get(state))
        .route("/_sim/{verb}", post(verb))
}

/// What verbs take; each uses some of it.
#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields, default)]
struct Asked {
    broadcaster: String,
    user: Option<String>,
    name: Option<String>,
    moderator: Option<String>,
    text: String,
    reply_to: Option<String>,
    reason: String,
    tier: Option<u8>,
    months: Option<u32>,
    count: Option<u32>,
    bits: Option<u32>,
    viewers: Option<u32>,
    secs: Option<u64>,
    title: String,
    login: String,
    token: Option<String>,
    partnership: Partnership,
    standing: Standing,
    scopes: Vec<String>,
    takes_whispers: bool,
    fault: Option<Rule>,
}

async fn verb(
    Extract(shared): Extract<Arc<Shared>>,
    Path(verb): Path<String>,
    Json(asked): Json<Asked>,
) -> Response {
    let verbs = Twitch {
        shared: Arc::clone(&shared),
    };
    let here = asked.broadcaster.as_str();
    let needs = |user: &Option<String>| user.clone().unwrap_or_default();
    let user = needs(&asked.user);
    let moderator = asked.moderator.as_deref();
    let tier = asked.tier.unwrap_or(1);
    let mut answer = json!({});
    match verb.as_str() {
        "say" => {
            if let Some(name) = &asked.name {
                shared.state().name_user(&user, name);
            }
            let id = match &asked.reply_to {
                Some(to) => verbs.reply(here, &user, to, &asked.text),
                None => verbs.say(here, &user, &asked.text),
            };
            answer = json!({ "message_id": id });
        }
        "follow" => verbs.follow(here, &user),
        "subscribe" => verbs.subscribe(here, &user, tier),
        "resubscribe" => {
            let months = asked.months.unwrap_or(2);
            verbs.resubscribe(here, &user, tier, months, &asked.text);
        }
        "gift" => {
            let count = asked.count.unwrap_or(1).min(1_000);
            verbs.gift(here, asked.user.as_deref(), tier, count);
        }
        "cheer" => {
            let bits = asked.bits.unwrap_or(100);
            verbs.cheer(here, asked.user.as_deref(), bits, &asked.text);
        }
        "raid" => verbs.raid(&user, here, asked.viewers.unwrap_or(10)),
        "ban" => verbs.ban(here, &user, moderator, &asked.reason),
        "timeout" => {
            let length = Duration::from_secs(asked.secs.unwrap_or(600));
            verbs.timeout(here, &user, moderator, &asked.reason, length);
        }
        "unban" => verbs.unban(here, &user),
        "online" => verbs.go_live(here, &asked.title),
        "offline" => verbs.go_offline(here),
        "cut" => shared.state().cut_sockets(),
        "reconnect" => socket::ask_to_move(&shared),
        "expire_token" => match &asked.token {
            Some(token) => shared.state().expire_token(token),
            None => shared.state().expire_tokens(),
        },
        "revoke_token" => {
            let mut state = shared.state();
            let user = state.user(&user);
            emit::disconnect_user(&shared, &mut state, &user);
        }
        "authorise" => {
            let mut state = shared.state();
            let user = state.user(&user);
            let tokens = state.authorise(&shared.options, &user, asked.scopes);
            answer = json!({
                "access_token": tokens.access,
                "refresh_token": tokens.refresh,
                "expires_in": tokens.expires_in,
                "user_id": tokens.user,
            });
        }
        "broadcaster" => {
            let made = Broadcaster::new(here, &asked.login, asked.partnership);
            shared.state().add_broadcaster(&made);
            answer = json!({ "id": made.id });
        }
        "standing" => {
            let mut state = shared.state();
            state.set_standing(here, &user, asked.standing);
        }
        "whispers" => shared.state().set_whispers(&user, asked.takes_whispers),
        "fault" => match asked.fault {
            Some(rule) => shared.faults.add(rule),
            None => shared.faults.clear(),
        },
        _ => return StatusCode::NOT_FOUND.into_response(),
    }
    shared.touch();
    Json(answer).into_response()
}

async fn state(Extract(shared): Extract<Arc<Shared>>) -> Json<Value> {
    let state = shared.state();
    let channels: Vec<Value> = state
        .channels
        .iter()
        .map(|(id, channel)| {
            let user = state.person(id);
            let segments: Vec<Value> = channel
                .segments
                .iter()
                .map(super::state::Segment::view)
                .collect();
            json!({
                "id": user.id,
                "login": user.login,
                "name": user.name,
                "partnership": channel.partnership,
                "standing": channel.standing,
                "banned": channel.banned,
                "chatters": channel.chatters,
                "is_live": channel.stream.is_some(),
                "title": channel.title,
                "segments": segments,
            })
        })
        .collect();
    let subscriptions: Vec<Value> = state
        .subscriptions
        .iter()
        .map(super::state::Subscription::view)
        .collect();
    Json(json!({
        "channels": channels,
        "n_users": state.users.len(),
        "subscriptions": subscriptions,
        "n_sockets": state.n_sockets(),
        "sent": state.sent,
        "whispers": state.whispers,
    }))
}
