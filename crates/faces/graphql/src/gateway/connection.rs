//! What every long connection has, a WebSocket or a stream of events: whose it is, its place among the
//! open ones, and the session or key behind it, looked at again and again.
//!
//! Must never be opened for a page of another site, or outlive the session behind it.

use std::sync::Arc;

use app::{Caller, Credential};
use axum::http::{StatusCode, request::Parts};
use identity::ClientInfo;
use tokio::time::{Duration, Instant};
use tracing::warn;

use super::{Gateway, slots::Slot};
use crate::schema::Viewer;

/// Each connection's share of the time between two checks of a session: with 5,000 connections idle, a
/// session is looked at every 5 s, and the database 1,000 times a second, never more.
const CHECK_SHARE: Duration = Duration::from_millis(1);

/// Why a connection is not opened: the status, and words for people.
pub(crate) type Closed = (StatusCode, &'static str);

/// An open connection.
pub(crate) struct Connection {
    gateway: Arc<Gateway>,
    credential: Credential,
    caller: Caller,
    client: ClientInfo,
    checked_at: Instant,
    _slot: Slot,
}

impl Connection {
    /// Opens a connection for somebody who is signed in.
    pub(crate) async fn open(gateway: &Arc<Gateway>, parts: &Parts) -> Result<Self, Closed> {
        let headers = &parts.headers;
        if !gateway.is_from_own_page(headers) {
            let why = "connections from other sites are refused";
            return Err((StatusCode::FORBIDDEN, why));
        }
        let unknown = (StatusCode::UNAUTHORIZED, "sign in first");
        let credential = Credential::of(headers).ok_or(unknown)?;
        let caller = match gateway.app.caller(&credential).await {
            Ok(caller) => caller.ok_or(unknown)?,
            Err(error) => {
                warn!(error = %error, "the session behind a connection could not be read");
                let why = "the session could not be read: try again later";
                return Err((StatusCode::SERVICE_UNAVAILABLE, why));
            }
        };
        let slot = gateway
            .slots
            .take(caller.user.id, &gateway.settings.sockets)
            .ok_or((StatusCode::TOO_MANY_REQUESTS, "too many open connections"))?;
        Ok(Self {
            gateway: Arc::clone(gateway),
            credential,
            caller,
            client: gateway.client(parts),
            checked_at: Instant::now(),
            _slot: slot,
        })
    }

    /// The viewer of one operation.
    pub(crate) fn viewer(&self) -> Viewer {
        let caller = Some(self.caller.clone());
        let client = self.client.clone();
        Viewer::new(&self.gateway.app, &self.gateway.settings, caller, client)
    }

    /// Whether the last check is too old to deliver anything on its word.
    pub(crate) fn is_due(&self) -> bool {
        self.checked_at.elapsed() >= self.gateway.settings.sockets.session_check
    }

    /// When to look at the session next if nothing is delivered before.
    pub(crate) fn next_check(&self) -> Instant {
        let least = self.gateway.settings.sockets.session_check;
        self.checked_at + least.max(CHECK_SHARE * self.gateway.slots.n_open())
    }

    /// Looks at the session again: roles may have changed. False if it is over.
    pub(crate) async fn check(&mut self) -> bool {
        match self.gateway.app.caller(&self.credential).await {
            Ok(Some(caller)) => self.caller = caller,
            Ok(None) => return false,
            Err(error) => {
                // Nothing can be read from a database that is away, so nothing leaks either.
                warn!(error = %error, "the session behind a connection could not be checked");
            }
        }
        self.checked_at = Instant::now();
        true
    }
}
