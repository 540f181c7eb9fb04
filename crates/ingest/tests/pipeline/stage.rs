//! What the tests of the line share: reactions that stop or fail on purpose, files, and imports that
//! note what they are told.

use std::{
    collections::HashMap,
    io::Write,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
};

use activity::{Fate, Incoming};
use async_trait::async_trait;
use ingest::{
    Reaction, Tally,
    format::{InputFile, Options, Rejected, discover},
    import::{self, ImportError, Observer, Summary, Target},
};
use kernel::{Actor, Clock};
use store::{StoreError, Work};
use testkit::World;
use tokio::sync::Semaphore;

/// Lets a batch pass only when told, and remembers how large each was.
#[derive(Debug)]
pub(crate) struct Gate {
    tickets: Semaphore,
    arrived: AtomicUsize,
    sizes: Mutex<Vec<usize>>,
}

impl Gate {
    /// Lets so many batches pass before it closes.
    pub(crate) fn new(open_for: usize) -> Arc<Self> {
        Arc::new(Self {
            tickets: Semaphore::new(open_for),
            arrived: AtomicUsize::new(0),
            sizes: Mutex::default(),
        })
    }

    /// Lets everything pass from now on.
    pub(crate) fn open(&self) {
        self.tickets.add_permits(1_000_000);
    }

    /// Waits until so many batches have come to the gate.
    pub(crate) async fn arrived(&self, n: usize) {
        until(|| self.arrived.load(Ordering::SeqCst) >= n).await;
    }

    pub(crate) fn sizes(&self) -> Vec<usize> {
        self.sizes.lock().unwrap().clone()
    }
}

#[async_trait]
impl Reaction for Gate {
    fn name(&self) -> &'static str {
        "gate"
    }

    async fn react(
        &self,
        _work: &mut Work,
        recorded: &[(&Incoming, Fate)],
    ) -> Result<(), StoreError> {
        self.arrived.fetch_add(1, Ordering::SeqCst);
        self.tickets.acquire().await.unwrap().forget();
        self.sizes.lock().unwrap().push(recorded.len());
        Ok(())
    }
}

/// What happens to an event of a certain id.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Harm {
    /// A permanent error.
    Error,
    /// A panic.
    Panic,
    /// So many errors of a database that is away, then nothing.
    Away(usize),
    /// So many lost races, then nothing.
    Lost(usize),
}

/// Fails on certain events.
#[derive(Debug)]
pub(crate) struct Poison(Mutex<HashMap<String, Harm>>);

impl Poison {
    pub(crate) fn new(harms: &[(&str, Harm)]) -> Arc<Self> {
        let harms = harms.iter().map(|(id, harm)| ((*id).to_owned(), *harm));
        Arc::new(Self(Mutex::new(harms.collect())))
    }

    /// What happens to an event this time.
    fn harm(&self, id: &str) -> Option<Harm> {
        let mut harms = self.0.lock().unwrap();
        let harm = harms.get_mut(id)?;
        let now = *harm;
        match harm {
            Harm::Away(0) | Harm::Lost(0) => return None,
            Harm::Away(n) | Harm::Lost(n) => *n -= 1,
            Harm::Error | Harm::Panic => {}
        }
        Some(now)
    }
}

#[async_trait]
impl Reaction for Poison {
    fn name(&self) -> &'static str {
        "poison"
    }

    async fn react(
        &self,
        _work: &mut Work,
        recorded: &[(&Incoming, Fate)],
    ) -> Result<(), StoreError> {
        let broken = || store::sea_orm::DbErr::Custom("on purpose".to_owned());
        for (incoming, _) in recorded {
            match self.harm(&incoming.event.event_id) {
                None => {}
                Some(Harm::Error) => return Err(StoreError::Data("on purpose".to_owned())),
                Some(Harm::Panic) => panic!("on purpose"),
                Some(Harm::Away(_)) => return Err(StoreError::Unavailable(broken())),
                Some(Harm::Lost(_)) => return Err(StoreError::Serialization(broken())),
            }
        }
        Ok(())
    }
}

/// Waits until something is so, which must happen by itself.
pub(crate) async fn until(so: impl Fn() -> bool) {
    while !so() {
        tokio::task::yield_now().await;
    }
}

/// Notes what an import tells.
#[derive(Debug, Default)]
pub(crate) struct Notes {
    pub(crate) rejected: Vec<Rejected>,
    pub(crate) last: (u64, Tally),
}

impl Observer for Notes {
    fn progress(&mut self, bytes: u64, total: Tally) {
        self.last = (bytes, total);
    }

    fn rejected(&mut self, rejected: &Rejected) {
        self.rejected.push(rejected.clone());
    }
}

/// Writes a file into the world's place.
pub(crate) fn file(world: &World, name: &str, content: &[u8]) -> PathBuf {
    let path = world.place().join(name);
    std::fs::File::create(&path)
        .unwrap()
        .write_all(content)
        .unwrap();
    path
}

/// The one input at a path.
pub(crate) fn input(path: &Path) -> InputFile {
    let mut found = discover(path, None).unwrap();
    assert_eq!(found.inputs.len(), 1, "{found:?}");
    found.inputs.remove(0)
}

/// Imports a file on behalf of the program.
pub(crate) async fn run(
    world: &World,
    path: &Path,
    target: Target,
) -> (Result<Summary, ImportError>, Notes) {
    let mut notes = Notes::default();
    let options = Options::new(world.clock.now());
    let done = import::run(
        &world.app,
        &world.ingest,
        &Actor::System("test"),
        &input(path),
        &target,
        &options,
        &mut notes,
    )
    .await;
    (done, notes)
}

/// A line of our own format.
pub(crate) fn line(n: usize) -> String {
    let secs = 1_100_521_080 + n * 60;
    format!(
        r#"{{"platform":"irc","channel":"pond","message_id":"m{n}","user_id":"u{}","username":"duck{}","sent_at_ms":{secs}000,"text":"quack {n}"}}"#,
        n % 13,
        n % 13,
    )
}

/// So many lines.
pub(crate) fn lines(n: usize) -> String {
    (0..n).map(|n| line(n) + "\n").collect()
}
