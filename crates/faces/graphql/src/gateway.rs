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

/// The session token among the cookies.
fn token(headers: &HeaderMap) -> Option<Secret<String>> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|cookies| cookies.to_str().ok())
        .find_map(app::session::token_from_cookies)
        .map(|token| Secret::new(token.to_owned()))
}

impl Gateway {
    /// Who asks.
    async fn viewer(&self, headers: &HeaderMap) -> Result<Viewer, Refusal> {
        let Some(token) = token(headers) else {
            return Ok(Viewer::new(&self.app, &self.settings, None));
        };
        match self.app.identity.authenticate(token.expose()).await {
            Ok(signed_in) => Ok(Viewer::new(&self.app, &self.settings, signed_in)),
            Err(cause) => {
                error!(error = %cause, "a session could not be read");
                Err(Refusal::not_now(
                    ErrorCode::Unavailable,
                    "the session could not be read: try again later",
                ))
            }
        }
    }
}
