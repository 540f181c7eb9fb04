//! Discord as a subject.

use std::time::Duration;

use contracts::Contract;
use ed25519_dalek::{Signer, SigningKey};
use kernel::{
    Address, ChatEvent, Clock, Connector, Courier, Grant, Heard, Platform, Secret, SystemClock,
    Timestamp, random,
};
use platforms::{Listener, Webhook};
use reqwest::header::HeaderMap;
use serde_json::json;
use sha2::{Digest, Sha256};
use simulator::wire::{Exchange, Faults};

use super::subject::{LONG, Sent, Subject, Where, texts};
use crate::discord::rig::{ANN, CHANNEL, GUILD, Rig, options};

pub(super) struct Discord {
    rig: Rig,
}

fn sent(all: Vec<simulator::discord::Sent>) -> Vec<Sent> {
    let seen = ["title", "description", "name", "value", "label", "url"];
    let all = all.into_iter().map(|sent| {
        let mut parts = vec![sent.content.clone()];
        parts.extend(texts(&sent.embeds, &seen));
        parts.extend(texts(&sent.components, &seen));
        Sent {
            id: sent.id.to_string(),
            parts,
            is_deleted: sent.is_deleted,
            // Whoever is not allowed is not notified, whatever the text says.
            wakes: sent.allowed_mentions != json!({ "parse": [] }),
        }
    });
    all.collect()
}

impl Subject for Discord {
    const PLATFORM: Platform = Platform::Discord;
    const CHANNEL: &'static str = "general";
    const SERVER: &'static str = "Pond";
    const PERSON: &'static str = "ann";
    const POSTING: &'static str = "/messages";
    const EDITS: bool = true;
    const KNOWS_NONCES: bool = true;
    const CONFIRMS_DIRECT: bool = true;
    const EXACT_TO: Duration = Duration::ZERO;
    const TEXT_MAX: usize = 4_096;
    const PRESSES: bool = true;
    const IS_LENT: bool = false;
    const LOGS: &'static str = "twilight_gateway";
    const SIGNATURE: &'static str = "x-signature-ed25519";

    async fn start() -> Self {
        Self {
            // Long enough for everything that answers at all.
            rig: Rig::listening_with(options(), |settings| {
                settings.answer_within = Duration::from_secs(4);
            })
            .await,
        }
    }

    fn contract() -> Option<Contract> {
        Contract::discord()
    }

    fn courier(&self) -> &dyn Courier {
        &*self.rig.discord
    }

    fn connector(&self) -> &dyn Connector {
        &*self.rig.discord
    }

    fn listener(&self) -> &dyn Listener {
        &*self.rig.discord
    }

    fn webhook(&self) -> &dyn Webhook {
        &*self.rig.discord
    }

    fn grant(&self) -> Grant {
        Grant {
            platform: Platform::Discord,
            server: GUILD.to_string(),
            account: self.rig.server.application().to_string(),
            access: Secret::default(),
            refresh: None,
            expires_at: None,
            scopes: Vec::new(),
        }
    }

    fn now(&self) -> Timestamp {
        SystemClock.now()
    }

    async fn pass(&self, time: Duration) {
        tokio::time::sleep(time).await;
    }

    fn address(&self, to: Where) -> Address {
        let server = GUILD.to_string();
        match to {
            Where::Channel => Address::Channel {
                server,
                channel: CHANNEL.to_string(),
            },
            Where::Direct => Address::Direct {
                server,
                user: ANN.to_string(),
            },
        }
    }

    fn person(&self) -> String {
        ANN.to_string()
    }

    fn mention(&self) -> String {
        format!("<@{ANN}>")
    }

    fn say(&self, text: &str) -> String {
        self.rig.server.say(GUILD, CHANNEL, ANN, text).to_string()
    }

    fn heard(&self) -> Vec<ChatEvent> {
        let all = self.rig.notes.all().into_iter();
        all.filter_map(|heard| match heard {
            Heard::Event(event) => Some(event),
            _ => None,
        })
        .collect()
    }

    fn sent(&self) -> Vec<Sent> {
        sent(self.rig.server.sent(CHANNEL))
    }

    fn told(&self) -> Vec<Sent> {
        sent(self.rig.server.sent_to(ANN))
    }

    async fn cut(&self, meanwhile: impl FnOnce()) {
        let (_, _, before) = self.rig.server.gateway_counts();
        self.rig.server.cut_gateways();
        meanwhile();
        let is_back = self.rig.server.wait_for(
            |server| (server.gateway_counts().2 > before).then_some(()),
            LONG,
        );
        is_back.await.expect("it listens again");
    }

    fn revoke(&self) {
        self.rig.server.set_token("another");
    }

    fn report(&self) -> Option<String> {
        // Its token is a setting: there is no connection to report about.
        None
    }

    fn faults(&self) -> Faults {
        self.rig.server.faults().clone()
    }

    fn exchanges(&self) -> Vec<Exchange> {
        self.rig.server.exchanges().all()
    }

    fn secrets(&self) -> Vec<String> {
        let server = &self.rig.server;
        vec![options().token, server.client_secret().to_owned()]
    }

    fn request(&self) -> Vec<u8> {
        json!({
            "id": "900000000000000001", "type": 3, "token": "tok", "version": 1,
            "guild_id": GUILD.to_string(), "channel_id": CHANNEL.to_string(),
            "application_id": self.rig.server.application().to_string(),
            "member": {
                "user": { "id": ANN.to_string(), "username": "ann" },
                "roles": [], "permissions": "8",
            },
            "data": { "custom_id": "calendar:rsvp:7", "component_type": 2 },
            "message": { "id": "900000000000000002" },
        })
        .to_string()
        .into_bytes()
    }

    fn signed(&self, at: Timestamp, body: &[u8]) -> HeaderMap {
        // As the simulator makes its key.
        let seed = Sha256::digest(self.rig.server.client_secret().as_bytes());
        let key = SigningKey::from_bytes(&seed.into());
        assert_eq!(
            random::hex(key.verifying_key().as_bytes()),
            self.rig.server.public_key()
        );
        let timestamp = at.secs().to_string();
        let signature = key.sign(&[timestamp.as_bytes(), body].concat());
        let mut headers = HeaderMap::new();
        headers.insert("x-signature-timestamp", timestamp.parse().unwrap());
        let signature = random::hex(&signature.to_bytes());
        headers.insert(Self::SIGNATURE, signature.parse().unwrap());
        headers
    }
}
