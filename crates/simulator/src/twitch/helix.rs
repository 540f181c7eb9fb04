//! Helix: who asks, what they may, the points they have, and the form of answers. The calls
//! themselves are in the files beside.

mod messages;
mod people;
mod schedule;
mod subscriptions;

use std::sync::Arc;

use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, RawQuery, State as Extract},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};
use kernel::{Clock, SystemClock, Timestamp};
use serde_json::{Value, json};

use super::{
    Shared,
    points::{Count, Points},
    state::State,
};

pub(crate) fn router() -> Router<Arc<Shared>> {
    Router::new().route("/helix/{*path}", any(handle))
}

/// Who asks.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// `None`: the application itself.
    pub(crate) user: Option<String>,
    pub(crate) scopes: Vec<String>,
}

/// A request that passed the door.
pub(crate) struct Ask<'a> {
    pub(crate) shared: &'a Arc<Shared>,
    pub(crate) now: Timestamp,
    pub(crate) caller: Caller,
    pub(crate) query: Vec<(String, String)>,
    /// `null` if the body is empty or no JSON.
    pub(crate) body: Value,
}

/// A refusal in Helix's form.
#[derive(Debug)]
pub(crate) struct Refusal(u16, String);

pub(crate) type Answer = Result<(u16, Option<Value>), Refusal>;

pub(crate) fn bad(message: &str) -> Refusal {
    Refusal(400, message.to_owned())
}

pub(crate) fn refuse(status: u16, message: &str) -> Refusal {
    Refusal(status, message.to_owned())
}

impl Ask<'_> {
    /// The first value of a query parameter; empty counts as missing.
    pub(crate) fn param(&self, name: &str) -> Option<&str> {
        self.params(name).next()
    }

    pub(crate) fn params(&self, name: &str) -> impl Iterator<Item = &str> {
        let found = self.query.iter().filter(move |(key, _)| key == name);
        found
            .map(|(_, value)| value.as_str())
            .filter(|value| !value.is_empty())
    }

    pub(crate) fn need_param(&self, name: &str) -> Result<&str, Refusal> {
        self.param(name)
            .ok_or_else(|| bad(&format!("Missing required parameter \"{name}\"")))
    }

    /// A text in the body. Helix takes those from the query, too: its own error texts speak of query
    /// parameters, and twitchAPI (PyPI) sends chat messages so.
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let in_body = self.body.get(name).and_then(Value::as_str);
        in_body.or_else(|| self.param(name))
    }

    pub(crate) fn need_field(&self, name: &str) -> Result<&str, Refusal> {
        self.field(name)
            .filter(|value| !value.is_empty())
            .ok_or_else(|| bad(&format!("Missing required parameter \"{name}\"")))
    }

    pub(crate) fn need_scope(&self, scope: &str) -> Result<(), Refusal> {
        if self.caller.scopes.iter().any(|given| given == scope) {
            return Ok(());
        }
        Err(Refusal(401, format!("Missing scope: {scope}")))
    }

    /// The caller must be this user.
    pub(crate) fn need_user(&self, user: &str, field: &str) -> Result<(), Refusal> {
        match &self.caller.user {
            Some(caller) if caller == user => Ok(()),
            Some(_) => Err(Refusal(
                401,
                format!(
                    "The ID in {field} must match the user ID found in the request's OAuth token."
                ),
            )),
            None => Err(refuse(401, "Must provide a user access token")),
        }
    }
}

async fn handle(
    Extract(shared): Extract<Arc<Shared>>,
    method: Method,
    Path(path): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let now = shared.options.clock.now();
    let mut state = shared.state();
    let caller = match caller(&shared, &state, &headers, now) {
        Ok(caller) => caller,
        Err(refusal) => return answer(Err(refusal)),
    };
    let count = points(&shared, &mut state, &caller, now);
    if count.is_empty {
        let refusal = refuse(429, "You have exceeded the rate limit.");
        return with_count(answer(Err(refusal)), count);
    }
    let query = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes())
        .into_owned()
        .collect();
    let ask = Ask {
        shared: &shared,
        now,
        caller,
        query,
        body: serde_json::from_slice(&body).unwrap_or_default(),
    };
    let answered = route(&ask, &mut state, &method, &path);
    drop(state);
    shared.touch();
    with_count(answer(answered), count)
}

fn route(ask: &Ask, state: &mut State, method: &Method, path: &str) -> Answer {
    match (method.as_str(), path.trim_end_matches('/')) {
        ("GET", "users") => people::users(ask, state),
        ("GET", "channels") => people::channels(ask, state),
        ("GET", "streams") => Ok(people::streams(ask, state)),
        ("GET", "chat/chatters") => people::chatters(ask, state),
        ("GET", "moderation/moderators") => people::moderators(ask, state),
        ("POST", "chat/messages") => messages::send(ask, state),
        ("POST", "chat/announcements") => messages::announce(ask, state),
        ("POST", "whispers") => messages::whisper(ask, state),
        ("DELETE", "moderation/chat") => messages::delete(ask, state),
        ("GET", "schedule") => schedule::list(ask, state),
        ("POST", "schedule/segment") => schedule::create(ask, state),
        ("PATCH", "schedule/segment") => schedule::update(ask, state),
        ("DELETE", "schedule/segment") => schedule::delete(ask, state),
        ("GET", "eventsub/subscriptions") => Ok(subscriptions::list(ask, state)),
        ("POST", "eventsub/subscriptions") => subscriptions::create(ask, state),
        ("DELETE", "eventsub/subscriptions") => subscriptions::delete(ask, state),
        _ => Err(refuse(404, "Not Found")),
    }
}

fn caller(
    shared: &Shared,
    state: &State,
    headers: &HeaderMap,
    now: Timestamp,
) -> Result<Caller, Refusal> {
    let text = |name: HeaderName| headers.get(name).and_then(|value| value.to_str().ok());
    let Some(access) = text(header::AUTHORIZATION).and_then(|value| value.strip_prefix("Bearer "))
    else {
        return Err(refuse(401, "OAuth token is missing"));
    };
    let Some(client) = text(HeaderName::from_static("client-id")) else {
        return Err(refuse(401, "Client ID is missing"));
    };
    let token = state.tokens.get(access);
    let Some(token) = token.filter(|token| token.expires_at > now) else {
        return Err(refuse(401, "Invalid OAuth token"));
    };
    if client != shared.options.client_id {
        return Err(refuse(401, "Client ID and OAuth token do not match"));
    }
    Ok(Caller {
        user: token.user.clone(),
        scopes: token.scopes.clone(),
    })
}

fn points(shared: &Shared, state: &mut State, caller: &Caller, now: Timestamp) -> Count {
    let limit = shared.options.points;
    let key = caller.user.clone().unwrap_or_default();
    let points = state.points.entry(key);
    points.or_insert_with(|| Points::new(limit, now)).take(now)
}

fn answer(answer: Answer) -> Response {
    match answer {
        Ok((status, body)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
            body.map_or_else(
                || status.into_response(),
                |body| (status, Json(body)).into_response(),
            )
        }
        Err(Refusal(status, message)) => {
            let code = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST);
            let error = code.canonical_reason().unwrap_or("Error");
            let body = json!({ "error": error, "status": status, "message": message });
            (code, Json(body)).into_response()
        }
    }
}

fn with_count(mut response: Response, count: Count) -> Response {
    let headers = response.headers_mut();
    for (name, value) in [
        ("ratelimit-limit", count.limit),
        ("ratelimit-remaining", count.remaining),
        ("ratelimit-reset", count.reset),
    ] {
        headers.insert(HeaderName::from_static(name), HeaderValue::from(value));
    }
    response
}

/// 429 on demand, in Helix's form.
pub(crate) fn limited(after_ms: u64, _global: bool) -> Response {
    let until = SystemClock
        .now()
        .plus(std::time::Duration::from_millis(after_ms));
    let count = Count {
        limit: 800,
        remaining: 0,
        // Whole seconds, rounded up: that is all Twitch says.
        reset: until.plus(std::time::Duration::from_micros(999_999)).secs(),
        is_empty: true,
    };
    let refusal = refuse(429, "You have exceeded the rate limit.");
    with_count(answer(Err(refusal)), count)
}
