//! Who looks at a page: the session cookie turned into an actor, and what the request wants back
//! (a whole page, or the part that htmx swaps). Decides nothing about rights.

use std::{net::SocketAddr, sync::Arc};

use axum::{
    extract::{ConnectInfo, FromRequestParts},
    http::{HeaderMap, request::Parts},
};
use identity::{ClientInfo, User};
use kernel::{Actor, SessionId};

use crate::{error::PageError, router::Face};

/// Anybody, signed in or not.
#[derive(Clone, Debug)]
pub(crate) struct Viewer {
    /// For service calls.
    pub(crate) actor: Actor,
    /// The person and their session, if signed in.
    pub(crate) signed_in: Option<(User, SessionId)>,
    /// Path and query of the request.
    pub(crate) address: String,
    /// Whether htmx asked for the part of the page that it swaps.
    pub(crate) is_swap: bool,
}

/// Somebody signed in; others are sent to the sign-in page.
#[derive(Clone, Debug)]
pub(crate) struct SignedIn {
    /// As for anybody.
    pub(crate) viewer: Viewer,
    /// The person.
    pub(crate) user: User,
    /// The session in use.
    pub(crate) session: SessionId,
}

impl FromRequestParts<Arc<Face>> for Viewer {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, face: &Arc<Face>) -> Result<Self, PageError> {
        let found = match app::caller::session_token(&parts.headers) {
            Some(token) => face.app.identity.authenticate(token).await?,
            None => None,
        };
        let address = parts
            .uri
            .path_and_query()
            .map_or_else(|| "/".to_owned(), ToString::to_string);
        let is_swap = is_swap(&parts.headers);
        Ok(match found {
            Some(found) => Self {
                actor: found.actor,
                signed_in: Some((found.user, found.session)),
                address,
                is_swap,
            },
            None => Self {
                actor: Actor::Anonymous,
                signed_in: None,
                address,
                is_swap,
            },
        })
    }
}

impl FromRequestParts<Arc<Face>> for SignedIn {
    type Rejection = PageError;

    async fn from_request_parts(parts: &mut Parts, face: &Arc<Face>) -> Result<Self, PageError> {
        let viewer =
            <Viewer as FromRequestParts<Arc<Face>>>::from_request_parts(parts, face).await?;
        match viewer.signed_in.clone() {
            Some((user, session)) => Ok(Self {
                viewer,
                user,
                session,
            }),
            None => Err(PageError::sign_in_first()),
        }
    }
}

/// htmx sends these; a request that restores history must get the whole page.
pub(crate) fn is_swap(headers: &HeaderMap) -> bool {
    let is = |name: &str, value: &str| headers.get(name).is_some_and(|v| v == value);
    is("hx-request", "true") && is("hx-request-type", "partial")
}

/// The browser as its session remembers it.
#[derive(Clone, Debug)]
pub(crate) struct Client(pub(crate) ClientInfo);

impl FromRequestParts<Arc<Face>> for Client {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        face: &Arc<Face>,
    ) -> Result<Self, Self::Rejection> {
        let peer = parts
            .extensions
            .get::<ConnectInfo<SocketAddr>>()
            .map(|ConnectInfo(address)| address.ip());
        Ok(Self(app::caller::client(
            peer,
            &parts.headers,
            &face.settings.trusted_proxies,
        )))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    axum::http::HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn a_swap_is_only_what_htmx_asks_for_in_part() {
        assert!(is_swap(&headers(&[
            ("hx-request", "true"),
            ("hx-request-type", "partial")
        ])));
        assert!(!is_swap(&headers(&[
            ("hx-request", "true"),
            ("hx-request-type", "full")
        ])));
        assert!(!is_swap(&HeaderMap::new()));
    }
}
