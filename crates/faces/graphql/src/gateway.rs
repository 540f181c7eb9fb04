//! Between the wire and the schema: HTTP, WebSockets, and every limit on the way. The engine's own
//! integration would parse before it measures; here nothing reaches the parser unmeasured.
//!
//! Must never know a type of the schema beyond [`Viewer`].

mod body;
mod complete;
mod execute;
mod http;
mod media;
mod origin;
mod page;
mod params;
mod protocol;
mod refusal;
mod scan;
mod slots;
mod socket;
mod walk;

use std::sync::Arc;

use app::App;
use axum::{
    Router,
    http::{HeaderMap, header},
    routing::get,
};
use identity::{IdentityError, KeyHolder};
use kernel::{ErrorCode, Secret};
use tracing::error;

use crate::{
    schema::{Schema, Viewer},
    settings::Settings,
};
use refusal::Refusal;

/// Everything a request needs.
pub(crate) struct Gateway {
    app: Arc<App>,
    schema: Schema,
    types: complete::Types,
    settings: Settings,
    slots: slots::Slots,
}

/// The routes of the face.
pub(crate) fn routes(app: Arc<App>, schema: Schema, settings: Settings) -> Router {
    #[expect(clippy::expect_used, reason = "a schema reads its own definition")]
    let types = complete::Types::read(&crate::sdl()).expect("the schema is sound");
    let gateway = Gateway {
        app,
        types,
        schema,
        settings,
        slots: slots::Slots::default(),
    };
    Router::new()
        .route(
            "/graphql",
            get(http::get).post(http::post).fallback(http::other),
        )
        .route("/graphql/schema.graphql", get(page::schema))
        .route("/graphiql", get(page::page))
        .route("/graphiql/{file}", get(page::asset))
        .with_state(Arc::new(gateway))
}

/// Refuses a key that is worth nothing instead of treating its owner as nobody: they would wonder.
const BAD_KEY: &str = "the API key is unknown, revoked or expired: make a new one at /me/keys";

/// What a request shows for its sender.
enum Credential {
    /// The token of a session, from a cookie.
    Session(Secret<String>),
    /// An API key, from `X-API-Key` or `Authorization: Bearer` (RFC 6750 §2.1).
    Key(Secret<String>),
}

/// The API key, else the session token among the cookies.
fn credential(headers: &HeaderMap) -> Option<Credential> {
    let bearer = http::text(headers, &header::AUTHORIZATION)
        .and_then(|value| value.split_once(' '))
        .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
        .map(|(_, key)| key.trim());
    let key = headers
        .get("x-api-key")
        .and_then(|value| value.to_str().ok())
        .or(bearer);
    if let Some(key) = key {
        return Some(Credential::Key(Secret::new(key.to_owned())));
    }
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .find_map(app::session::token_from_cookies)
        .map(|token| Credential::Session(Secret::new(token.to_owned())))
}

impl Gateway {
    /// Who a credential belongs to now; `None` if it is worth nothing.
    async fn holder(&self, credential: &Credential) -> Result<Option<KeyHolder>, IdentityError> {
        let identity = &self.app.identity;
        match credential {
            Credential::Key(key) => identity.authenticate_key(key.expose()).await,
            Credential::Session(token) => {
                let found = identity.authenticate(token.expose()).await?;
                Ok(found.map(|found| KeyHolder {
                    actor: found.actor,
                    user: found.user,
                }))
            }
        }
    }

    /// Who asks.
    async fn viewer(&self, headers: &HeaderMap) -> Result<Viewer, Refusal> {
        let Some(credential) = credential(headers) else {
            return Ok(Viewer::new(&self.app, &self.settings, None));
        };
        match self.holder(&credential).await {
            Ok(None) if matches!(credential, Credential::Key(_)) => {
                Err(Refusal::not_now(ErrorCode::Unauthenticated, BAD_KEY))
            }
            Ok(holder) => Ok(Viewer::new(&self.app, &self.settings, holder)),
            Err(cause) => {
                error!(error = %cause, "a session or key could not be read");
                Err(Refusal::not_now(
                    ErrorCode::Unavailable,
                    "the session could not be read: try again later",
                ))
            }
        }
    }
}
