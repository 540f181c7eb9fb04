//! Where Twitch is and who we are there. Plain data; must never be read from anywhere here.

use kernel::Secret;

/// What a broadcaster is asked to allow. Each is used: take one away and what it is for ends.
///
/// In order: hear chat; speak in it; speak in it as the bot account (two); write the schedule;
/// whisper; follows; subscriptions; cheers; bans and timeouts; announcements; take messages away.
pub const SCOPES: [&str; 12] = [
    "user:read:chat",
    "user:write:chat",
    "user:bot",
    "channel:bot",
    "channel:manage:schedule",
    "user:manage:whispers",
    "moderator:read:followers",
    "channel:read:subscriptions",
    "bits:read",
    "channel:moderate",
    "moderator:manage:announcements",
    "moderator:manage:chat_messages",
];

/// Settings of the Twitch adapter.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The application's client id; empty: Twitch is switched off.
    pub client_id: String,
    /// Its client secret.
    pub client_secret: Secret<String>,
    /// With what EventSub signs requests to our webhook; 10 to 100 ASCII characters, or empty: no
    /// request is taken.
    pub webhook_secret: Secret<String>,
    /// Helix, without a slash at its end.
    pub api_url: String,
    /// The id service, without a slash at its end.
    pub id_url: String,
    /// EventSub's WebSocket.
    pub eventsub_url: String,
    /// The user id of an account that speaks in every channel; its grant is stored with this as its
    /// server. `None`: each broadcaster's own account speaks.
    pub bot_user_id: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            client_id: String::new(),
            client_secret: Secret::default(),
            webhook_secret: Secret::default(),
            api_url: "https://api.twitch.tv/helix".to_owned(),
            id_url: "https://id.twitch.tv/oauth2".to_owned(),
            eventsub_url: "wss://eventsub.wss.twitch.tv/ws".to_owned(),
            bot_user_id: None,
        }
    }
}

impl Settings {
    /// Who speaks in a broadcaster's channel.
    pub(super) fn speaker<'a>(&'a self, server: &'a str) -> &'a str {
        self.bot_user_id.as_deref().unwrap_or(server)
    }

    /// Whether a grant is the bot account's and no channel of its own.
    pub(super) fn is_bot(&self, server: &str) -> bool {
        self.bot_user_id.as_deref() == Some(server)
    }
}
