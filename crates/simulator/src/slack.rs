//! A local Slack: Web API, Socket Mode, Events API, response addresses and the page on which an app
//! is installed. Several workspaces, driven from Rust ([`SlackServer`]) or over HTTP (`/_sim/…`).
//!
//! What it does, and how strictly, follows docs.slack.dev (methods, «Rate limits», «Socket Mode»,
//! «Events API», «Block Kit»). Where Slack publishes no number, the one here is in [`Limits`].
//! «Sign in with Slack» is an OpenID Connect provider with discovery and published keys.
//!
//! Must never know the program: whoever talks to it does so over the wire.

mod answer;
mod blocks;
mod call;
mod chat;
mod control;
mod conversations;
mod deliver;
mod drive;
mod events;
mod ids;
mod install;
mod limits;
mod people;
mod push;
mod respond;
mod schedule;
mod sign_in;
mod signer;
mod socket;
mod state;

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use axum::{
    Router,
    routing::{any, get, post},
};
use kernel::{Clock, SystemClock};
use tokio::sync::Notify;
use tokio_util::task::AbortOnDropHandle;

pub use drive::NotThere;
pub use ids::slack_id;
pub use limits::Limits;
pub use signer::IdTokenFlaw;
pub use state::{Member, Noise, Room, Sent, Workspace};

use crate::wire::{Exchanges, Faults, Place, around, listen};
use signer::Signer;
use state::State;

/// How a simulated Slack is set up. [`SlackOptions::default`] has one empty list of workspaces, no
/// public request address, and the credentials that [`SlackServer`] hands out.
#[derive(Clone)]
pub struct SlackOptions {
    /// The port on loopback; 0 takes a free one.
    pub port: u16,
    /// The time that stamps messages and refills limits.
    pub clock: Arc<dyn Clock>,
    /// The app's id.
    pub app_id: String,
    /// The app's client id.
    pub client_id: String,
    /// The app's client secret.
    pub client_secret: String,
    /// What requests to the app are signed with.
    pub signing_secret: String,
    /// The token that opens Socket Mode.
    pub app_token: String,
    /// The workspaces.
    pub workspaces: Vec<Workspace>,
    /// How often one may ask.
    pub limits: Limits,
    /// Whether installing is approved without anybody pressing a button.
    pub approves_itself: bool,
    /// How long tokens live that are given to who installs the app; `None` = for ever («token
    /// rotation»). A token that was replaced ends at once, which is stricter than Slack.
    pub tokens_live: Option<Duration>,
    /// Where events, presses and slash commands are posted; `None` = Socket Mode.
    pub request_url: Option<String>,
    /// How long after one try without acknowledgement the next follows (Slack: at once, after a
    /// minute, after five). Over sockets only the time to acknowledge counts.
    pub retry_after: [Duration; 3],
    /// How long the app may take to acknowledge (Slack: 3 s).
    pub acknowledge_within: Duration,
    /// How long after a warning a socket is closed (Slack: about 10 s).
    pub warning: Duration,
}

impl Default for SlackOptions {
    fn default() -> Self {
        Self {
            port: 0,
            clock: Arc::new(SystemClock),
            app_id: ids::slack_id('A', "waddlebot"),
            client_id: "1000000000.2000000000".to_owned(),
            client_secret: "simulated-client-secret".to_owned(),
            signing_secret: "simulated-signing-secret".to_owned(),
            app_token: "xapp-simulated".to_owned(),
            workspaces: Vec::new(),
            limits: Limits::default(),
            approves_itself: false,
            tokens_live: None,
            request_url: None,
            retry_after: [
                Duration::ZERO,
                Duration::from_secs(60),
                Duration::from_secs(300),
            ],
            acknowledge_within: Duration::from_secs(3),
            warning: Duration::from_secs(10),
        }
    }
}

/// What every part of the server holds.
struct Shared {
    options: SlackOptions,
    state: Mutex<State>,
    /// Signs the ID tokens of who signs in.
    signer: Signer,
    /// Woken at every change of what was sent.
    changed: Notify,
    /// Where we listen; known once we do.
    url: OnceLock<String>,
    exchanges: Exchanges,
    faults: Faults,
    /// Posts events where the app wants them.
    http: reqwest::Client,
}

impl Shared {
    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn url(&self) -> &str {
        self.url.get().map_or("", String::as_str)
    }

    /// Seconds since the epoch.
    fn now_secs(&self) -> i64 {
        self.options.clock.now().secs()
    }
}

/// A running Slack. Dropping it ends it at once, open sockets included.
pub struct SlackServer {
    shared: Arc<Shared>,
    place: Place,
    _redeliver: AbortOnDropHandle<()>,
}

impl std::fmt::Debug for SlackServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SlackServer")
            .field("address", &self.place.address)
            .finish_non_exhaustive()
    }
}

impl SlackServer {
    /// Starts to listen. Within a tokio runtime.
    ///
    /// # Errors
    /// If the port is taken, or no HTTP client or signing key can be made.
    pub async fn start(options: SlackOptions) -> std::io::Result<Self> {
        // Whoever was first has installed the same one.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .timeout(options.acknowledge_within)
            .build()
            .map_err(std::io::Error::other)?;
        let port = options.port;
        let shared = Arc::new(Shared {
            state: Mutex::new(State::new(&options)),
            signer: Signer::new()?,
            options,
            changed: Notify::new(),
            url: OnceLock::new(),
            exchanges: Exchanges::default(),
            faults: Faults::default(),
            http,
        });
        let router = Router::new()
            .route("/api/{method}", any(call::call))
            .route(
                "/oauth/v2/authorize",
                get(install::page).post(install::decide),
            )
            .route(
                "/openid/connect/authorize",
                get(install::page).post(install::decide),
            )
            .route(
                "/.well-known/openid-configuration",
                get(sign_in::configuration),
            )
            .route("/openid/connect/keys", get(sign_in::keys))
            .route("/commands/{team}/{id}/{secret}", post(respond::respond))
            .route("/actions/{team}/{id}/{secret}", post(respond::respond))
            .route("/link/", get(socket::open))
            .nest("/_sim", control::router())
            .with_state(Arc::clone(&shared));
        let router = around(
            router,
            shared.exchanges.clone(),
            shared.faults.clone(),
            limits::limited,
        );
        let place = listen(port, router).await?;
        // Nobody else sets it.
        let _ = shared.url.set(place.url());
        let redeliver = tokio::spawn(deliver::redeliver(Arc::downgrade(&shared)));
        Ok(Self {
            shared,
            place,
            _redeliver: AbortOnDropHandle::new(redeliver),
        })
    }

    /// `http://127.0.0.1:4711`: the page for people.
    pub fn url(&self) -> String {
        self.place.url()
    }

    /// Where the Web API is, without a slash at the end.
    pub fn api_url(&self) -> String {
        format!("{}/api", self.place.url())
    }

    /// Where an app is installed.
    pub fn authorize_url(&self) -> String {
        format!("{}/oauth/v2/authorize", self.place.url())
    }

    /// How it was set up: the credentials of the app are in there.
    pub fn options(&self) -> &SlackOptions {
        &self.shared.options
    }

    /// What was asked and answered; without what people of `/_sim` did.
    pub fn exchanges(&self) -> Exchanges {
        self.shared.exchanges.clone()
    }

    /// What goes wrong.
    pub fn faults(&self) -> Faults {
        self.shared.faults.clone()
    }
}

#[cfg(test)]
mod tests;
