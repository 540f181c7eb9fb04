//! A Twitch of our own on loopback: Helix under `/helix`, the id service under `/oauth2`, EventSub
//! over WebSocket at `/ws` and over webhooks, and `/_sim` to look into it and to drive it.
//!
//! Speaks what Twitch documents (dev.twitch.tv/docs/api/reference, …/eventsub, …/authentication);
//! must never be more forgiving than Twitch where Twitch refuses.
//!
//! What Twitch loses, this loses too: when a WebSocket breaks, its subscriptions are gone and what
//! happens until new ones are made is not sent to anybody. With [`Options::keeps_undelivered`] the
//! simulator keeps it instead, and what was sent but not known to have arrived (no pong since), and
//! sends it with the same message ids to whoever subscribes to the same again: so that a test can
//! prove that nothing is lost or counted twice on our side of the wire.

mod chat;
mod control;
mod emit;
mod helix;
mod hook;
mod id;
mod ids;
mod payload;
mod points;
mod socket;
mod state;
mod time;

use std::{
    sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError},
    time::Duration,
};

use axum::Router;
use kernel::{Clock, SystemClock};
use tokio::sync::watch;

use crate::wire::{self, Exchange, Exchanges, Faults, Place};

pub use ids::numeric_id;
pub use state::{Sent, Standing, Tokens, Whisper};

use state::State;

/// What a broadcaster is to Twitch.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Partnership {
    /// Neither; may plan recurring segments only.
    #[default]
    None,
    /// An affiliate.
    Affiliate,
    /// A partner.
    Partner,
}

/// A channel that exists from the start.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Broadcaster {
    /// Its id: digits, as Twitch's are ([`numeric_id`] makes one of any text).
    pub id: String,
    /// The login: lower-case.
    pub login: String,
    /// The name people see.
    pub name: String,
    /// What it is to Twitch.
    pub partnership: Partnership,
}

impl Broadcaster {
    /// A broadcaster whose id follows from `key`, whatever that is.
    pub fn new(key: &str, login: &str, partnership: Partnership) -> Self {
        Self {
            id: numeric_id(key),
            login: login.to_lowercase(),
            name: login.to_owned(),
            partnership,
        }
    }
}

/// How notifications are delivered.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Delivery {
    /// Once, in order.
    #[default]
    Once,
    /// Each twice with the same message id, as Twitch does when it is unsure.
    Twice,
    /// What comes within 20 ms in the opposite order.
    Reordered,
}

/// What the simulated Twitch is like.
#[derive(Clone)]
pub struct Options {
    /// The port; 0 takes a free one.
    pub port: u16,
    /// The client id of the one registered application.
    pub client_id: String,
    /// Its secret.
    pub client_secret: String,
    /// Who has a channel from the start.
    pub broadcasters: Vec<Broadcaster>,
    /// Whether the authorisation page sends people on without asking; the account is the one in
    /// `?login_as=`, else the first broadcaster.
    pub auto_approve: bool,
    /// Whether what could not be delivered is kept (see the module).
    pub keeps_undelivered: bool,
    /// How notifications are delivered.
    pub delivery: Delivery,
    /// Seconds of silence before a keepalive; Twitch: 10.
    pub keepalive: Duration,
    /// How long a new socket may be without subscriptions; Twitch: 10 s.
    pub unused: Duration,
    /// How long an old socket stays after a reconnect was asked for; Twitch: 30 s.
    pub reconnect_grace: Duration,
    /// Pause before a webhook is tried again.
    pub hook_pause: Duration,
    /// Helix points in a minute; Twitch: 800.
    pub points: u32,
    /// How long an access token lives; Twitch: about 4 h.
    pub token_life: Duration,
    /// The time.
    pub clock: Arc<dyn Clock>,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            client_id: "simulatedclientid0000000000000".to_owned(),
            client_secret: "simulatedsecret000000000000000".to_owned(),
            broadcasters: Vec::new(),
            auto_approve: true,
            keeps_undelivered: false,
            delivery: Delivery::Once,
            keepalive: Duration::from_secs(10),
            unused: Duration::from_secs(10),
            reconnect_grace: Duration::from_secs(30),
            hook_pause: Duration::from_secs(1),
            points: 800,
            token_life: Duration::from_secs(4 * 3_600),
            clock: Arc::new(SystemClock),
        }
    }
}

impl std::fmt::Debug for Options {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Options")
            .field("port", &self.port)
            .field("n_broadcasters", &self.broadcasters.len())
            .finish_non_exhaustive()
    }
}

/// What all parts of one server share.
pub(crate) struct Shared {
    pub(crate) options: Options,
    /// `http://127.0.0.1:4711`, known once it listens.
    url: OnceLock<String>,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    exchanges: Exchanges,
    faults: Faults,
    http: reqwest::Client,
}

impl Shared {
    pub(crate) fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Wakes whoever waits for something.
    pub(crate) fn touch(&self) {
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
    }

    pub(crate) fn url(&self) -> &str {
        self.url.get().map_or("http://127.0.0.1", String::as_str)
    }
}

/// A running simulated Twitch, with everything that [`Twitch`] can. Dropping it ends it, open
/// connections included.
pub struct TwitchServer {
    twitch: Twitch,
    place: Place,
}

/// A handle to a running simulated Twitch: drives it and looks into it. Cheap to clone; does not
/// keep it running.
#[derive(Clone)]
pub struct Twitch {
    shared: Arc<Shared>,
}

impl std::fmt::Debug for Twitch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Twitch")
            .field("url", &self.shared.url())
            .finish_non_exhaustive()
    }
}

impl std::ops::Deref for TwitchServer {
    type Target = Twitch;

    fn deref(&self) -> &Twitch {
        &self.twitch
    }
}

impl std::fmt::Debug for TwitchServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TwitchServer")
            .field("address", &self.place.address)
            .finish_non_exhaustive()
    }
}

impl Drop for TwitchServer {
    fn drop(&mut self) {
        self.cut_sockets();
    }
}

impl TwitchServer {
    /// Starts it.
    ///
    /// # Errors
    /// If the port is taken.
    pub async fn start(options: Options) -> std::io::Result<Self> {
        // Whoever was first has installed the same one; the error is no news.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let http = reqwest::Client::builder()
            .redirect(reqwest::redirect::Policy::none())
            .timeout(Duration::from_secs(10))
            .build()
            .map_err(std::io::Error::other)?;
        let shared = Arc::new(Shared {
            url: OnceLock::new(),
            state: Mutex::new(State::new(&options)),
            changed: watch::Sender::new(0),
            exchanges: Exchanges::default(),
            faults: Faults::default(),
            http,
            options,
        });
        let router = Router::new()
            .merge(helix::router())
            .merge(id::router())
            .merge(socket::router())
            .merge(control::router())
            .with_state(Arc::clone(&shared));
        let router = wire::around(
            router,
            shared.exchanges.clone(),
            shared.faults.clone(),
            helix::limited,
        );
        let place = wire::listen(shared.options.port, router).await?;
        let _ = shared.url.set(place.url());
        let twitch = Twitch { shared };
        Ok(Self { twitch, place })
    }

    /// A handle that may be kept elsewhere.
    pub fn handle(&self) -> Twitch {
        self.twitch.clone()
    }
}

impl Twitch {
    /// `http://127.0.0.1:4711`
    pub fn url(&self) -> String {
        self.shared.url().to_owned()
    }

    /// The address of Helix, without a slash at its end.
    pub fn api_url(&self) -> String {
        format!("{}/helix", self.url())
    }

    /// The address of the id service, without a slash at its end.
    pub fn id_url(&self) -> String {
        format!("{}/oauth2", self.url())
    }

    /// The address of EventSub's WebSocket.
    pub fn eventsub_url(&self) -> String {
        format!("{}/ws", self.shared.url().replacen("http", "ws", 1))
    }

    /// The registered application's id.
    pub fn client_id(&self) -> &str {
        &self.shared.options.client_id
    }

    /// The registered application's secret.
    pub fn client_secret(&self) -> &str {
        &self.shared.options.client_secret
    }

    /// Makes a channel, or changes its name and partnership.
    pub fn add_broadcaster(&self, broadcaster: &Broadcaster) {
        self.shared.state().add_broadcaster(broadcaster);
    }

    /// The id of a user named by id, login, or any key ([`numeric_id`]); made if there is none.
    pub fn user(&self, who: &str) -> String {
        self.shared.state().user(who)
    }

    /// What a user is in a channel: moderator, VIP, subscriber or nobody.
    pub fn set_standing(&self, broadcaster: &str, user: &str, standing: Standing) {
        self.shared
            .state()
            .set_standing(broadcaster, user, standing);
    }

    /// Whether a user takes whispers; whispers to one who does not are dropped silently.
    pub fn set_whispers(&self, user: &str, are_taken: bool) {
        self.shared.state().set_whispers(user, are_taken);
    }

    /// Tokens as if the user had approved these scopes.
    pub fn authorise(&self, user: &str, scopes: &[&str]) -> Tokens {
        let mut state = self.shared.state();
        let user = state.user(user);
        let scopes = scopes.iter().map(|scope| (*scope).to_owned()).collect();
        state.authorise(&self.shared.options, &user, scopes)
    }

    /// What was said through the API in a channel, oldest first, at most the last 10,000.
    pub fn sent(&self, broadcaster: &str) -> Vec<Sent> {
        self.shared.state().sent_in(broadcaster)
    }

    /// Every whisper that Helix answered with 204, oldest first, at most the last 10,000.
    pub fn whispers(&self) -> Vec<Whisper> {
        self.shared.state().whispers.iter().cloned().collect()
    }

    /// The planned segments of a channel, as Helix shows them.
    pub fn segments(&self, broadcaster: &str) -> Vec<serde_json::Value> {
        self.shared.state().segments_of(broadcaster)
    }

    /// EventSub subscriptions that are enabled.
    pub fn n_subscriptions(&self) -> usize {
        self.shared.state().n_enabled()
    }

    /// Sockets that were opened since the start.
    pub fn n_opened(&self) -> u64 {
        self.shared.state().n_connections
    }

    /// Sockets that are open.
    pub fn n_sockets(&self) -> usize {
        self.shared.state().n_sockets()
    }

    /// Makes an access token expired; it can be refreshed.
    pub fn expire_token(&self, access: &str) {
        self.shared.state().expire_token(access);
    }

    /// Makes every access token expired; they can be refreshed.
    pub fn expire_tokens(&self) {
        self.shared.state().expire_tokens();
    }

    /// Takes back everything a user allowed: tokens, refresh tokens, subscriptions.
    pub fn revoke_token(&self, user: &str) {
        let mut state = self.shared.state();
        let user = state.user(user);
        emit::disconnect_user(&self.shared, &mut state, &user);
        drop(state);
        self.shared.touch();
    }

    /// Breaks every socket at once, without a close frame.
    pub fn cut_sockets(&self) {
        self.shared.state().cut_sockets();
    }

    /// Asks every socket to move (`session_reconnect`).
    pub fn reconnect_sockets(&self) {
        socket::ask_to_move(&self.shared);
    }

    /// The log of requests and answers.
    pub fn exchanges(&self) -> Vec<Exchange> {
        self.shared.exchanges.all()
    }

    /// The faults.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Waits until something holds; `false` if it does not within `timeout`.
    pub async fn wait_for(&self, holds: impl Fn(&Self) -> bool + Send, timeout: Duration) -> bool {
        let mut changes = self.shared.changed.subscribe();
        let waited = tokio::time::timeout(timeout, self.until(&mut changes, &holds));
        waited.await.is_ok()
    }

    async fn until(
        &self,
        changes: &mut watch::Receiver<u64>,
        holds: &(impl Fn(&Self) -> bool + Send),
    ) {
        loop {
            changes.mark_unchanged();
            if holds(self) || changes.changed().await.is_err() {
                return;
            }
        }
    }
}

#[cfg(test)]
mod tests;
