//! What a platform must offer to be held against the promises of all adapters: its simulator with a
//! server and a channel, and the adapter over it.
//!
//! Must never say which promise is kept how: that a platform cannot do something is a constant here,
//! and the promises are in `conformance`.

use std::time::Duration;

use contracts::Contract;
use kernel::{
    Act, Address, CarryError, ChatEvent, Connector, Courier, Draft, EventKind, Grant, Haste,
    Medium, Mentions, Order, Platform, Receipt, Timestamp, Turn,
};
use platforms::{Listener, Webhook};
use reqwest::header::HeaderMap;
use serde_json::Value;
use simulator::wire::{Exchange, Faults};

/// Longer than anything takes that works.
pub(super) const LONG: Duration = Duration::from_secs(20);
/// What every injected body contains, so that it is not taken for the platform's own.
pub(super) const SPOILT: &str = "spoilt-by-the-test";

/// Where to.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Where {
    /// The channel.
    Channel,
    /// The person, alone.
    Direct,
}

/// A message of ours as the simulator has it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Sent {
    /// As a receipt names it.
    pub(super) id: String,
    /// All that a reader sees, part by part: text, title, fields, labels, addresses.
    pub(super) parts: Vec<String>,
    /// Whether it was taken away.
    pub(super) is_deleted: bool,
    /// Whether the platform notifies somebody of it, by its own rules, or takes it for a command.
    pub(super) wakes: bool,
}

impl Sent {
    /// Whether a reader sees this somewhere.
    pub(super) fn shows(&self, text: &str) -> bool {
        self.parts.iter().any(|part| part.contains(text))
    }
}

/// A platform under test: one server, one channel, one person in it.
pub(super) trait Subject: Sized {
    const PLATFORM: Platform;
    /// What the channel is called.
    const CHANNEL: &'static str;
    /// What the server is called.
    const SERVER: &'static str;
    /// What the person is called.
    const PERSON: &'static str;
    /// A part of the path of a request that posts into the channel.
    const POSTING: &'static str;
    /// Whether a message can be changed.
    const EDITS: bool;
    /// Whether the same order twice is said once.
    const KNOWS_NONCES: bool;
    /// Whether a receipt of a private message is sure.
    const CONFIRMS_DIRECT: bool;
    /// How exactly the platform says how long to wait.
    const EXACT_TO: Duration;
    /// The longest part of a message that is text, counted in characters.
    const TEXT_MAX: usize;
    /// Whether buttons that come back to us exist.
    const PRESSES: bool;
    /// Whether we speak with a person's account.
    const IS_LENT: bool;
    /// Who logs while the adapter works.
    const LOGS: &'static str;

    /// The simulator and the adapter, which listens.
    async fn start() -> Self;
    /// The contract that the platform publishes.
    fn contract() -> Option<Contract>;

    fn courier(&self) -> &dyn Courier;
    fn connector(&self) -> &dyn Connector;
    fn listener(&self) -> &dyn Listener;
    fn webhook(&self) -> &dyn Webhook;
    fn grant(&self) -> Grant;
    fn now(&self) -> Timestamp;
    /// Lets time pass for the adapter.
    async fn pass(&self, time: Duration);

    fn address(&self, to: Where) -> Address;
    /// Who the person is on the platform.
    fn person(&self) -> String;
    /// A text that names the person in the platform's own form.
    fn mention(&self) -> String;
    /// The person says something; answers the id under which it must be heard.
    fn say(&self, text: &str) -> String;
    /// All that was heard from chat.
    fn heard(&self) -> Vec<ChatEvent>;
    /// What was sent into the channel.
    fn sent(&self) -> Vec<Sent>;
    /// What was sent to the person alone.
    fn told(&self) -> Vec<Sent>;

    /// Cuts what the adapter listens on, does something, and waits until it listens again.
    async fn cut(&self, meanwhile: impl FnOnce());
    /// The platform takes the token back.
    fn revoke(&self);
    /// What was told about the connection, last.
    fn report(&self) -> Option<String>;
    fn faults(&self) -> Faults;
    fn exchanges(&self) -> Vec<Exchange>;
    /// What must never be in a log.
    fn secrets(&self) -> Vec<String>;

    /// A request of the platform that tells of one thing that happened.
    fn request(&self) -> Vec<u8>;
    /// The headers of a request, signed.
    fn signed(&self, at: Timestamp, body: &[u8]) -> HeaderMap;
    /// The header with the signature.
    const SIGNATURE: &'static str;

    /// An order.
    fn order(&self, to: Where, draft: Draft, nonce: &str) -> Order {
        Order {
            medium: Medium::of(Self::PLATFORM).unwrap(),
            address: self.address(to),
            act: Act::Post,
            draft,
            reply_to: None,
            mentions: Mentions::Nobody,
            nonce: nonce.into(),
        }
    }

    /// A text into the channel.
    fn text(&self, text: &str, nonce: &str) -> Order {
        self.order(Where::Channel, Draft::text(text), nonce)
    }

    /// Carries as the delivery does, obeying every wait.
    async fn carry(&self, order: &Order) -> Result<Receipt, CarryError> {
        let carried = async {
            loop {
                match self.courier().turn(order, Haste::Line)? {
                    Turn::Now => return self.courier().carry(order).await,
                    Turn::In(after) => self.pass(after).await,
                }
            }
        };
        tokio::time::timeout(LONG, carried)
            .await
            .expect("it is carried or not")
    }

    /// The texts that were heard, with their ids, whoever said them.
    fn messages(&self) -> Vec<(String, String)> {
        let all = self.heard().into_iter();
        all.filter_map(|event| match event.kind {
            EventKind::Message(said) => Some((event.event_id, said.text)),
            _ => None,
        })
        .collect()
    }

    /// Holds every exchange against the platform's contract. Where the test spoilt the answer or there
    /// was none, the request alone.
    fn is_in_order(&self, contract: Option<&Contract>) {
        let Some(contract) = contract else { return };
        let exchanges = self.exchanges();
        let report = contract.check_all(exchanges.iter().map(|made| {
            let reply = String::from_utf8_lossy(&made.reply);
            contracts::Exchange {
                method: &made.method,
                path: &made.path,
                query: made.query.as_deref(),
                content_type: made.content_type.as_deref(),
                body: &made.body,
                status: if reply.contains(SPOILT) {
                    0
                } else {
                    made.status
                },
                reply: &made.reply,
            }
        }));
        assert!(report.is_clean(), "{report}");
        assert!(report.n_checked > 0, "{report}");
    }
}

/// Waits until something is so.
pub(super) async fn until(what: &str, mut is_so: impl FnMut() -> bool) {
    let waiting = async {
        let mut tick = tokio::time::interval(Duration::from_millis(3));
        while !is_so() {
            tick.tick().await;
        }
    };
    let waited = tokio::time::timeout(LONG, waiting).await;
    waited.unwrap_or_else(|_| panic!("never: {what}"));
}

/// Every text in a piece of JSON that stands under one of these names.
pub(super) fn texts(value: &Value, names: &[&str]) -> Vec<String> {
    let mut found = Vec::new();
    match value {
        Value::Array(all) => all.iter().for_each(|one| found.extend(texts(one, names))),
        Value::Object(map) => {
            for (name, one) in map {
                match one {
                    Value::String(text) if names.contains(&name.as_str()) => {
                        found.push(text.clone());
                    }
                    other => found.extend(texts(other, names)),
                }
            }
        }
        _ => {}
    }
    found
}

/// Whether some object in a piece of JSON is of one of these types.
pub(super) fn has_type(value: &Value, kinds: &[&str]) -> bool {
    match value {
        Value::Array(all) => all.iter().any(|one| has_type(one, kinds)),
        Value::Object(map) => {
            map.get("type")
                .and_then(Value::as_str)
                .is_some_and(|kind| kinds.contains(&kind))
                || map.values().any(|one| has_type(one, kinds))
        }
        _ => false,
    }
}
