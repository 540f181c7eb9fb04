//! `Idempotency-Key` (draft-ietf-httpapi-idempotency-key-header-07): a request that is sent again is
//! carried out once, and answered as it was the first time.
//!
//! Must never keep a secret: neither an answer that shows one, nor even a hash of a request that holds
//! one. Which operations these are is read from the document, so that a new one cannot be forgotten.

use std::{
    collections::{HashMap, HashSet},
    error::Error,
    sync::{Arc, LazyLock},
    time::Duration,
};

use axum::{
    body::{Body, HttpBody, to_bytes},
    extract::{MatchedPath, Request},
    http::{HeaderName, HeaderValue, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use identity::{FirstRequest, KeptAnswer, Repeat, Repeatable};
use kernel::{Actor, ErrorCode};
use serde_json::Value;
use tracing::{Instrument, warn};

use crate::{Face, asker::Asker, input::BODY_MAX, openapi, problem::Problem};

/// The header.
pub(crate) const HEADER: &str = "idempotency-key";
/// Says that an answer is the one of the first time.
const REPLAYED: HeaderName = HeaderName::from_static("idempotency-replayed");
/// Longest key, in bytes.
pub(crate) const KEY_MAX: usize = 100;
/// How long an answer may take.
const TIMEOUT: Duration = Duration::from_secs(30);
/// Largest answer that is kept, in bytes; the service is as strict.
const ANSWER_MAX: u64 = 64 * 1024;

/// What a key does for an operation.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Keeps {
    /// It is carried out once and answered alike.
    Everything,
    /// It is carried out once; what it answers is a secret that is shown once.
    NoAnswer,
}

/// The operations for which a key does something, as `POST /api/v1/merges`.
static OPERATIONS: LazyLock<HashMap<String, Keeps>> = LazyLock::new(|| {
    let (_, document) = openapi::routes().split_for_parts();
    let document = serde_json::to_value(document).unwrap_or_default();
    operations(&document)
});

/// What a key does for an operation; `None` = nothing.
pub(crate) fn keeps(method: &str, path: &str) -> Option<Keeps> {
    let name = format!("{} {path}", method.to_uppercase());
    OPERATIONS.get(&name).copied()
}

fn operations(document: &Value) -> HashMap<String, Keeps> {
    let mut found = HashMap::new();
    let paths = document.get("paths").and_then(Value::as_object);
    for (path, item) in paths.into_iter().flatten() {
        for method in ["post", "put", "patch", "delete"] {
            let Some(operation) = item.get(method) else {
                continue;
            };
            let holds = |part: &str| {
                let part = operation.get(part);
                part.is_some_and(|part| holds_secret(document, part, &mut HashSet::new()))
            };
            if is_open(operation) || holds("requestBody") {
                continue;
            }
            let keeps = if holds("responses") {
                Keeps::NoAnswer
            } else {
                Keeps::Everything
            };
            found.insert(format!("{} {path}", method.to_uppercase()), keeps);
        }
    }
    found
}

/// Whether nobody need sign in: then there is nobody whose key it would be.
fn is_open(operation: &Value) -> bool {
    let ways = operation.get("security").and_then(Value::as_array);
    ways.is_some_and(|ways| {
        ways.iter()
            .any(|way| way.as_object().is_some_and(serde_json::Map::is_empty))
    })
}

/// Whether something that is described holds a secret somewhere.
fn holds_secret<'a>(document: &'a Value, part: &'a Value, seen: &mut HashSet<&'a str>) -> bool {
    match part {
        Value::Object(fields) => {
            if fields.get("format").and_then(Value::as_str) == Some("password") {
                return true;
            }
            if let Some(target) = fields.get("$ref").and_then(Value::as_str)
                && seen.insert(target)
                && let Some(target) = document.pointer(target.trim_start_matches('#'))
                && holds_secret(document, target, seen)
            {
                return true;
            }
            fields.values().any(|one| holds_secret(document, one, seen))
        }
        Value::Array(items) => items.iter().any(|one| holds_secret(document, one, seen)),
        _ => false,
    }
}

enum Begun {
    /// It has no key.
    Plain(Request),
    /// It is the first with its key.
    First(Request, Actor, FirstRequest, Keeps),
    /// It is known.
    Again(Response),
}

/// The answer to a request that was admitted.
pub(crate) async fn answer(face: &Arc<Face>, request: Request, next: Next) -> Response {
    match begin(face, request).await {
        Ok(Begun::Plain(request)) => carry_out(request, next).await,
        Ok(Begun::Again(response)) => response,
        Err(problem) => problem.into_response(),
        Ok(Begun::First(request, actor, first, keeps)) => {
            let face = Arc::clone(face);
            // Goes on when the sender is gone: they will ask again.
            let work = async move {
                let response = carry_out(request, next).await;
                settle(&face, &actor, &first, keeps, response).await
            };
            let task = tokio::spawn(work.in_current_span());
            task.await.unwrap_or_else(|error| {
                let cause: Arc<dyn Error + Send + Sync> = Arc::new(error);
                Problem {
                    cause: Some(cause),
                    ..Problem::new(ErrorCode::Internal, "")
                }
                .into_response()
            })
        }
    }
}

async fn carry_out(request: Request, next: Next) -> Response {
    match tokio::time::timeout(TIMEOUT, next.run(request)).await {
        Ok(response) => response,
        Err(_elapsed) => {
            let detail = "this took longer than 30 s: ask for less, or try again later";
            Problem::http(StatusCode::GATEWAY_TIMEOUT, detail).into_response()
        }
    }
}

async fn begin(face: &Face, request: Request) -> Result<Begun, Problem> {
    let path = request.extensions().get::<MatchedPath>();
    let keeps = path.and_then(|path| keeps(request.method().as_str(), path.as_str()));
    let asker = request.extensions().get::<Asker>();
    let actor = asker.map(|asker| asker.actor.clone());
    let (Some(keeps), Some(actor)) = (keeps, actor) else {
        return Ok(Begun::Plain(request));
    };
    let Some(key) = request.headers().get(HEADER).cloned() else {
        return Ok(Begun::Plain(request));
    };
    if actor.user_id().is_none() {
        return Ok(Begun::Plain(request));
    }
    let key = key.to_str().ok();
    let Some(key) = key.filter(|key| (1..=KEY_MAX).contains(&key.len())) else {
        let detail = format!("an `Idempotency-Key` has 1 to {KEY_MAX} printable ASCII characters");
        return Err(Problem::http(StatusCode::BAD_REQUEST, detail));
    };
    let (parts, body) = request.into_parts();
    let content = to_bytes(body, BODY_MAX).await.map_err(Problem::too_large)?;
    let route = format!("{} {}", parts.method, parts.uri);
    let repeatable = Repeatable {
        route: &route,
        key,
        content: &content,
    };
    let known = face.app.identity.begin_request(&actor, &repeatable).await?;
    Ok(match known {
        Repeat::First(first) => {
            let request = Request::from_parts(parts, Body::from(content));
            Begun::First(request, actor, first, keeps)
        }
        Repeat::Done(KeptAnswer {
            status,
            body: Some(body),
        }) => Begun::Again(again(status, body)),
        Repeat::Done(_) => {
            return Err(conflict(
                "this was carried out before with this key; its answer is not kept, because it holds a secret that is shown once, or is too large",
            ));
        }
        Repeat::UnderWay => {
            return Err(Problem {
                retry_after: Some(Duration::from_secs(1)),
                ..conflict("the first request with this key is being carried out: ask again soon")
            });
        }
        Repeat::Unknown => {
            return Err(conflict(
                "nobody knows whether the first request with this key was carried out: look, then use another key if it was not",
            ));
        }
        Repeat::Differs => {
            return Err(Problem::field(
                "Idempotency-Key",
                "something else was sent with this key: use another one",
            ));
        }
    })
}

fn conflict(detail: &str) -> Problem {
    Problem::new(ErrorCode::Conflict, detail)
}

fn again(status: u16, body: String) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let mut response = if body.is_empty() {
        status.into_response()
    } else {
        let media = [(header::CONTENT_TYPE, "application/json")];
        (status, media, body).into_response()
    };
    let yes = HeaderValue::from_static("true");
    response.headers_mut().insert(REPLAYED, yes);
    response
}

/// Writes down what became of a request.
async fn settle(
    face: &Face,
    actor: &Actor,
    first: &FirstRequest,
    keeps: Keeps,
    response: Response,
) -> Response {
    let identity = &face.app.identity;
    let status = response.status();
    // A fault of ours may come after the change: nobody knows.
    if status.is_server_error() {
        return response;
    }
    let (response, written) = if status.is_success() {
        let (response, body) = kept(keeps, response).await;
        let status = status.as_u16();
        let answer = KeptAnswer { status, body };
        let done = identity.finish_request(actor, first, &answer).await;
        (response, done)
    } else {
        (response, identity.forget_request(actor, first).await)
    };
    if let Err(error) = written {
        warn!(error = %error, "what became of a request with a key could not be written down");
    }
    response
}

/// An answer, and what of it is kept.
async fn kept(keeps: Keeps, response: Response) -> (Response, Option<String>) {
    let headers = response.headers();
    let media = headers.get(header::CONTENT_TYPE);
    let is_json = media.is_none_or(|media| media.as_bytes().starts_with(b"application/json"));
    let size = response.body().size_hint().upper();
    let fits = size.is_some_and(|size| size <= ANSWER_MAX);
    let is_open = keeps == Keeps::Everything && !headers.contains_key(header::SET_COOKIE);
    if !(is_open && is_json && fits) {
        return (response, None);
    }
    let (parts, body) = response.into_parts();
    // Our own answer in memory.
    let bytes = to_bytes(body, usize::MAX).await.unwrap_or_default();
    let text = String::from_utf8(bytes.to_vec()).ok();
    (Response::from_parts(parts, Body::from(bytes)), text)
}
