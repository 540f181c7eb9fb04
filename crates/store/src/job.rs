//! The job queue on the store: work that must happen, later or elsewhere, written in the same
//! transaction as the change that asks for it.
//!
//! A job's life: *waiting* until it is due, *ready*, *leased* by a worker, then *done*, *dead* (gave
//! up; kept until a person replays or discards it), *expired* (too late to be useful) or *discarded*.
//! A job is run at least once; its effects in this database happen exactly once if the handler
//! completes it in its own unit of work ([`Claimed::complete_in`]). Every terminal state is visible.
//!
//! Must never: hold a database transaction while a handler runs, lose a job, or know what one does.

mod claim;
pub mod cron;
mod dead;
mod room;
mod runner;
mod settle;
mod share;
mod tend;

use kernel::{CommunityId, JobId, Timestamp};
use sea_orm::{ConnectionTrait, Value};

use crate::{StoreError, Work, sql};

pub use claim::{Claimed, Lease, Queue};
pub use cron::{CatchUp, CronEntry, CronError};
pub use dead::{
    Count, DeadLetter, Replay, dead_keys, dead_letters, discard, replay, stats, withdraw,
};
pub use room::Room;
pub use runner::{Handler, Outcome, Runner, Waker};
pub use settle::{JobError, Ruling, Settled, backoff, rule};
pub use tend::{KEEP, prune};

/// Who goes first when not everybody can: a lower priority is claimed only when no job of a higher
/// one can be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Priority {
    /// Worthless when late.
    Reminder,
    /// Somebody is looking at the screen.
    Interactive,
    /// Keeps things in step; the default.
    Sync,
    /// Large amounts: broadcasts.
    Bulk,
    /// History; may take days.
    Backfill,
}

impl Priority {
    /// Every priority, first served first.
    pub const ALL: [Self; 5] = [
        Self::Reminder,
        Self::Interactive,
        Self::Sync,
        Self::Bulk,
        Self::Backfill,
    ];

    /// The number stored in the database. Never renumber.
    pub const fn code(self) -> i16 {
        match self {
            Self::Reminder => 0,
            Self::Interactive => 1,
            Self::Sync => 2,
            Self::Bulk => 3,
            Self::Backfill => 4,
        }
    }

    /// The priority of a stored number; the last one if a newer program wrote it.
    pub fn from_code(code: i16) -> Self {
        Self::ALL
            .into_iter()
            .find(|priority| priority.code() == code)
            .unwrap_or(Self::Backfill)
    }
}

/// Where a job is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum State {
    /// Not due yet.
    Waiting,
    /// Due.
    Ready,
    /// A worker has it.
    Leased,
    /// Finished.
    Done,
    /// Gave up; waits for a person.
    Dead,
    /// Its `not_after` passed before it could run.
    Expired,
    /// A person gave it up.
    Discarded,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 7] = [
        Self::Waiting,
        Self::Ready,
        Self::Leased,
        Self::Done,
        Self::Dead,
        Self::Expired,
        Self::Discarded,
    ];

    /// The number stored in the database, which the statements of this module spell out. Never
    /// renumber.
    pub const fn code(self) -> i16 {
        match self {
            Self::Waiting => 0,
            Self::Ready => 1,
            Self::Leased => 2,
            Self::Done => 3,
            Self::Dead => 4,
            Self::Expired => 5,
            Self::Discarded => 6,
        }
    }

    /// The state of a stored number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// The lower-case name, for metrics and the status page.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Ready => "ready",
            Self::Leased => "leased",
            Self::Done => "done",
            Self::Dead => "dead",
            Self::Expired => "expired",
            Self::Discarded => "discarded",
        }
    }
}

/// How often a job is tried unless it says otherwise.
pub const MAX_ATTEMPTS: i32 = 20;

/// A job to enqueue.
#[derive(Debug, Clone)]
pub struct NewJob {
    /// Which handler runs it.
    pub kind: &'static str,
    /// JSON given to the handler.
    pub payload: serde_json::Value,
    /// The community it is done for; communities are served in turn.
    pub community: Option<CommunityId>,
    /// At most one open (waiting, ready or leased) job of a kind has this key.
    pub unique_key: Option<String>,
    /// Not before; `None` = now.
    pub due_at: Option<Timestamp>,
    /// Useless after; it then expires instead of running.
    pub not_after: Option<Timestamp>,
    /// Who goes first.
    pub priority: Priority,
    /// Dead after so many attempts, at least 1.
    pub max_attempts: i32,
}

impl NewJob {
    /// A job due now, of priority [`Priority::Sync`], tried up to [`MAX_ATTEMPTS`] times.
    pub const fn new(kind: &'static str, payload: serde_json::Value) -> Self {
        Self {
            kind,
            payload,
            community: None,
            unique_key: None,
            due_at: None,
            not_after: None,
            priority: Priority::Sync,
            max_attempts: MAX_ATTEMPTS,
        }
    }

    /// Done for a community.
    #[must_use]
    pub const fn community(mut self, community: CommunityId) -> Self {
        self.community = Some(community);
        self
    }

    /// Enqueued only if no open job of this kind has the same key.
    #[must_use]
    pub fn unique(mut self, key: impl Into<String>) -> Self {
        self.unique_key = Some(key.into());
        self
    }

    /// Not before this instant.
    #[must_use]
    pub const fn due_at(mut self, at: Timestamp) -> Self {
        self.due_at = Some(at);
        self
    }

    /// Useless after this instant.
    #[must_use]
    pub const fn not_after(mut self, at: Timestamp) -> Self {
        self.not_after = Some(at);
        self
    }

    /// Of this priority.
    #[must_use]
    pub const fn priority(mut self, priority: Priority) -> Self {
        self.priority = priority;
        self
    }

    /// Dead after so many attempts.
    #[must_use]
    pub const fn max_attempts(mut self, attempts: i32) -> Self {
        self.max_attempts = attempts;
        self
    }
}

impl Work {
    /// Enqueues a job in this transaction; `None` if an open job of its kind has the same unique key.
    pub async fn enqueue(&mut self, job: NewJob) -> Result<Option<JobId>, StoreError> {
        Ok(enqueue_many(self, vec![job]).await?.into_iter().next())
    }
}

/// Enqueues many jobs in the transaction, in few statements; answers the ids of those that were
/// enqueued, in no particular order: a job whose unique key is taken, by an open job or by an
/// earlier one of the list, is left out.
pub async fn enqueue_many(work: &mut Work, jobs: Vec<NewJob>) -> Result<Vec<JobId>, StoreError> {
    let now = work.now();
    let rows = jobs
        .into_iter()
        .map(|job| row(job.kind, job, now))
        .collect();
    let ids = insert(work.conn(), rows).await?;
    if !ids.is_empty() {
        work.wake_jobs();
    }
    Ok(ids)
}

/// The row of a job; `kind` apart, because a cron entry's is read from the database.
fn row(kind: &str, job: NewJob, now: Timestamp) -> Vec<Value> {
    let due_at = job.due_at.unwrap_or(now);
    let state = if due_at <= now {
        State::Ready
    } else {
        State::Waiting
    };
    vec![
        kind.into(),
        job.payload.to_string().into(),
        job.unique_key.into(),
        job.community.map(|id| id.0).into(),
        job.community.map_or(0, |id| id.0).into(),
        job.priority.code().into(),
        state.code().into(),
        due_at.0.into(),
        job.not_after.map(|at| at.0).into(),
        0_i32.into(),
        job.max_attempts.max(1).into(),
        0_i32.into(),
        0_i64.into(),
        now.0.into(),
    ]
}

async fn insert(
    conn: &impl ConnectionTrait,
    rows: Vec<Vec<Value>>,
) -> Result<Vec<JobId>, StoreError> {
    let inserted = sql::insert_returning(
        conn,
        "INSERT INTO job (kind, payload, unique_key, community_id, lane, priority, state, due_at, not_after, \
         attempt, max_attempts, crashes, fence, created_at)",
        rows,
        " ON CONFLICT (kind, unique_key) WHERE state < 3 AND unique_key IS NOT NULL DO NOTHING RETURNING id",
    )
    .await?;
    Ok(inserted
        .iter()
        .map(|row| row.try_get_by_index(0).map(JobId))
        .collect::<Result<_, _>>()?)
}
