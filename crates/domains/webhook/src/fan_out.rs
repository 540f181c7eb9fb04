//! From an event to messages, in the transaction that records the event. Where no webhook is, it
//! costs one lookup. Never fails the change that it hears of because of what an event looks like.

use std::sync::Arc;

use ::store::{
    StoreError, Work,
    event::{Listener, Recorded},
    job,
};
use async_trait::async_trait;
use kernel::{CommunityId, Entropy, Timestamp, random};
use serde_json::{Value, json};

use crate::{Webhook, WebhookState, job_for, store as tables};

/// The largest body of a message, in bytes.
const BODY_MAX: usize = 64 * 1_024;

/// Turns events into messages.
pub(crate) struct FanOut {
    entropy: Arc<dyn Entropy>,
}

impl FanOut {
    pub(crate) fn new(entropy: Arc<dyn Entropy>) -> Self {
        Self { entropy }
    }
}

/// What the receiver knows a message by.
pub(crate) fn public_id(entropy: &dyn Entropy) -> String {
    format!("msg_{}", random::hex(&random::bytes::<16>(entropy)))
}

/// A body as it is sent.
pub(crate) fn body(kind: &str, at: Timestamp, data: &Value) -> String {
    json!({ "type": kind, "timestamp": at.to_string(), "data": data }).to_string()
}

fn bounded(event: &Recorded, community: CommunityId, at: Timestamp) -> String {
    let whole = body(event.event.kind, at, &event.event.payload);
    if whole.len() <= BODY_MAX {
        return whole;
    }
    tracing::error!(
        event.id = event.id,
        event.kind = event.event.kind,
        "an event is too large for webhooks: its data is left out"
    );
    body(event.event.kind, at, &json!({ "community": community.0 }))
}

#[async_trait]
impl Listener for FanOut {
    async fn heard(&self, work: &mut Work, events: &[Recorded]) -> Result<(), StoreError> {
        let mut communities: Vec<CommunityId> = events
            .iter()
            .filter_map(|heard| heard.event.community)
            .collect();
        communities.sort_unstable();
        communities.dedup();
        let webhooks = tables::webhook::listening(work.conn(), &communities).await?;
        if webhooks.is_empty() {
            return Ok(());
        }
        let now = work.now();
        let mut new = Vec::new();
        for heard in events {
            let wants = |webhook: &&Webhook| {
                Some(webhook.community) == heard.event.community && webhook.wants(heard.event.kind)
            };
            for webhook in webhooks.iter().filter(wants) {
                new.push(tables::message::New {
                    webhook: webhook.id,
                    community: webhook.community,
                    public_id: public_id(&*self.entropy),
                    kind: heard.event.kind,
                    event: Some(heard.id),
                    body: bounded(heard, webhook.community, now),
                    at: now,
                });
            }
        }
        let made = tables::message::insert(work.conn(), new).await?;
        let is_on = |id| {
            webhooks
                .iter()
                .any(|webhook| webhook.id == id && webhook.state == WebhookState::On)
        };
        let jobs = made
            .into_iter()
            .filter(|(_, webhook, _)| is_on(*webhook))
            .map(|(message, webhook, community)| job_for(message, webhook, community));
        job::enqueue_many(work, jobs.collect()).await?;
        Ok(())
    }
}
