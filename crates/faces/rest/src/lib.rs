//! The REST face: `/api/v1` over the services, with an OpenAPI 3.1 document, problems of RFC 9457 and
//! pages with keyset cursors.
//!
//! A handler reads its input, calls one service and turns the answer into a view. Must never decide
//! who may do what, hold a rule that another face would need too, or answer anything but JSON.

mod alias;
mod asker;
mod bots;
mod command;
mod community;
mod connection;
mod delivery;
mod docs;
mod email;
mod guard;
mod history;
mod identity_link;
mod input;
mod instance;
mod key;
mod linked_role;
mod member;
mod merge;
mod message;
mod openapi;
mod overview;
mod page;
mod passkey;
mod privacy;
mod problem;
mod repeat;
mod second_factor;
mod session;
mod suggestion;
mod suspicion;
mod tag;
mod user;
mod view;
mod webhook;
mod weight;

use std::{net::IpAddr, sync::Arc};

use app::App;
use axum::{Router, extract::DefaultBodyLimit, middleware};

pub use openapi::document;

/// What an operator decides about the face.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Whether browsers come by https: the session cookie is `Secure` then.
    pub secure_cookies: bool,
    /// Proxies whose `X-Forwarded-For` is believed.
    pub trusted_proxies: Vec<IpAddr>,
    /// Origins besides the server's own whose pages may call.
    pub origins: Vec<String>,
    /// Requests a minute of one person or key.
    pub per_minute: u64,
    /// Requests a minute of one network without a person.
    pub per_minute_anonymous: u64,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            secure_cookies: false,
            trusted_proxies: Vec::new(),
            origins: Vec::new(),
            per_minute: 600,
            per_minute_anonymous: 60,
        }
    }
}

/// What handlers share.
pub(crate) struct Face {
    app: Arc<App>,
    settings: Settings,
}

/// Everything under `/api/v1`.
pub fn router(app: Arc<App>, settings: Settings) -> Router {
    let face = Arc::new(Face { app, settings });
    let (routes, _) = openapi::routes().split_for_parts();
    let api = Router::new()
        .merge(routes)
        .merge(docs::routes())
        .method_not_allowed_fallback(guard::wrong_method)
        .layer(DefaultBodyLimit::max(input::BODY_MAX))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&face),
            guard::around,
        ))
        .with_state(face);
    alias::routes(&api).merge(api)
}

#[cfg(test)]
mod tests;
