//! A unit of work: one transaction in which a change, its audit entries, its domain events and its
//! jobs commit together or not at all. Notices for the live bus go out only after the commit.

use std::sync::Arc;

use kernel::{Actor, Timestamp};

use crate::{
    Engine, StoreError, audit,
    event::Heard,
    generation::{Reach, Reached},
    writer::Transaction,
};

/// A wake-up for live listeners: «something changed under this topic, look in the database».
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Notice {
    /// E.g. `chat:7`.
    pub topic: String,
    /// A short hint, never the data itself.
    pub payload: String,
}

/// Told of every commit; the program connects it to the bus and to the job runner.
pub trait AfterCommit: Send + Sync {
    /// Called after the transaction is durable; must not block.
    fn committed(&self, notices: Vec<Notice>, jobs_enqueued: bool);
}

/// An open transaction. Dropping it rolls everything back.
#[must_use = "dropping a unit of work rolls it back"]
pub struct Work {
    tx: Transaction,
    engine: Engine,
    now: Timestamp,
    actor: String,
    audits: Vec<audit::Entry>,
    notices: Vec<Notice>,
    jobs_enqueued: bool,
    reached: Reached,
    after: Option<Arc<dyn AfterCommit>>,
    listener: Heard,
}

impl std::fmt::Debug for Work {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Work")
            .field("actor", &self.actor)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}

impl Work {
    pub(crate) fn new(
        tx: Transaction,
        engine: Engine,
        actor: &Actor,
        now: Timestamp,
        after: Option<Arc<dyn AfterCommit>>,
        listener: Heard,
    ) -> Self {
        Self {
            tx,
            engine,
            now,
            actor: actor.label(),
            audits: Vec::new(),
            notices: Vec::new(),
            jobs_enqueued: false,
            reached: Reached::default(),
            after,
            listener,
        }
    }

    /// Who hears of events.
    pub(crate) fn listener(&self) -> Heard {
        self.listener.clone()
    }

    /// The connection to read and write through.
    pub const fn conn(&self) -> &Transaction {
        &self.tx
    }

    /// Which engine this is, for the few statements whose text differs.
    pub const fn engine(&self) -> Engine {
        self.engine
    }

    /// The instant of this unit of work; the same for all its rows.
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// Adds an entry to the audit chain, written at commit.
    pub fn audit(&mut self, entry: audit::Entry) {
        self.audits.push(entry);
    }

    /// Wakes live listeners of a topic after the commit; repeated notices of one topic are sent once.
    pub fn notify(&mut self, topic: impl Into<String>, payload: impl Into<String>) {
        let notice = Notice {
            topic: topic.into(),
            payload: payload.into(),
        };
        if !self.notices.contains(&notice) {
            self.notices.push(notice);
        }
    }

    /// The same, having said what it changes: see [`Work::reaches`].
    pub fn reaching(mut self, reach: Reach) -> Self {
        self.reaches(reach);
        self
    }

    /// Says what the work changes of what kept answers show. The widest of what was said counts, and
    /// everything if nothing was said: say it only where it is often and certain.
    pub fn reaches(&mut self, reach: Reach) {
        self.reached.say(reach);
    }

    /// Remembers that a job was enqueued, so that the runner is woken after the commit.
    pub(crate) const fn wake_jobs(&mut self) {
        self.jobs_enqueued = true;
    }

    /// Writes the audit entries and commits; then tells the bus and the job runner.
    pub async fn commit(mut self) -> Result<(), StoreError> {
        let audits = std::mem::take(&mut self.audits);
        if !audits.is_empty() {
            audit::append(&self.tx, &self.actor, self.now, audits).await?;
        }
        self.reached.raise(&self.tx).await?;
        Box::pin(self.tx.commit()).await?;
        if let Some(after) = self.after {
            after.committed(self.notices, self.jobs_enqueued);
        }
        Ok(())
    }
}
