//! The one HTTP client of all adapters: no redirects, a bound on every answer and every wait, and
//! errors that say whether a request may have been carried out.
//!
//! Must never: follow a redirect (a token would go along), retry, or put a header or a body into an
//! error or a log.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use reqwest::{Client, Method, StatusCode, header::HeaderMap, redirect::Policy};

/// The longest answer that is read.
const BODY_MAX: usize = 4 * 1024 * 1024;
/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest wait for a whole answer unless a call says otherwise.
pub const ANSWER: Duration = Duration::from_secs(15);
/// How we present ourselves; Discord requires this form («User Agent» in its reference).
const AGENT: &str = concat!(
    "DiscordBot (https://waddlebot.invalid, ",
    env!("CARGO_PKG_VERSION"),
    ") WaddleBot"
);

/// A request.
#[derive(Clone, Debug)]
pub struct Call {
    /// `GET`, `POST`, …
    pub method: Method,
    /// The whole address.
    pub url: String,
    /// Names and values. May hold a token: never printed.
    pub headers: HeaderMap,
    /// The body; empty for none.
    pub body: Bytes,
    /// How long the whole answer may take.
    pub timeout: Duration,
}

/// An answer, whatever its status.
#[derive(Clone)]
pub struct Reply {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body, at most 4 MiB.
    pub body: Bytes,
}

impl std::fmt::Debug for Reply {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Reply")
            .field("status", &self.status)
            .field("body_bytes", &self.body.len())
            .finish_non_exhaustive()
    }
}

/// No answer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HttpError {
    /// The request never reached the other side.
    #[error("the connection could not be made")]
    NotSent,
    /// The request may have been carried out; its answer is lost.
    #[error("{0}")]
    Lost(&'static str),
}

/// The client. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Http {
    client: Client,
}

impl Http {
    /// A client with a pool of connections.
    ///
    /// # Errors
    /// If the TLS roots of the machine cannot be used.
    pub fn new() -> Result<Self, reqwest::Error> {
        // Whoever was first has installed the same one; the error is no news.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let client = Client::builder()
            .user_agent(AGENT)
            .redirect(Policy::none())
            .connect_timeout(CONNECT)
            .pool_idle_timeout(Duration::from_secs(60))
            .build()?;
        Ok(Self { client })
    }

    /// Makes a request and reads the answer.
    pub async fn call(&self, call: Call) -> Result<Reply, HttpError> {
        let mut request = self
            .client
            .request(call.method, call.url)
            .headers(call.headers)
            .timeout(call.timeout);
        if !call.body.is_empty() {
            request = request.body(call.body);
        }
        let mut response = request.send().await.map_err(|error| reason(&error))?;
        let status = response.status();
        let headers = response.headers().clone();
        let mut body = BytesMut::new();
        while let Some(part) = response.chunk().await.map_err(|error| reason(&error))? {
            if body.len() + part.len() > BODY_MAX {
                return Err(HttpError::Lost("the answer is larger than 4 MiB"));
            }
            body.extend_from_slice(&part);
        }
        Ok(Reply {
            status,
            headers,
            body: body.freeze(),
        })
    }
}

fn reason(error: &reqwest::Error) -> HttpError {
    if error.is_connect() || error.is_builder() {
        HttpError::NotSent
    } else if error.is_timeout() {
        HttpError::Lost("no answer came in time")
    } else {
        HttpError::Lost("the connection broke before the answer")
    }
}

impl Call {
    /// A request without headers and body.
    pub fn new(method: Method, url: impl Into<String>) -> Self {
        Self {
            method,
            url: url.into(),
            headers: HeaderMap::new(),
            body: Bytes::new(),
            timeout: ANSWER,
        }
    }
}

impl Reply {
    /// The body as JSON, if it says it is and it is.
    pub fn json<T: serde::de::DeserializeOwned>(&self) -> Option<T> {
        serde_json::from_slice(&self.body).ok()
    }

    /// A header as text.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }
}
