//! Calls to addresses that people gave us: outgoing webhooks. Names are resolved once for each
//! connection, every address they lead to is checked, and the connection is made to what was
//! checked, so that a name that changes its mind in between leads nowhere.
//!
//! Must never follow a redirect, use a proxy of the environment, send anything over plain HTTP
//! (unless the operator listed the host), or put an address into a log.

mod address;

use std::{
    error::Error,
    net::{IpAddr, SocketAddr},
    sync::Arc,
    time::Duration,
};

use async_trait::async_trait;
use kernel::{HookCall, HookCaller, HookError, HookReply};
use reqwest::{
    Client, Response,
    dns::{Addrs, Name, Resolve, Resolving},
    header::{CONTENT_TYPE, HeaderName, HeaderValue, RETRY_AFTER},
    redirect::Policy,
};
use url::{Host, Url};

pub use address::is_public;

/// The longest wait for a connection.
const CONNECT: Duration = Duration::from_secs(5);
/// The longest wait for a whole answer.
const ANSWER: Duration = Duration::from_secs(15);
/// The longest wait for the body once the status is known.
const BODY: Duration = Duration::from_secs(2);
/// The most that is read of an answer, so that its connection can be used again.
const BODY_MAX: usize = 64 * 1_024;
/// The most that is kept of it.
const EXCERPT_MAX: usize = 1_024;
/// The longest address, in bytes.
const URL_MAX: usize = 2_000;
/// Idle connections that are kept for each host.
const IDLE_MAX: usize = 2;
/// How we present ourselves.
const AGENT: &str = concat!("WaddleBot-Webhooks/", env!("CARGO_PKG_VERSION"));

/// What may be called.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Ports that may be called.
    pub ports: Vec<u16>,
    /// `host:port` of receivers that may be called whatever their address is, also over plain HTTP.
    pub trusted: Vec<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            ports: vec![443, 8443],
            trusted: Vec::new(),
        }
    }
}

/// Finds the addresses of a name.
#[async_trait]
pub trait Lookup: Send + Sync {
    /// All of them; none if there is no such name.
    async fn find(&self, name: &str) -> Vec<IpAddr>;
}

/// The system's resolver.
struct SystemLookup;

#[async_trait]
impl Lookup for SystemLookup {
    async fn find(&self, name: &str) -> Vec<IpAddr> {
        tokio::net::lookup_host((name, 0))
            .await
            .map(|found| found.map(|address| address.ip()).collect())
            .unwrap_or_default()
    }
}

/// Why a name was not resolved; found again in what the client says.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("an address of the name is not public")]
    Forbidden,
    #[error("the name has no address")]
    NotFound,
}

/// Whether an address may be called.
pub type Allows = fn(IpAddr) -> bool;

/// Resolves names to addresses that may be called; a name with one that may not has none.
struct Guarded {
    lookup: Arc<dyn Lookup>,
    allows: Allows,
}

impl Resolve for Guarded {
    fn resolve(&self, name: Name) -> Resolving {
        let (lookup, allows) = (Arc::clone(&self.lookup), self.allows);
        Box::pin(async move {
            let found = lookup.find(name.as_str()).await;
            if found.is_empty() {
                return Err(Refusal::NotFound.into());
            }
            if !found.iter().all(|address| allows(*address)) {
                return Err(Refusal::Forbidden.into());
            }
            let found: Vec<SocketAddr> = found
                .into_iter()
                .map(|address| SocketAddr::new(address, 0))
                .collect();
            let found: Addrs = Box::new(found.into_iter());
            Ok(found)
        })
    }
}

/// Makes the calls.
pub struct HookClient {
    settings: Settings,
    allows: Allows,
    guarded: Client,
    trusted: Client,
}

impl std::fmt::Debug for HookClient {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("HookClient")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

fn builder() -> reqwest::ClientBuilder {
    // Whoever was first has installed the same one; the error is no news.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Client::builder()
        .user_agent(AGENT)
        .redirect(Policy::none())
        .no_proxy()
        .connect_timeout(CONNECT)
        .timeout(ANSWER)
        .pool_idle_timeout(Duration::from_secs(30))
        .pool_max_idle_per_host(IDLE_MAX)
}

impl HookClient {
    /// One that resolves names as the system does and calls public addresses only.
    ///
    /// # Errors
    /// If the TLS roots of the machine cannot be used.
    pub fn new(settings: Settings) -> Result<Self, reqwest::Error> {
        Self::with(settings, Arc::new(SystemLookup), is_public)
    }

    /// One with another resolver and another rule: for tests.
    ///
    /// # Errors
    /// If the TLS roots of the machine cannot be used.
    pub fn with(
        settings: Settings,
        lookup: Arc<dyn Lookup>,
        allows: Allows,
    ) -> Result<Self, reqwest::Error> {
        let guarded = Guarded { lookup, allows };
        Ok(Self {
            settings,
            allows,
            guarded: builder()
                .https_only(true)
                .dns_resolver(Arc::new(guarded))
                .build()?,
            trusted: builder().build()?,
        })
    }

    fn is_trusted(&self, url: &Url) -> bool {
        let place = || {
            let host = url.host_str()?;
            Some(format!("{host}:{}", url.port_or_known_default()?))
        };
        place().is_some_and(|place| self.settings.trusted.contains(&place))
    }

    /// The address, if it has a form that may be called, and whether the operator listed it.
    fn parse(&self, text: &str) -> Result<(Url, bool), String> {
        let refuse = |words: &str| Err(words.to_owned());
        if text.len() > URL_MAX {
            return refuse("use an address of at most 2,000 bytes");
        }
        let Ok(url) = Url::parse(text) else {
            return refuse("enter a whole address, such as https://example.org/hooks");
        };
        if !url.username().is_empty() || url.password().is_some() {
            return refuse("an address must not have a user name or password in it");
        }
        if url.fragment().is_some() {
            return refuse("an address must not have a part after #");
        }
        if self.is_trusted(&url) && matches!(url.scheme(), "http" | "https") {
            return Ok((url, true));
        }
        if url.scheme() != "https" {
            return refuse("the address must begin with https://");
        }
        let port = url.port_or_known_default().unwrap_or(443);
        if !self.settings.ports.contains(&port) {
            let ports: Vec<String> = self.settings.ports.iter().map(u16::to_string).collect();
            return Err(format!("the port must be one of {}", ports.join(", ")));
        }
        let may = match url.host() {
            Some(Host::Ipv4(address)) => (self.allows)(address.into()),
            Some(Host::Ipv6(address)) => (self.allows)(address.into()),
            Some(Host::Domain(name)) => !is_local(name),
            None => false,
        };
        if !may {
            return refuse("only addresses of the public internet can be called");
        }
        Ok((url, false))
    }
}

/// Names that lead to the machine itself or its own network, whatever a resolver says.
fn is_local(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    name.is_empty()
        || ["localhost", "local", "internal", "home.arpa"]
            .iter()
            .any(|end| name == *end || name.ends_with(&format!(".{end}")))
}

#[async_trait]
impl HookCaller for HookClient {
    fn check(&self, url: &str) -> Result<String, String> {
        self.parse(url).map(|(url, _)| url.into())
    }

    async fn call(&self, call: &HookCall) -> Result<HookReply, HookError> {
        // Settings may have changed since it was checked.
        let Ok((url, is_trusted)) = self.parse(&call.url) else {
            return Err(HookError::Forbidden);
        };
        let client = if is_trusted {
            &self.trusted
        } else {
            &self.guarded
        };
        let mut request = client
            .post(url)
            .header(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in &call.headers {
            let value = HeaderValue::from_str(value).map_err(|_invalid| HookError::Broken)?;
            request = request.header(HeaderName::from_static(name), value);
        }
        let response = request.body(call.body.clone()).send().await;
        let mut response = response.map_err(|error| reason(&error))?;
        let retry_after = response.headers().get(RETRY_AFTER);
        Ok(HookReply {
            status: response.status().as_u16(),
            retry_after: retry_after
                .and_then(|value| value.to_str().ok())
                .map(str::to_owned),
            excerpt: excerpt(&mut response).await,
        })
    }
}

/// The beginning of the body. What is lost of it does not matter: the status is known.
async fn excerpt(response: &mut Response) -> String {
    let mut kept: Vec<u8> = Vec::new();
    let mut n_read = 0;
    let reading = async {
        while let Ok(Some(part)) = response.chunk().await {
            n_read += part.len();
            let room = EXCERPT_MAX.saturating_sub(kept.len()).min(part.len());
            kept.extend_from_slice(part.get(..room).unwrap_or_default());
            if n_read > BODY_MAX {
                break;
            }
        }
    };
    let _ = tokio::time::timeout(BODY, reading).await;
    let text: String = String::from_utf8_lossy(&kept)
        .chars()
        .map(|c| if c.is_control() { ' ' } else { c })
        .collect();
    let text = text.trim();
    let end = text.floor_char_boundary(EXCERPT_MAX);
    text.get(..end).unwrap_or_default().to_owned()
}

fn reason(error: &reqwest::Error) -> HookError {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(inner) = cause {
        match inner.downcast_ref::<Refusal>() {
            Some(Refusal::Forbidden) => return HookError::Forbidden,
            Some(Refusal::NotFound) => return HookError::NotFound,
            None => cause = inner.source(),
        }
    }
    if error.is_timeout() {
        HookError::TimedOut
    } else if error.is_connect() || error.is_builder() {
        HookError::NotConnected
    } else {
        HookError::Broken
    }
}

#[cfg(test)]
mod tests;
