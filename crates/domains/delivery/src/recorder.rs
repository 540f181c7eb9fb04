//! The recorder: writes beginnings and endings of tries, many of them in one transaction. Whoever
//! asks waits until it is durable; whoever asks while a commit is under way shares the next one, so
//! that sixty-four calls at a time do not cost sixty-four commits.
//!
//! Must never: answer before the commit, or let one row that cannot be written keep others from it.

use std::{
    collections::HashMap,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use ::store::{
    Db, StoreError,
    job::{self, Lease, Ruling},
};
use kernel::{Actor, Clock, DeliveryId};
use tokio::sync::{mpsc, oneshot};

use crate::store::{
    self as tables,
    attempt::End,
    delivery::{Change, Seen},
};

/// Entries that may wait; more callers wait themselves.
const QUEUE: usize = 1_024;

/// Entries of one transaction.
const BATCH: usize = 128;

/// Why something is not recorded.
#[derive(Debug, Clone, thiserror::Error)]
pub(crate) enum RecordError {
    /// The database failed; nothing was written.
    #[error("the try could not be stored")]
    Storage(#[source] Arc<StoreError>),
    /// The recorder has ended with its process.
    #[error("the recorder has ended")]
    Gone,
}

/// What became of a job, its delivery and its try, as far as each changed.
pub(crate) struct Settlement {
    pub(crate) lease: Lease,
    pub(crate) ruling: Option<Ruling>,
    pub(crate) change: Option<Change>,
    pub(crate) end: Option<End>,
}

enum Entry {
    Begin {
        id: DeliveryId,
        seen: Seen,
        reply: oneshot::Sender<Result<Option<i32>, RecordError>>,
    },
    Settle {
        settlement: Box<Settlement>,
        reply: oneshot::Sender<Result<(), RecordError>>,
    },
}

/// The entrance to the recorder. Cheap to clone; the task ends with the last clone.
#[derive(Clone)]
pub(crate) struct Recorder {
    sender: mpsc::Sender<Entry>,
    n_commits: Arc<AtomicU64>,
}

impl Recorder {
    /// Starts the task.
    pub(crate) fn start(db: Db, clock: Arc<dyn Clock>) -> Self {
        let (sender, receiver) = mpsc::channel(QUEUE);
        let n_commits = Arc::new(AtomicU64::new(0));
        let writer = Writer {
            db,
            clock,
            n_commits: Arc::clone(&n_commits),
        };
        tokio::spawn(writer.run(receiver));
        Self { sender, n_commits }
    }

    pub(crate) fn n_commits(&self) -> u64 {
        self.n_commits.load(Ordering::Relaxed)
    }

    /// Begins the next try if the delivery is still as it was seen; answers its number once it is
    /// durable, `None` if the delivery changed.
    pub(crate) async fn begin(
        &self,
        id: DeliveryId,
        seen: Seen,
    ) -> Result<Option<i32>, RecordError> {
        let (reply, answer) = oneshot::channel();
        self.put(Entry::Begin { id, seen, reply }, answer).await
    }

    /// Records what became of a job and its delivery.
    pub(crate) async fn settle(&self, settlement: Settlement) -> Result<(), RecordError> {
        let (reply, answer) = oneshot::channel();
        let settlement = Box::new(settlement);
        self.put(Entry::Settle { settlement, reply }, answer).await
    }

    async fn put<T>(
        &self,
        entry: Entry,
        answer: oneshot::Receiver<Result<T, RecordError>>,
    ) -> Result<T, RecordError> {
        if self.sender.send(entry).await.is_err() {
            return Err(RecordError::Gone);
        }
        answer.await.unwrap_or(Err(RecordError::Gone))
    }
}

struct Writer {
    db: Db,
    clock: Arc<dyn Clock>,
    n_commits: Arc<AtomicU64>,
}

impl Writer {
    async fn run(self, mut receiver: mpsc::Receiver<Entry>) {
        let mut batch = Vec::with_capacity(BATCH);
        while receiver.recv_many(&mut batch, BATCH).await > 0 {
            self.record(std::mem::take(&mut batch)).await;
        }
    }

    async fn record(&self, batch: Vec<Entry>) {
        match self.write(&batch).await {
            Ok(begun) => answer(batch, &begun),
            // One of them cannot be written: the others are not to suffer.
            Err(error) if batch.len() > 1 && !error.is_transient() => {
                for entry in batch {
                    let one = vec![entry];
                    match self.write(&one).await {
                        Ok(begun) => answer(one, &begun),
                        Err(error) => refuse(one, error),
                    }
                }
            }
            Err(error) => refuse(batch, error),
        }
    }

    /// Writes a batch in one transaction; answers the numbers of the tries begun.
    async fn write(&self, batch: &[Entry]) -> Result<HashMap<DeliveryId, i32>, StoreError> {
        let mut tasks = Vec::new();
        let mut rulings = Vec::new();
        let (mut changes, mut ends) = (Vec::new(), Vec::new());
        for entry in batch {
            match entry {
                Entry::Begin { id, seen, .. } => tasks.push((*id, *seen)),
                Entry::Settle { settlement, .. } => {
                    let ruling = settlement.ruling.iter().cloned();
                    rulings.extend(ruling.map(|ruling| (settlement.lease, ruling)));
                    changes.extend(&settlement.change);
                    ends.extend(&settlement.end);
                }
            }
        }
        let mut work = self
            .db
            .begin(&Actor::System("delivery"), self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        let now = work.now();
        let failed = tables::delivery::ending_badly(work.conn(), &changes).await?;
        let (conn, mut begun) = (work.conn(), Vec::new());
        if !ends.is_empty() {
            tables::attempt::end(conn, &ends, now).await?;
        }
        if !changes.is_empty() {
            tables::delivery::change(conn, &changes, now).await?;
        }
        if !tasks.is_empty() {
            begun = tables::delivery::begin(conn, &tasks).await?;
            tables::attempt::begin(conn, &begun, now).await?;
        }
        work.emit_all(failed, &[]).await?;
        if !rulings.is_empty() {
            let kept = job::rule(&mut work, &rulings).await?;
            for (lease, _) in rulings.iter().filter(|(lease, _)| !kept.contains(lease)) {
                tracing::warn!(job.id = %lease.id, "job {} was given to another worker", lease.id);
            }
        }
        work.commit().await?;
        self.n_commits.fetch_add(1, Ordering::Relaxed);
        Ok(begun.into_iter().collect())
    }
}

// Whoever asked may be gone: then nobody is to be told.

fn answer(batch: Vec<Entry>, begun: &HashMap<DeliveryId, i32>) {
    for entry in batch {
        match entry {
            Entry::Begin { id, reply, .. } => drop(reply.send(Ok(begun.get(&id).copied()))),
            Entry::Settle { reply, .. } => drop(reply.send(Ok(()))),
        }
    }
}

fn refuse(batch: Vec<Entry>, error: StoreError) {
    let error = RecordError::Storage(Arc::new(error));
    for entry in batch {
        match entry {
            Entry::Begin { reply, .. } => drop(reply.send(Err(error.clone()))),
            Entry::Settle { reply, .. } => drop(reply.send(Err(error.clone()))),
        }
    }
}
