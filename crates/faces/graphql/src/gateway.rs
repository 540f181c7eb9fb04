//! Between the wire and the schema: HTTP, WebSockets, and every limit on the way. The engine's own
//! integration would parse before it measures; here nothing reaches the parser unmeasured.
//!
//! Must never know a type of the schema beyond [`Viewer`], and what a subscription hands over.

mod answers;
mod batch;
mod body;
mod complete;
mod connection;
mod dialect;
mod documents;
mod execute;
mod flights;
mod freshness;
mod http;
mod media;
mod operation;
mod page;
mod params;
mod policy;
mod protocol;
mod refusal;
mod reply;
mod scan;
mod share;
mod slots;
mod socket;
mod sse;
mod toll;
mod walk;
mod watch;

use std::{net::SocketAddr, sync::Arc};

use app::{App, Credential};
use axum::{Router, extract::ConnectInfo, http::request::Parts, routing::get};
use identity::ClientInfo;
use kernel::ErrorCode;
use sha2::{Digest, Sha256};
use tracing::error;

use crate::{
    schema::{Judge, Schema, Viewer},
    settings::Settings,
};
pub(crate) use documents::Document;
use refusal::Refusal;

/// Everything a request needs.
pub(crate) struct Gateway {
    app: Arc<App>,
    schema: Schema,
    judge: Judge,
    documents: documents::Documents,
    types: complete::Types,
    hints: policy::Hints,
    events: share::Events,
    /// A kept answer of another schema is none of ours.
    schema_digest: [u8; 32],
    settings: Settings,
    slots: slots::Slots,
    flights: flights::Flights,
}

/// The routes of the face.
pub(crate) fn routes(app: Arc<App>, schema: Schema, settings: Settings) -> Router {
    let sdl = crate::sdl();
    #[expect(clippy::expect_used, reason = "a schema reads its own definition")]
    let types = complete::Types::read(&sdl).expect("the schema is sound");
    #[expect(clippy::expect_used, reason = "a schema reads its own definition")]
    let hints = policy::Hints::read(&sdl).expect("the schema is sound");
    let gateway = Gateway {
        app,
        types,
        hints,
        events: share::Events::default(),
        schema_digest: Sha256::digest(sdl.as_bytes()).into(),
        schema,
        judge: Judge::new(),
        documents: documents::Documents::new(&settings),
        settings,
        slots: slots::Slots::default(),
        flights: flights::Flights::default(),
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

impl Gateway {
    /// Where a request came from.
    fn client(&self, parts: &Parts) -> ClientInfo {
        let peer = parts.extensions.get::<ConnectInfo<SocketAddr>>();
        let peer = peer.map(|ConnectInfo(address)| address.ip());
        app::caller::client(peer, &parts.headers, &self.settings.trusted_proxies)
    }

    /// Who asks.
    async fn viewer(&self, parts: &Parts) -> Result<Viewer, Refusal> {
        let client = self.client(parts);
        let Some(credential) = Credential::of(&parts.headers) else {
            return Ok(Viewer::new(&self.app, &self.settings, None, client));
        };
        match self.app.caller(&credential).await {
            Ok(None) if credential.is_key() => {
                Err(Refusal::not_now(ErrorCode::Unauthenticated, BAD_KEY))
            }
            Ok(caller) => Ok(Viewer::new(&self.app, &self.settings, caller, client)),
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
