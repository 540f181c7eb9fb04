//! Twitch as a subject.

use std::{sync::Arc, time::Duration};

use contracts::Contract;
use hmac::{Hmac, KeyInit, Mac};
use kernel::{Address, ChatEvent, Clock, Connector, Courier, Grant, Platform, Timestamp, random};
use platforms::{
    Listener, Webhook,
    twitch::{TwitchConnector, TwitchWebhook},
};
use reqwest::header::HeaderMap;
use serde_json::json;
use sha2::Sha256;
use simulator::{
    twitch::Twitch as Server,
    wire::{Exchange, Faults},
};

use super::subject::{LONG, Sent, Subject, Where};
use crate::twitch::world::{DUCKS, WEBHOOK_SECRET, World, chat, direct};

pub(super) struct Twitch {
    world: World,
    listener: Arc<dyn Listener>,
    connector: Arc<TwitchConnector>,
    webhook: Arc<TwitchWebhook>,
}

/// Whether a line is a command, or names somebody.
fn wakes(text: &str) -> bool {
    let names = text.match_indices('@').any(|(at, _)| {
        let is_name = |c: char| c.is_ascii_alphanumeric() || c == '_';
        !text[..at].ends_with(is_name) && text[at + 1..].starts_with(is_name)
    });
    names || text.starts_with(['/', '.'])
}

impl Subject for Twitch {
    const PLATFORM: Platform = Platform::Twitch;
    const CHANNEL: &'static str = "ducks";
    const SERVER: &'static str = "ducks";
    const PERSON: &'static str = "ann";
    const POSTING: &'static str = "/chat/messages";
    const EDITS: bool = false;
    const KNOWS_NONCES: bool = false;
    const CONFIRMS_DIRECT: bool = false;
    const EXACT_TO: Duration = Duration::from_secs(1);
    const TEXT_MAX: usize = 500;
    const PRESSES: bool = false;
    const IS_LENT: bool = true;
    const LOGS: &'static str = "platforms::twitch";
    const SIGNATURE: &'static str = "twitch-eventsub-message-signature";

    async fn start() -> Self {
        let world = World::with(|options| options.keeps_undelivered = true, |_| {}).await;
        let listener = world.listen(1).await;
        Self {
            listener,
            connector: world.twitch.connector(),
            webhook: world.twitch.webhook(),
            world,
        }
    }

    fn contract() -> Option<Contract> {
        Contract::twitch()
    }

    fn courier(&self) -> &dyn Courier {
        &*self.world.courier
    }

    fn connector(&self) -> &dyn Connector {
        &*self.connector
    }

    fn listener(&self) -> &dyn Listener {
        &*self.listener
    }

    fn webhook(&self) -> &dyn Webhook {
        &*self.webhook
    }

    fn grant(&self) -> Grant {
        self.world.grants.get(DUCKS)
    }

    fn now(&self) -> Timestamp {
        self.world.clock.now()
    }

    async fn pass(&self, time: Duration) {
        self.world.clock.pass(time);
        tokio::task::yield_now().await;
    }

    fn address(&self, to: Where) -> Address {
        match to {
            Where::Channel => chat(DUCKS),
            Where::Direct => direct(DUCKS, &self.person()),
        }
    }

    fn person(&self) -> String {
        self.world.server.user("ann")
    }

    fn mention(&self) -> String {
        "@ann".to_owned()
    }

    fn say(&self, text: &str) -> String {
        self.world.server.say(DUCKS, "ann", text)
    }

    fn heard(&self) -> Vec<ChatEvent> {
        self.world.ears.all()
    }

    fn sent(&self) -> Vec<Sent> {
        let all = self.world.server.sent(DUCKS).into_iter();
        all.map(|sent| Sent {
            id: sent.id,
            is_deleted: sent.is_deleted,
            wakes: wakes(&sent.text),
            parts: vec![sent.text],
        })
        .collect()
    }

    fn told(&self) -> Vec<Sent> {
        let person = self.person();
        let all = self.world.server.whispers().into_iter();
        all.filter(|whisper| whisper.to == person && whisper.has_arrived)
            .map(|whisper| Sent {
                id: String::new(),
                is_deleted: false,
                wakes: wakes(&whisper.text),
                parts: vec![whisper.text],
            })
            .collect()
    }

    async fn cut(&self, meanwhile: impl FnOnce()) {
        let opened = self.world.server.n_opened();
        self.world.server.cut_sockets();
        meanwhile();
        let is_back = |server: &Server| {
            server.n_opened() > opened && server.n_subscriptions() == 10 && server.n_sockets() == 1
        };
        assert!(
            self.world.server.wait_for(is_back, LONG).await,
            "it listens again"
        );
    }

    fn revoke(&self) {
        self.world.server.revoke_token(DUCKS);
    }

    fn report(&self) -> Option<String> {
        self.world.grants.report_of(DUCKS)
    }

    fn faults(&self) -> Faults {
        self.world.server.faults().clone()
    }

    fn exchanges(&self) -> Vec<Exchange> {
        self.world.server.exchanges()
    }

    fn secrets(&self) -> Vec<String> {
        vec![
            self.world.tokens.access.clone(),
            self.world.tokens.refresh.clone(),
            self.world.server.client_secret().to_owned(),
            WEBHOOK_SECRET.to_owned(),
        ]
    }

    fn request(&self) -> Vec<u8> {
        json!({
            "subscription": {
                "id": "s", "status": "enabled", "type": "channel.follow", "version": "2", "cost": 0,
                "condition": { "broadcaster_user_id": DUCKS, "moderator_user_id": DUCKS },
                "transport": {
                    "method": "webhook", "callback": "https://bot.example.org/hooks/twitch",
                },
                "created_at": "2026-11-27T05:00:00Z",
            },
            "event": {
                "user_id": "7", "user_login": "ann", "user_name": "Ann",
                "broadcaster_user_id": DUCKS, "broadcaster_user_login": "ducks",
                "broadcaster_user_name": "Ducks", "followed_at": "2026-11-27T05:59:59Z",
            },
        })
        .to_string()
        .into_bytes()
    }

    fn signed(&self, at: Timestamp, body: &[u8]) -> HeaderMap {
        let (id, stamp) = ("m1", at.to_string());
        let mut mac = Hmac::<Sha256>::new_from_slice(WEBHOOK_SECRET.as_bytes()).unwrap();
        for part in [id.as_bytes(), stamp.as_bytes(), body] {
            mac.update(part);
        }
        let signature = format!("sha256={}", random::hex(&mac.finalize().into_bytes()));
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("twitch-eventsub-message-id", id),
            ("twitch-eventsub-message-timestamp", &stamp),
            ("twitch-eventsub-message-type", "notification"),
            (Self::SIGNATURE, &signature),
            ("twitch-eventsub-subscription-type", "channel.follow"),
            ("twitch-eventsub-subscription-version", "2"),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        headers
    }
}
