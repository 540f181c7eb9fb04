//! Imports one input into the database: reads on a thread of its own, commits in batches together
//! with how far it has come, and reports every record it could not use.
//!
//! Idempotent: events that are stored already change nothing. Resumable: an interrupted import goes
//! on after the last committed batch.

mod communities;

use std::sync::Arc;

use activity::{ActivityError, ImportRun, Incoming};
use app::App;
use identity::IdentityError;
use kernel::{Actor, CommunityId};
use tokio::sync::mpsc;

use crate::{
    format::{
        self, Fatal, InputFile, OpenError, Options, ReadError, Reader, RejectReason, Rejected, Unit,
    },
    pipeline::{Checkpoint, Ingest, IngestError, Tally},
};
pub use communities::Target;

/// Records committed together.
const BATCH: usize = 2_000;
/// Batches read ahead.
const AHEAD: usize = 3;

/// How an import goes; called often, must be quick.
pub trait Observer: Send {
    /// So many bytes of the input are read, and so it stands.
    fn progress(&mut self, bytes: u64, total: Tally);
    /// A record could not be used.
    fn rejected(&mut self, rejected: &Rejected);
}

/// The end of an import.
#[derive(Debug)]
pub struct Summary {
    /// What became of the events of this call.
    pub tally: Tally,
    /// Records of this call that could not be used.
    pub rejected: u64,
    /// Records that carried nothing to import.
    pub ignored: u64,
    /// Records passed over because an earlier, interrupted call had done them.
    pub resumed_at: u64,
    /// The communities that got events.
    pub communities: Vec<CommunityId>,
    /// Why the input could not be read to its end, if so; everything before is imported.
    pub broken: Option<Fatal>,
}

/// The import could not begin or go on; what was committed stays, and the same call goes on there.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The input cannot be opened.
    #[error("the input cannot be read")]
    Open(#[from] OpenError),
    /// The input changed while it was read, or is shorter than the part that was imported.
    #[error("the input cannot be taken up where the last import ended")]
    Resume(#[source] Fatal),
    /// The database refused.
    #[error("the import stopped: nothing is lost, run it again to go on")]
    Ingest(#[from] IngestError),
    /// The import's own row could not be kept.
    #[error("the progress of the import cannot be kept")]
    Progress(#[from] ActivityError),
    /// A community could not be found or made.
    #[error("the community `{name}` cannot be used")]
    Community {
        /// Its name in the input.
        name: String,
        /// Why.
        #[source]
        source: IdentityError,
    },
    /// The reading thread is gone.
    #[error("reading the input failed unexpectedly")]
    Reader,
}

/// What the reading thread hands over.
struct Part {
    /// Community, event, and how many records are consumed with it.
    records: Vec<(Option<String>, kernel::ChatEvent, u64)>,
    rejected: Vec<Rejected>,
    consumed: u64,
    bytes: u64,
    end: Option<End>,
}

struct End {
    ignored: u64,
    broken: Option<Fatal>,
}

/// Imports one input on behalf of an actor.
pub async fn run(
    app: &Arc<App>,
    ingest: &Ingest,
    actor: &Actor,
    input: &InputFile,
    target: &Target,
    options: &Options,
    observer: &mut dyn Observer,
) -> Result<Summary, ImportError> {
    let mut reader = format::open(input, options)?;
    let name = input
        .path
        .file_name()
        .map(|name| name.to_string_lossy().into_owned())
        .unwrap_or_default();
    let key = input.resume_key(options);
    let into = target.community();
    let begun = app
        .activity
        .begin_import(actor, into, &key, &name, input.format.as_str())
        .await?;
    reader
        .skip_to(begun.consumed)
        .map_err(ImportError::Resume)?;

    let (sender, receiver) = mpsc::channel(AHEAD);
    let thread = std::thread::Builder::new()
        .name("import".to_owned())
        .spawn(move || read(reader, &sender));
    if thread.is_err() {
        return Err(ImportError::Reader);
    }
    let mut import = Import {
        app,
        ingest,
        actor,
        run: &begun,
        communities: communities::Map::new(target.clone()),
        summary: Summary {
            tally: Tally::default(),
            rejected: 0,
            ignored: 0,
            resumed_at: begun.consumed,
            communities: Vec::new(),
            broken: None,
        },
    };
    import.all(receiver, observer).await?;
    if import.summary.broken.is_none() {
        app.activity.finish_import(actor, &begun).await?;
    }
    Ok(import.summary)
}

/// Reads to the end, in parts. Stops when nobody takes them any more.
fn read(mut reader: Box<dyn Reader + Send>, sender: &mpsc::Sender<Part>) {
    loop {
        let mut part = Part {
            records: Vec::with_capacity(BATCH),
            rejected: Vec::new(),
            consumed: 0,
            bytes: 0,
            end: None,
        };
        while part.records.len() < BATCH && part.rejected.len() < BATCH && part.end.is_none() {
            match reader.next() {
                Some(Ok(record)) => {
                    let position = record.position.records;
                    part.records
                        .push((record.community, record.event, position));
                }
                Some(Err(ReadError::Rejected(rejected))) => part.rejected.push(*rejected),
                Some(Err(ReadError::Fatal(fatal))) => {
                    part.end = Some(End {
                        ignored: reader.ignored(),
                        broken: Some(fatal),
                    });
                }
                None => {
                    part.end = Some(End {
                        ignored: reader.ignored(),
                        broken: None,
                    });
                }
            }
        }
        let position = reader.position();
        (part.consumed, part.bytes) = (position.records, position.bytes);
        let last = part.end.is_some();
        if sender.blocking_send(part).is_err() || last {
            return;
        }
    }
}

struct Import<'a> {
    app: &'a Arc<App>,
    ingest: &'a Ingest,
    actor: &'a Actor,
    run: &'a ImportRun,
    communities: communities::Map,
    summary: Summary,
}

impl Import<'_> {
    async fn all(
        &mut self,
        mut parts: mpsc::Receiver<Part>,
        observer: &mut dyn Observer,
    ) -> Result<(), ImportError> {
        loop {
            let part = parts.recv().await.ok_or(ImportError::Reader)?;
            let mut rejected = part.rejected;
            let mut events = Vec::with_capacity(part.records.len());
            for (name, event, number) in part.records {
                let found = self
                    .communities
                    .of(&self.app.identity, self.actor, name.as_deref())
                    .await;
                match found {
                    Ok(community) => events.push(Incoming { community, event }),
                    // One record with an impossible community must not end the import.
                    Err(ImportError::Community {
                        name,
                        source: IdentityError::Invalid { message, .. },
                    }) => rejected.push(Rejected {
                        place: None,
                        unit: Unit::Line,
                        number,
                        column: None,
                        excerpt: name.escape_debug().take(120).collect(),
                        reason: RejectReason::Value {
                            field: "community",
                            value: name.escape_debug().take(120).collect(),
                            expected: message,
                        },
                    }),
                    Err(other) => return Err(other),
                }
            }
            for rejected in &rejected {
                observer.rejected(rejected);
            }
            let n_rejected = u64::try_from(rejected.len()).unwrap_or(u64::MAX);
            self.summary.rejected += n_rejected;
            let checkpoint = Checkpoint {
                run: self.run.id,
                consumed: part.consumed,
                rejected: n_rejected,
            };
            self.summary.tally += self.ingest.import(events, Some(checkpoint)).await?;
            observer.progress(part.bytes, self.summary.tally);
            if let Some(end) = part.end {
                self.summary.ignored = end.ignored;
                self.summary.broken = end.broken;
                self.summary.communities = self.communities.used();
                return Ok(());
            }
        }
    }
}
