//! The connection for single statements that write, outside a unit of work, and where units of work begin.
//!
//! Must never run a statement twice.

use async_trait::async_trait;
use sea_orm::{
    ConnectionTrait, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr, ExecResult,
    QueryResult, SqliteTransactionMode, Statement, TransactionOptions, TransactionTrait,
};

use crate::postgres::{self, Server};

/// Runs statements that may write. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Writer(Inner);

#[derive(Clone, Debug)]
enum Inner {
    /// The one connection of SQLite that writes.
    Sqlite(DatabaseConnection),
    Postgres(Server),
}

/// An open transaction. Dropping it rolls everything back.
#[derive(Debug)]
pub struct Transaction(Open);

#[derive(Debug)]
enum Open {
    Sqlite(DatabaseTransaction),
    Postgres(postgres::Transaction),
}

impl Writer {
    pub(crate) const fn sqlite(connection: DatabaseConnection) -> Self {
        Self(Inner::Sqlite(connection))
    }

    pub(crate) const fn postgres(server: Server) -> Self {
        Self(Inner::Postgres(server))
    }

    /// Begins a transaction. On SQLite it takes the write lock at once.
    pub(crate) async fn begin(&self) -> Result<Transaction, DbErr> {
        let connection = match &self.0 {
            Inner::Postgres(server) => {
                return Ok(Transaction(Open::Postgres(server.begin().await?)));
            }
            Inner::Sqlite(connection) => connection,
        };
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        let begun = connection.begin_with_options(options).await?;
        Ok(Transaction(Open::Sqlite(begun)))
    }

    /// Answers whether there is a connection that lives.
    pub(crate) async fn ping(&self) -> Result<(), DbErr> {
        match &self.0 {
            Inner::Sqlite(connection) => connection.ping().await,
            Inner::Postgres(server) => server.ping().await,
        }
    }

    /// Closes every connection; nothing is written after it.
    pub(crate) async fn close(&self) -> Result<(), DbErr> {
        match &self.0 {
            Inner::Sqlite(connection) => connection.close_by_ref().await,
            Inner::Postgres(server) => {
                server.close().await;
                Ok(())
            }
        }
    }
}

impl Transaction {
    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        match self.0 {
            Open::Sqlite(open) => open.commit().await,
            Open::Postgres(open) => open.commit().await,
        }
    }
}

#[async_trait]
impl ConnectionTrait for Writer {
    fn get_database_backend(&self) -> DbBackend {
        match &self.0 {
            Inner::Sqlite(_) => DbBackend::Sqlite,
            Inner::Postgres(_) => DbBackend::Postgres,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Inner::Sqlite(connection) => connection.execute_raw(statement).await,
            Inner::Postgres(server) => Ok(server.execute(statement).await?.into()),
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Inner::Sqlite(connection) => connection.execute_unprepared(sql).await,
            Inner::Postgres(server) => Ok(server.execute_text(sql).await?.into()),
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.0 {
            Inner::Sqlite(connection) => connection.query_one_raw(statement).await,
            Inner::Postgres(server) => {
                Ok(server.write_one(statement).await?.map(QueryResult::from))
            }
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.0 {
            Inner::Sqlite(connection) => connection.query_all_raw(statement).await,
            Inner::Postgres(server) => {
                let rows = server.write_all(statement).await?;
                Ok(rows.into_iter().map(QueryResult::from).collect())
            }
        }
    }
}

#[async_trait]
impl ConnectionTrait for Transaction {
    fn get_database_backend(&self) -> DbBackend {
        match &self.0 {
            Open::Sqlite(_) => DbBackend::Sqlite,
            Open::Postgres(_) => DbBackend::Postgres,
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Open::Sqlite(open) => open.execute_raw(statement).await,
            Open::Postgres(open) => open.execute_raw(statement).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match &self.0 {
            Open::Sqlite(open) => open.execute_unprepared(sql).await,
            Open::Postgres(open) => open.execute_unprepared(sql).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match &self.0 {
            Open::Sqlite(open) => open.query_one_raw(statement).await,
            Open::Postgres(open) => open.query_one_raw(statement).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match &self.0 {
            Open::Sqlite(open) => open.query_all_raw(statement).await,
            Open::Postgres(open) => open.query_all_raw(statement).await,
        }
    }
}
