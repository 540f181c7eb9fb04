//! Calling the Web API: whose token, when it is our turn, and what an error means.

use std::{
    collections::HashSet,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kernel::{CarryError, Clock, Grant, Grants, Haste, Platform, Turn};
use slack_morphism::{
    ClientResult, SlackApiToken, SlackApiTokenValue, SlackClient, SlackTeamId,
    errors::SlackClientError,
};

use super::{SLACK, wire::Wire};
use crate::{
    gate::{Ending, Gate, Lane, Limits, Scope},
    http::{Http, HttpError},
};

const MINUTE: Duration = Duration::from_secs(60);
/// Messages a minute in one workspace: Slack says «several hundred».
const WORKSPACE_PER_MIN: u32 = 290;
/// Tiers: requests a minute to one method of one workspace. Slack gives them as «20+» and so on.
pub(super) const TIER2: u32 = 20;
/// Tier 3.
pub(super) const TIER3: u32 = 50;
/// Tier 4.
pub(super) const TIER4: u32 = 100;
/// `auth.test` has a limit of its own: several hundred a minute.
pub(super) const AUTH_TEST: u32 = 300;
/// `apps.connections.open` is of tier 1 («1+, bursts tolerated»): a lost socket must be replaced
/// within seconds, so only `Retry-After` and this bound hold it back.
pub(super) const OPEN_SOCKET: u32 = 60;
/// Answers at one response address («5 times within 30 minutes»).
const ANSWERS: (u32, Duration) = (5, Duration::from_secs(30 * 60));

/// The breaker's class of messages.
pub(super) const MESSAGES: &str = "messages";
/// The breaker's class of opening sockets: it must not wait for methods that fail.
pub(super) const SOCKETS: &str = "sockets";
/// The breaker's class of everything else.
pub(super) const METHODS: &str = "methods";

/// Why a call came to nothing. Holds no token and no text.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum ApiError {
    /// 429, or the same as a name.
    #[error("Slack asks to wait {} s", after.as_secs())]
    RateLimited { after: Duration },
    /// `ok: false` with this name.
    #[error("Slack says {0}")]
    Named(String),
    /// A status that is neither 200 nor 429.
    #[error("Slack answered with status {0}")]
    Status(u16),
    /// 200, but not the JSON it should be.
    #[error("Slack's answer is not what it should be")]
    Garbled,
    /// The request never left.
    #[error("Slack cannot be reached")]
    NotSent,
    /// The answer is lost.
    #[error("Slack's answer is lost: {0}")]
    Lost(&'static str),
    /// Our own gate says not now.
    #[error("it is not our turn for {} ms", after.as_millis())]
    NotNow { after: Duration },
    /// Our own gate says not at all for a while.
    #[error("nothing is sent to Slack at the moment: {why}")]
    Closed { after: Duration, why: String },
    /// We were never installed there.
    #[error("the workspace is not connected")]
    NotConnected,
    /// Our own storage of grants failed.
    #[error("the connections cannot be read")]
    NoGrants,
}

impl From<HttpError> for ApiError {
    fn from(error: HttpError) -> Self {
        match error {
            HttpError::NotSent => Self::NotSent,
            HttpError::Lost(why) => Self::Lost(why),
        }
    }
}

impl From<SlackClientError> for ApiError {
    /// Only ours comes through; whatever slack-morphism finds itself is about the answer's form.
    fn from(error: SlackClientError) -> Self {
        match error {
            SlackClientError::SystemError(system) => system
                .cause
                .and_then(|cause| cause.downcast::<Self>().ok())
                .map_or(Self::Garbled, |ours| *ours),
            _ => Self::Garbled,
        }
    }
}

impl ApiError {
    /// Whether the token is no good, so that a person must do something.
    pub(super) fn is_about_us(&self) -> bool {
        let Self::Named(name) = self else {
            return false;
        };
        matches!(
            name.as_str(),
            "invalid_auth"
                | "not_authed"
                | "account_inactive"
                | "token_revoked"
                | "token_expired"
                | "org_login_required"
                | "missing_scope"
                | "not_allowed_token_type"
                | "no_permission"
        )
    }

    /// Whether Slack itself is unwell.
    fn is_ill(&self) -> bool {
        let Self::Named(name) = self else {
            return false;
        };
        matches!(
            name.as_str(),
            "internal_error" | "fatal_error" | "service_unavailable" | "request_timeout"
        )
    }

    /// Whether Slack broke in the middle: it says of these that a part may have been done
    /// («Errors» of every method).
    fn is_half_done(&self) -> bool {
        matches!(self, Self::Named(name) if matches!(name.as_str(), "internal_error" | "fatal_error"))
    }

    fn ending(&self) -> Ending {
        match self {
            Self::RateLimited { after } => Ending::Limited {
                after: *after,
                scope: Scope::Lane,
            },
            Self::Status(500..) | Self::Garbled | Self::NotSent | Self::Lost(_) => Ending::Failed,
            Self::Named(_) if self.is_ill() => Ending::Failed,
            Self::Named(_) | Self::Status(_) => Ending::Answered,
            Self::NotNow { .. } | Self::Closed { .. } | Self::NotConnected | Self::NoGrants => {
                Ending::Dropped
            }
        }
    }

    /// What became of an order.
    pub(super) fn carry(self) -> CarryError {
        let text = self.to_string();
        let (is_ill, is_half_done) = (self.is_ill(), self.is_half_done());
        match self {
            Self::RateLimited { after } | Self::NotNow { after } => {
                CarryError::RateLimited { after }
            }
            Self::Closed { after, why } => CarryError::Closed { after, why },
            // A gateway that gave up waiting does not know what became of it.
            Self::Status(504) | Self::Garbled | Self::Lost(_) => CarryError::Unknown(text),
            Self::Status(500..) | Self::NotSent | Self::NoGrants => CarryError::Unavailable(text),
            Self::Named(_) if is_half_done => CarryError::Unknown(text),
            Self::Named(_) if is_ill => CarryError::Unavailable(text),
            Self::Named(_) | Self::Status(_) | Self::NotConnected => CarryError::Refused(text),
        }
    }
}

/// The Web API with our limits around it.
pub(super) struct Api {
    pub(super) client: SlackClient<Wire>,
    pub(super) http: Http,
    pub(super) gate: Gate,
    pub(super) grants: Arc<dyn Grants>,
    /// Held while a token is renewed, so that its single-use refresh token is used once.
    pub(super) renewing: tokio::sync::Mutex<()>,
    /// Workspaces that are known to be well, so that this is said once and not at every call.
    well: Mutex<HashSet<String>>,
}

impl Api {
    pub(super) fn new(
        http: Http,
        api_url: String,
        grants: Arc<dyn Grants>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        let limits = Limits {
            global: None,
            invalid: None,
        };
        Self {
            client: SlackClient::new(Wire {
                http: http.clone(),
                api_url,
            }),
            http,
            gate: Gate::new(SLACK, limits, clock),
            grants,
            renewing: tokio::sync::Mutex::default(),
            well: Mutex::default(),
        }
    }

    /// The grant of a workspace.
    pub(super) async fn grant(&self, team: &str) -> Result<Grant, ApiError> {
        let grant = self.grants.of(Platform::Slack, team).await;
        let grant = grant.map_err(|error| {
            tracing::warn!(error = %error, "the connections cannot be read");
            ApiError::NoGrants
        })?;
        grant.ok_or(ApiError::NotConnected)
    }

    /// Waits for our turn to call a method, at most `patience`.
    pub(super) async fn begin(
        &self,
        team: &str,
        method: &str,
        per_minute: u32,
        patience: Duration,
    ) -> Result<[Lane; 1], ApiError> {
        self.begin_in(METHODS, team, method, per_minute, patience)
            .await
    }

    /// The same in a class of its own.
    pub(super) async fn begin_in(
        &self,
        class: &'static str,
        team: &str,
        method: &str,
        per_minute: u32,
        patience: Duration,
    ) -> Result<[Lane; 1], ApiError> {
        let lanes = [method_lane(team, method, per_minute)];
        let mut left = patience;
        loop {
            match self.gate.turn(class, &lanes, Haste::Next) {
                Ok(Turn::Now) => return Ok(lanes),
                Ok(Turn::In(after)) if after <= left => {
                    left -= after;
                    tokio::time::sleep(after.max(Duration::from_millis(1))).await;
                }
                Ok(Turn::In(after)) => return Err(ApiError::NotNow { after }),
                Err(CarryError::Closed { after, why }) => {
                    return Err(ApiError::Closed { after, why });
                }
                Err(_) => {
                    return Err(ApiError::NotNow { after: MINUTE });
                }
            }
        }
    }

    /// Tells the gate and the connections how a call ended.
    pub(super) async fn end<T>(
        &self,
        class: &'static str,
        team: &str,
        lanes: &[Lane],
        result: ClientResult<T>,
    ) -> Result<T, ApiError> {
        let result = result.map_err(ApiError::from);
        let ending = match &result {
            Ok(_) => Ending::Answered,
            Err(error) => error.ending(),
        };
        self.gate.done(class, lanes, ending, None);
        match &result {
            Ok(_) => self.is_well(team).await,
            Err(error) if error.is_about_us() => self.is_unwell(team, &error.to_string()).await,
            Err(_) => {}
        }
        result
    }

    async fn is_well(&self, team: &str) {
        let is_news = {
            let mut well = self.well.lock().unwrap_or_else(PoisonError::into_inner);
            well.insert(team.to_owned())
        };
        if is_news {
            self.report(team, None).await;
        }
    }

    /// Says that somebody must look after a connection.
    pub(super) async fn is_unwell(&self, team: &str, why: &str) {
        self.well
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .remove(team);
        self.report(team, Some(why)).await;
    }

    async fn report(&self, team: &str, trouble: Option<&str>) {
        if team.is_empty() {
            return;
        }
        if let Err(error) = self.grants.report(Platform::Slack, team, trouble).await {
            tracing::warn!(error = %error, "how a connection is could not be remembered");
        }
    }
}

/// A grant's token in slack-morphism's form.
pub(super) fn token_of(grant: &Grant) -> SlackApiToken {
    SlackApiToken::new(SlackApiTokenValue(grant.access.expose().clone()))
        .with_team_id(SlackTeamId(grant.server.clone()))
}

/// The limit of a method in a workspace.
pub(super) fn method_lane(team: &str, method: &str, per_minute: u32) -> Lane {
    Lane::fixed(format!("{method} {team}"), per_minute, MINUTE)
}

/// The limits of a message: one a second in its channel, several hundred a minute in the workspace.
pub(super) fn message_lanes(team: &str, channel: &str) -> Vec<Lane> {
    vec![
        Lane::fixed(
            format!("chat.postMessage {team} {channel}"),
            1,
            Duration::from_secs(1),
        ),
        method_lane(team, "chat.postMessage", WORKSPACE_PER_MIN),
    ]
}

/// The limit of a response address.
pub(super) fn answer_lane(interaction: &str) -> Lane {
    let (limit, period) = ANSWERS;
    Lane::fixed(format!("response {interaction}"), limit, period)
}
