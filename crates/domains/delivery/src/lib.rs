//! What goes out: a message to a platform or a mailbox is queued once, in the transaction of the
//! change that asks for it, tried as often as its platform allows, and ends in a state that a person
//! can see with its reason.
//!
//! Invariants: the same key in one community is one delivery, however often it is posted; a try is
//! in the database before the platform is called, so that after a crash it is known to be unknown;
//! a wait that a platform asked for is no attempt; what is cancelled before its try is never sent.
//! Built on the job queue: one job per delivery, of the kind of its medium.
//!
//! Must never know: HTTP, a platform's wire format or its limits (that is the courier's), or who
//! wants a message and why.

mod carrier;
mod change;
mod error;
mod events;
mod personal;
pub mod policy;
mod post;
mod recorder;
mod retention;
mod store;
mod view;

use std::{sync::Arc, time::Duration};

use ::store::{Db, job::Handler};
use kernel::{Clock, Courier, Entropy, Medium};

pub use ::store::job::Priority;
pub use error::DeliveryError;
pub use events::FAILED;
pub use kernel::DeliveryId;
pub use personal::{Kept, PERSONAL};
pub use post::NewDelivery;
pub use retention::Tended;
pub use view::{AttemptOutcome, AttemptView, DeliveryFilter, DeliveryView, State};

use carrier::Carrier;
use recorder::Recorder;

/// Bounds of the service.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long finished deliveries stay visible before they are removed. 30 days.
    pub keep: Duration,
    /// How many calls may be under way at a time for each medium, beside all other jobs; at least
    /// 4. A quarter of them is kept free of bulk. 64.
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

/// The delivery service. Cheap to clone.
#[derive(Clone)]
pub struct Deliveries {
    db: Db,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    couriers: Arc<[Arc<dyn Courier>]>,
    recorder: Recorder,
    settings: Settings,
}

impl std::fmt::Debug for Deliveries {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Deliveries")
            .field("settings", &self.settings)
            .finish_non_exhaustive()
    }
}

impl Deliveries {
    /// The service over a migrated database, with at most one courier per medium; a medium without
    /// one is left to other processes. Must be called within a tokio runtime: it starts the task
    /// that writes attempts, which ends with the last clone.
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        couriers: Vec<Arc<dyn Courier>>,
        settings: Settings,
    ) -> Self {
        Self {
            recorder: Recorder::start(db.clone(), Arc::clone(&clock)),
            db,
            clock,
            entropy,
            couriers: couriers.into(),
            settings,
        }
    }

    /// The job handlers that carry deliveries out, one per courier.
    pub fn handlers(&self) -> Vec<Arc<dyn Handler>> {
        let carrier = |courier: &Arc<dyn Courier>| -> Arc<dyn Handler> {
            Arc::new(Carrier::new(
                self.db.clone(),
                Arc::clone(&self.clock),
                Arc::clone(&self.entropy),
                self.recorder.clone(),
                Arc::clone(courier),
                self.settings.at_a_time.max(4),
            ))
        };
        self.couriers.iter().map(carrier).collect()
    }

    /// How many transactions have begun and ended tries so far in this process: many tries share
    /// one.
    pub fn n_commits(&self) -> u64 {
        self.recorder.n_commits()
    }
}

/// The kind of the jobs of a medium.
const fn job_kind(medium: Medium) -> &'static str {
    match medium {
        Medium::Discord => "delivery.discord",
        Medium::Twitch => "delivery.twitch",
        Medium::Slack => "delivery.slack",
        Medium::Email => "delivery.email",
    }
}
