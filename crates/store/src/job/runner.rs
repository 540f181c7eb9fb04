//! The runner: claims ready jobs, gives each to its handler in a task of its own, keeps the leases
//! alive, records the outcomes, and stops gently.
//!
//! Must never: run more than its bound at a time, or let a handler's panic end anything but the
//! attempt.

use std::{
    collections::{BTreeMap, HashMap},
    panic::AssertUnwindSafe,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use futures_util::FutureExt;
use kernel::{Clock, Entropy, Timestamp};
use tokio::{
    sync::Notify,
    task::{AbortHandle, Id, JoinError, JoinSet},
    time::Instant,
};
use tokio_util::sync::CancellationToken;

use super::{Claimed, JobError, Lease, Queue, Room, claim::MAX_BATCH, cron, settle::Settled, tend};
use crate::{Db, StoreError};

/// Time between heartbeats: a third of a lease.
const HEARTBEAT: Duration = Duration::from_secs(10);

/// The longest sleep: jobs enqueued by other processes are seen this soon.
const POLL: Duration = Duration::from_secs(1);

/// How long a stop waits for running jobs.
const DRAIN: Duration = Duration::from_secs(10);

/// Jobs at a time, unless the runner says otherwise.
const CONCURRENCY: usize = 16;

/// Tries to record one outcome, 1/4 s, 1/2 s … apart.
const SETTLE_TRIES: u32 = 6;

/// What a handler answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It is done.
    Done,
    /// The handler has recorded the outcome itself, in its own unit of work: see
    /// [`rule`](super::rule).
    Recorded,
    /// Try again.
    Retry {
        /// After exactly this long, as the other side asked; `None` = after the usual back-off.
        after: Option<Duration>,
        /// Why, for people.
        reason: String,
        /// Whether this was an attempt; a rate limit is not.
        counts: bool,
    },
    /// It can never succeed.
    Fail {
        /// Why, for people.
        reason: String,
    },
}

impl Outcome {
    /// Try again after the usual back-off.
    pub fn retry(reason: impl Into<String>) -> Self {
        Self::Retry {
            after: None,
            reason: reason.into(),
            counts: true,
        }
    }

    /// It can never succeed.
    pub fn fail(reason: impl Into<String>) -> Self {
        Self::Fail {
            reason: reason.into(),
        }
    }
}

/// Runs the jobs of one kind.
///
/// A job may run more than once: after a crash, a lost lease or a failed completion. Handlers either
/// complete the job in their own unit of work ([`Claimed::complete_in`]) or do what may be repeated.
#[async_trait::async_trait]
pub trait Handler: Send + Sync {
    /// The kind it runs.
    fn kind(&self) -> &'static str;

    /// Runs one job. A panic counts as a failed attempt.
    async fn run(&self, job: &Claimed) -> Outcome;

    /// How long one attempt may take; it is then stopped and counts as failed. Ten minutes.
    fn time_limit(&self) -> Duration {
        Duration::from_mins(10)
    }

    /// So many jobs of this kind may run at a time beside the runner's common bound, of which a
    /// quarter is kept free of bulk; `None` = they count among all others.
    fn slots(&self) -> Option<usize> {
        None
    }
}

/// Wakes a runner; cheap to clone, so that it can be given to [`crate::AfterCommit`] before the
/// runner runs.
#[derive(Debug, Clone, Default)]
pub struct Waker(Arc<Notify>);

impl Waker {
    /// Makes the runner look at the queue now. Never blocks; several calls are as good as one.
    pub fn wake(&self) {
        self.0.notify_one();
    }
}

struct Slot {
    handler: Arc<dyn Handler>,
    at_most: usize,
    /// Whether its slots are beside the common ones.
    is_apart: bool,
}

/// Runs jobs until it is stopped.
pub struct Runner {
    queue: Arc<Queue>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    handlers: BTreeMap<&'static str, Slot>,
    concurrency: usize,
    drain: Duration,
    cron: bool,
    waker: Waker,
}

impl std::fmt::Debug for Runner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Runner")
            .field("kinds", &self.handlers.keys())
            .finish_non_exhaustive()
    }
}

/// A job that is running.
struct Flight {
    lease: Lease,
    kind: &'static str,
    abort: AbortHandle,
    /// The handler has answered; from here on the task is not to be stopped.
    answered: Arc<AtomicBool>,
}

/// The tasks of the running jobs.
#[derive(Default)]
struct Flights {
    tasks: JoinSet<()>,
    flying: HashMap<Id, Flight>,
}

impl Flights {
    async fn landed(&mut self) -> bool {
        let Some(joined) = self.tasks.join_next_with_id().await else {
            return false;
        };
        self.forget(joined);
        // Those that landed together are replaced together: one claim, not one each.
        while let Some(joined) = self.tasks.try_join_next_with_id() {
            self.forget(joined);
        }
        true
    }

    fn forget(&mut self, joined: Result<(Id, ()), JoinError>) {
        let id = joined.map_or_else(|error| error.id(), |(id, ())| id);
        self.flying.remove(&id);
    }

    fn leases(&self) -> Vec<Lease> {
        self.flying.values().map(|flight| flight.lease).collect()
    }
}

impl Runner {
    /// A runner without handlers: 16 jobs at a time.
    pub fn new(
        db: Db,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
        worker: impl Into<String>,
    ) -> Self {
        Self {
            queue: Arc::new(Queue::new(db, worker)),
            clock,
            entropy,
            handlers: BTreeMap::new(),
            concurrency: CONCURRENCY,
            drain: DRAIN,
            cron: false,
            waker: Waker::default(),
        }
    }

    /// Adds a handler. Kinds without one are left to other runners.
    #[must_use]
    pub fn handler(self, handler: Arc<dyn Handler>) -> Self {
        let slots = handler.slots();
        self.add(handler, slots.unwrap_or(usize::MAX), slots.is_some())
    }

    /// Adds a handler that runs at most so many jobs at a time.
    #[must_use]
    pub fn handler_at_most(self, handler: Arc<dyn Handler>, at_most: usize) -> Self {
        self.add(handler, at_most, false)
    }

    fn add(mut self, handler: Arc<dyn Handler>, at_most: usize, is_apart: bool) -> Self {
        let kind = handler.kind();
        let slot = Slot {
            handler,
            at_most,
            is_apart,
        };
        self.handlers.insert(kind, slot);
        self
    }

    /// At most so many jobs at a time, at least 1; kinds with slots of their own do not count.
    #[must_use]
    pub fn concurrency(mut self, jobs: usize) -> Self {
        self.concurrency = jobs.max(1);
        self
    }

    /// How long a stop waits for running jobs; 10 s unless said.
    #[must_use]
    pub const fn drain_within(mut self, drain: Duration) -> Self {
        self.drain = drain;
        self
    }

    /// Also enqueues the jobs of cron entries when their time comes.
    #[must_use]
    pub const fn with_cron(mut self) -> Self {
        self.cron = true;
        self
    }

    /// Uses a waker made before.
    #[must_use]
    pub fn with_waker(mut self, waker: Waker) -> Self {
        self.waker = waker;
        self
    }

    /// What wakes this runner.
    pub fn waker(&self) -> Waker {
        self.waker.clone()
    }

    /// Makes the runner look at the queue now.
    pub fn wake(&self) {
        self.waker.wake();
    }

    /// Runs until `stop`; then claims no more, waits for running jobs, and gives back those that do
    /// not end in time. A failing database is logged and tried again.
    pub async fn run(&self, stop: CancellationToken) {
        let mut flights = Flights::default();
        let mut beat = (Instant::now(), self.clock.now());
        while !stop.is_cancelled() {
            // Before any claim, and also when the clock jumped (set by hand, computer asleep): this
            // runner's own claim must not find its leases run out.
            let now = self.clock.now();
            let late =
                beat.0.elapsed() >= HEARTBEAT || now.since(beat.1) >= HEARTBEAT || now < beat.1;
            let round = async {
                if late {
                    self.heartbeat(&flights).await?;
                    beat = (Instant::now(), now);
                }
                self.launch(&mut flights).await
            };
            let pause = round.await.unwrap_or_else(|error| {
                tracing::warn!(error = cause(&error), "the job queue cannot be used now");
                POLL
            });
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.waker.0.notified() => {}
                true = flights.landed() => {}
                () = tokio::time::sleep(pause) => {}
            }
        }
        self.drain(flights).await;
    }

    /// Starts what can be started; answers how long nothing more will happen by itself.
    async fn launch(&self, flights: &mut Flights) -> Result<Duration, StoreError> {
        let now = self.clock.now();
        let cron_next = if self.cron {
            self.tick(now).await?
        } else {
            None
        };
        let pause = |next: Option<Timestamp>| {
            [next, cron_next]
                .into_iter()
                .flatten()
                .min()
                .map_or(POLL, |next| next.since(now).min(POLL))
        };
        let mut room = self.room(flights);
        let free = room.total();
        let outlook = tend::outlook(self.queue.db.read()).await?;
        let due = outlook.ready || outlook.next.is_some_and(|next| next <= now);
        if free == 0 || !due {
            return Ok(if free == 0 { POLL } else { pause(outlook.next) });
        }
        let claimed = self.queue.claim(now, &room).await?;
        let n_claimed = claimed.len();
        for job in claimed {
            room.take(&job.kind);
            self.start(job, flights);
        }
        // One claim takes all there is room for unless its batch was full, and one tending may leave
        // what is due for the next. A job that is ready and was not taken is nobody's here, or its
        // room is taken; what is next then lies ahead.
        let ahead = tend::outlook(self.queue.db.read()).await?.next;
        let more = n_claimed == MAX_BATCH && room.total() > 0
            || n_claimed > 0 && ahead.is_some_and(|next| next <= now);
        if more {
            return Ok(Duration::ZERO);
        }
        Ok(pause(ahead.filter(|next| *next > now)))
    }

    /// Enqueues due cron jobs; answers when the next is due.
    async fn tick(&self, now: Timestamp) -> Result<Option<Timestamp>, StoreError> {
        cron::tick(&self.queue.db, now).await?;
        cron::next_at(self.queue.db.read()).await
    }

    fn room(&self, flights: &Flights) -> Room<'static> {
        let mut flying: BTreeMap<&str, usize> = BTreeMap::new();
        for flight in flights.flying.values() {
            *flying.entry(flight.kind).or_default() += 1;
        }
        let n_flying = |kind: &str| flying.get(kind).copied().unwrap_or(0);
        let is_common = |kind: &&str| self.handlers.get(*kind).is_some_and(|slot| !slot.is_apart);
        let n_common: usize = flying
            .keys()
            .filter(|kind| is_common(kind))
            .map(|kind| n_flying(kind))
            .sum();
        let room = Room::new(self.concurrency.saturating_sub(n_common));
        self.handlers.iter().fold(room, |room, (kind, slot)| {
            let left = slot.at_most.saturating_sub(n_flying(kind));
            if slot.is_apart {
                room.apart(kind, left, slot.at_most / 4)
            } else {
                room.kind(kind, left)
            }
        })
    }

    fn start(&self, job: Claimed, flights: &mut Flights) {
        // Only kinds with a handler are claimed.
        let Some((kind, slot)) = self.handlers.get_key_value(job.kind.as_str()) else {
            return;
        };
        let answered = Arc::new(AtomicBool::new(false));
        let lease = job.lease;
        let task = perform(
            Arc::clone(&self.queue),
            Arc::clone(&slot.handler),
            job,
            Arc::clone(&self.clock),
            Arc::clone(&self.entropy),
            Arc::clone(&answered),
        );
        let abort = flights.tasks.spawn(task);
        flights.flying.insert(
            abort.id(),
            Flight {
                lease,
                kind,
                abort,
                answered,
            },
        );
    }

    async fn heartbeat(&self, flights: &Flights) -> Result<(), StoreError> {
        let lost = self
            .queue
            .heartbeat(&flights.leases(), self.clock.now())
            .await?;
        for flight in flights.flying.values() {
            if lost.contains(&flight.lease) && !flight.answered.load(Ordering::Acquire) {
                tracing::warn!(job.id = %flight.lease.id, "job {} was given to another worker: stopped here", flight.lease.id);
                flight.abort.abort();
            }
        }
        Ok(())
    }

    async fn drain(&self, mut flights: Flights) {
        let all_landed = async { while flights.landed().await {} };
        // Shorter than a lease, so it needs no heartbeat.
        if tokio::time::timeout(self.drain, all_landed).await.is_ok() {
            return;
        }
        let leases = flights.leases();
        flights.tasks.shutdown().await;
        for lease in leases {
            match self.queue.release(lease).await {
                Ok(()) => {
                    tracing::info!(job.id = %lease.id, "job {} did not end in time and was given back", lease.id);
                }
                // It ended at the last moment.
                Err(JobError::Lost) => {}
                Err(JobError::Storage(error)) => tracing::warn!(
                    job.id = %lease.id,
                    error = cause(&error),
                    "job {} could not be given back: it comes back when its lease ends", lease.id
                ),
            }
        }
    }

    /// Runs everything that is due at `now`, one job after another, and what those enqueue for `now`
    /// or before; answers how many ran. For tests and one-shot commands; no timers.
    pub async fn run_due(&self, now: Timestamp) -> Result<usize, StoreError> {
        let room = self.room(&Flights::default());
        let mut n_run = 0;
        loop {
            if self.cron {
                cron::tick(&self.queue.db, now).await?;
            }
            let claimed = self.queue.claim(now, &room).await?;
            if claimed.is_empty() {
                return Ok(n_run);
            }
            for job in claimed {
                let Some(slot) = self.handlers.get(job.kind.as_str()) else {
                    continue;
                };
                let outcome = attempt(&*slot.handler, &job).await;
                match self.queue.settle(&job, &outcome, now, &*self.entropy).await {
                    Ok(settled) => report(&job, settled),
                    Err(JobError::Lost) => report_lost(&job),
                    Err(JobError::Storage(error)) => return Err(error),
                }
                n_run += 1;
            }
        }
    }
}

fn cause(error: &StoreError) -> &(dyn std::error::Error + 'static) {
    error
}

/// Runs a job and records its outcome.
async fn perform(
    queue: Arc<Queue>,
    handler: Arc<dyn Handler>,
    job: Claimed,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    answered: Arc<AtomicBool>,
) {
    let outcome = attempt(&*handler, &job).await;
    answered.store(true, Ordering::Release);
    for n in 0..SETTLE_TRIES {
        match queue.settle(&job, &outcome, clock.now(), &*entropy).await {
            Ok(settled) => return report(&job, settled),
            Err(JobError::Lost) => return report_lost(&job),
            Err(JobError::Storage(error)) => {
                tracing::warn!(
                    job.id = %job.id,
                    error = cause(&error),
                    "the outcome of job {} could not be stored", job.id
                );
                tokio::time::sleep(Duration::from_millis(250) * 2_u32.pow(n)).await;
            }
        }
    }
    // The lease is no longer extended, so the job comes back.
    tracing::warn!(job.id = %job.id, "job {} will run again because its outcome could not be stored", job.id);
}

/// One attempt, in which a panic or too long a time is a failure like any other.
async fn attempt(handler: &dyn Handler, job: &Claimed) -> Outcome {
    let limit = handler.time_limit();
    match tokio::time::timeout(limit, AssertUnwindSafe(handler.run(job)).catch_unwind()).await {
        Ok(Ok(outcome)) => outcome,
        Ok(Err(_panic)) => Outcome::retry("panicked"),
        Err(_elapsed) => Outcome::retry(format!("took longer than {} s", limit.as_secs())),
    }
}

fn report(job: &Claimed, settled: Settled) {
    let (id, kind, attempt) = (job.id, job.kind.as_str(), job.attempt);
    match settled {
        Settled::ByHandler => {}
        Settled::Done => {
            tracing::debug!(job.id = %id, job.kind = kind, "job {id} of kind {kind} is done");
        }
        Settled::Retry(at) => tracing::info!(
            job.id = %id,
            job.kind = kind,
            job.attempt = attempt,
            "job {id} of kind {kind} will be tried again at {at}"
        ),
        Settled::Dead => tracing::error!(
            job.id = %id,
            job.kind = kind,
            job.attempt = attempt,
            "job {id} of kind {kind} gave up after {attempt} attempts: it is dead"
        ),
    }
}

fn report_lost(job: &Claimed) {
    let (id, kind) = (job.id, job.kind.as_str());
    tracing::warn!(job.id = %id, job.kind = kind, "job {id} of kind {kind} was given to another worker");
}
