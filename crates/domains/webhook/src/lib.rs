//! Outgoing webhooks: the domain events of a community, signed and sent to the addresses that its
//! people chose, after the Standard Webhooks specification.
//!
//! Invariants: an event becomes a message for each webhook that wants it in the transaction that
//! records the event, so that none is lost and none is sent of what was rolled back; a message is
//! sent at least once, under the same id and with the same body in every try; one slow receiver
//! keeps no other waiting; secrets are sealed and shown once. Built on the job queue: one job per
//! message.
//!
//! Must never know: HTTP or which addresses may be called (that is the caller's), what the events
//! of other domains mean beyond the catalogue, another domain's tables. Must never log an address:
//! receivers put secrets into them.

mod carrier;
pub mod catalogue;
mod change;
mod endpoint;
mod error;
mod fan_out;
mod message;
mod personal;
pub mod policy;
mod replay;
mod seals;
mod secret;
mod store;
mod tend;
mod turns;

use std::{sync::Arc, time::Duration};

use ::store::{
    Db, KeyRing,
    event::Listener,
    job::{Handler, NewJob},
};
use kernel::{Clock, CommunityId, Entropy, HookCaller, HookMessageId, WebhookId};

pub use change::{MadeWebhook, NewWebhook, ROTATION, WEBHOOKS_MAX, WebhookChange};
pub use endpoint::{Webhook, WebhookReason, WebhookState};
pub use error::WebhookError;
pub use message::{Attempt, Message, MessageFilter, MessageState};
pub use personal::{Kept, PERSONAL};
pub use replay::REPLAYED_MAX;
pub use seals::Seals;
pub use secret::{signature, signed};
pub use tend::{SwitchedOff, Tended};

use carrier::Carrier;
use fan_out::FanOut;
use turns::Turns;

/// The kind of the jobs that send messages.
pub const JOB: &str = "webhook.send";

/// Bounds of the service.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long messages stay visible and can be sent again. 30 days.
    pub keep: Duration,
    /// How many calls may be under way at a time, beside all other jobs; at least 4. 64.
    pub at_a_time: usize,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            keep: Duration::from_secs(30 * 86_400),
            at_a_time: 64,
        }
    }
}

/// The webhook service. Cheap to clone.
#[derive(Clone)]
pub struct Webhooks {
    db: Db,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    keys: KeyRing,
    caller: Arc<dyn HookCaller>,
    settings: Settings,
}

impl std::fmt::Debug for Webhooks {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Webhooks")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Webhooks {
    /// The service over a migrated database; `keys` seal the secrets.
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        keys: KeyRing,
        caller: Arc<dyn HookCaller>,
        settings: Settings,
    ) -> Self {
        Self {
            db,
            clock,
            entropy,
            keys,
            caller,
            settings,
        }
    }

    /// What turns events into messages; the database is told of it.
    pub fn listener(&self) -> Arc<dyn Listener> {
        Arc::new(FanOut::new(Arc::clone(&self.entropy)))
    }

    /// The job handler that sends messages.
    pub fn handler(&self) -> Arc<dyn Handler> {
        Arc::new(Carrier::new(
            self.clone(),
            Turns::new(self.settings.at_a_time.max(4)),
        ))
    }
}

/// The job of a message; there is at most one open at a time.
fn job_for(message: HookMessageId, webhook: WebhookId, community: CommunityId) -> NewJob {
    let payload = serde_json::json!({ "message": message.0, "webhook": webhook.0 });
    // The handler itself sees to it that tries come to an end.
    NewJob::new(JOB, payload)
        .community(community)
        .unique(message.to_string())
        .max_attempts(i32::MAX)
}
