//! Connections for reading, kept in hand: see `kept.rs`.
//!
//! Must never be written through: on PostgreSQL what finds its connection gone is read once more. SQLite refuses it by itself. On
//! PostgreSQL the connections are those of the writers, so `changes` looks at the statement, which costs no way to the server.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DbBackend, DbErr, ExecResult, QueryResult, RuntimeErr, Statement, Values,
    sqlx::{self, AssertSqlSafe, Sqlite, SqlitePool, query::Query},
};
use sea_query_sqlx::SqlxValues;

use crate::{kept::Kept, postgres::Server};

/// Runs statements that read. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Reader(Inner);

#[derive(Clone, Debug)]
enum Inner {
    Sqlite(Arc<Kept<Sqlite>>),
    Postgres(Server),
}

impl Reader {
    /// Reads through connections of a SQLite pool; `connections` is how many the pool has.
    pub(crate) fn sqlite(pool: SqlitePool, connections: u32, timeout: Duration) -> Self {
        Self(Inner::Sqlite(Arc::new(Kept::new(
            pool,
            connections,
            timeout,
        ))))
    }

    pub(crate) const fn postgres(server: Server) -> Self {
        Self(Inner::Postgres(server))
    }

    /// Closes every connection; nothing is read after it.
    pub(crate) async fn close(&self) {
        match &self.0 {
            Inner::Sqlite(kept) => kept.close().await,
            Inner::Postgres(server) => server.close().await,
        }
    }
}

/// What statements begin with that only read.
const READING: [&str; 5] = ["SELECT", "WITH", "VALUES", "EXPLAIN", "SHOW"];
/// Words of statements that change or lock something, wherever they stand.
const CHANGING: [&str; 7] = [
    "INSERT", "UPDATE", "DELETE", "MERGE", "TRUNCATE", "INTO", "SHARE",
];
/// What functions begin with that change or lock something.
const FUNCTIONS: [&str; 6] = [
    "NEXTVAL",
    "SETVAL",
    "SET_CONFIG",
    "PG_NOTIFY",
    "PG_ADVISORY",
    "PG_TRY_ADVISORY",
];

/// Why a statement is none that only reads, by its words: the first one, and where we look for mistakes each of them. Values are never
/// part of a text.
fn changes(sql: &str) -> Option<&str> {
    let mut words = sql
        .split(|c: char| !c.is_ascii_alphanumeric() && c != '_')
        .filter(|word| !word.is_empty());
    let is = |word: &str, other: &&str| word.eq_ignore_ascii_case(other);
    let first = words.next().unwrap_or_default();
    if !READING.iter().any(|reading| is(first, reading)) {
        return Some(first);
    }
    if !cfg!(debug_assertions) {
        return None;
    }
    words.find(|word| {
        let begins = |start: &&str| word.get(..start.len()).is_some_and(|part| is(part, start));
        CHANGING.iter().any(|changing| is(word, changing)) || FUNCTIONS.iter().any(begins)
    })
}

/// Refuses what does not only read.
fn check(statement: &Statement) -> Result<(), DbErr> {
    match changes(&statement.sql) {
        None => Ok(()),
        Some(word) => Err(DbErr::Custom(format!(
            "`{word}` does not only read: write through a unit of work"
        ))),
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
            Inner::Sqlite(_) => DbBackend::Sqlite,
            Inner::Postgres(_) => DbBackend::Postgres,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        let kept = match &self.0 {
            Inner::Postgres(server) => {
                check(&statement)?;
                return Ok(server.execute(statement).await?.into());
            }
            Inner::Sqlite(kept) => kept,
        };
        let mut held = kept.take().await?;
        let done = query(statement).execute(&mut *held).await;
        let done = done.map_err(|error| DbErr::Exec(RuntimeErr::SqlxError(error.into())))?;
        kept.keep(held);
        Ok(done.into())
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        let statement = Statement::from_string(self.get_database_backend(), sql);
        self.execute_raw(statement).await
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        let kept = match &self.0 {
            Inner::Postgres(server) => {
                check(&statement)?;
                return Ok(server.read_one(statement).await?.map(QueryResult::from));
            }
            Inner::Sqlite(kept) => kept,
        };
        let mut held = kept.take().await?;
        let row = query(statement).fetch_optional(&mut *held).await;
        let row = row.map_err(not_read)?;
        kept.keep(held);
        Ok(row.map(QueryResult::from))
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        let kept = match &self.0 {
            Inner::Postgres(server) => {
                check(&statement)?;
                let rows = server.read_all(statement).await?;
                return Ok(rows.into_iter().map(QueryResult::from).collect());
            }
            Inner::Sqlite(kept) => kept,
        };
        let mut held = kept.take().await?;
        let rows = query(statement).fetch_all(&mut *held).await;
        let rows = rows.map_err(not_read)?;
        kept.keep(held);
        Ok(rows.into_iter().map(QueryResult::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use super::changes;

    #[test]
    fn what_changes_or_locks_something_is_known_by_its_words() {
        for reads in [
            "SELECT updated_at, deleted FROM job WHERE id = $1",
            "  (SELECT 1) UNION ALL (SELECT 2)",
            "with w AS (SELECT 1 AS a) SELECT a FROM w",
            "VALUES ($1)",
            "EXPLAIN SELECT 1",
        ] {
            assert_eq!(changes(reads), None, "{reads}");
        }
        for (writes, word) in [
            ("DELETE FROM job", "DELETE"),
            ("/* */ update job SET a = 1", "update"),
            ("BEGIN", "BEGIN"),
            ("", ""),
            (
                "WITH gone AS (DELETE FROM job RETURNING id) SELECT id FROM gone",
                "DELETE",
            ),
            ("SELECT id FROM job FOR UPDATE SKIP LOCKED", "UPDATE"),
            ("SELECT id FROM job FOR KEY SHARE", "SHARE"),
            ("SELECT pg_advisory_xact_lock($1)", "pg_advisory_xact_lock"),
            ("SELECT nextval('a')", "nextval"),
            ("SELECT 1 INTO other", "INTO"),
        ] {
            assert_eq!(changes(writes), Some(word), "{writes}");
        }
    }
}
