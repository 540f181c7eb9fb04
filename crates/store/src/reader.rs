//! Connections for reading, kept in hand: see `kept.rs`.
//!
//! Must never be written through: SQLite refuses it here, and on PostgreSQL what finds its connection gone is read once more.

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
            Inner::Postgres(server) => return Ok(server.execute(statement).await?.into()),
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
