//! Keeps tokens usable («Authentication»): refreshes once however many ask, stores the rotated
//! refresh token before anybody uses the new access token's successor, validates, and tells a person
//! when nothing helps any more.
//!
//! Must never: hold a token longer than a call needs it (except one that could not be stored yet, and
//! the application's own), or try a refused refresh token again.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use kernel::{Clock, Grant, Grants, Platform, Secret, Timestamp};
use serde::Deserialize;
use tokio::sync::Mutex as AsyncMutex;
use twitch_oauth2::{AccessToken, RefreshToken, ValidatedToken, id::TwitchTokenResponse};

use super::{
    api::{Asked, Wire},
    settings::Settings,
};
use crate::http::{HttpError, Reply};

const TWITCH: Platform = Platform::Twitch;
/// A token that ends within this is refreshed before it is used.
const NEARLY: Duration = Duration::from_secs(60);
/// What a person is to do when a grant is worth nothing any more.
pub(super) const CONNECT_AGAIN: &str =
    "Twitch does not accept our access to this channel any more: connect it again";

/// Why there is no token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(super) enum TokenError {
    /// Nobody connected this channel.
    #[error("this channel is not connected")]
    Missing,
    /// A person must act; they were told.
    #[error("{0}")]
    Refused(String),
    /// Try again.
    #[error("{0}")]
    Unavailable(String),
}

/// Keeps the tokens of all channels.
pub(super) struct Keeper {
    settings: Arc<Settings>,
    wire: Wire,
    grants: Arc<dyn Grants>,
    clock: Arc<dyn Clock>,
    /// One refresh at a time for each channel.
    flights: Mutex<HashMap<String, Arc<AsyncMutex<()>>>>,
    /// Fresh tokens that could not be stored yet: the old refresh token is worth nothing any more.
    unsaved: Mutex<HashMap<String, Grant>>,
    /// Refresh tokens that were refused.
    dead: Mutex<HashMap<String, Secret<String>>>,
    app: AsyncMutex<Option<(Secret<String>, Timestamp)>>,
}

impl Keeper {
    pub(super) fn new(
        settings: Arc<Settings>,
        wire: Wire,
        grants: Arc<dyn Grants>,
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            settings,
            wire,
            grants,
            clock,
            flights: Mutex::default(),
            unsaved: Mutex::default(),
            dead: Mutex::default(),
            app: AsyncMutex::default(),
        }
    }

    /// Every grant.
    pub(super) async fn all(&self) -> Result<Vec<Grant>, TokenError> {
        let all = self.grants.all(TWITCH).await;
        all.map_err(|error| TokenError::Unavailable(error.to_string()))
    }

    /// A channel's grant, good for at least a minute.
    pub(super) async fn current(&self, server: &str) -> Result<Grant, TokenError> {
        let grant = self.stored(server).await?;
        let soon = self.clock.now().plus(NEARLY);
        if grant.expires_at.is_some_and(|end| end <= soon) && grant.refresh.is_some() {
            return self.renewed(server, &grant.access).await;
        }
        Ok(grant)
    }

    /// A channel's grant after Twitch refused this access token: somebody else's fresh one, or one
    /// that we fetch now, once for all who ask.
    pub(super) async fn renewed(
        &self,
        server: &str,
        refused: &Secret<String>,
    ) -> Result<Grant, TokenError> {
        let flight = Arc::clone(lock(&self.flights).entry(server.to_owned()).or_default());
        let _turn = flight.lock().await;
        let grant = self.stored(server).await?;
        if grant.access != *refused {
            return Ok(grant);
        }
        let Some(refresh) = grant.refresh.clone() else {
            return Err(self.give_up(server).await);
        };
        if lock(&self.dead).get(server) == Some(&refresh) {
            return Err(TokenError::Refused(CONNECT_AGAIN.to_owned()));
        }
        match self.refresh(&grant, &refresh).await {
            Ok(fresh) => {
                self.store(&fresh).await;
                self.report(server, None).await;
                Ok(fresh)
            }
            Err(TokenError::Refused(_)) => {
                // Perhaps another process was faster.
                let again = self.stored(server).await?;
                if again.access != *refused {
                    return Ok(again);
                }
                lock(&self.dead).insert(server.to_owned(), refresh);
                Err(self.give_up(server).await)
            }
            Err(error) => Err(error),
        }
    }

    async fn give_up(&self, server: &str) -> TokenError {
        self.report(server, Some(CONNECT_AGAIN)).await;
        TokenError::Refused(CONNECT_AGAIN.to_owned())
    }

    /// Tells how a connection is.
    pub(super) async fn report(&self, server: &str, trouble: Option<&str>) {
        if let Err(error) = self.grants.report(TWITCH, server, trouble).await {
            tracing::warn!(
                platform = "twitch",
                server,
                error = %error,
                "the state of a connection could not be stored"
            );
        }
    }

    async fn stored(&self, server: &str) -> Result<Grant, TokenError> {
        let unsaved = lock(&self.unsaved).get(server).cloned();
        if let Some(fresh) = unsaved {
            self.store(&fresh).await;
            return Ok(fresh);
        }
        match self.grants.of(TWITCH, server).await {
            Ok(Some(grant)) => Ok(grant),
            Ok(None) => Err(TokenError::Missing),
            Err(error) => Err(TokenError::Unavailable(error.to_string())),
        }
    }

    async fn store(&self, fresh: &Grant) {
        match self.grants.renew(fresh).await {
            Ok(()) => {
                lock(&self.unsaved).remove(&fresh.server);
            }
            Err(error) => {
                tracing::warn!(
                    platform = "twitch",
                    server = fresh.server,
                    error = %error,
                    "a fresh token could not be stored yet"
                );
                lock(&self.unsaved).insert(fresh.server.clone(), fresh.clone());
            }
        }
    }

    async fn refresh(&self, grant: &Grant, refresh: &Secret<String>) -> Result<Grant, TokenError> {
        let token = RefreshToken::from(refresh.expose().as_str());
        let id = self.settings.client_id.as_str().into();
        let secret = self.settings.client_secret.expose().as_str().into();
        let request = token.refresh_token_request(&id, Some(&secret));
        let reply = self.ask(request.map(Into::into)).await?;
        match reply.status.as_u16() {
            200..=299 => {}
            400 | 401 | 403 => return Err(TokenError::Refused(words(&reply))),
            status => return Err(unavailable(status)),
        }
        let fresh = read(&reply)?;
        let scopes = fresh.scopes.as_deref().map(names);
        Ok(Grant {
            access: Secret::new(fresh.access_token.secret().to_owned()),
            refresh: fresh
                .refresh_token
                .map(|token| Secret::new(token.secret().to_owned()))
                .or_else(|| Some(refresh.clone())),
            expires_at: fresh
                .expires_in
                .map(|secs| self.clock.now().plus(Duration::from_secs(secs))),
            scopes: scopes.unwrap_or_else(|| grant.scopes.clone()),
            ..grant.clone()
        })
    }

    /// Exchanges a code for tokens. The fields go in the body: an address is written into logs.
    pub(super) async fn exchange(
        &self,
        code: &Secret<String>,
        redirect: &str,
    ) -> Result<TwitchTokenResponse, TokenError> {
        let reply = self
            .post(
                "token",
                &[
                    ("client_id", self.settings.client_id.as_str()),
                    ("client_secret", self.settings.client_secret.expose()),
                    ("code", code.expose()),
                    ("grant_type", "authorization_code"),
                    ("redirect_uri", redirect),
                ],
            )
            .await?;
        if reply.status.is_server_error() {
            return Err(unavailable(reply.status.as_u16()));
        }
        if !reply.status.is_success() {
            return Err(TokenError::Refused(words(&reply)));
        }
        read(&reply)
    }

    /// What Twitch says of an access token; `None` if it is worth nothing.
    pub(super) async fn look_up(
        &self,
        access: &Secret<String>,
    ) -> Result<Option<ValidatedToken>, TokenError> {
        let token = AccessToken::from(access.expose().as_str());
        let reply = self
            .ask(token.validate_token_request().map(Into::into))
            .await?;
        match reply.status.as_u16() {
            200 => reply
                .json()
                .map(Some)
                .ok_or_else(|| not_understood("validating a token")),
            401 => Ok(None),
            status => Err(unavailable(status)),
        }
    }

    /// Validates a channel's token, as Twitch requires at the start and every hour («Validating
    /// tokens»), and refreshes it if it must be.
    pub(super) async fn validate(&self, server: &str) -> Result<Grant, TokenError> {
        let grant = self.current(server).await?;
        let Some(valid) = self.look_up(&grant.access).await? else {
            return self.renewed(server, &grant.access).await;
        };
        let is_ours = valid.client_id.as_str() == self.settings.client_id
            && valid
                .user_id
                .as_ref()
                .is_some_and(|user| user.as_str() == grant.account);
        if !is_ours {
            return Err(self.give_up(server).await);
        }
        Ok(grant)
    }

    /// The application's own token.
    pub(super) async fn app(&self) -> Result<Secret<String>, TokenError> {
        let mut app = self.app.lock().await;
        let soon = self.clock.now().plus(NEARLY);
        if let Some((access, _)) = app.as_ref().filter(|(_, end)| *end > soon) {
            return Ok(access.clone());
        }
        let reply = self
            .post(
                "token",
                &[
                    ("client_id", self.settings.client_id.as_str()),
                    ("client_secret", self.settings.client_secret.expose()),
                    ("grant_type", "client_credentials"),
                ],
            )
            .await?;
        if reply.status.is_server_error() {
            return Err(unavailable(reply.status.as_u16()));
        }
        if !reply.status.is_success() {
            return Err(TokenError::Refused(words(&reply)));
        }
        let fresh = read(&reply)?;
        let access = Secret::new(fresh.access_token.secret().to_owned());
        let life = Duration::from_secs(fresh.expires_in.unwrap_or(3_600));
        *app = Some((access.clone(), self.clock.now().plus(life)));
        Ok(access)
    }

    /// The application's token was refused: fetch another next time.
    pub(super) async fn forget_app(&self, refused: &Secret<String>) {
        let mut app = self.app.lock().await;
        if app.as_ref().is_some_and(|(access, _)| access == refused) {
            *app = None;
        }
    }

    /// Gives an access token back; that Twitch knows it no more is fine.
    pub(super) async fn revoke(&self, access: &Secret<String>) -> Result<(), TokenError> {
        let fields = [
            ("client_id", self.settings.client_id.as_str()),
            ("token", access.expose()),
        ];
        let reply = self.post("revoke", &fields).await?;
        match reply.status.as_u16() {
            200..=299 | 400 | 404 => Ok(()),
            status => Err(unavailable(status)),
        }
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Result<Reply, TokenError> {
        sent(self.wire.form(path, fields).await)
    }

    async fn ask(&self, request: Asked) -> Result<Reply, TokenError> {
        sent(self.wire.send(request).await)
    }
}

fn sent(result: Result<Reply, HttpError>) -> Result<Reply, TokenError> {
    result.map_err(|error| TokenError::Unavailable(error.to_string()))
}

fn read(reply: &Reply) -> Result<TwitchTokenResponse, TokenError> {
    reply
        .json()
        .ok_or_else(|| not_understood("asking for a token"))
}

/// Scopes in Twitch's words.
pub(super) fn names(scopes: &[twitch_oauth2::Scope]) -> Vec<String> {
    scopes.iter().map(ToString::to_string).collect()
}

/// What the id service says, bounded; it never repeats a token.
fn words(reply: &Reply) -> String {
    #[derive(Deserialize)]
    struct Problem {
        #[serde(default)]
        message: String,
    }
    let problem: Option<Problem> = reply.json();
    let message = problem.map(|problem| problem.message).unwrap_or_default();
    let status = reply.status.as_u16();
    let message: String = message.chars().take(200).collect();
    format!("Twitch refused ({status}): {message}")
}

fn unavailable(status: u16) -> TokenError {
    TokenError::Unavailable(format!("Twitch answered {status}"))
}

fn not_understood(when: &str) -> TokenError {
    TokenError::Unavailable(format!("Twitch's answer was not understood when {when}"))
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
