//! One request to Discord's REST API: its path from twilight, its limits from the answer, its refusal
//! in Discord's words. Sources: Discord «Rate Limits», «Error Messages».
//!
//! Must never retry, or wait for a limit longer than [`PATIENCE`].

use std::{
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use kernel::{CarryError, Clock, Haste, Timestamp, Turn};
use reqwest::{
    Method, StatusCode,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue},
};
use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;
use twilight_http::{request::Method as TwilightMethod, routing::Route};

use super::settings::Checked;
use crate::{
    gate::{Ending, Gate, Lane, Limits, Reading, Scope},
    http::{Call, Http, HttpError, Reply},
};

/// The longest wait for a turn of a call that is not an order.
const PATIENCE: Duration = Duration::from_secs(15);
/// Discord allows 50 requests in a second; a little longer, because its second is not ours.
const GLOBAL: (u32, Duration) = (50, Duration::from_millis(1_040));
/// Discord shuts out an address after 10,000 refused requests in ten minutes: we stop at half,
/// the answers to interactions at a tenth of that.
const INVALID: (u32, Duration) = (4_500, TEN_MINUTES);
const INVALID_ANSWERS: (u32, Duration) = (500, TEN_MINUTES);
const TEN_MINUTES: Duration = Duration::from_secs(600);
/// How long nothing is asked after the token was refused.
const TOKEN_REFUSED: Duration = Duration::from_secs(60);
const NO_TOKEN: &str = "Discord refuses the bot's token";
/// Waits when a 429 does not say how long.
const UNSAID: Duration = Duration::from_secs(60);
/// The longest wait that is believed.
const WAIT_MAX: Duration = Duration::from_secs(3_600);

/// Why a call was not answered as hoped.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ApiError {
    /// Discord asks to wait exactly this long, or our own line is that long.
    #[error("Discord asks to wait {} ms", after.as_millis())]
    RateLimited {
        /// How long.
        after: Duration,
    },
    /// Nothing is asked at the moment.
    #[error("nothing is asked for {} ms: {why}", after.as_millis())]
    Closed {
        /// How long.
        after: Duration,
        /// Why, for people.
        why: String,
    },
    /// Certainly not done: try again.
    #[error("Discord cannot be reached: {0}")]
    Unavailable(String),
    /// Perhaps done, perhaps not.
    #[error("the answer of Discord was lost: {0}")]
    Unknown(String),
    /// Refused, in Discord's words.
    #[error("{message} (Discord {status}, code {code})")]
    Refused {
        /// The HTTP status.
        status: u16,
        /// Discord's number; 0 if it gave none.
        code: u32,
        /// What it said.
        message: String,
    },
    /// We would not even ask: says why.
    #[error("{0}")]
    Invalid(String),
}

impl ApiError {
    /// Discord's number of a refusal.
    pub const fn code(&self) -> Option<u32> {
        match self {
            Self::Refused { code, .. } => Some(*code),
            _ => None,
        }
    }

    /// Whether Discord says that the thing does not exist.
    pub const fn is_gone(&self) -> bool {
        matches!(self, Self::Refused { status: 404, .. })
    }
}

impl From<ApiError> for CarryError {
    fn from(error: ApiError) -> Self {
        match error {
            ApiError::RateLimited { after } => Self::RateLimited { after },
            ApiError::Closed { after, why } => Self::Closed { after, why },
            unavailable @ ApiError::Unavailable(_) => Self::Unavailable(unavailable.to_string()),
            unknown @ ApiError::Unknown(_) => Self::Unknown(unknown.to_string()),
            ApiError::Invalid(what) => Self::Refused(what),
            // Nothing that is to be said is to blame: it waits until somebody mends the token.
            ApiError::Refused {
                status: 401,
                code: 0,
                ..
            } => Self::Closed {
                after: TOKEN_REFUSED,
                why: NO_TOKEN.to_owned(),
            },
            refused @ ApiError::Refused { .. } => Self::Refused(refused.to_string()),
        }
    }
}

impl From<CarryError> for ApiError {
    /// What a gate says when it gives no turn.
    fn from(error: CarryError) -> Self {
        match error {
            CarryError::RateLimited { after } => Self::RateLimited { after },
            CarryError::Closed { after, why } => Self::Closed { after, why },
            CarryError::Unavailable(what) => Self::Unavailable(what),
            CarryError::Unknown(what) => Self::Unknown(what),
            CarryError::Refused(what) => Self::Invalid(what),
        }
    }
}

/// A request that is ready to go.
pub(super) struct Ask {
    method: Method,
    /// Without the leading slash; may hold an interaction's token.
    path: String,
    body: Bytes,
    reason: Option<String>,
    limit: Limit,
}

/// Which limits a request falls under.
#[derive(Clone, Debug)]
pub(super) struct Limit {
    class: &'static str,
    lanes: Vec<Lane>,
    is_answer: bool,
}

impl Limit {
    /// The limits of a route, learned from its answers.
    pub(super) fn of(route: &Route<'_>) -> Self {
        Self::of_path(method(route.method()).as_str(), &route.to_string())
    }

    /// The limits of messages to one person: they have a channel of their own, whose id we may not
    /// know yet.
    pub(super) fn direct(user: u64) -> Self {
        Self {
            class: "messages",
            lanes: vec![Lane::learned(
                "POST channels/:/messages",
                format!("user {user}"),
            )],
            is_answer: false,
        }
    }

    /// The limits of the answers to one interaction.
    pub(super) fn answer(interaction: &str) -> Self {
        Self {
            class: "answers",
            lanes: vec![Lane::learned("answer", interaction)],
            is_answer: true,
        }
    }

    /// The same with one more.
    pub(super) fn and(mut self, lane: Lane) -> Self {
        self.lanes.push(lane);
        self
    }

    fn of_path(method: &str, path: &str) -> Self {
        let path = path.split('?').next().unwrap_or_default();
        let mut key = method.to_owned();
        let mut major = String::new();
        let mut before = "";
        for (at, part) in path.split('/').enumerate() {
            key.push(if at == 0 { ' ' } else { '/' });
            if part.bytes().all(|b| b.is_ascii_digit()) && !part.is_empty() {
                key.push(':');
                if at == 1 && matches!(before, "channels" | "guilds" | "webhooks") {
                    part.clone_into(&mut major);
                }
            } else {
                key.push_str(part);
            }
            before = part;
        }
        let class = if path.contains("scheduled-events") {
            "events"
        } else if path.starts_with("channels") {
            "messages"
        } else {
            "guilds"
        };
        Self {
            class,
            lanes: vec![Lane::learned(key, major)],
            is_answer: false,
        }
    }
}

impl Ask {
    /// A request without a body.
    pub(super) fn new(route: &Route<'_>) -> Self {
        Self {
            method: method(route.method()),
            path: route.to_string(),
            body: Bytes::new(),
            reason: None,
            limit: Limit::of(route),
        }
    }

    /// A request without a body to a path that twilight does not know.
    pub(super) fn at(method: Method, path: &str) -> Self {
        Self {
            limit: Limit::of_path(method.as_str(), path),
            method,
            path: path.to_owned(),
            body: Bytes::new(),
            reason: None,
        }
    }

    /// With a body.
    pub(super) fn json(mut self, body: &impl Serialize) -> Self {
        // Our bodies are maps with text keys: they can always be written.
        self.body = serde_json::to_vec(body).unwrap_or_default().into();
        self
    }

    /// With a reason for the audit log.
    pub(super) fn because(mut self, reason: &str) -> Self {
        let (reason, _) = crate::text::cut(
            &crate::text::one_line(reason),
            100,
            crate::text::Measure::Utf16,
        );
        let coded: String = url::form_urlencoded::byte_serialize(reason.as_bytes()).collect();
        self.reason = Some(coded.replace('+', "%20")).filter(|coded| !coded.is_empty());
        self
    }

    /// Under other limits than those of its route.
    pub(super) fn under(mut self, limit: Limit) -> Self {
        self.limit = limit;
        self
    }
}

fn method(method: TwilightMethod) -> Method {
    match method {
        TwilightMethod::Delete => Method::DELETE,
        TwilightMethod::Patch => Method::PATCH,
        TwilightMethod::Post => Method::POST,
        TwilightMethod::Put => Method::PUT,
        // Twilight may know another one day; until then these are all.
        _ => Method::GET,
    }
}

/// Discord's REST API.
pub(super) struct Api {
    http: Http,
    settings: Arc<Checked>,
    gate: Gate,
    /// Answers to interactions do not count for the global limit.
    answers: Gate,
    clock: Arc<dyn Clock>,
    token_refused_until: Mutex<Timestamp>,
}

impl Api {
    pub(super) fn new(http: Http, settings: Arc<Checked>, clock: Arc<dyn Clock>) -> Self {
        let limits = |global, invalid| Limits {
            global,
            invalid: Some(invalid),
        };
        Self {
            http,
            settings,
            gate: Gate::new("discord", limits(Some(GLOBAL), INVALID), Arc::clone(&clock)),
            answers: Gate::new("discord", limits(None, INVALID_ANSWERS), Arc::clone(&clock)),
            clock,
            token_refused_until: Mutex::default(),
        }
    }

    fn gate(&self, limit: &Limit) -> &Gate {
        if limit.is_answer {
            &self.answers
        } else {
            &self.gate
        }
    }

    /// Asks for a turn.
    pub(super) fn turn(&self, limit: &Limit, haste: Haste) -> Result<Turn, CarryError> {
        let until = *self.refused_until();
        let after = until.since(self.clock.now());
        if !limit.is_answer && after > Duration::ZERO {
            return Err(CarryError::Closed {
                after,
                why: NO_TOKEN.to_owned(),
            });
        }
        self.gate(limit).turn(limit.class, &limit.lanes, haste)
    }

    fn refused_until(&self) -> MutexGuard<'_, Timestamp> {
        self.token_refused_until
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Gives a turn back.
    pub(super) fn leave(&self, limit: &Limit) {
        self.gate(limit)
            .done(limit.class, &limit.lanes, Ending::Dropped, None);
    }

    /// Waits for a turn, at most [`PATIENCE`], then asks.
    pub(super) async fn ask(&self, ask: Ask) -> Result<Reply, ApiError> {
        let mut waited = Duration::ZERO;
        loop {
            match self.turn(&ask.limit, Haste::Next)? {
                Turn::Now => return self.send(ask).await,
                Turn::In(after) => {
                    waited += after;
                    if waited > PATIENCE {
                        return Err(ApiError::RateLimited { after });
                    }
                    tokio::time::sleep(after).await;
                }
            }
        }
    }

    /// [`Api::ask`], and reads the answer.
    pub(super) async fn read<T: DeserializeOwned>(&self, ask: Ask) -> Result<T, ApiError> {
        let is_read = ask.method == Method::GET;
        let reply = self.ask(ask).await?;
        reply.json().ok_or_else(|| unreadable(is_read))
    }

    /// Asks; the turn was taken.
    pub(super) async fn send(&self, ask: Ask) -> Result<Reply, ApiError> {
        let limit = ask.limit.clone();
        let held = Held {
            api: self,
            limit: &limit,
            is_done: false,
        };
        let is_repeatable = ask.method != Method::POST;
        let needs_token = !limit.is_answer;
        let mut call = Call::new(
            ask.method,
            format!("{}/v10/{}", self.settings.api_url, ask.path),
        );
        call.headers = self.headers(needs_token, ask.reason.as_deref());
        call.body = ask.body;
        call.timeout = self.settings.answer_within;
        if call.body.is_empty() && matches!(call.method, Method::PUT | Method::POST | Method::PATCH)
        {
            call.headers.remove(CONTENT_TYPE);
            call.headers.insert(
                reqwest::header::CONTENT_LENGTH,
                HeaderValue::from_static("0"),
            );
        }
        match self.http.call(call).await {
            Ok(reply) => {
                held.done(ending(&reply), reading(&reply).as_ref());
                if needs_token && reply.status == StatusCode::UNAUTHORIZED {
                    *self.refused_until() = self.clock.now().plus(TOKEN_REFUSED);
                }
                judge(reply, is_repeatable)
            }
            Err(HttpError::NotSent) => {
                held.done(Ending::Failed, None);
                Err(ApiError::Unavailable("no connection".to_owned()))
            }
            Err(HttpError::Lost(why)) => {
                held.done(Ending::Failed, None);
                Err(ApiError::Unknown(why.to_owned()))
            }
        }
    }

    fn headers(&self, needs_token: bool, reason: Option<&str>) -> HeaderMap {
        let mut headers = HeaderMap::new();
        if needs_token
            && let Ok(mut value) =
                HeaderValue::from_str(&format!("Bot {}", self.settings.token.expose()))
        {
            value.set_sensitive(true);
            headers.insert(AUTHORIZATION, value);
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(Ok(reason)) = reason.map(HeaderValue::from_str) {
            headers.insert(HeaderName::from_static("x-audit-log-reason"), reason);
        }
        headers
    }

    /// A request to the OAuth endpoints, which have no buckets.
    pub(super) async fn form(&self, path: &str, form: &[(&str, &str)]) -> Result<Reply, ApiError> {
        let mut call = Call::new(Method::POST, format!("{}/{path}", self.settings.api_url));
        let body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(form)
            .finish();
        call.body = body.into();
        call.headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        match self.http.call(call).await {
            Ok(reply) => judge(reply, false),
            Err(HttpError::NotSent) => Err(ApiError::Unavailable("no connection".to_owned())),
            Err(HttpError::Lost(why)) => Err(ApiError::Unknown(why.to_owned())),
        }
    }
}

/// A turn that was taken: given back if the call is dropped in the middle.
struct Held<'a> {
    api: &'a Api,
    limit: &'a Limit,
    is_done: bool,
}

impl Held<'_> {
    fn done(mut self, ending: Ending, reading: Option<&Reading>) {
        self.is_done = true;
        self.api
            .gate(self.limit)
            .done(self.limit.class, &self.limit.lanes, ending, reading);
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        if !self.is_done {
            self.api.leave(self.limit);
        }
    }
}

/// An answer that is not what Discord documents.
pub(super) fn unreadable(is_read: bool) -> ApiError {
    let what = "its answer could not be read".to_owned();
    if is_read {
        ApiError::Unavailable(what)
    } else {
        ApiError::Unknown(what)
    }
}

fn judge(reply: Reply, is_repeatable: bool) -> Result<Reply, ApiError> {
    let status = reply.status;
    if status.is_success() {
        return Ok(reply);
    }
    if status == StatusCode::TOO_MANY_REQUESTS {
        return Err(ApiError::RateLimited {
            after: retry_after(&reply),
        });
    }
    if status.is_server_error() || status.is_redirection() || status.is_informational() {
        let what = format!("status {}", status.as_u16());
        // 503 says that it was not taken; after the others it may have been.
        return Err(
            if is_repeatable || status == StatusCode::SERVICE_UNAVAILABLE {
                ApiError::Unavailable(what)
            } else {
                ApiError::Unknown(what)
            },
        );
    }
    let body: Value = reply.json().unwrap_or(Value::Null);
    let code = body.get("code").and_then(Value::as_u64);
    let said = body
        .get("message")
        .or_else(|| body.get("error_description"))
        .and_then(Value::as_str)
        .unwrap_or("refused without a readable reason");
    let (said, _) = crate::text::cut(
        &crate::text::one_line(said),
        200,
        crate::text::Measure::Chars,
    );
    let message = match body.get("errors").and_then(first_error) {
        Some(at) => format!("{said}: {at}"),
        None => said,
    };
    Err(ApiError::Refused {
        status: status.as_u16(),
        code: code.and_then(|code| u32::try_from(code).ok()).unwrap_or(0),
        message,
    })
}

/// Where the first mistake of a body is and what Discord calls it; never what was sent.
fn first_error(errors: &Value) -> Option<String> {
    let mut path = String::new();
    let mut node = errors;
    for _ in 0..16 {
        let map = node.as_object()?;
        if let Some(code) = map
            .get("_errors")
            .and_then(|list| list.get(0)?.get("code")?.as_str())
        {
            return Some(format!("{path} {code}"));
        }
        let (key, next) = map.iter().next()?;
        if !path.is_empty() {
            path.push('.');
        }
        path.push_str(key);
        node = next;
    }
    None
}

fn ending(reply: &Reply) -> Ending {
    match reply.status.as_u16() {
        401 | 403 => Ending::Invalid,
        429 => Ending::Limited {
            after: retry_after(reply),
            scope: scope(reply),
        },
        500..=599 => Ending::Failed,
        _ => Ending::Answered,
    }
}

/// How long a 429 asks to wait: to the millisecond in the body, else in whole seconds in the header.
fn retry_after(reply: &Reply) -> Duration {
    let body: Option<Value> = reply.json();
    let exact = body
        .as_ref()
        .and_then(|body| body.get("retry_after")?.as_f64())
        .and_then(|secs| Duration::try_from_secs_f64(secs).ok());
    let header = || reply.header("retry-after").and_then(seconds);
    exact.or_else(header).unwrap_or(UNSAID).min(WAIT_MAX)
}

fn scope(reply: &Reply) -> Scope {
    match reply.header("x-ratelimit-scope") {
        Some("shared") => Scope::Shared,
        Some("user") => Scope::Lane,
        // `global`, and what says nothing: the network in front of Discord means everything.
        _ => Scope::Global,
    }
}

fn seconds(text: &str) -> Option<Duration> {
    Duration::try_from_secs_f64(text.trim().parse().ok()?).ok()
}

fn reading(reply: &Reply) -> Option<Reading> {
    Some(Reading {
        bucket: reply.header("x-ratelimit-bucket").map(str::to_owned),
        limit: reply.header("x-ratelimit-limit")?.parse().ok()?,
        remaining: reply.header("x-ratelimit-remaining")?.parse().ok()?,
        reset_after: seconds(reply.header("x-ratelimit-reset-after")?)?.min(WAIT_MAX),
    })
}

#[cfg(test)]
mod tests;
