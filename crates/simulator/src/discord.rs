//! A local Discord: REST and gateway as the real one speaks them, with its limits, an OAuth page, and
//! people who do what they are told. Driven from Rust by [`DiscordServer`] and over `/_sim/…`.
//!
//! Sources: Discord's developer documentation as of 2026-08 («Rate Limits», «Gateway», «Message»,
//! «Guild Scheduled Event», «Interactions», «OAuth2»). Must never listen anywhere but on loopback, or
//! be kinder than the real one where a client could get used to it.

mod control;
mod gateway;
mod guild;
mod id;
mod interaction;
mod linked_roles;
mod message;
mod oauth;
mod people;
mod rate;
mod refusal;
mod router;
mod scheduled;
mod state;
mod view;

use std::{
    ops::{Deref, DerefMut},
    sync::{
        Arc, Mutex, MutexGuard, OnceLock, PoisonError,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use ed25519_dalek::SigningKey;
use kernel::{Clock, SystemClock, Timestamp, random};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::{broadcast, watch};

use crate::wire::{Exchanges, Faults, Place};

pub use id::{made_at, snowflake, snowflake_at};

use gateway::Nudge;
use state::State;

/// A guild to begin with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct GuildSpec {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
    /// Who owns it.
    pub owner: u64,
    /// Its text channels.
    pub channels: Vec<ChannelSpec>,
    /// Whether the bot is there from the start; otherwise it comes by the OAuth page.
    pub is_installed: bool,
}

/// A text channel to begin with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChannelSpec {
    /// Its id.
    pub id: u64,
    /// Its name.
    pub name: String,
}

impl GuildSpec {
    /// The guild of a plan's place: ids by [`snowflake`], the bot installed.
    pub fn of(place: &crate::Place) -> Self {
        Self {
            id: snowflake(&place.server),
            name: place.name.to_owned(),
            owner: snowflake(&format!("{}/owner", place.server)),
            channels: place
                .channels
                .iter()
                .map(|channel| ChannelSpec {
                    id: snowflake(&channel.id),
                    name: channel.name.to_owned(),
                })
                .collect(),
            is_installed: true,
        }
    }
}

/// How much is allowed. A pair is so many requests in one window of this length.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Requests in a second, whatever they are (interactions do not count); 0 = no such limit.
    pub global: u32,
    /// Messages in one channel.
    pub messages: (u32, Duration),
    /// Edits and deletions in one channel.
    pub edits: (u32, Duration),
    /// Roles, bans, time-outs in one guild.
    pub members: (u32, Duration),
    /// Changes of scheduled events in one guild.
    pub events: (u32, Duration),
    /// Every other route.
    pub others: (u32, Duration),
    /// Refused answers (401, 403, 429) in ten minutes after which nothing is answered any more.
    pub invalid_max: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            global: 50,
            messages: (5, Duration::from_secs(5)),
            edits: (5, Duration::from_secs(5)),
            members: (10, Duration::from_secs(10)),
            events: (5, Duration::from_secs(5)),
            others: (30, Duration::from_secs(1)),
            invalid_max: 10_000,
        }
    }
}

impl Limits {
    /// So generous that nobody meets them: for tests of other things.
    pub fn generous() -> Self {
        let much = (1_000_000, Duration::from_secs(1));
        Self {
            global: 0,
            messages: much,
            edits: much,
            members: much,
            events: much,
            others: much,
            invalid_max: 1_000_000,
        }
    }

    pub(in crate::discord) fn of(&self, template: &str) -> (u32, Duration) {
        match template {
            "POST/channels/:/messages" => self.messages,
            "PATCH/channels/:/messages/:" | "DELETE/channels/:/messages/:" => self.edits,
            changed if changed.starts_with("GET") => self.others,
            changed if changed.contains("/scheduled-events") => self.events,
            changed if changed.contains("/members/") || changed.contains("/bans/") => self.members,
            _ => self.others,
        }
    }
}

/// How the server begins.
#[derive(Clone, Debug)]
pub struct Options {
    /// The port on loopback; 0 = a free one.
    pub port: u16,
    /// The bot's token.
    pub token: String,
    /// The application's id, which is also the bot's user id and the OAuth client id.
    pub application: u64,
    /// The OAuth client secret; also seeds the key that signs interactions.
    pub client_secret: String,
    /// The bot's name.
    pub bot_name: String,
    /// What is there from the start.
    pub guilds: Vec<GuildSpec>,
    /// How much is allowed.
    pub limits: Limits,
    /// How often a client must say that it lives.
    pub heartbeat: Duration,
    /// Events of one session that can be replayed.
    pub replay_max: usize,
    /// Intents that were not granted: asking for one closes with 4014.
    pub refused_intents: u64,
    /// Who approves on the OAuth page without being asked; `None` = a person presses the button.
    pub auto_approve: Option<u64>,
    /// Where interactions are posted, signed, instead of being told over the gateway.
    pub interactions_url: Option<String>,
    /// How many shards `gateway/bot` advises.
    pub shards: u64,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            port: 0,
            token: "sim.discord.bot-token".to_owned(),
            application: snowflake("sim-discord-application"),
            client_secret: "sim-discord-client-secret".to_owned(),
            bot_name: "WaddleBot".to_owned(),
            guilds: Vec::new(),
            limits: Limits::default(),
            heartbeat: Duration::from_millis(41_250),
            replay_max: 20_000,
            refused_intents: 0,
            auto_approve: None,
            interactions_url: None,
            shards: 1,
        }
    }
}

/// A message as it is now, also if it was deleted.
#[derive(Clone, PartialEq, Debug)]
pub struct Sent {
    /// Its id.
    pub id: u64,
    /// Its channel.
    pub channel: u64,
    /// Who said it.
    pub author: u64,
    /// Whether the bot did.
    pub is_ours: bool,
    /// Its text.
    pub content: String,
    /// Its embeds, as sent.
    pub embeds: Value,
    /// Its components, as sent.
    pub components: Value,
    /// The message it answers.
    pub reply_to: Option<u64>,
    /// Its nonce.
    pub nonce: Option<String>,
    /// Whom it may mention, as sent; null if nothing was said.
    pub allowed_mentions: Value,
    /// 64 = only the asker sees it.
    pub flags: u64,
    /// When it was last changed.
    pub edited_at: Option<Timestamp>,
    /// How often it was changed.
    pub n_edits: u32,
    /// Whether it is gone.
    pub is_deleted: bool,
}

/// What all parts of one server share.
pub(in crate::discord) struct Shared {
    options: Options,
    state: Mutex<State>,
    changed: watch::Sender<u64>,
    nudges: broadcast::Sender<Nudge>,
    address: OnceLock<std::net::SocketAddr>,
    token: Mutex<String>,
    is_mute: AtomicBool,
    n_random: AtomicU64,
    exchanges: Exchanges,
    faults: Faults,
    key: SigningKey,
    client: reqwest::Client,
    clock: SystemClock,
}

/// The state, held; whoever waits is told when it is let go.
pub(in crate::discord) struct Held<'a> {
    guard: MutexGuard<'a, State>,
    changed: &'a watch::Sender<u64>,
}

impl Deref for Held<'_> {
    type Target = State;

    fn deref(&self) -> &State {
        &self.guard
    }
}

impl DerefMut for Held<'_> {
    fn deref_mut(&mut self) -> &mut State {
        &mut self.guard
    }
}

impl Drop for Held<'_> {
    fn drop(&mut self) {
        self.changed.send_modify(|n| *n = n.wrapping_add(1));
    }
}

impl Shared {
    /// The state, to change it.
    fn state(&self) -> Held<'_> {
        Held {
            guard: self.look(),
            changed: &self.changed,
        }
    }

    /// The state, only to look.
    fn look(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn token(&self) -> String {
        let token = self.token.lock().unwrap_or_else(PoisonError::into_inner);
        token.clone()
    }

    fn is_mute(&self) -> bool {
        self.is_mute.load(Ordering::Relaxed)
    }

    fn gateway_url(&self) -> String {
        let port = self.address.get().map_or(0, std::net::SocketAddr::port);
        format!("ws://127.0.0.1:{port}/gateway")
    }

    /// Bytes that nobody saw before; they guard nothing but invented people.
    fn random_bytes(&self) -> [u8; 16] {
        let n = self.n_random.fetch_add(1, Ordering::Relaxed);
        let seed = format!("{}/{n}/{}", self.options.client_secret, self.now().0);
        let hash = Sha256::digest(seed.as_bytes());
        let mut bytes = [0; 16];
        for (to, from) in bytes.iter_mut().zip(hash.iter()) {
            *to = *from;
        }
        bytes
    }

    fn random_name(&self) -> String {
        random::hex(&self.random_bytes())
    }
}

/// The strings of a running Discord. Cheap to clone; does not keep it running.
#[derive(Clone)]
pub struct Discord {
    shared: Arc<Shared>,
}

/// A running Discord. Dropping it ends it at once. What can be done with it is [`Discord`]'s.
#[derive(Debug)]
pub struct DiscordServer {
    strings: Discord,
    place: Place,
}

impl std::fmt::Debug for Discord {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Discord")
            .field("address", &self.shared.address)
            .finish_non_exhaustive()
    }
}

impl Deref for DiscordServer {
    type Target = Discord;

    fn deref(&self) -> &Discord {
        &self.strings
    }
}

impl DiscordServer {
    /// Starts one.
    ///
    /// # Errors
    /// If the port is taken.
    pub async fn start(options: Options) -> std::io::Result<Self> {
        let mut state = State::new(options.application, options.replay_max.max(1));
        let bot = state.user(options.application);
        bot.name.clone_from(&options.bot_name);
        bot.is_bot = true;
        let now = SystemClock.now();
        for guild in &options.guilds {
            state.add_guild(guild, now);
        }
        let seed: [u8; 32] = Sha256::digest(options.client_secret.as_bytes()).into();
        let port = options.port;
        // Whoever was first has installed the same one; the error is no news.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let shared = Arc::new(Shared {
            state: Mutex::new(state),
            changed: watch::Sender::new(0),
            nudges: broadcast::Sender::new(256),
            address: OnceLock::new(),
            token: Mutex::new(options.token.clone()),
            is_mute: AtomicBool::new(false),
            n_random: AtomicU64::new(0),
            exchanges: Exchanges::default(),
            faults: Faults::default(),
            key: SigningKey::from_bytes(&seed),
            client: reqwest::Client::new(),
            clock: SystemClock,
            options,
        });
        let place = crate::wire::listen(port, router::router(&shared)).await?;
        let _ = shared.address.set(place.address);
        Ok(Self {
            strings: Discord { shared },
            place,
        })
    }

    /// The strings, to keep elsewhere.
    pub fn strings(&self) -> Discord {
        self.strings.clone()
    }

    /// `http://127.0.0.1:4711`: the control interface is below `/_sim`.
    pub fn url(&self) -> String {
        self.place.url()
    }

    /// What a client takes for `https://discord.com/api`.
    pub fn api_url(&self) -> String {
        format!("{}/api", self.place.url())
    }

    /// What a client takes for `https://discord.com/oauth2/authorize`.
    pub fn authorize_url(&self) -> String {
        format!("{}/oauth2/authorize", self.place.url())
    }
}

impl Discord {
    /// What a client takes for `wss://gateway.discord.gg`.
    pub fn gateway_url(&self) -> String {
        self.shared.gateway_url()
    }

    /// The application's client secret.
    pub fn client_secret(&self) -> &str {
        &self.shared.options.client_secret
    }

    /// The application's id, which is also the bot's user id and the OAuth client id.
    pub fn application(&self) -> u64 {
        self.shared.options.application
    }

    /// The bot's token.
    pub fn token(&self) -> String {
        self.shared.token()
    }

    /// The key that signs interactions over HTTP, in hexadecimal.
    pub fn public_key(&self) -> String {
        random::hex(self.shared.key.verifying_key().as_bytes())
    }

    /// Every request and its answer.
    pub fn exchanges(&self) -> &Exchanges {
        &self.shared.exchanges
    }

    /// What goes wrong.
    pub fn faults(&self) -> &Faults {
        &self.shared.faults
    }

    /// Waits until `find` finds something, looking again after every change; `None` when the time is
    /// over.
    pub async fn wait_for<T>(
        &self,
        mut find: impl FnMut(&Self) -> Option<T>,
        within: Duration,
    ) -> Option<T> {
        let mut changed = self.shared.changed.subscribe();
        let deadline = tokio::time::Instant::now() + within;
        loop {
            changed.mark_unchanged();
            if let Some(found) = find(self) {
                return Some(found);
            }
            match tokio::time::timeout_at(deadline, changed.changed()).await {
                Ok(Ok(())) => {}
                Ok(Err(_)) | Err(_) => return find(self),
            }
        }
    }

    /// Breaks every gateway connection without a word; sessions can be resumed.
    pub fn cut_gateways(&self) {
        self.nudge(Nudge::Cut);
    }

    /// Asks every connection to come again (op 7).
    pub fn reconnect_gateways(&self) {
        self.nudge(Nudge::Reconnect);
    }

    /// Tells every connection that its session is over (op 9), and whether it may be resumed.
    pub fn invalidate_sessions(&self, is_resumable: bool) {
        self.nudge(Nudge::Invalid(is_resumable));
    }

    /// Closes every connection with a number of the 4000s.
    pub fn close_gateways(&self, code: u16) {
        self.nudge(Nudge::Close(code));
    }

    /// Says something over every connection, as it is: what is not JSON, what nobody knows.
    pub fn say_over_gateways(&self, text: &'static str) {
        self.nudge(Nudge::Say(text));
    }

    /// Whether heartbeats stay unanswered from now on.
    pub fn mute_heartbeats(&self, is_mute: bool) {
        self.shared.is_mute.store(is_mute, Ordering::Relaxed);
    }

    /// Changes the bot's token: whoever has the old one is refused.
    pub fn set_token(&self, token: &str) {
        let mut held = self
            .shared
            .token
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        token.clone_into(&mut held);
    }

    /// Limits a channel as others who use it too much do (`shared` scope).
    pub fn share_limit(&self, channel: u64, lasts: Duration) {
        let until = self.shared.now().plus(lasts);
        self.shared.state().rates.share(&channel.to_string(), until);
    }

    /// Gateway connections, sessions begun and sessions resumed since the start.
    pub fn gateway_counts(&self) -> (u64, u64, u64) {
        let state = self.shared.look();
        (state.n_connections, state.n_identified, state.n_resumed)
    }

    /// Refused answers in the current ten minutes, as the platform counts them.
    pub fn n_invalid(&self) -> u32 {
        let now = self.shared.now();
        self.shared.look().rates.n_invalid(now)
    }

    fn nudge(&self, nudge: Nudge) {
        // Nobody connected is fine.
        let _ = self.shared.nudges.send(nudge);
        self.shared.changed.send_modify(|n| *n = n.wrapping_add(1));
    }
}

#[cfg(test)]
mod tests;
