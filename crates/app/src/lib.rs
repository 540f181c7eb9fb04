//! The whole system as one value: the services, wired to one database, bus, clock and mailer. Faces
//! hold an `Arc<App>` and call services; they never see the database.
//!
//! Must never contain a rule: it wires, names operations and gathers what concerns the instance as
//! a whole (status, dead letters, outbox, audit log).

mod allowance;
mod announcer;
mod answers;
pub mod api_usage;
mod bot_feed;
mod bot_watch;
pub mod caller;
mod connect;
mod email;
mod entropy;
mod error;
mod instance;
pub mod jobs;
mod moderators;
mod notice;
pub mod operations;
pub mod origin;
pub mod privacy;
mod roles;
mod say;
mod scoring;
mod seals;
pub mod session;
mod sign_in;
mod slash;
mod stage;
mod tokens;
mod webhooks;

use std::sync::{
    Arc, OnceLock,
    atomic::{AtomicUsize, Ordering},
};

use activity::Activity;
use bots::Bots;
use community::Commands;
use delivery::Deliveries;
use engines::{Blobs, Bus, Cache, Mailer, Meter, OutboxMailer};
use identity::{Identity, PasskeySite, StoredGrants};
use kernel::{
    Clock, CommandSpec, Connector, Courier, Entropy, HookCaller, Provider, Timestamp, Tracker,
};
use store::{Db, KeyRing, job::Waker};
use tokio_util::sync::CancellationToken;
use webhook::Webhooks;

pub use allowance::{ALLOWANCE_WINDOW, Allowance, Payer};
pub use bot_feed::BotScoreFeed;
pub use bot_watch::{CaseFeed, TrainingFeed};
pub use caller::{Caller, Credential};
pub use connect::{Answer, Completed, ConnectionChanges};
pub use entropy::SystemEntropy;
pub use error::AppError;
pub use instance::{Database, Dependency, OutboxLetter, Status};
pub use moderators::{ChosenChannel, has_private_channels};
pub use say::Saying;
pub use seals::{check_seals, missing_key, reseal};
pub use sign_in::{Outcome, Returned};
pub use stage::{Company, Player, Room, Stage, TEXT_MAX};

/// What checking the audit log brings.
pub use store::audit::Verdict as AuditVerdict;

/// What the program chose before anything can run.
pub struct Parts {
    /// An open, migrated database.
    pub db: Db,
    /// Live notices.
    pub bus: Arc<dyn Bus>,
    /// Answers that faces keep for a while.
    pub cache: Arc<dyn Cache>,
    /// What callers used of their allowances.
    pub meter: Arc<dyn Meter>,
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
    /// The keys that seal tokens of platforms.
    pub keys: KeyRing,
    /// What installs us on platforms, at most one for each; empty where none is set up.
    pub connectors: Vec<Arc<dyn Connector>>,
    /// Where people have accounts that they can sign in with; empty where none is set up.
    pub providers: Vec<Arc<dyn Provider>>,
    /// Whether people whom nobody knows may become users by signing in with a provider.
    pub open_registration: bool,
    /// How browsers reach the dashboard, without a slash at the end: what links in mails and chat
    /// begin with.
    pub public_url: String,
    /// Bounds of the activity service.
    pub activity: activity::Settings,
    /// Who carries messages out, at most one per medium; a medium without one is left to other
    /// processes.
    pub couriers: Vec<Arc<dyn Courier>>,
    /// Bounds of the delivery service.
    pub deliveries: delivery::Settings,
    /// Who calls the receivers of webhooks.
    pub hooks: Arc<dyn HookCaller>,
    /// Bounds of the webhook service.
    pub webhooks: webhook::Settings,
    /// Where the operator follows trainings besides our pages, if anywhere.
    pub tracker: Option<Arc<dyn Tracker>>,
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
    /// What goes out.
    pub deliveries: Deliveries,
    /// Which chat commands a community has.
    pub commands: Commands,
    /// Where a community's events go.
    pub webhooks: Webhooks,
    /// Which accounts are automated.
    pub bots: Bots,
    /// Time, for faces that show «3 minutes ago».
    pub clock: Arc<dyn Clock>,
    /// Randomness, for request ids.
    pub entropy: Arc<dyn Entropy>,
    /// How the API is used, for the face to count.
    pub usage: api_usage::ApiUsage,
    /// Cancelled when the program stops: long connections end then.
    pub stop: CancellationToken,
    db: Db,
    bus: Arc<dyn Bus>,
    cache: Arc<dyn Cache>,
    meter: Arc<dyn Meter>,
    blobs: Blobs,
    mailer: Arc<dyn Mailer>,
    outbox: Option<OutboxMailer>,
    grants: StoredGrants,
    connectors: Vec<Arc<dyn Connector>>,
    providers: Vec<Arc<dyn Provider>>,
    public_url: String,
    waker: Waker,
    turns: tokens::Turns,
    reckoners: bot_feed::Reckoners,
    backlog: Arc<AtomicUsize>,
    stage: OnceLock<Arc<dyn Stage>>,
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
            cache,
            meter,
            blobs,
            mailer,
            outbox,
            clock,
            entropy,
            keys,
            connectors,
            providers,
            open_registration,
            public_url,
            activity,
            couriers,
            deliveries,
            hooks,
            webhooks,
            tracker,
            commands,
        } = parts;
        let stop = CancellationToken::new();
        let waker = Waker::default();
        db.after_commit(announcer::start(
            Arc::clone(&bus),
            waker.clone(),
            stop.clone(),
        ));
        let identity = Identity::new(
            db.clone(),
            Arc::clone(&clock),
            Arc::clone(&entropy),
            keys.clone(),
        )
        .with_followers(vec![Arc::new(activity::Followed), Arc::new(bots::Followed)])
        .with_registration(open_registration)
        .with_role_scopes(
            providers
                .iter()
                .filter_map(|p| Some((p.key().to_owned(), p.role_scope()?.to_owned())))
                .collect(),
        )
        .with_passkeys(PasskeySite::at(&public_url));
        let webhooks = Webhooks::new(
            db.clone(),
            Arc::clone(&clock),
            Arc::clone(&entropy),
            keys.clone(),
            hooks,
            webhooks,
        );
        db.on_events(webhooks.listener());
        let grants = StoredGrants::new(db.clone(), keys, Arc::clone(&clock), Arc::clone(&entropy));
        let bots = Bots::new(
            db.clone(),
            Arc::clone(&clock),
            identity.clone(),
            blobs.clone(),
        )
        .with_tracker(tracker);
        let activity = Activity::new(
            db.clone(),
            Arc::clone(&clock),
            identity.clone(),
            Arc::clone(&bus),
            activity,
        )
        .with_doubts(Arc::new(bots.clone()));
        let deliveries = Deliveries::new(
            db.clone(),
            Arc::clone(&clock),
            Arc::clone(&entropy),
            couriers,
            deliveries,
        );
        let commands = Commands::new(db.clone(), Arc::clone(&clock), commands);
        Arc::new(Self {
            identity,
            activity,
            deliveries,
            commands,
            webhooks,
            bots,
            started_at: clock.now(),
            usage: api_usage::ApiUsage::new(clock.now()),
            clock,
            entropy,
            stop,
            db,
            bus,
            cache,
            meter,
            blobs,
            mailer,
            outbox,
            grants,
            connectors,
            providers,
            public_url,
            waker,
            turns: tokens::Turns::default(),
            reckoners: bot_feed::Reckoners::default(),
            backlog: Arc::default(),
            stage: OnceLock::new(),
        })
    }

    /// The database, for the ingest pipeline and the program; not for faces.
    pub const fn db(&self) -> &Db {
        &self.db
    }

    /// The tokens of the connections, for adapters; not for faces.
    pub const fn grants(&self) -> &StoredGrants {
        &self.grants
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
