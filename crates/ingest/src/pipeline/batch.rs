//! Committing a batch: as one transaction if possible; halved until the one bad event is found and
//! put aside if not; again later if the database is away.

use std::{sync::Arc, time::Duration};

use activity::{ActivityError, Fate, Incoming, Progress};
use app::App;
use kernel::{Actor, Source, Timestamp};
use store::StoreError;
use tracing::{error, warn};

use super::{Checkpoint, Hooks, IngestError, Tally};
use crate::format::jsonl;

/// How long to try while the database is away.
#[derive(Debug, Clone, Copy)]
pub(super) enum Patience {
    /// Until the program stops.
    Endless,
    /// So long.
    For(Duration),
}

/// A checkpoint, and what became of the part of its batch that was committed before it.
#[derive(Debug, Clone, Copy)]
struct Moved {
    checkpoint: Checkpoint,
    before: Tally,
}

impl Moved {
    /// Moves in the transaction of its batch.
    fn with_batch(checkpoint: Option<Checkpoint>) -> Option<Self> {
        Self::after(checkpoint, Tally::default())
    }

    /// Moves after its batch was committed in parts.
    fn after(checkpoint: Option<Checkpoint>, before: Tally) -> Option<Self> {
        checkpoint.map(|checkpoint| Self { checkpoint, before })
    }
}

/// First and longest wait between two tries.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(5));
/// How often a collision with another process is tried again at once.
const COLLISIONS_MAX: u32 = 8;

pub(super) struct Committer {
    app: Arc<App>,
    hooks: Hooks,
}

/// The waiting of one batch.
struct Waits {
    app: Arc<App>,
    patience: Patience,
    begun: Timestamp,
    next: Duration,
}

impl Waits {
    fn new(app: &Arc<App>, patience: Patience) -> Self {
        Self {
            app: Arc::clone(app),
            patience,
            begun: app.clock.now(),
            next: BACKOFF.0,
        }
    }

    async fn pause(&mut self, error: StoreError) -> Result<(), IngestError> {
        self.pause_shared(Arc::new(error)).await
    }

    /// Waits, each time longer; an error if patience or the program has ended.
    async fn pause_shared(&mut self, error: Arc<StoreError>) -> Result<(), IngestError> {
        metrics::counter!("waddlebot_ingest_retries_total").increment(1);
        let give_up = match self.patience {
            Patience::Endless => false,
            // A full disk does not empty itself while an import waits.
            Patience::For(limit) => {
                self.app.clock.now().since(self.begun) >= limit
                    || matches!(*error, StoreError::Full(_))
            }
        };
        if give_up || self.app.stop.is_cancelled() {
            return Err(IngestError::Storage(error));
        }
        tokio::select! {
            () = tokio::time::sleep(self.next) => {}
            () = self.app.stop.cancelled() => {}
        }
        self.next = (self.next * 2).min(BACKOFF.1);
        Ok(())
    }
}

/// Why a transaction did not happen.
enum Failure {
    /// Try the same again later.
    Later(StoreError),
    /// Collided with another writer: try again now.
    Collision(StoreError),
    /// The events themselves are at fault, or the code that handles them.
    Poison(String),
}

impl Committer {
    pub(super) fn new(app: &Arc<App>, hooks: Hooks) -> Self {
        Self {
            app: Arc::clone(app),
            hooks,
        }
    }

    /// Commits a batch with its checkpoint. On an error nothing of what was not committed yet is
    /// written, and the checkpoint is not moved.
    pub(super) async fn commit(
        self: &Arc<Self>,
        events: Arc<Vec<Incoming>>,
        checkpoint: Option<Checkpoint>,
        patience: Patience,
    ) -> Result<Tally, IngestError> {
        let mut waits = Waits::new(&self.app, patience);
        if let Ok(tally) = self
            .patiently(&events, Moved::with_batch(checkpoint), &mut waits)
            .await?
        {
            return Ok(tally);
        }
        let tally = self.halved(events, &mut waits).await?;
        let moved = Moved::after(checkpoint, tally);
        if moved.is_some() {
            let outcome = self.patiently(&Arc::default(), moved, &mut waits).await?;
            if let Err(reason) = outcome {
                warn!(
                    reason,
                    "an import's checkpoint could not be moved; it will read a little again"
                );
            }
        }
        Ok(tally)
    }

    /// Halves the batch until each bad event stands alone. Every event is tried at least twice
    /// before it is put aside.
    async fn halved(
        self: &Arc<Self>,
        events: Arc<Vec<Incoming>>,
        waits: &mut Waits,
    ) -> Result<Tally, IngestError> {
        let mut tally = Tally::default();
        let mut parts = vec![events];
        while let Some(part) = parts.pop() {
            match self.patiently(&part, None, waits).await? {
                Ok(done) => tally += done,
                Err(reason) => match part.as_slice() {
                    [] => {}
                    [incoming] => tally += self.put_aside(incoming, &reason, waits).await?,
                    several => {
                        let (first, second) = several.split_at(several.len() / 2);
                        parts.push(Arc::new(second.to_vec()));
                        parts.push(Arc::new(first.to_vec()));
                    }
                },
            }
        }
        Ok(tally)
    }

    /// Tries until it is decided: committed, or poisoned (the inner error). The outer error says
    /// that patience or the program ended.
    async fn patiently(
        self: &Arc<Self>,
        events: &Arc<Vec<Incoming>>,
        moved: Option<Moved>,
        waits: &mut Waits,
    ) -> Result<Result<Tally, String>, IngestError> {
        let mut collisions = 0;
        loop {
            let this = Arc::clone(self);
            let batch = Arc::clone(events);
            // A task of its own, so that a panic in a reaction ends the try and not the line.
            let tried = tokio::spawn(async move { this.once(&batch, moved).await }).await;
            let failure = match tried {
                Ok(Ok(tally)) => return Ok(Ok(tally)),
                Ok(Err(failure)) => failure,
                Err(panic) => Failure::Poison(panicked(panic)),
            };
            match failure {
                Failure::Poison(reason) => return Ok(Err(reason)),
                Failure::Collision(error) => {
                    collisions += 1;
                    if collisions > COLLISIONS_MAX {
                        // Nobody else inserts the same key so often: the events do it themselves.
                        // Losing against other writers is never the events' fault.
                        if matches!(error, StoreError::Duplicate(_)) {
                            return Ok(Err(error.to_string()));
                        }
                        waits.pause(error).await?;
                    }
                }
                Failure::Later(error) => {
                    warn!(n_events = events.len(), error = %error, "events wait for the database");
                    waits.pause(error).await?;
                }
            }
        }
    }

    async fn once(&self, events: &[Incoming], moved: Option<Moved>) -> Result<Tally, Failure> {
        let tally = self
            .transaction(events, moved)
            .await
            .map_err(|error| match error {
                StoreError::Duplicate(_) | StoreError::Serialization(_) => {
                    Failure::Collision(error)
                }
                error if is_environment(&error) => Failure::Later(error),
                error => {
                    let cause = std::error::Error::source(&error).map(ToString::to_string);
                    Failure::Poison(format!("{error}: {}", cause.unwrap_or_default()))
                }
            })?;
        for (fate, n) in [
            ("recorded", tally.recorded),
            ("duplicate", tally.duplicates),
            ("too_old", tally.too_old),
        ] {
            if n > 0 {
                metrics::counter!("waddlebot_ingest_events_total", "fate" => fate).increment(n);
            }
        }
        Ok(tally)
    }

    async fn transaction(
        &self,
        events: &[Incoming],
        moved: Option<Moved>,
    ) -> Result<Tally, StoreError> {
        let mut work = self
            .app
            .db()
            .begin(&Actor::System("ingest"), self.app.clock.now())
            .await?;
        let fates = activity::record(&mut work, &self.app.identity, events).await?;
        let mut tally = Tally::default();
        let mut recorded = Vec::new();
        for (incoming, fate) in events.iter().zip(fates) {
            match fate {
                Fate::Recorded(_) => {
                    tally.recorded += 1;
                    recorded.push((incoming, fate));
                }
                Fate::Duplicate => tally.duplicates += 1,
                Fate::TooOld => tally.too_old += 1,
            }
        }
        for reaction in &self.hooks.reactions {
            reaction.react(&mut work, &recorded).await?;
        }
        if let Some(Moved { checkpoint, before }) = moved {
            let progress = Progress {
                consumed: checkpoint.consumed,
                rejected: checkpoint.rejected + before.quarantined,
                recorded: tally.recorded + before.recorded,
                duplicates: tally.duplicates + before.duplicates,
            };
            activity::advance(&work, checkpoint.run, progress).await?;
        }
        work.commit().await?;
        let live: Vec<&Incoming> = recorded
            .iter()
            .map(|(incoming, _)| *incoming)
            .filter(|incoming| incoming.event.source == Source::Live)
            .collect();
        if !live.is_empty() {
            for witness in &self.hooks.witnesses {
                witness.recorded(&live);
            }
        }
        Ok(tally)
    }

    /// Puts an event aside. If even that is impossible it is waited for, like anything the database
    /// does not take right now.
    async fn put_aside(
        &self,
        incoming: &Incoming,
        reason: &str,
        waits: &mut Waits,
    ) -> Result<Tally, IngestError> {
        let event = &incoming.event;
        let payload = jsonl::render(event, None);
        loop {
            let stored = self
                .app
                .activity
                .quarantine(incoming, reason, &payload)
                .await;
            match stored {
                Ok(()) => {
                    warn!(platform = %event.platform, event.id = event.event_id, reason, "put an event aside");
                }
                Err(ActivityError::Storage(error)) if is_environment(&error) => {
                    waits.pause_shared(error).await?;
                    continue;
                }
                Err(lost) => {
                    error!(platform = %event.platform, event.id = event.event_id, reason, error = %lost,
                        "an event could be neither recorded nor put aside");
                }
            }
            metrics::counter!("waddlebot_ingest_events_total", "fate" => "quarantined")
                .increment(1);
            return Ok(Tally {
                quarantined: 1,
                ..Tally::default()
            });
        }
    }
}

/// Whether the database, and not what was to be written, is at fault.
const fn is_environment(error: &StoreError) -> bool {
    error.is_transient()
        || matches!(
            error,
            StoreError::Corrupt(_) | StoreError::Newer(_) | StoreError::Place(_)
        )
}

fn panicked(error: tokio::task::JoinError) -> String {
    let Ok(payload) = error.try_into_panic() else {
        return "the task was cancelled".to_owned();
    };
    let text = payload
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| payload.downcast_ref::<&'static str>().copied());
    format!("panicked: {}", text.unwrap_or("without a message"))
}
