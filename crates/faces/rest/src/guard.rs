//! What every request passes: who asks, whether a browser's request comes from our own pages, the
//! allowance of the minute, a time limit; and what every answer gets: its problem written out, its
//! tag, its headers.
//!
//! Must never let an answer be kept by anybody but its reader.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use app::{Allowance, Caller, Credential, Payer};
use axum::{
    Json,
    body::{Body, HttpBody, to_bytes},
    extract::{ConnectInfo, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header},
    middleware::Next,
    response::{IntoResponse, Response},
};
use kernel::{Actor, ErrorCode, Timestamp, random};
use tracing::{Instrument, error, info_span};

use crate::{
    Face,
    asker::Asker,
    problem::{Problem, ProblemBody},
    repeat, tag,
};

/// The largest answer that gets a tag, in bytes. Larger ones are files.
const TAGGED_MAX: u64 = 1024 * 1024;
/// The name of our allowance.
const ALLOWANCE: &str = "rest";
/// For a key that is worth nothing: its owner would wonder if they were treated as nobody.
const BAD_KEY: &str = "the API key is unknown, revoked or expired: make a new one at /me/keys";

/// Surrounds every request.
pub(crate) async fn around(
    State(face): State<Arc<Face>>,
    request: Request,
    next: Next,
) -> Response {
    let id = random::hex(&random::bytes::<8>(&*face.app.entropy));
    let span = info_span!("rest", request.id = %id, http.method = %request.method(), http.path = %request.uri().path());
    async {
        let (wanted, method) = (request.headers().clone(), request.method().clone());
        let mut allowance = None;
        let response = match admit(&face, request, &mut allowance).await {
            Ok(request) => repeat::answer(&face, request, next).await,
            Err(problem) => problem.into_response(),
        };
        let response = written(response, &id);
        let response = if method == Method::GET {
            tagged(response, &wanted).await
        } else {
            response
        };
        finished(response, allowance, face.app.clock.now(), &id)
    }
    .instrument(span)
    .await
}

/// Finds out who asks, and takes the request from what they have for a minute.
async fn admit(
    face: &Face,
    mut request: Request,
    allowance: &mut Option<Allowance>,
) -> Result<Request, Problem> {
    let headers = request.headers();
    let peer = request.extensions().get::<ConnectInfo<SocketAddr>>();
    let peer = peer.map(|ConnectInfo(address)| address.ip());
    let client = app::caller::client(peer, headers, &face.settings.trusted_proxies);
    let credential = Credential::of(headers);
    let is_key = credential.as_ref().is_some_and(Credential::is_key);
    if !is_key && !app::origin::is_own_page(headers, &face.settings.origins) {
        let detail = "requests of pages of other sites are refused: use an API key";
        return Err(Problem::new(ErrorCode::Forbidden, detail));
    }
    let caller = match &credential {
        Some(credential) => face.app.caller(credential).await?,
        None => None,
    };
    let payer = Payer::of(caller.as_ref(), client.address);
    let limit = match &caller {
        Some(_) => face.settings.per_minute,
        None => face.settings.per_minute_anonymous,
    };
    let left = face.app.take_allowance(ALLOWANCE, &payer, 1, limit).await;
    *allowance = Some(left);
    if !left.is_granted {
        metrics::counter!("waddlebot_rest_limited_total").increment(1);
        let wait = reset_secs(&left, face.app.clock.now());
        return Err(Problem {
            retry_after: Some(Duration::from_secs(wait)),
            ..Problem::new(
                ErrorCode::RateLimited,
                format!("{limit} requests a minute are allowed: try again in {wait} s"),
            )
        });
    }
    if is_key && caller.is_none() {
        return Err(Problem::new(ErrorCode::Unauthenticated, BAD_KEY));
    }
    let address = request.uri().clone();
    let asker = match caller {
        Some(Caller { actor, session, .. }) => Asker {
            actor,
            session,
            client,
            address,
        },
        None => Asker {
            actor: Actor::Anonymous,
            session: None,
            client,
            address,
        },
    };
    request.extensions_mut().insert(asker);
    Ok(request)
}

/// Whole seconds until all of the allowance is back, at least one.
fn reset_secs(allowance: &Allowance, now: Timestamp) -> u64 {
    let millis = allowance.resets_at.since(now).as_millis();
    u64::try_from(millis.div_ceil(1_000))
        .unwrap_or(u64::MAX)
        .max(1)
}

/// Every other method of a path.
pub(crate) async fn wrong_method() -> Problem {
    let detail = "this address knows other methods: see the header `Allow`";
    Problem::http(StatusCode::METHOD_NOT_ALLOWED, detail)
}

/// Writes problems out, also those that are nothing but a status.
fn written(response: Response, id: &str) -> Response {
    let status = response.status();
    let problem = response.extensions().get::<Problem>().cloned();
    let problem = match problem {
        Some(problem) => problem,
        None if status.is_client_error() || status.is_server_error() => {
            Problem::http(status, "this request cannot be answered")
        }
        None => return response,
    };
    if status.is_server_error() {
        error!(request.id = %id, http.status = status.as_u16(), error.chain = problem.chain(), "a request could not be answered");
    }
    metrics::counter!("waddlebot_rest_problems_total", "code" => problem.code).increment(1);
    let detail = if problem.detail.is_empty() {
        format!("something went wrong here; the log has it as request {id}")
    } else {
        problem.detail
    };
    let body = ProblemBody {
        r#type: format!("urn:waddlebot:problem:{}", problem.code),
        title: status.canonical_reason().unwrap_or("Problem").to_owned(),
        status: status.as_u16(),
        detail,
        instance: format!("urn:waddlebot:request:{id}"),
        code: problem.code.to_owned(),
        errors: problem.errors,
    };
    let (kept, _) = response.into_parts();
    let mut out = (status, Json(body)).into_response();
    let headers = out.headers_mut();
    if let Some(allow) = kept.headers.get(header::ALLOW) {
        headers.insert(header::ALLOW, allow.clone());
    }
    let media = HeaderValue::from_static("application/problem+json");
    headers.insert(header::CONTENT_TYPE, media);
    if let Some(wait) = problem.retry_after {
        headers.insert(header::RETRY_AFTER, wait.as_secs().max(1).into());
    }
    if status == StatusCode::UNAUTHORIZED {
        let ways = HeaderValue::from_static("Bearer");
        headers.insert(header::WWW_AUTHENTICATE, ways);
    }
    out
}

/// Gives an answer its tag, and sends nothing to whom it is nothing new.
async fn tagged(response: Response, wanted: &HeaderMap) -> Response {
    let is_json = |value: &HeaderValue| value.as_bytes().starts_with(b"application/json");
    let media = response.headers().get(header::CONTENT_TYPE);
    if response.status() != StatusCode::OK || !media.is_some_and(is_json) {
        return response;
    }
    // Made here and whole: its size is known. What is too large to be worth it goes as it is.
    let size = response.body().size_hint().upper();
    if size.is_none_or(|size| size > TAGGED_MAX) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(body) = to_bytes(body, usize::MAX).await else {
        // Our own JSON in memory.
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let tag = tag::of(&body);
    if let Ok(value) = HeaderValue::try_from(&tag) {
        parts.headers.insert(header::ETAG, value);
    }
    if tag::lists(wanted, &header::IF_NONE_MATCH, &tag) {
        parts.status = StatusCode::NOT_MODIFIED;
        parts.headers.remove(header::CONTENT_LENGTH);
        parts.headers.remove(header::CONTENT_TYPE);
        return Response::from_parts(parts, Body::empty());
    }
    Response::from_parts(parts, Body::from(body))
}

/// The headers of every answer.
fn finished(
    mut response: Response,
    allowance: Option<Allowance>,
    now: Timestamp,
    id: &str,
) -> Response {
    let headers = response.headers_mut();
    let mut put = |name: HeaderName, value: String| {
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    };
    put(HeaderName::from_static("x-request-id"), id.to_owned());
    if let Some(left) = allowance {
        let Allowance {
            limit, remaining, ..
        } = left;
        let reset = reset_secs(&left, now);
        // draft-ietf-httpapi-ratelimit-headers-10 §3 and §4.
        let policy = format!("\"minute\";q={limit};w=60");
        put(HeaderName::from_static("ratelimit-policy"), policy);
        let state = format!("\"minute\";r={remaining};t={reset}");
        put(HeaderName::from_static("ratelimit"), state);
    }
    for (name, value) in [
        (header::CACHE_CONTROL, "private, no-cache"),
        (header::VARY, "authorization, cookie, x-api-key"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    response
}
