//! The GraphQL face: the schema, and the gateway that stands between it and the wire.
//!
//! Invariants: a document is measured before it is parsed and counted before it is executed, so that
//! no small request can do large harm; every answer to one viewer is made for that viewer alone;
//! every error has a stable code. Must never know SQL, another face or an engine.

mod gateway;
mod schema;
mod settings;
mod trusted;

use std::sync::Arc;

use app::App;
use axum::Router;

pub use settings::{Limits, Readers, Settings, Sockets};
pub use trusted::{TrustedDocuments, TrustedError};

/// The routes: `/graphql` (POST, GET and WebSocket), `/graphql/schema.graphql` and `/graphiql`.
pub fn router(app: Arc<App>, settings: Settings) -> Router {
    let schema = schema::build();
    gateway::routes(app, schema, settings)
}

/// The schema in its definition language, as committed in `docs/reference/schema.graphql`.
pub fn sdl() -> String {
    let options = async_graphql::SDLExportOptions::new().include_specified_by();
    schema::build().sdl_with_options(options)
}

#[cfg(test)]
mod tests;
