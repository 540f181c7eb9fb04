//! The whole system as one value: the services, wired to one database, bus, clock and mailer. Faces
//! hold an `Arc<App>` and call services; they never see the database.
//!
//! Must never contain a rule: it wires, names operations and gathers what concerns the instance as
//! a whole (status, dead letters, outbox, audit log).

mod announcer;
mod entropy;
mod error;
mod instance;
pub mod jobs;
pub mod operations;
pub mod session;

use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use activity::Activity;
use community::Commands;
use engines::{Blobs, Bus, Mailer, OutboxMailer};
use identity::Identity;
use kernel::{Clock, CommandSpec, Entropy, Timestamp};
use store::{Db, job::Waker};
use tokio_util::sync::CancellationToken;

pub use entropy::SystemEntropy;
pub use error::AppError;
pub use instance::{Database, Dependency, OutboxLetter, Status};

/// What the program chose before anything can run.
pub struct Parts {
    /// An open, migrated database.
    pub db: Db,
    /// Live notices.
    pub bus: Arc<dyn Bus>,
    /// Files.
    pub blobs: Blobs,
    /// Outgoing mail.
    pub mailer: Arc<dyn Mailer>,
    /// The outbox directory, if mail goes there, so that it can be read in the dashboard.
    pub outbox: Option<OutboxMailer>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness, cryptographically secure.
    pub entropy: Arc<dyn Entropy>,
    /// Bounds of the activity service.
    pub activity: activity::Settings,
    /// The chat commands of the program; a process that runs none names them all the same, because
    /// pages show them.
    pub commands: Vec<CommandSpec>,
}

/// The system.
pub struct App {
    /// Who people are.
    pub identity: Identity,
    /// What happened in chat.
    pub activity: Activity,
    /// Which chat commands a community has.
    pub commands: Commands,
    /// Time, for faces that show «3 minutes ago».
    pub clock: Arc<dyn Clock>,
    /// Randomness, for request ids.
    pub entropy: Arc<dyn Entropy>,
    /// Cancelled when the program stops: long connections end then.
    pub stop: CancellationToken,
    db: Db,
    bus: Arc<dyn Bus>,
    blobs: Blobs,
    mailer: Arc<dyn Mailer>,
    outbox: Option<OutboxMailer>,
    waker: Waker,
    backlog: Arc<AtomicUsize>,
    started_at: Timestamp,
}

impl std::fmt::Debug for App {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("App")
            .field("db", &self.db)
            .field("started_at", &self.started_at)
            .finish_non_exhaustive()
    }
}

impl App {
    /// Wires the services. Must be called within a tokio runtime: it starts the task that publishes
    /// notices after commits.
    pub fn new(parts: Parts) -> Arc<Self> {
        let Parts {
            db,
            bus,
            blobs,
            mailer,
            outbox,
            clock,
            entropy,
            activity,
            commands,
        } = parts;
        let stop = CancellationToken::new();
        let waker = Waker::default();
        db.after_commit(announcer::start(
            Arc::clone(&bus),
            waker.clone(),
            stop.clone(),
        ));
        let identity = Identity::new(db.clone(), Arc::clone(&clock), Arc::clone(&entropy));
        let activity = Activity::new(
            db.clone(),
            Arc::clone(&clock),
            identity.clone(),
            Arc::clone(&bus),
            activity,
        );
        let commands = Commands::new(db.clone(), Arc::clone(&clock), commands);
        Arc::new(Self {
            identity,
            activity,
            commands,
            started_at: clock.now(),
            clock,
            entropy,
            stop,
            db,
            bus,
            blobs,
            mailer,
            outbox,
            waker,
            backlog: Arc::default(),
        })
    }

    /// The database, for the ingest pipeline and the program; not for faces.
    pub const fn db(&self) -> &Db {
        &self.db
    }

    /// How many events wait to be recorded in this process. The pipeline writes it, status and
    /// metrics read it.
    pub const fn backlog(&self) -> &Arc<AtomicUsize> {
        &self.backlog
    }

    /// When this process began.
    pub const fn started_at(&self) -> Timestamp {
        self.started_at
    }

    fn backlog_now(&self) -> u64 {
        u64::try_from(self.backlog.load(Ordering::Relaxed)).unwrap_or(u64::MAX)
    }
}
