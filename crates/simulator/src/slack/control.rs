//! The same from other programs: `/_sim/…`, JSON in and out. Verbs as in [`super::SlackServer`].

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::{Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post},
};
use serde::Deserialize;
use serde_json::{Value, json};

use super::{
    Shared, deliver, drive,
    drive::{NotThere, Saying},
    events,
    events::Subtype,
    state::{Noise, Workspace},
};
use crate::wire::Rule;

/// What a verb may need; each takes what it needs.
#[derive(Debug, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
struct Ask {
    team: String,
    channel: String,
    user: String,
    text: String,
    ts: String,
    thread_ts: Option<String>,
    /// `me` or `bot`
    subtype: Option<String>,
    name: String,
    action_id: String,
}

type Server = State<Arc<Shared>>;

pub(super) fn router() -> Router<Arc<Shared>> {
    Router::new()
        .route("/state", get(state))
        .route("/sent", get(sent))
        .route("/exchanges", get(exchanges))
        .route("/workspace", post(workspace))
        .route("/say", post(say))
        .route("/join", post(join))
        .route("/react", post(react))
        .route("/slash", post(slash))
        .route("/press", post(press))
        .route("/cut", post(cut))
        .route("/refresh", post(refresh))
        .route("/revoke", post(revoke))
        .route("/uninstall", post(uninstall))
        .route("/noise", post(noise))
        .route("/faults", post(fault).delete(no_faults))
}

fn done(result: Result<Value, NotThere>) -> Response {
    match result {
        Ok(value) => Json(value).into_response(),
        Err(error) => {
            let body = Json(json!({"error": error.to_string()}));
            (StatusCode::NOT_FOUND, body).into_response()
        }
    }
}

fn nothing(result: Result<(), NotThere>) -> Response {
    done(result.map(|()| json!({})))
}

async fn state(State(shared): Server) -> Json<Value> {
    let state = shared.state();
    let teams: Vec<Value> = state
        .teams
        .iter()
        .map(|(id, team)| {
            json!({
                "id": id,
                "name": team.name,
                "is_installed": team.token.is_some(),
                "bot_user": team.bot_user,
                "channels": team.channels.values().collect::<Vec<_>>(),
                "members": team.people.values().collect::<Vec<_>>(),
            })
        })
        .collect();
    Json(json!({
        "url": shared.url(),
        "workspaces": teams,
        "n_messages": state.messages.len(),
        "n_scheduled": state.scheduled.len(),
        "n_sockets": state.line.n_sockets(),
        "n_acknowledged": state.line.n_acknowledged,
        "n_given_up": state.line.n_given_up,
        "noise": state.noise,
    }))
}

async fn sent(State(shared): Server, Query(ask): Query<Ask>) -> Json<Value> {
    Json(json!({"sent": drive::sent(&shared, &ask.channel)}))
}

async fn exchanges(State(shared): Server) -> Json<Value> {
    let all: Vec<Value> = shared
        .exchanges
        .all()
        .into_iter()
        .map(|one| {
            json!({
                "method": one.method,
                "path": one.path,
                "query": one.query,
                "body": String::from_utf8_lossy(&one.body),
                "status": one.status,
                "reply": String::from_utf8_lossy(&one.reply),
            })
        })
        .collect();
    Json(json!({ "exchanges": all }))
}

async fn workspace(State(shared): Server, Json(workspace): Json<Workspace>) -> Json<Value> {
    shared.state().add(&workspace);
    Json(json!({}))
}

async fn say(State(shared): Server, Json(ask): Json<Ask>) -> Response {
    let saying = Saying {
        team: ask.team,
        channel: ask.channel,
        user: ask.user,
        text: ask.text,
        thread_ts: ask.thread_ts,
        subtype: match ask.subtype.as_deref() {
            Some("me") => Some(Subtype::Me),
            Some("bot") => Some(Subtype::Bot),
            _ => None,
        },
    };
    done(drive::say(&shared, saying).map(|ts| json!({ "ts": ts })))
}

async fn join(State(shared): Server, Json(ask): Json<Ask>) -> Response {
    nothing(drive::join(&shared, &ask.team, &ask.channel, &ask.user))
}

async fn react(State(shared): Server, Json(ask): Json<Ask>) -> Response {
    nothing(drive::react(
        &shared,
        &ask.team,
        &ask.channel,
        &ask.ts,
        &ask.user,
        &ask.name,
    ))
}

async fn slash(State(shared): Server, Json(ask): Json<Ask>) -> Response {
    nothing(drive::slash(
        &shared,
        &ask.team,
        &ask.channel,
        &ask.user,
        &ask.text,
    ))
}

async fn press(State(shared): Server, Json(ask): Json<Ask>) -> Response {
    nothing(drive::press(&shared, &ask.ts, &ask.action_id, &ask.user))
}

async fn cut(State(shared): Server) -> Json<Value> {
    Json(json!({"n_cut": deliver::cut(&shared)}))
}

async fn refresh(State(shared): Server) -> Json<Value> {
    deliver::refresh(&shared);
    Json(json!({}))
}

async fn revoke(State(shared): Server, Json(ask): Json<Ask>) -> Json<Value> {
    events::revoke(&shared, &ask.team);
    Json(json!({}))
}

async fn uninstall(State(shared): Server, Json(ask): Json<Ask>) -> Json<Value> {
    events::uninstall(&shared, &ask.team);
    Json(json!({}))
}

async fn noise(State(shared): Server, Json(noise): Json<Noise>) -> Json<Value> {
    shared.state().noise = noise;
    Json(json!({}))
}

async fn fault(State(shared): Server, Json(rule): Json<Rule>) -> Json<Value> {
    shared.faults.add(rule);
    Json(json!({}))
}

async fn no_faults(State(shared): Server) -> Json<Value> {
    shared.faults.clear();
    Json(json!({}))
}
