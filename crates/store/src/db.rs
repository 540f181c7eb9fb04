//! Opening a database by URL and handing out connections. SQLite: one writer connection and a pool
//! of readers over one file in WAL mode. PostgreSQL: one pool for both, of which `postgres.rs` keeps those in use.

use std::{
    path::{Path, PathBuf},
    sync::{Arc, OnceLock},
    time::Duration,
};

use kernel::{Actor, Secret, Timestamp};
use sea_orm::{
    ConnectOptions, ConnectionTrait, Database, DatabaseConnection,
    sqlx::{
        Connection,
        sqlite::{SqliteAutoVacuum, SqliteJournalMode, SqliteSynchronous},
    },
};

use crate::{
    AfterCommit, Reader, StoreError, Work, Writer,
    event::Listener,
    filesystem,
    kept::{ASKED_AFTER, Lost},
    postgres::Server,
    sql,
};

/// The two engines.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Engine {
    /// Embedded, in the data directory.
    Sqlite,
    /// A server, version 15 or newer.
    Postgres,
}

impl Engine {
    /// The engine's name for people.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

/// Prepared statements that each connection keeps: recording chat alone has some ten, each in as many texts as there are sizes
/// of a part of its rows.
const STATEMENTS: usize = 256;

/// How to open a database.
#[derive(Debug, Clone)]
pub struct Options {
    /// `sqlite://path/to/file.db` or `postgres://user:password@host/database`.
    pub url: Secret<String>,
    /// Connections for reading (SQLite) or in all (PostgreSQL); 1 to 200.
    pub max_connections: u32,
    /// How long to wait for a free connection.
    pub acquire_timeout: Duration,
    /// Whether each commit waits for the disk. Only tests switch it off.
    pub durable: bool,
}

impl Options {
    /// Sensible values for a URL: 8 connections, 10 s to wait, durable.
    pub fn new(url: impl Into<String>) -> Self {
        Self {
            url: Secret::new(url.into()),
            max_connections: 8,
            acquire_timeout: Duration::from_secs(10),
            durable: true,
        }
    }

    /// The SQLite file that opening would make; `None` if there is one already, or a server.
    pub fn absent_file(&self) -> Option<&Path> {
        sqlite_file(self.url.expose()).filter(|file| !file.exists())
    }
}

/// The file a SQLite URL names.
fn sqlite_file(url: &str) -> Option<&Path> {
    let path = url.strip_prefix("sqlite:")?;
    let path = path.strip_prefix("//").unwrap_or(path);
    Some(Path::new(path.split('?').next().unwrap_or(path)))
}

/// Makes a missing database file for this user only, wherever it is: it holds what people said.
/// SQLite gives its two companions the rights of the file.
fn make_private(path: &Path) -> Result<(), StoreError> {
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    match options.open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::Place(format!(
            "the database file `{}` cannot be made: {error}",
            path.display()
        ))),
    }
}

/// An open database. Cheap to clone.
#[derive(Clone)]
pub struct Db {
    write: Writer,
    read: Reader,
    engine: Engine,
    file: Option<PathBuf>,
    after: Arc<OnceLock<Arc<dyn AfterCommit>>>,
    listener: Arc<OnceLock<Arc<dyn Listener>>>,
}

impl std::fmt::Debug for Db {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Db")
            .field("engine", &self.engine)
            .field("file", &self.file)
            .finish_non_exhaustive()
    }
}

impl Db {
    /// Opens (and for SQLite creates) the database. Does not migrate: see [`crate::migration::run`].
    pub async fn open(options: &Options) -> Result<Self, StoreError> {
        let url = options.url.expose();
        if let Some(path) = sqlite_file(url) {
            return Self::open_sqlite(path, options).await;
        }
        if url.starts_with("postgres://") || url.starts_with("postgresql://") {
            return Self::open_postgres(options).await;
        }
        Err(StoreError::Place(
            "the database URL must begin with sqlite:// or postgres://".to_owned(),
        ))
    }

    async fn open_sqlite(path: &Path, options: &Options) -> Result<Self, StoreError> {
        let place = path
            .parent()
            .filter(|p| !p.as_os_str().is_empty())
            .unwrap_or(Path::new("."));
        let place = place.canonicalize().map_err(|error| {
            StoreError::Place(format!(
                "the directory of the database `{}` cannot be used: {error}",
                path.display()
            ))
        })?;
        let mounts = std::fs::read_to_string("/proc/mounts").unwrap_or_default();
        if let Some(kind) = filesystem::network_type(&mounts, &place) {
            return Err(StoreError::Place(format!(
                "`{}` is on a network file system ({kind}), where SQLite loses data: use a local disk or PostgreSQL",
                path.display()
            )));
        }
        make_private(path)?;
        let write = Self::sqlite_pool(path, options, 1, false).await?;
        let readers = options.max_connections.max(1);
        let pool = Self::sqlite_pool(path, options, readers, true).await?;
        let pool = pool.get_sqlite_connection_pool().clone();
        let read = Reader::sqlite(pool, readers, options.acquire_timeout);
        Ok(Self {
            write: Writer::sqlite(write),
            read,
            engine: Engine::Sqlite,
            file: Some(path.to_owned()),
            after: Arc::default(),
            listener: Arc::default(),
        })
    }

    async fn sqlite_pool(
        path: &Path,
        options: &Options,
        connections: u32,
        read_only: bool,
    ) -> Result<DatabaseConnection, StoreError> {
        let mut connect = ConnectOptions::new("sqlite::memory:");
        let (path, durable) = (path.to_owned(), options.durable);
        connect
            .max_connections(connections)
            .min_connections(0)
            .acquire_timeout(options.acquire_timeout)
            .sqlx_logging(false)
            .test_before_acquire(false)
            .map_sqlx_sqlite_opts(move |sqlite| {
                let sqlite = sqlite
                    .in_memory(false)
                    .shared_cache(false)
                    .filename(&path)
                    .create_if_missing(!read_only)
                    .busy_timeout(Duration::from_secs(10))
                    .foreign_keys(true)
                    .statement_cache_capacity(STATEMENTS)
                    // A reader that is woken for every few of a thousand rows waits more than it reads.
                    .row_buffer_size(512)
                    .pragma("cache_size", "-8192")
                    .pragma("mmap_size", "67108864")
                    .pragma("temp_store", "MEMORY");
                if read_only {
                    return sqlite.pragma("query_only", "ON");
                }
                sqlite
                    .auto_vacuum(SqliteAutoVacuum::Incremental)
                    .journal_mode(SqliteJournalMode::Wal)
                    .pragma("journal_size_limit", "67108864")
                    .synchronous(if durable {
                        SqliteSynchronous::Full
                    } else {
                        SqliteSynchronous::Off
                    })
            });
        Ok(Database::connect(connect).await?)
    }

    async fn open_postgres(options: &Options) -> Result<Self, StoreError> {
        let mut connect = ConnectOptions::new(options.url.expose().clone());
        let connections = options.max_connections.max(2);
        let lost = Lost::default();
        let known = lost.clone();
        connect
            .max_connections(connections)
            .min_connections(0)
            .acquire_timeout(options.acquire_timeout)
            .connect_timeout(options.acquire_timeout)
            .sqlx_logging(false)
            .set_application_name("waddlebot")
            .test_before_acquire(false)
            .map_sqlx_postgres_before_acquire(move |connection, meta| {
                let (is_lost, idled) = (known.is_older(meta.age), meta.idle_for >= ASKED_AFTER);
                Box::pin(async move {
                    if idled && !is_lost {
                        connection.ping().await?;
                    }
                    Ok(!is_lost)
                })
            });
        let durable = options.durable;
        connect.map_sqlx_postgres_opts(move |postgres| {
            // Our statements are short; a table without statistics must not make the server
            // compile one for 100 ms.
            let postgres = postgres.options([("jit", "off")]);
            let postgres = postgres.statement_cache_capacity(STATEMENTS);
            if durable {
                postgres
            } else {
                postgres.options([("synchronous_commit", "off")])
            }
        });
        let pool = Database::connect(connect).await?;
        let pool = pool.get_postgres_connection_pool().clone();
        let server = Server::new(pool, connections, options.acquire_timeout, lost);
        let version: i32 = sql::scalar(
            &Reader::postgres(server.clone()),
            "SELECT CAST(current_setting('server_version_num') AS integer)",
            vec![],
        )
        .await?;
        if version < 150_000 {
            return Err(StoreError::Place(format!(
                "PostgreSQL {} is too old: version 15 or newer is needed",
                version / 10_000
            )));
        }
        Ok(Self {
            write: Writer::postgres(server.clone()),
            read: Reader::postgres(server),
            engine: Engine::Postgres,
            file: None,
            after: Arc::default(),
            listener: Arc::default(),
        })
    }

    /// Which engine this is.
    pub const fn engine(&self) -> Engine {
        self.engine
    }

    /// The database file (SQLite).
    pub fn file(&self) -> Option<&Path> {
        self.file.as_deref()
    }

    /// For queries that only read.
    pub const fn read(&self) -> &Reader {
        &self.read
    }

    /// The writing connection outside a transaction: for single statements such as a checkpoint.
    pub const fn write(&self) -> &Writer {
        &self.write
    }

    /// Sets who is told of commits. Only the first call has an effect.
    pub fn after_commit(&self, hook: Arc<dyn AfterCommit>) {
        // A second hook would be a wiring fault of the program; the first stays.
        let _ = self.after.set(hook);
    }

    /// Sets who hears of domain events while they are recorded. Only the first call has an effect.
    pub fn on_events(&self, listener: Arc<dyn Listener>) {
        // As above.
        let _ = self.listener.set(listener);
    }

    /// Begins a unit of work. On SQLite it waits for the one writer connection and takes the write
    /// lock at once, so that it cannot fail later with «database is locked».
    pub async fn begin(&self, actor: &Actor, now: Timestamp) -> Result<Work, StoreError> {
        // Every service waits for this, and none should be as large as what it does on the wire.
        let tx = Box::pin(self.write.begin()).await?;
        Ok(Work::new(
            tx,
            self.engine,
            actor,
            now,
            self.after.get().cloned(),
            self.listener.get().cloned(),
        ))
    }

    /// Answers whether the database can be read and the writer is free within the acquire timeout.
    pub async fn health(&self) -> Result<(), StoreError> {
        let _: i64 = sql::scalar(&self.read, "SELECT COUNT(*) FROM audit_head", vec![]).await?;
        self.write.ping().await?;
        Ok(())
    }

    /// Size of the database in bytes, write-ahead log included.
    pub async fn size_bytes(&self) -> Result<i64, StoreError> {
        match (&self.file, self.engine) {
            (Some(file), Engine::Sqlite) => {
                let wal = PathBuf::from(format!("{}-wal", file.display()));
                let len = |p: &Path| {
                    std::fs::metadata(p).map_or(0, |m| i64::try_from(m.len()).unwrap_or(i64::MAX))
                };
                Ok(len(file).saturating_add(len(&wal)))
            }
            _ => {
                sql::scalar(
                    &self.read,
                    "SELECT pg_database_size(current_database())",
                    vec![],
                )
                .await
            }
        }
    }

    /// Upkeep that costs little: planner statistics, return of free pages, a bounded log.
    pub async fn optimize(&self) -> Result<(), StoreError> {
        if self.engine == Engine::Sqlite {
            for pragma in [
                "PRAGMA optimize",
                "PRAGMA incremental_vacuum(1000)",
                "PRAGMA wal_checkpoint(PASSIVE)",
            ] {
                self.write.execute_unprepared(pragma).await?;
            }
        }
        Ok(())
    }

    /// A consistent copy of a SQLite database in one new file, made while others write.
    pub async fn copy_to(&self, target: &Path) -> Result<(), StoreError> {
        if self.engine != Engine::Sqlite {
            return Err(StoreError::Place(
                "use pg_dump to copy a PostgreSQL database".to_owned(),
            ));
        }
        sql::execute(
            &self.write,
            "VACUUM INTO $1",
            vec![target.display().to_string().into()],
        )
        .await?;
        Ok(())
    }

    /// Closes every connection; SQLite's log is folded into the file.
    pub async fn close(&self) -> Result<(), StoreError> {
        self.read.close().await;
        self.write.close().await?;
        Ok(())
    }
}
