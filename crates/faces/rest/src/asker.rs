//! Who asks, as [`crate::guard`] found out.

use axum::{
    extract::FromRequestParts,
    http::{Uri, request::Parts},
};
use identity::ClientInfo;
use kernel::{Actor, ErrorCode, SessionId};

use crate::problem::Problem;

/// Anybody, signed in or not.
#[derive(Clone, Debug)]
pub(crate) struct Asker {
    /// For service calls.
    pub(crate) actor: Actor,
    /// The session, if it is one and not a key.
    pub(crate) session: Option<SessionId>,
    /// Where the request came from.
    pub(crate) client: ClientInfo,
    /// What was asked for, whole.
    pub(crate) address: Uri,
}

/// Somebody signed in, with a session or a key.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    /// For service calls.
    pub(crate) actor: Actor,
    session: Option<SessionId>,
    /// Where the request came from.
    pub(crate) client: ClientInfo,
}

impl SignedIn {
    /// The session, which a key is not: it proves nothing about who sits there now.
    pub(crate) fn session(&self) -> Result<SessionId, Problem> {
        self.session.ok_or_else(|| {
            Problem::new(
                ErrorCode::Forbidden,
                "this needs a session: sign in first, an API key is not enough",
            )
        })
    }
}

impl<S: Sync> FromRequestParts<S> for Asker {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        // The guard is around every route.
        let found = parts.extensions.get::<Self>().cloned();
        found.ok_or_else(|| Problem::new(ErrorCode::Internal, ""))
    }
}

impl<S: Sync> FromRequestParts<S> for SignedIn {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let asker = Asker::from_request_parts(parts, state).await?;
        asker.actor.user_id().ok_or_else(Problem::sign_in_first)?;
        Ok(Self {
            actor: asker.actor,
            session: asker.session,
            client: asker.client,
        })
    }
}
