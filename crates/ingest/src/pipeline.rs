//! The line every event passes: dedupe → resolve → record → react → commit → publish.
//!
//! One task takes whatever waits (up to a bound) and commits it as one transaction, so that a busy
//! line shares its commits and a quiet one has no delay. Both queues are bounded: a sender waits
//! when they are full. An event that cannot be recorded is put aside; the line never stops for it.

mod batch;

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use activity::{ImportRunId, Incoming};
use app::App;
use store::StoreError;
use tokio::{
    sync::{mpsc, oneshot},
    task::JoinHandle,
};

use crate::{Reaction, Witness};

/// Bounds of the pipeline.
#[derive(Debug, Clone, Copy)]
pub struct Settings {
    /// Live events that may wait; senders wait beyond that. Default 10,000.
    pub queue_max: usize,
    /// Live events committed together at most. Default 1,000.
    pub batch_max: usize,
    /// How long an import waits for a database that is away before it gives up. Default 60 s. Live
    /// events wait for ever.
    pub import_patience: Duration,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            queue_max: 10_000,
            batch_max: 1_000,
            import_patience: Duration::from_secs(60),
        }
    }
}

/// What else happens because of events.
#[derive(Clone, Default)]
pub struct Hooks {
    /// In the transaction that records them.
    pub reactions: Vec<Arc<dyn Reaction>>,
    /// After its commit, for live events only.
    pub witnesses: Vec<Arc<dyn Witness>>,
}

/// Batches of imports that may wait.
const IMPORTS_MAX: usize = 2;

/// What became of a batch.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Tally {
    /// Newly stored.
    pub recorded: u64,
    /// Stored before.
    pub duplicates: u64,
    /// Left out because their retention period is over.
    pub too_old: u64,
    /// Put aside because they cannot be recorded.
    pub quarantined: u64,
}

impl std::ops::AddAssign for Tally {
    fn add_assign(&mut self, other: Self) {
        self.recorded += other.recorded;
        self.duplicates += other.duplicates;
        self.too_old += other.too_old;
        self.quarantined += other.quarantined;
    }
}

/// An event or batch was not taken.
#[derive(Debug, thiserror::Error)]
pub enum IngestError {
    /// The program is stopping.
    #[error("the program is stopping")]
    Stopped,
    /// The database refused for longer than the patience, or is full; nothing of the batch was
    /// written.
    #[error("the batch could not be written")]
    Storage(#[source] Arc<StoreError>),
}

/// Where an import stands after a batch.
#[derive(Debug, Clone, Copy)]
pub struct Checkpoint {
    /// The import.
    pub run: ImportRunId,
    /// Records read in all, up to and including this batch.
    pub consumed: u64,
    /// Records of this batch that could not be used.
    pub rejected: u64,
}

struct ImportBatch {
    events: Vec<Incoming>,
    checkpoint: Option<Checkpoint>,
    reply: oneshot::Sender<Result<Tally, IngestError>>,
}

/// The entrance of the pipeline. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Ingest {
    live: mpsc::Sender<Incoming>,
    imports: mpsc::Sender<ImportBatch>,
    backlog: Arc<AtomicUsize>,
}

impl Ingest {
    /// Starts the pipeline. It ends when every entrance is dropped, or after the app's stop signal
    /// once the queues are empty; await the handle to know that all is written.
    pub fn start(app: &Arc<App>, hooks: Hooks, settings: Settings) -> (Self, JoinHandle<()>) {
        let settings = Settings {
            queue_max: settings.queue_max.max(1),
            batch_max: settings.batch_max.max(1),
            ..settings
        };
        let (events, live_queue) = mpsc::channel(settings.queue_max);
        let (imports, import_queue) = mpsc::channel(IMPORTS_MAX);
        let line = Line {
            committer: Arc::new(batch::Committer::new(app, hooks)),
            live_queue,
            import_queue,
            settings,
            app: Arc::clone(app),
        };
        let entrance = Self {
            live: events,
            imports,
            backlog: Arc::clone(app.backlog()),
        };
        (entrance, tokio::spawn(line.run()))
    }

    /// Hands a live event in; waits while the queue is full.
    pub async fn submit(&self, incoming: Incoming) -> Result<(), IngestError> {
        let counted = Counted::new(&self.backlog, 1);
        if self.live.send(incoming).await.is_err() {
            return Err(IngestError::Stopped);
        }
        // The line counts it off once it is committed.
        counted.hand_over();
        Ok(())
    }

    /// Hands a batch of an import in and waits until it is committed with its checkpoint. At most a
    /// few thousand events: a batch is one transaction.
    pub async fn import(
        &self,
        events: Vec<Incoming>,
        checkpoint: Option<Checkpoint>,
    ) -> Result<Tally, IngestError> {
        let _counted = Counted::new(&self.backlog, events.len());
        let (reply, answer) = oneshot::channel();
        let sent = self
            .imports
            .send(ImportBatch {
                events,
                checkpoint,
                reply,
            })
            .await;
        match sent {
            Ok(()) => answer.await.unwrap_or(Err(IngestError::Stopped)),
            Err(_) => Err(IngestError::Stopped),
        }
    }
}

/// Events that wait, counted until it is dropped: also when their sender gives up waiting.
struct Counted<'a> {
    backlog: &'a AtomicUsize,
    n: usize,
}

impl<'a> Counted<'a> {
    fn new(backlog: &'a AtomicUsize, n: usize) -> Self {
        let before = backlog.fetch_add(n, Ordering::Relaxed);
        gauge(before.saturating_add(n));
        Self { backlog, n }
    }

    /// Somebody else counts them off.
    fn hand_over(mut self) {
        self.n = 0;
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        uncount(self.backlog, self.n);
    }
}

fn uncount(backlog: &AtomicUsize, n: usize) {
    let before = backlog.fetch_sub(n, Ordering::Relaxed);
    gauge(before.saturating_sub(n));
}

fn gauge(n: usize) {
    metrics::gauge!("waddlebot_ingest_backlog").set(u32::try_from(n).unwrap_or(u32::MAX));
}

struct Line {
    committer: Arc<batch::Committer>,
    live_queue: mpsc::Receiver<Incoming>,
    import_queue: mpsc::Receiver<ImportBatch>,
    settings: Settings,
    app: Arc<App>,
}

impl Line {
    async fn run(mut self) {
        let stop = self.app.stop.clone();
        let mut live = Vec::with_capacity(self.settings.batch_max);
        let (mut live_open, mut imports_open) = (true, true);
        while live_open || imports_open {
            tokio::select! {
                biased;
                // First, because a busy line would never get to it.
                () = stop.cancelled() => {
                    self.live_queue.close();
                    self.import_queue.close();
                    while self.live_queue.recv_many(&mut live, self.settings.batch_max).await > 0 {
                        self.commit_live(std::mem::take(&mut live)).await;
                    }
                    // Import batches that wait are refused; their import goes on after the next start.
                    while self.import_queue.recv().await.is_some() {}
                    return;
                }
                n = self.live_queue.recv_many(&mut live, self.settings.batch_max), if live_open => {
                    live_open = n > 0;
                    self.commit_live(std::mem::take(&mut live)).await;
                }
                batch = self.import_queue.recv(), if imports_open => match batch {
                    Some(batch) => self.commit_import(batch).await,
                    None => imports_open = false,
                },
            }
        }
    }

    async fn commit_live(&self, events: Vec<Incoming>) {
        let n = events.len();
        if n == 0 {
            return;
        }
        // Live events wait for the database as long as it takes, or until the program stops.
        let result = self
            .committer
            .commit(Arc::new(events), None, batch::Patience::Endless)
            .await;
        uncount(self.app.backlog(), n);
        if let Err(error) = result {
            tracing::error!(n_lost = n, error = %error, "{n} events were not recorded because the program stopped");
        }
    }

    async fn commit_import(&self, batch: ImportBatch) {
        let patience = batch::Patience::For(self.settings.import_patience);
        let result = self
            .committer
            .commit(Arc::new(batch.events), batch.checkpoint, patience)
            .await;
        // The importer may have gone away; what was committed stays.
        let _ = batch.reply.send(result);
    }
}
