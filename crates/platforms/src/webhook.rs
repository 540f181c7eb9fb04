//! Requests that a platform makes to us. The HTTP side hands the raw request over and sends back
//! what it is told; whether a signature is right is decided here, before anything is parsed.
//!
//! Must never: parse a body whose signature was not checked, or take one whose time is too far from
//! ours.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Ear, Platform};
use reqwest::header::HeaderMap;

/// The largest body that is taken.
pub const BODY_MAX: usize = 256 * 1024;

/// A request of a platform, raw.
#[derive(Debug, Clone)]
pub struct Delivered<'a> {
    /// Its headers.
    pub headers: &'a HeaderMap,
    /// Its body, byte for byte.
    pub body: &'a [u8],
}

/// What to answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status.
    pub status: u16,
    /// `application/json`, `text/plain`.
    pub content_type: &'static str,
    /// The body.
    pub body: String,
}

impl Answer {
    /// A status without a body.
    pub const fn empty(status: u16) -> Self {
        Self {
            status,
            content_type: "text/plain",
            body: String::new(),
        }
    }

    /// JSON.
    pub fn json(body: impl Into<String>) -> Self {
        Self {
            status: 200,
            content_type: "application/json",
            body: body.into(),
        }
    }
}

/// Takes a platform's requests.
#[async_trait]
pub trait Webhook: Send + Sync {
    /// Whose requests; also the last part of their address: `/hooks/discord`.
    fn platform(&self) -> Platform;

    /// Checks and takes a request. Answers within a second: what it means is handed to `ear`, and
    /// done later.
    async fn deliver(&self, delivered: Delivered<'_>, ear: &Arc<dyn Ear>) -> Answer;
}
