//! Connections for reading.
//!
//! A pool asks a connection whether it lives each time it comes back. On SQLite, where each connection has a thread of its own, that
//! wakes a thread and is waited for by nobody, and costs as much as a short statement does. So those that were just used are kept in
//! hand and go on at once; the pool has the others. A connection whose statement failed, or whose reader went away before the end, goes
//! back to the pool, which looks at it.
//!
//! Must never be written through: SQLite refuses it here.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use async_trait::async_trait;
use sea_orm::{
    ConnAcquireErr, ConnectionTrait, DatabaseConnection, DbBackend, DbErr, ExecResult, QueryResult,
    RuntimeErr, Statement, Values,
    sqlx::{self, AssertSqlSafe, Sqlite, SqlitePool, pool::PoolConnection, query::Query},
};
use sea_query_sqlx::SqlxValues;
use tokio::{
    sync::{Semaphore, SemaphorePermit},
    time::Instant,
};

/// A connection that was not used for so long goes back to the pool, which closes it in the end: each holds pages in memory.
const KEPT_FOR: Duration = Duration::from_secs(60);

/// Runs statements that read. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reader(Inner);

#[derive(Clone, Debug)]
enum Inner {
    /// Whatever the pool gives.
    Pool(DatabaseConnection),
    /// Those of SQLite that are kept.
    Kept(Arc<Kept>),
}

#[derive(Debug)]
struct Kept {
    pool: SqlitePool,
    /// As many as the pool has connections, so that whoever has one never waits for a connection that is kept.
    permits: Semaphore,
    /// Those in hand with when they were used last, the last used at the back.
    idle: Mutex<VecDeque<(Instant, PoolConnection<Sqlite>)>>,
    /// How long to wait for a permit.
    timeout: Duration,
}

impl Kept {
    fn idle(&self) -> MutexGuard<'_, VecDeque<(Instant, PoolConnection<Sqlite>)>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn take(&self) -> Result<(SemaphorePermit<'_>, PoolConnection<Sqlite>), DbErr> {
        let permit = match self.permits.try_acquire() {
            Ok(permit) => permit,
            Err(_) => self.wait().await?,
        };
        let kept = self.idle().pop_back();
        let connection = match kept {
            Some((_, connection)) => connection,
            None => self.pool.acquire().await.map_err(not_acquired)?,
        };
        Ok((permit, connection))
    }

    async fn wait(&self) -> Result<SemaphorePermit<'_>, DbErr> {
        let waited = tokio::time::timeout(self.timeout, self.permits.acquire()).await;
        match waited {
            Ok(Ok(permit)) => Ok(permit),
            Ok(Err(_)) => Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)),
            Err(_) => Err(DbErr::ConnectionAcquire(ConnAcquireErr::Timeout)),
        }
    }

    fn keep(&self, connection: PoolConnection<Sqlite>) {
        let now = Instant::now();
        let mut idle = self.idle();
        if self.permits.is_closed() {
            return;
        }
        idle.push_back((now, connection));
        let is_old = |(used, _): &(Instant, _)| now.duration_since(*used) > KEPT_FOR;
        if idle.front().is_some_and(is_old) {
            // Dropped, it goes to the pool.
            idle.pop_front();
        }
    }

    async fn close(&self) {
        self.permits.close();
        let idle = std::mem::take(&mut *self.idle());
        drop(idle);
        self.pool.close().await;
    }
}

impl Reader {
    /// Reads through a pool as it is.
    pub(crate) const fn pool(connection: DatabaseConnection) -> Self {
        Self(Inner::Pool(connection))
    }

    /// Reads through connections of a SQLite pool that are kept; `connections` is how many the pool has.
    pub(crate) fn kept(pool: SqlitePool, connections: u32, timeout: Duration) -> Self {
        let permits = usize::try_from(connections).unwrap_or(Semaphore::MAX_PERMITS);
        Self(Inner::Kept(Arc::new(Kept {
            pool,
            permits: Semaphore::new(permits.min(Semaphore::MAX_PERMITS)),
            idle: Mutex::default(),
            timeout,
        })))
    }

    /// Closes every connection; nothing is read after it.
    pub(crate) async fn close(&self) -> Result<(), DbErr> {
        match &self.0 {
            Inner::Pool(connection) => connection.close_by_ref().await,
            Inner::Kept(kept) => {
                kept.close().await;
                Ok(())
            }
        }
    }
}

fn not_acquired(error: sqlx::Error) -> DbErr {
    match error {
        sqlx::Error::PoolTimedOut => DbErr::ConnectionAcquire(ConnAcquireErr::Timeout),
        sqlx::Error::PoolClosed => DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed),
        other => DbErr::Conn(RuntimeErr::SqlxError(other.into())),
    }
}

fn not_read(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

fn query(statement: Statement) -> Query<'static, Sqlite, SqlxValues> {
    let values = statement.values.unwrap_or(Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql), SqlxValues(values))
}

#[async_trait]
impl ConnectionTrait for Reader {
    fn get_database_backend(&self) -> DbBackend {
        match &self.0 {
            Inner::Pool(connection) => connection.get_database_backend(),
            Inner::Kept(_) => DbBackend::Sqlite,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let kept = match &self.0 {
            Inner::Pool(connection) => return connection.execute_raw(statement).await,
            Inner::Kept(kept) => kept,
        };
        let (_permit, mut connection) = kept.take().await?;
        let done = query(statement).execute(&mut *connection).await;
        let done = done.map_err(|error| DbErr::Exec(RuntimeErr::SqlxError(error.into())))?;
        kept.keep(connection);
        Ok(done.into())
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let statement = Statement::from_string(self.get_database_backend(), sql);
        self.execute_raw(statement).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let kept = match &self.0 {
            Inner::Pool(connection) => return connection.query_one_raw(statement).await,
            Inner::Kept(kept) => kept,
        };
        let (_permit, mut connection) = kept.take().await?;
        let row = query(statement).fetch_optional(&mut *connection).await;
        let row = row.map_err(not_read)?;
        kept.keep(connection);
        Ok(row.map(QueryResult::from))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let kept = match &self.0 {
            Inner::Pool(connection) => return connection.query_all_raw(statement).await,
            Inner::Kept(kept) => kept,
        };
        let (_permit, mut connection) = kept.take().await?;
        let rows = query(statement).fetch_all(&mut *connection).await;
        let rows = rows.map_err(not_read)?;
        kept.keep(connection);
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }
}
