//! Asks Helix: builds requests with `twitch_api`, sends them through our own client to wherever the
//! settings say, keeps the limits, and turns answers into what a caller acts on.
//!
//! Must never put the body of a request or an answer into an error: errors of `twitch_api` hold it.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use bytes::Bytes;
use kernel::{CarryError, Clock, Grant, Grants, Haste, Secret, Timestamp, Turn};
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde::Deserialize;
use tokio_tungstenite::tungstenite::http::Uri;
use twitch_api::helix::{
    RequestGet,
    request::errors::CreateRequestError,
    users::{GetUsersRequest, User},
};

use super::{
    own::Own,
    settings::Settings,
    token::{Keeper, TokenError},
};
use crate::{
    gate::{Ending, Gate, Lane, Limits, Scope},
    http::{ANSWER, Call, Http, HttpError, Reply},
};

/// A request as `twitch_api` builds it.
pub(super) type Asked = twitch_api::client::Request;

/// Where `twitch_api` and `twitch_oauth2` think everything is.
const API: &str = "https://api.twitch.tv/helix";
const ID: &str = "https://id.twitch.tv/oauth2";
/// Points in a minute, until a header says otherwise («Rate limits»).
const POINTS: u32 = 800;
/// A minute, and one second more: their clock is not ours.
const MINUTE: Duration = Duration::from_secs(61);
/// The longest that a call which is not an order waits for its turn.
const PATIENCE: Duration = Duration::from_secs(30);
/// Users whose logins are remembered.
const LOGINS_MAX: usize = 5_000;

/// Sends requests to where the settings say Twitch is.
#[derive(Clone, Debug)]
pub(super) struct Wire {
    http: Http,
    settings: Arc<Settings>,
}

impl Wire {
    pub(super) async fn send(&self, request: Asked) -> Result<Reply, HttpError> {
        let (parts, body) = request.into_parts();
        let url = rewritten(&self.settings, &parts.uri.to_string());
        let call = Call {
            method: parts.method,
            url,
            headers: parts.headers,
            body,
            timeout: ANSWER,
        };
        self.http.call(call).await
    }

    /// A form to the id service.
    pub(super) async fn form(
        &self,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Result<Reply, HttpError> {
        let form = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish();
        let mut call = Call::new(Method::POST, format!("{}/{path}", self.settings.id_url));
        call.body = Bytes::from(form);
        let form = HeaderValue::from_static("application/x-www-form-urlencoded");
        call.headers.insert(CONTENT_TYPE, form);
        self.http.call(call).await
    }
}

fn rewritten(settings: &Settings, url: &str) -> String {
    for (theirs, ours) in [(API, &settings.api_url), (ID, &settings.id_url)] {
        if let Some(rest) = url.strip_prefix(theirs) {
            return format!("{}{rest}", ours.trim_end_matches('/'));
        }
    }
    url.to_owned()
}

/// Why Helix did not do it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum Fault {
    /// It never will: the status, and Twitch's words.
    #[error("Twitch refused ({status}): {message}")]
    Refused {
        /// 400, 403, …
        status: u16,
        /// At most 200 characters.
        message: String,
    },
    /// As an order would be told.
    #[error(transparent)]
    Carry(#[from] CarryError),
}

impl From<TokenError> for Fault {
    fn from(error: TokenError) -> Self {
        Self::Carry(match error {
            TokenError::Missing | TokenError::Refused(_) => CarryError::Refused(error.to_string()),
            TokenError::Unavailable(why) => CarryError::Unavailable(why),
        })
    }
}

impl From<CreateRequestError> for Fault {
    fn from(_: CreateRequestError) -> Self {
        let why = "the request could not be written".to_owned();
        Self::Carry(CarryError::Refused(why))
    }
}

impl From<Fault> for CarryError {
    fn from(fault: Fault) -> Self {
        match fault {
            Fault::Carry(error) => error,
            Fault::Refused { .. } => Self::Refused(fault.to_string()),
        }
    }
}

/// Whose token a request is made with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Who<'a> {
    /// The account of a channel's grant.
    Channel(&'a str),
    /// The application.
    App,
}

/// Builds a request with a token and a client id.
pub(super) type Build<'a> =
    &'a (dyn Fn(&str, &str) -> Result<Asked, CreateRequestError> + Send + Sync);

/// Helix, the tokens and the limits.
pub(super) struct Api {
    pub(super) settings: Arc<Settings>,
    pub(super) keeper: Keeper,
    pub(super) gate: Gate,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) own: Own,
    wire: Wire,
    /// Points in a minute, as the headers said, for each token.
    points: Mutex<HashMap<String, u32>>,
    logins: Mutex<HashMap<String, String>>,
}

impl Api {
    pub(super) fn new(
        settings: Arc<Settings>,
        http: Http,
        grants: Arc<dyn Grants>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let wire = Wire {
            http,
            settings: Arc::clone(&settings),
        };
        let limits = Limits {
            global: None,
            invalid: None,
        };
        Self {
            keeper: Keeper::new(
                Arc::clone(&settings),
                wire.clone(),
                grants,
                Arc::clone(&clock),
            ),
            gate: Gate::new("twitch", limits, Arc::clone(&clock)),
            own: Own::new(Arc::clone(&clock), settings.bot_user_id.clone()),
            settings,
            clock,
            wire,
            points: Mutex::default(),
            logins: Mutex::default(),
        }
    }

    /// The lane of Helix's points for a token.
    pub(super) fn points(&self, who: Who<'_>) -> Lane {
        let key = key(who);
        let points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
        let limit = points.get(&key).copied().unwrap_or(POINTS);
        Lane::fixed(key, limit, MINUTE)
    }

    /// Makes a request that is not an order: waits for its turn, renews the token once.
    pub(super) async fn ask(&self, who: Who<'_>, build: Build<'_>) -> Result<Reply, Fault> {
        let lanes = [self.points(who)];
        let mut waited = Duration::ZERO;
        loop {
            match self.gate.turn("helix", &lanes, Haste::Next)? {
                Turn::Now => break,
                Turn::In(after) if waited + after > PATIENCE => {
                    return Err(CarryError::RateLimited { after }.into());
                }
                Turn::In(after) => {
                    tokio::time::sleep(after).await;
                    waited += after;
                }
            }
        }
        self.make("helix", &lanes, who, build).await
    }

    /// Makes a request for which the gate said now, and tells the gate how it ended.
    pub(super) async fn make(
        &self,
        class: &'static str,
        lanes: &[Lane],
        who: Who<'_>,
        build: Build<'_>,
    ) -> Result<Reply, Fault> {
        let made = self.twice(who, build).await;
        let (ending, result) = match made {
            Ok(reply) => {
                self.read_points(who, &reply);
                self.judge(reply)
            }
            Err(Unmade::Fault(fault)) => (Ending::Dropped, Err(fault)),
            Err(Unmade::Http(error)) => (Ending::Failed, Err(Fault::Carry(lost(&error)))),
        };
        self.gate.done(class, lanes, ending, None);
        result
    }

    /// Once, and once more if the token was refused and another could be had.
    async fn twice(&self, who: Who<'_>, build: Build<'_>) -> Result<Reply, Unmade> {
        let access = self.access(who).await?;
        let reply = self.once(&access, build).await?;
        if reply.status.as_u16() != 401 || words(&reply).starts_with("Missing scope") {
            return Ok(reply);
        }
        let access = match who {
            Who::Channel(server) => self.keeper.renewed(server, &access).await?.access,
            Who::App => {
                self.keeper.forget_app(&access).await;
                self.access(who).await?
            }
        };
        self.once(&access, build).await
    }

    async fn access(&self, who: Who<'_>) -> Result<Secret<String>, TokenError> {
        match who {
            Who::Channel(server) => Ok(self.keeper.current(server).await?.access),
            Who::App => self.keeper.app().await,
        }
    }

    async fn once(&self, access: &Secret<String>, build: Build<'_>) -> Result<Reply, Unmade> {
        let request = build(access.expose(), &self.settings.client_id).map_err(Fault::from)?;
        self.wire.send(request).await.map_err(Unmade::Http)
    }

    fn read_points(&self, who: Who<'_>, reply: &Reply) {
        let said = reply.header("ratelimit-limit");
        let Some(limit) = said.and_then(|text| text.parse().ok()) else {
            return;
        };
        if limit > 0 {
            let mut points = self.points.lock().unwrap_or_else(PoisonError::into_inner);
            points.insert(key(who), limit);
        }
    }

    fn judge(&self, reply: Reply) -> (Ending, Result<Reply, Fault>) {
        let status = reply.status.as_u16();
        match status {
            200..=299 => (Ending::Answered, Ok(reply)),
            429 => {
                let after = wait(self.clock.now(), &reply);
                let ending = Ending::Limited {
                    after,
                    scope: Scope::Lane,
                };
                (ending, Err(CarryError::RateLimited { after }.into()))
            }
            // A gateway in front of Helix lost the answer.
            502 | 504 => (
                Ending::Failed,
                Err(CarryError::Unknown(format!("Twitch answered {status}")).into()),
            ),
            500..=599 => (
                Ending::Failed,
                Err(CarryError::Unavailable(format!("Twitch answered {status}")).into()),
            ),
            401 | 403 => (Ending::Invalid, Err(refused(status, &reply))),
            _ => (Ending::Answered, Err(refused(status, &reply))),
        }
    }

    /// A user, by id.
    pub(super) async fn user(&self, who: Who<'_>, id: &str) -> Result<Option<User>, Fault> {
        let mut users = self.users(who, &[id.to_owned()]).await?;
        Ok(users.pop())
    }

    async fn users(&self, who: Who<'_>, ids: &[String]) -> Result<Vec<User>, Fault> {
        let ids: Vec<twitch_api::types::UserId> =
            ids.iter().take(100).map(|id| id.as_str().into()).collect();
        let request = || GetUsersRequest::ids(ids.clone());
        let reply = self
            .ask(who, &|token, client| {
                request().create_request(token, client)
            })
            .await?;
        let parsed = GetUsersRequest::parse_response(None, &nowhere(), answer(&reply));
        parsed
            .map(|response| response.data)
            .map_err(|_lost| not_understood())
    }

    /// The logins of users, lower-case; who is unknown is left out.
    pub(super) async fn logins(&self, who: Who<'_>, ids: &[String]) -> Result<Vec<String>, Fault> {
        let mut found = Vec::new();
        let mut asked = Vec::new();
        {
            let logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
            for id in ids {
                match logins.get(id) {
                    Some(login) => found.push(login.clone()),
                    None => asked.push(id.clone()),
                }
            }
        }
        if !asked.is_empty() {
            for user in self.users(who, &asked).await? {
                let login = user.login.as_str().to_lowercase();
                self.remember_login(user.id.as_str(), &login);
                found.push(login);
            }
        }
        Ok(found)
    }

    fn remember_login(&self, id: &str, login: &str) {
        let mut logins = self.logins.lock().unwrap_or_else(PoisonError::into_inner);
        if logins.len() >= LOGINS_MAX {
            logins.clear();
        }
        logins.insert(id.to_owned(), login.to_owned());
    }

    /// The grant of a channel, for what needs to know its scopes.
    pub(super) async fn grant(&self, server: &str) -> Result<Grant, Fault> {
        Ok(self.keeper.current(server).await?)
    }
}

/// Nothing to judge.
enum Unmade {
    Fault(Fault),
    Http(HttpError),
}

impl From<Fault> for Unmade {
    fn from(fault: Fault) -> Self {
        Self::Fault(fault)
    }
}

impl From<TokenError> for Unmade {
    fn from(error: TokenError) -> Self {
        Self::Fault(error.into())
    }
}

fn key(who: Who<'_>) -> String {
    match who {
        Who::Channel(server) => format!("helix {server}"),
        Who::App => "helix".to_owned(),
    }
}

fn lost(error: &HttpError) -> CarryError {
    match error {
        HttpError::NotSent => CarryError::Unavailable(error.to_string()),
        HttpError::Lost(_) => CarryError::Unknown(error.to_string()),
    }
}

/// How long to wait after a 429: until `Ratelimit-Reset` if the points are spent, else five seconds,
/// because then it is a limit of the call itself that Twitch does not tell.
fn wait(now: Timestamp, reply: &Reply) -> Duration {
    let number = |name: &str| reply.header(name).and_then(|text| text.parse::<i64>().ok());
    let is_spent = number("ratelimit-remaining").is_none_or(|left| left == 0);
    match number("ratelimit-reset") {
        Some(reset) if is_spent => Timestamp::from_secs(reset)
            .since(now)
            .clamp(Duration::from_millis(100), Duration::from_secs(120)),
        _ => Duration::from_secs(5),
    }
}

/// An answer in the form in which `twitch_api` reads it.
pub(super) fn answer(reply: &Reply) -> twitch_api::client::Response {
    let mut response = twitch_api::client::Response::new(reply.body.clone());
    *response.status_mut() = reply.status;
    response
}

/// What `twitch_api` would name in an error that nobody sees.
pub(super) fn nowhere() -> Uri {
    Uri::default()
}

/// The request was carried out, but how it ended is not known.
pub(super) fn not_understood() -> Fault {
    CarryError::Unknown("Twitch's answer was not understood".to_owned()).into()
}

fn refused(status: u16, reply: &Reply) -> Fault {
    Fault::Refused {
        status,
        message: words(reply),
    }
}

/// What Helix says, on one line, at most 200 characters.
fn words(reply: &Reply) -> String {
    #[derive(Deserialize)]
    struct Problem {
        #[serde(default)]
        message: String,
    }
    let problem: Option<Problem> = reply.json();
    let message = problem.map(|problem| problem.message).unwrap_or_default();
    crate::text::one_line(&message.chars().take(200).collect::<String>())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;
    use kernel::Timestamp;
    use reqwest::{
        StatusCode,
        header::{HeaderMap, HeaderName, HeaderValue},
    };

    use super::{rewritten, wait};
    use crate::{http::Reply, twitch::Settings};

    #[test]
    fn addresses_lead_to_where_the_settings_say() {
        let settings = Settings {
            api_url: "http://127.0.0.1:1/helix/".into(),
            id_url: "http://127.0.0.1:1/oauth2".into(),
            ..Settings::default()
        };
        for (theirs, ours) in [
            (
                "https://api.twitch.tv/helix/users?id=1",
                "http://127.0.0.1:1/helix/users?id=1",
            ),
            (
                "https://id.twitch.tv/oauth2/validate",
                "http://127.0.0.1:1/oauth2/validate",
            ),
        ] {
            assert_eq!(rewritten(&settings, theirs), ours);
        }
        assert_eq!(
            rewritten(&Settings::default(), "https://api.twitch.tv/helix/users"),
            "https://api.twitch.tv/helix/users"
        );
    }

    #[test]
    fn a_refusal_for_too_many_waits_until_the_points_are_back() {
        let reply = |headers: &[(&'static str, &'static str)]| Reply {
            status: StatusCode::TOO_MANY_REQUESTS,
            headers: headers
                .iter()
                .map(|(name, value)| {
                    (
                        HeaderName::from_static(name),
                        HeaderValue::from_static(value),
                    )
                })
                .collect::<HeaderMap>(),
            body: Bytes::new(),
        };
        let now = Timestamp::from_millis(1_000_250);
        let spent = reply(&[("ratelimit-remaining", "0"), ("ratelimit-reset", "1003")]);
        assert_eq!(wait(now, &spent), Duration::from_millis(2_750));
        let other = reply(&[("ratelimit-remaining", "700"), ("ratelimit-reset", "1003")]);
        assert_eq!(wait(now, &other), Duration::from_secs(5));
        assert_eq!(wait(now, &reply(&[])), Duration::from_secs(5));
    }
}
