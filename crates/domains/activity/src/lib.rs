//! What happened in chat: messages and events stored once, roll-ups kept as they arrive, and a
//! community's activity answered from the roll-ups.
//!
//! Invariants: an event is counted exactly when its row is inserted, in the same transaction; a page
//! never scans messages to count them; days and hours are UTC. Must never know: HTTP, HTML, a
//! platform's wire format, file formats.

mod arrival;
mod channel;
mod cohort;
mod doubt;
mod error;
mod events;
mod feed;
mod follow;
mod import_run;
mod live;
mod member;
mod message;
mod overview;
mod period;
mod personal;
mod pulse;
mod quarantine;
mod record;
mod reputation;
mod retention;
mod rollup;
mod store;
mod stream;
mod suggestion;
mod summary;
mod suspicion;
mod transcript;

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use identity::Identity;
use kernel::{Actor, Clock, CommunityId, Denied, Permission, UserId};

pub use arrival::{Arrival, Arrived, JOIN_LASTS, arrivals_after, came, last_event};
pub use cohort::Cohort;
pub use doubt::{Doubt, Doubts};
pub use error::ActivityError;
pub use events::{
    IMPORT_FINISHED, MEMBER_JOINED, REPUTATION_ADJUSTED, SUSPICION_DECIDED, SUSPICION_FLAGGED,
};
pub use feed::{FeedItem, FeedQuery, PlatformActivity};
pub use follow::Followed;
pub use import_run::{ImportRun, ImportRunId, Progress, advance};
pub use live::{Heard, LiveBatch, LiveFeed, LiveItem, chat_topic};
pub use member::{Member, MemberQuery, MemberSort, Presence, members_called, was_seen};
pub use message::{ChatMessage, MessageQuery};
pub use overview::{DayRow, Measure, Overview, PlatformRow};
pub use period::{BadPeriod, Period};
pub use personal::{Kept, PERSONAL};
pub use pulse::{Pulse, Wrote, pulses, wrote};
pub use quarantine::Quarantined;
pub use record::{Fate, Incoming, record};
pub use reputation::{MemberCard, OwnReputation, PersonReputation, Ranked, Standings};
pub use retention::Scope;
pub use summary::Summary;
pub use suspicion::{Evidence, Pattern, Suspicion, SuspicionState};
pub use transcript::{Said, first_seen, last_message, messages_after, moderations, said_in};

/// What was asked of several communities: each has its answer, or why the actor may not know it.
pub type OfEach<T> = HashMap<CommunityId, Result<T, Denied>>;
/// What was asked of people in communities; those without an answer are left out.
pub type OfSeats<T> = HashMap<(CommunityId, UserId), T>;

/// Most communities that one statement asks for the first rows of each.
const UNION_MAX: usize = 100;

/// How many times its normal age an overview may have while a newer one is computed.
const STALE_MAX: u32 = 6;

/// Bounds of the service.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// How long a computed overview is shown before it is computed again in the background; one
    /// six times as old is shown to nobody. Default 10 s.
    pub overview_ttl: Duration,
    /// How many overviews are kept. Default 1,000.
    pub overviews_max: u64,
    /// How often a live feed looks for messages when nothing wakes it. Default 1 s.
    pub live_poll: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            overview_ttl: Duration::from_secs(10),
            overviews_max: 1_000,
            live_poll: Duration::from_secs(1),
        }
    }
}

/// The activity service. Cheap to clone.
#[derive(Clone)]
pub struct Activity {
    db: ::store::Db,
    clock: Arc<dyn Clock>,
    identity: Identity,
    overviews: moka::future::Cache<(CommunityId, Period), Arc<Overview>>,
    summaries: moka::future::Cache<CommunityId, Arc<Summary>>,
    overview_ttl: Duration,
    refreshing: Arc<Mutex<HashSet<(CommunityId, Period)>>>,
    live: Arc<live::Hub>,
    doubts: Option<Arc<dyn Doubts>>,
}

impl std::fmt::Debug for Activity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Activity").finish_non_exhaustive()
    }
}

impl Activity {
    /// The service over a migrated database.
    pub fn new(
        db: ::store::Db,
        clock: Arc<dyn Clock>,
        identity: Identity,
        bus: Arc<dyn engines::Bus>,
        settings: Settings,
    ) -> Self {
        let overviews = moka::future::Cache::builder()
            .max_capacity(settings.overviews_max)
            .time_to_live(settings.overview_ttl.saturating_mul(STALE_MAX))
            .build();
        let summaries = moka::future::Cache::builder()
            .max_capacity(settings.overviews_max)
            .time_to_live(settings.overview_ttl)
            .build();
        let live = Arc::new(live::Hub::new(db.clone(), bus, settings.live_poll));
        Self {
            db,
            clock,
            identity,
            overviews,
            summaries,
            overview_ttl: settings.overview_ttl,
            refreshing: Arc::default(),
            live,
            doubts: None,
        }
    }

    /// The same with somebody who knows whether members are in doubt; without, nobody is.
    #[must_use]
    pub fn with_doubts(mut self, doubts: Arc<dyn Doubts>) -> Self {
        self.doubts = Some(doubts);
        self
    }

    fn require(
        actor: &Actor,
        permission: Permission,
        community: CommunityId,
    ) -> Result<(), ActivityError> {
        Ok(actor.require(permission, community)?)
    }

    /// Asks for a permission in every community of some seats.
    fn require_seats(
        actor: &Actor,
        permission: Permission,
        seen: &[Presence],
    ) -> Result<(), ActivityError> {
        let communities: Vec<CommunityId> = seen.iter().map(|seen| seen.seat().0).collect();
        match actor.sort_out(permission, &communities).1.first() {
            Some((_, denied)) => Err(ActivityError::NotAllowed(*denied)),
            None => Ok(()),
        }
    }
}
