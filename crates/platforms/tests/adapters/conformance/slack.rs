//! Slack as a subject.

use std::{sync::Arc, time::Duration};

use contracts::Contract;
use hmac::{Hmac, KeyInit, Mac};
use kernel::{
    Address, ChatEvent, Clock, Connector, Courier, Grant, Heard, Platform, Timestamp, random,
};
use platforms::{Listener, Webhook};
use reqwest::header::HeaderMap;
use serde_json::json;
use sha2::Sha256;
use simulator::wire::{Exchange, Faults};

use super::subject::{Sent, Subject, Where, has_type, texts, until};
use crate::slack::world::{HandClock, World, world_with};

// As long as Slack's own: its contract looks at them.
const TEAM: &str = "T0DUCKS00";
const POND: &str = "C0POND000";
const ANN: &str = "U0ANN0000";

pub(super) struct Slack {
    world: World,
    clock: Arc<HandClock>,
}

fn sent(all: Vec<simulator::slack::Sent>) -> Vec<Sent> {
    let seen = ["text", "image_url", "url"];
    let all = all.into_iter().map(|sent| {
        let mut parts = vec![sent.text.clone()];
        parts.extend(texts(&sent.blocks, &seen));
        let in_text = ["<!", "<@", "<#"];
        Sent {
            id: format!("{}:{}:{}", sent.team, sent.channel, sent.ts),
            is_deleted: sent.is_deleted,
            wakes: in_text.iter().any(|mark| sent.text.contains(mark))
                || has_type(&sent.blocks, &["broadcast", "user", "usergroup"]),
            parts,
        }
    });
    all.collect()
}

impl Subject for Slack {
    const PLATFORM: Platform = Platform::Slack;
    const CHANNEL: &'static str = "pond";
    const SERVER: &'static str = "Ducks";
    const PERSON: &'static str = "Ann";
    const POSTING: &'static str = "chat.postMessage";
    const EDITS: bool = true;
    const KNOWS_NONCES: bool = false;
    const CONFIRMS_DIRECT: bool = true;
    const EXACT_TO: Duration = Duration::ZERO;
    const TEXT_MAX: usize = 13_000;
    const PRESSES: bool = true;
    const IS_LENT: bool = false;
    const LOGS: &'static str = "platforms::slack";
    const SIGNATURE: &'static str = "x-slack-signature";

    async fn start() -> Self {
        let clock = HandClock::new();
        let mut world = world_with(|options| {
            options.clock = clock.clone();
            let workspace = &mut options.workspaces[0];
            workspace.id = TEAM.to_owned();
            for (n, room) in workspace.channels.iter_mut().enumerate() {
                room.id = format!("C0POND00{n}");
            }
            workspace.members[0].id = ANN.to_owned();
        })
        .await;
        world.slack = world.at(clock.clone());
        // It stops with the test's runtime.
        let _listening = world.listen();
        until("a socket is open", || world.server.n_sockets() == 1).await;
        Self { world, clock }
    }

    fn contract() -> Option<Contract> {
        Contract::slack()
    }

    fn courier(&self) -> &dyn Courier {
        &self.world.slack
    }

    fn connector(&self) -> &dyn Connector {
        &self.world.slack
    }

    fn listener(&self) -> &dyn Listener {
        &self.world.slack
    }

    fn webhook(&self) -> &dyn Webhook {
        &self.world.slack
    }

    fn grant(&self) -> Grant {
        self.world.grants.get(TEAM)
    }

    fn now(&self) -> Timestamp {
        self.clock.now()
    }

    async fn pass(&self, time: Duration) {
        self.clock.pass(time);
        tokio::task::yield_now().await;
    }

    fn address(&self, to: Where) -> Address {
        let server = TEAM.to_owned();
        match to {
            Where::Channel => Address::Channel {
                server,
                channel: POND.to_owned(),
            },
            Where::Direct => Address::Direct {
                server,
                user: self.person(),
            },
        }
    }

    fn person(&self) -> String {
        ANN.to_owned()
    }

    fn mention(&self) -> String {
        format!("<@{ANN}>")
    }

    fn say(&self, text: &str) -> String {
        let ts = self.world.server.say(TEAM, POND, ANN, text).unwrap();
        format!("{TEAM}:{POND}:{ts}")
    }

    fn heard(&self) -> Vec<ChatEvent> {
        let all = self.world.ear.all().into_iter();
        all.filter_map(|heard| match heard {
            Heard::Event(event) => Some(event),
            _ => None,
        })
        .collect()
    }

    fn sent(&self) -> Vec<Sent> {
        sent(self.world.server.sent(POND))
    }

    fn told(&self) -> Vec<Sent> {
        let mut all = self.world.server.sent("");
        all.retain(|sent| sent.channel.starts_with('D'));
        sent(all)
    }

    async fn cut(&self, meanwhile: impl FnOnce()) {
        let n_opened = self.world.n_calls("apps.connections.open");
        assert_eq!(self.world.server.cut_sockets(), 1);
        meanwhile();
        until("there is a new socket", || {
            self.world.n_calls("apps.connections.open") > n_opened
                && self.world.server.n_sockets() == 1
        })
        .await;
    }

    fn revoke(&self) {
        self.world.server.revoke_token(TEAM);
    }

    fn report(&self) -> Option<String> {
        self.world.grants.reports().pop().and_then(|(_, why)| why)
    }

    fn faults(&self) -> Faults {
        self.world.server.faults()
    }

    fn exchanges(&self) -> Vec<Exchange> {
        self.world.server.exchanges().all()
    }

    fn secrets(&self) -> Vec<String> {
        let options = self.world.server.options();
        vec![
            options.app_token.clone(),
            options.client_secret.clone(),
            options.signing_secret.clone(),
            self.world.grants.token(TEAM),
            "ticket=".to_owned(),
        ]
    }

    fn request(&self) -> Vec<u8> {
        let now = self.now().secs();
        json!({
            "token": "t", "team_id": TEAM, "api_app_id": "A1", "type": "event_callback",
            "event_id": "Ev1", "event_time": now,
            "event": {
                "type": "message", "channel": POND, "user": ANN, "text": "hi",
                "ts": format!("{now}.000100"),
            },
        })
        .to_string()
        .into_bytes()
    }

    fn signed(&self, at: Timestamp, body: &[u8]) -> HeaderMap {
        let secret = &self.world.server.options().signing_secret;
        let at = at.secs().to_string();
        let mut mac = Hmac::<Sha256>::new_from_slice(secret.as_bytes()).unwrap();
        for part in [b"v0:", at.as_bytes(), b":", body] {
            mac.update(part);
        }
        let signature = format!("v0={}", random::hex(&mac.finalize().into_bytes()));
        let mut headers = HeaderMap::new();
        for (name, value) in [
            ("content-type", "application/json"),
            ("x-slack-request-timestamp", &at),
            (Self::SIGNATURE, &signature),
        ] {
            headers.insert(name, value.parse().unwrap());
        }
        headers
    }
}
