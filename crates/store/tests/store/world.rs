//! A private, migrated database on either engine, a clock that moves only when told, and seeded
//! randomness. The database is dropped after the test, also when it fails.

use std::{
    hash::{BuildHasher, Hasher, RandomState},
    path::PathBuf,
    sync::{
        Arc, Mutex,
        atomic::{AtomicI64, Ordering},
    },
    time::Duration,
};

use kernel::{Actor, Clock, CommunityId, Entropy, JobId, Timestamp};
use rand::{Rng, SeedableRng, rngs::StdRng};
use store::{
    Db, Engine, Options, Work,
    job::{Claimed, NewJob, Queue, Room, State},
    migration, sql,
};
use tempfile::TempDir;

/// Runs each named test on both engines.
macro_rules! both {
    ($($name:ident),* $(,)?) => {$(
        mod $name {
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn sqlite() {
                crate::world::on_sqlite(super::$name).await;
            }

            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn postgres() {
                crate::world::on_postgres(super::$name).await;
            }
        }
    )*};
}
pub(crate) use both;

/// Time that moves only when told.
#[derive(Debug)]
pub(crate) struct MockClock(AtomicI64);

impl Clock for MockClock {
    fn now(&self) -> Timestamp {
        Timestamp(self.0.load(Ordering::SeqCst))
    }
}

/// The same numbers every time.
pub(crate) struct Seeded(Mutex<StdRng>);

impl Seeded {
    pub(crate) fn new(seed: u64) -> Self {
        Self(Mutex::new(StdRng::seed_from_u64(seed)))
    }

    /// A number below `n`.
    pub(crate) fn below(&self, n: usize) -> usize {
        let drawn = usize::from_le_bytes(kernel::random::bytes(self));
        drawn % n
    }
}

impl Entropy for Seeded {
    fn fill(&self, buffer: &mut [u8]) {
        self.0.lock().unwrap().fill_bytes(buffer);
    }
}

enum Place {
    Sqlite(TempDir),
    Postgres { admin: String, name: String },
}

/// What a test gets.
pub(crate) struct World {
    pub(crate) db: Db,
    pub(crate) clock: Arc<MockClock>,
    pub(crate) entropy: Arc<Seeded>,
    place: Place,
}

/// Monday, 2026-11-23, noon.
pub(crate) const NOON: Timestamp = Timestamp::from_secs(1_795_435_200);

pub(crate) async fn on_sqlite<F: Future<Output = ()> + Send + 'static>(test: fn(Arc<World>) -> F) {
    let place = Place::Sqlite(TempDir::new().unwrap());
    run(place, test).await;
}

#[expect(clippy::disallowed_macros, reason = "a skip must be seen")]
pub(crate) async fn on_postgres<F: Future<Output = ()> + Send + 'static>(
    test: fn(Arc<World>) -> F,
) {
    let Ok(admin) = std::env::var("WADDLEBOT_TEST_POSTGRES") else {
        let required = std::env::var_os("WADDLEBOT_TEST_REQUIRE_ALL").is_some();
        assert!(
            !required,
            "WADDLEBOT_TEST_POSTGRES is not set, but every engine is required"
        );
        eprintln!("skipped: WADDLEBOT_TEST_POSTGRES is not set");
        return;
    };
    let name = format!("wb_{:016x}", RandomState::new().build_hasher().finish());
    administer(&admin, &format!("CREATE DATABASE {name}")).await;
    run(Place::Postgres { admin, name }, test).await;
}

async fn administer(admin: &str, statement: &str) {
    let mut options = store::sea_orm::ConnectOptions::new(admin);
    options.max_connections(1).sqlx_logging(false);
    let conn = store::sea_orm::Database::connect(options).await.unwrap();
    sql::execute(&conn, statement, vec![]).await.unwrap();
    conn.close().await.unwrap();
}

async fn run<F: Future<Output = ()> + Send + 'static>(place: Place, test: fn(Arc<World>) -> F) {
    let db = Db::open(&options(place.url())).await.unwrap();
    migration::run(&db, NOON).await.unwrap();
    let world = Arc::new(World {
        db,
        clock: Arc::new(MockClock(AtomicI64::new(NOON.0))),
        entropy: Arc::new(Seeded::new(7)),
        place,
    });
    let ended = tokio::spawn(test(Arc::clone(&world))).await;
    if let Place::Postgres { admin, name } = &world.place {
        administer(admin, &format!("DROP DATABASE {name} WITH (FORCE)")).await;
    }
    if let Err(failed) = ended {
        std::panic::resume_unwind(failed.into_panic());
    }
}

fn options(url: String) -> Options {
    Options {
        durable: false,
        ..Options::new(url)
    }
}

impl Place {
    fn url(&self) -> String {
        match self {
            Self::Sqlite(directory) => {
                format!("sqlite://{}", directory.path().join("test.db").display())
            }
            Self::Postgres { admin, name } => {
                let server = admin.rsplit_once('/').expect("the URL ends in /database").0;
                format!("{server}/{name}")
            }
        }
    }
}

impl World {
    /// The database's URL.
    pub(crate) fn url(&self) -> String {
        self.place.url()
    }

    /// A path in a directory of the test's own (SQLite).
    pub(crate) fn path(&self, name: &str) -> Option<PathBuf> {
        match &self.place {
            Place::Sqlite(directory) => Some(directory.path().join(name)),
            Place::Postgres { .. } => None,
        }
    }

    /// Another process's view of the same database.
    pub(crate) async fn another(&self) -> Db {
        Db::open(&options(self.url())).await.unwrap()
    }

    /// A database without any table; afterwards `self.db` is not to be used on PostgreSQL.
    pub(crate) async fn empty(&self) -> (String, Db) {
        let url = match &self.place {
            Place::Sqlite(directory) => {
                format!("sqlite://{}", directory.path().join("empty.db").display())
            }
            Place::Postgres { .. } => {
                self.sql("DROP SCHEMA public CASCADE").await;
                self.sql("CREATE SCHEMA public").await;
                self.url()
            }
        };
        (url.clone(), Db::open(&options(url)).await.unwrap())
    }

    pub(crate) async fn open(url: &str) -> Db {
        Db::open(&options(url.to_owned())).await.unwrap()
    }

    pub(crate) fn is_sqlite(&self) -> bool {
        self.db.engine() == Engine::Sqlite
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) fn advance(&self, by: Duration) {
        self.clock.0.store(self.now().plus(by).0, Ordering::SeqCst);
    }

    pub(crate) async fn begin(&self) -> Work {
        self.db
            .begin(&Actor::System("test"), self.now())
            .await
            .unwrap()
    }

    pub(crate) async fn enqueue(&self, job: NewJob) -> Option<JobId> {
        let mut work = self.begin().await;
        let id = work.enqueue(job).await.unwrap();
        work.commit().await.unwrap();
        id
    }

    pub(crate) fn queue(&self) -> Queue {
        Queue::new(self.db.clone(), "tester")
    }

    /// Claims up to `limit` jobs of the kind `work`.
    pub(crate) async fn claim(&self, queue: &Queue, limit: usize) -> Vec<Claimed> {
        let room = Room::new(limit).kind("work", usize::MAX);
        queue.claim(self.now(), &room).await.unwrap()
    }

    pub(crate) async fn claim_one(&self, queue: &Queue) -> Claimed {
        self.claim(queue, 1).await.pop().expect("a job is ready")
    }

    /// Runs a statement.
    pub(crate) async fn sql(&self, statement: &str) -> u64 {
        sql::execute(self.db.write(), statement, vec![])
            .await
            .unwrap()
    }

    /// State and attempt of a job, `None` if there is no such row.
    pub(crate) async fn job(&self, id: JobId) -> Option<(State, i32)> {
        let query = "SELECT state * 1000 + attempt FROM job WHERE id = $1";
        let found: Option<i32> = sql::optional(self.db.write(), query, vec![id.0.into()])
            .await
            .unwrap();
        found.map(|n| {
            (
                State::from_code(i16::try_from(n / 1000).unwrap()).unwrap(),
                n % 1000,
            )
        })
    }

    /// A number from a query.
    pub(crate) async fn number(&self, query: &str) -> i64 {
        sql::scalar(self.db.write(), query, vec![]).await.unwrap()
    }
}

/// A job of the kind `work`.
pub(crate) fn work() -> NewJob {
    NewJob::new("work", serde_json::json!({}))
}

/// A job of the kind `work` of a community.
pub(crate) fn work_of(community: i32) -> NewJob {
    work().community(CommunityId(community))
}
