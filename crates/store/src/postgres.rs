//! Statements on PostgreSQL: over connections that are kept, so that nobody asks each time whether one lives, and a restart of the server
//! fails nobody all the same.
//!
//! Whoever only reads, or begins a transaction, and finds the connection gone does it once more on a new one: nothing was changed.
//! Must never do a statement twice that may have changed something: such a one gets a connection that was asked just before, and within a
//! transaction what failed has failed.

use std::{mem, sync::Arc, time::Duration};

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values,
    sqlx::{
        self, AssertSqlSafe, Executor, PgPool, Postgres,
        postgres::{PgConnection, PgQueryResult, PgRow},
        query::Query,
    },
};
use sea_query_sqlx::SqlxValues;
use tokio::{runtime::Handle, sync::Mutex};

use crate::kept::{Held, Kept, Lost};

/// A server. Cheap to clone.
#[derive(Clone, Debug)]
pub(crate) struct Server(Arc<Kept<Postgres>>);

/// How many rows are wanted.
#[derive(Clone, Copy, Debug)]
enum Rows {
    First,
    All,
}

impl Server {
    /// The server behind a pool of so many connections, which must not hand out those of which `lost` says that they may be gone.
    pub(crate) fn new(pool: PgPool, connections: u32, timeout: Duration, lost: Lost) -> Self {
        Self(Arc::new(Kept::new(pool, connections, timeout).losing(lost)))
    }

    async fn read(&self, statement: Statement, rows: Rows) -> Result<Vec<PgRow>, DbErr> {
        let mut held = self.0.take().await?;
        let mut found = fetch(&mut held, statement.clone(), rows).await;
        if found.as_ref().is_err_and(is_gone) {
            self.0.lose(held);
            held = self.0.take().await?;
            found = fetch(&mut held, statement, rows).await;
        }
        self.done(held, found).map_err(not_queried)
    }

    /// The first row of a statement that only reads.
    pub(crate) async fn read_one(&self, statement: Statement) -> Result<Option<PgRow>, DbErr> {
        Ok(self.read(statement, Rows::First).await?.pop())
    }

    /// All rows of a statement that only reads.
    pub(crate) async fn read_all(&self, statement: Statement) -> Result<Vec<PgRow>, DbErr> {
        self.read(statement, Rows::All).await
    }

    async fn write(&self, statement: Statement, rows: Rows) -> Result<Vec<PgRow>, DbErr> {
        let mut held = self.0.take_asked().await?;
        let found = fetch(&mut held, statement, rows).await;
        self.done(held, found).map_err(not_queried)
    }

    /// The first row of a statement that may write.
    pub(crate) async fn write_one(&self, statement: Statement) -> Result<Option<PgRow>, DbErr> {
        Ok(self.write(statement, Rows::First).await?.pop())
    }

    /// All rows of a statement that may write.
    pub(crate) async fn write_all(&self, statement: Statement) -> Result<Vec<PgRow>, DbErr> {
        self.write(statement, Rows::All).await
    }

    /// Runs a statement that may write.
    pub(crate) async fn execute(&self, statement: Statement) -> Result<PgQueryResult, DbErr> {
        let mut held = self.0.take_asked().await?;
        let done = query(statement).execute(&mut *held).await;
        self.done(held, done).map_err(not_executed)
    }

    /// Runs a text as it is, which may write.
    pub(crate) async fn execute_text(&self, sql: &str) -> Result<PgQueryResult, DbErr> {
        let mut held = self.0.take_asked().await?;
        let done = held.execute(AssertSqlSafe(sql)).await;
        self.done(held, done).map_err(not_executed)
    }

    /// Answers whether there is a connection that lives.
    pub(crate) async fn ping(&self) -> Result<(), DbErr> {
        let held = self.0.take_asked().await?;
        self.0.keep(held);
        Ok(())
    }

    /// Begins a transaction.
    pub(crate) async fn begin(&self) -> Result<Transaction, DbErr> {
        let mut held = self.0.take().await?;
        let mut begun = held.execute("BEGIN").await;
        if begun.as_ref().is_err_and(is_gone) {
            self.0.lose(held);
            held = self.0.take().await?;
            begun = held.execute("BEGIN").await;
        }
        match begun {
            Ok(_) => Ok(Transaction {
                kept: Arc::clone(&self.0),
                part: Mutex::new(Part::Open(held)),
            }),
            Err(error) => self.done(held, Err(error)).map_err(not_executed),
        }
    }

    /// Closes every connection.
    pub(crate) async fn close(&self) {
        self.0.close().await;
    }

    /// What becomes of a connection after a statement.
    fn done<T>(
        &self,
        held: Held<Postgres>,
        done: Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        match &done {
            Ok(_) => self.0.keep(held),
            Err(error) if is_gone(error) => self.0.lose(held),
            // The pool looks at it.
            Err(_) => drop(held),
        }
        done
    }
}

/// An open transaction. Dropping it rolls everything back.
#[derive(Debug)]
pub(crate) struct Transaction {
    kept: Arc<Kept<Postgres>>,
    part: Mutex<Part>,
}

/// How far it is.
enum Part {
    Open(Held<Postgres>),
    /// The server was lost, or it is committed.
    Over,
}

impl std::fmt::Debug for Part {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Open(_) => "Open",
            Self::Over => "Over",
        })
    }
}

impl Part {
    fn held(&mut self) -> Result<&mut Held<Postgres>, sqlx::Error> {
        match self {
            Self::Open(held) => Ok(held),
            Self::Over => Err(sqlx::Error::WorkerCrashed),
        }
    }

    /// Looks at how a statement ended.
    fn done<T>(
        &mut self,
        kept: &Kept<Postgres>,
        done: Result<T, sqlx::Error>,
    ) -> Result<T, sqlx::Error> {
        if done.as_ref().is_err_and(is_gone)
            && let Self::Open(held) = mem::replace(self, Self::Over)
        {
            kept.lose(held);
        }
        done
    }
}

impl Transaction {
    /// Commits.
    pub(crate) async fn commit(mut self) -> Result<(), DbErr> {
        let part = self.part.get_mut();
        // While it waits, the connection stays where a rollback would find it.
        let held = part.held().map_err(not_executed)?;
        let done = held.execute("COMMIT").await;
        part.done(&self.kept, done).map_err(not_executed)?;
        if let Part::Open(held) = mem::replace(part, Part::Over) {
            self.kept.keep(held);
        }
        Ok(())
    }

    async fn fetch(&self, statement: Statement, rows: Rows) -> Result<Vec<PgRow>, sqlx::Error> {
        let mut part = self.part.lock().await;
        let found = fetch(part.held()?, statement, rows).await;
        part.done(&self.kept, found)
    }
}

impl Drop for Transaction {
    fn drop(&mut self) {
        let Part::Open(mut held) = mem::replace(self.part.get_mut(), Part::Over) else {
            return;
        };
        let Ok(runtime) = Handle::try_current() else {
            held.close_at_once();
            return;
        };
        let kept = Arc::clone(&self.kept);
        runtime.spawn(async move {
            match held.execute("ROLLBACK").await {
                Ok(_) => kept.keep(held),
                Err(error) if is_gone(&error) => kept.lose(held),
                Err(_) => held.close_at_once(),
            }
        });
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        DbBackend::Postgres
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let mut part = self.part.lock().await;
        let held = part.held().map_err(not_executed)?;
        let done = query(statement).execute(&mut **held).await;
        let done = part.done(&self.kept, done).map_err(not_executed)?;
        Ok(done.into())
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let mut part = self.part.lock().await;
        let held = part.held().map_err(not_executed)?;
        let done = held.execute(AssertSqlSafe(sql)).await;
        let done = part.done(&self.kept, done).map_err(not_executed)?;
        Ok(done.into())
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let found = self.fetch(statement, Rows::First).await;
        let mut found = found.map_err(not_queried)?;
        Ok(found.pop().map(QueryResult::from))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let found = self.fetch(statement, Rows::All).await;
        let found = found.map_err(not_queried)?;
        Ok(found.into_iter().map(QueryResult::from).collect())
    }
}

/// Whether a connection will answer nothing any more: what it said last is that the server ends it, or nothing. Class 08 of the codes is
/// about connections, 57P about the operator's intervention, 25P03 about one that idled in a transaction for too long.
fn is_gone(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) | sqlx::Error::Tls(_) => true,
        sqlx::Error::Database(cause) => cause.code().is_some_and(|code| {
            code.starts_with("08") || code.starts_with("57P") || code == "25P03"
        }),
        _ => false,
    }
}

fn not_queried(error: sqlx::Error) -> DbErr {
    DbErr::Query(RuntimeErr::SqlxError(error.into()))
}

fn not_executed(error: sqlx::Error) -> DbErr {
    DbErr::Exec(RuntimeErr::SqlxError(error.into()))
}

fn query(statement: Statement) -> Query<'static, Postgres, SqlxValues> {
    let values = statement.values.unwrap_or(Values(Vec::new()));
    sqlx::query_with(AssertSqlSafe(statement.sql), SqlxValues(values))
}

async fn fetch(
    connection: &mut PgConnection,
    statement: Statement,
    rows: Rows,
) -> Result<Vec<PgRow>, sqlx::Error> {
    let query = query(statement);
    match rows {
        Rows::First => Ok(query
            .fetch_optional(connection)
            .await?
            .into_iter()
            .collect()),
        Rows::All => query.fetch_all(connection).await,
    }
}
