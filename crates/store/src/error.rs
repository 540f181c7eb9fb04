//! What can go wrong in a database, sorted by what a caller can do about it. Never shows SQL or
//! values: those stay in the source chain, for the log.

use kernel::ErrorCode;
use sea_orm::{DbErr, RuntimeErr, sqlx};

/// A failure of the storage layer.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A row with the same unique key exists; the string names the constraint or column.
    #[error("a row with the same key exists ({0})")]
    Duplicate(String),
    /// A named rule of the database was broken (check or foreign key).
    #[error("the database refused the change ({0})")]
    Refused(String),
    /// The database is away, locked, or out of connections; nothing was written. Trying again may
    /// help.
    #[error("the database is not available right now")]
    Unavailable(#[source] DbErr),
    /// The transaction lost against another one; nothing was written. Try again.
    #[error("somebody else changed the same rows at the same moment")]
    Serialization(#[source] DbErr),
    /// No space left; nothing was written.
    #[error("the disk is full: free some space in the data directory, then try again")]
    Full(#[source] DbErr),
    /// The database file is damaged or is not a database.
    #[error("the database is damaged: restore a backup with `waddlebot restore`")]
    Corrupt(#[source] DbErr),
    /// The database was written by a newer program.
    #[error(
        "the database was written by a newer version of the program (unknown migration `{0}`): use that version or restore a backup"
    )]
    Newer(String),
    /// The place of the database cannot hold one safely.
    #[error("{0}")]
    Place(String),
    /// Stored data is not what this program wrote.
    #[error("unexpected data in the database: {0}")]
    Data(String),
    /// Anything else: a fault of ours.
    #[error("the database failed")]
    Other(#[source] DbErr),
}

impl StoreError {
    /// Whether the same call may succeed later without anybody changing anything by hand.
    pub const fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unavailable(_) | Self::Serialization(_) | Self::Full(_)
        )
    }

    /// The stable code a face shows.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::Duplicate(_) | Self::Serialization(_) => ErrorCode::Conflict,
            Self::Refused(_) => ErrorCode::BadUserInput,
            Self::Unavailable(_) => ErrorCode::Unavailable,
            Self::Full(_) => ErrorCode::StorageFull,
            Self::Corrupt(_) | Self::Newer(_) | Self::Place(_) | Self::Data(_) | Self::Other(_) => {
                ErrorCode::Internal
            }
        }
    }
}

impl From<DbErr> for StoreError {
    fn from(error: DbErr) -> Self {
        match classify(&error) {
            Kind::Duplicate(name) => Self::Duplicate(name),
            Kind::Refused(name) => Self::Refused(name),
            Kind::Unavailable => Self::Unavailable(error),
            Kind::Serialization => Self::Serialization(error),
            Kind::Full => Self::Full(error),
            Kind::Corrupt => Self::Corrupt(error),
            Kind::Other => Self::Other(error),
        }
    }
}

enum Kind {
    Duplicate(String),
    Refused(String),
    Unavailable,
    Serialization,
    Full,
    Corrupt,
    Other,
}

fn classify(error: &DbErr) -> Kind {
    match error {
        DbErr::Conn(RuntimeErr::SqlxError(cause))
        | DbErr::Exec(RuntimeErr::SqlxError(cause))
        | DbErr::Query(RuntimeErr::SqlxError(cause)) => classify_sqlx(cause),
        DbErr::Conn(_) | DbErr::ConnectionAcquire(_) => Kind::Unavailable,
        _ => Kind::Other,
    }
}

fn classify_sqlx(error: &sqlx::Error) -> Kind {
    match error {
        sqlx::Error::Io(_)
        | sqlx::Error::PoolTimedOut
        | sqlx::Error::PoolClosed
        | sqlx::Error::WorkerCrashed
        | sqlx::Error::Protocol(_)
        | sqlx::Error::Tls(_) => Kind::Unavailable,
        sqlx::Error::Database(cause) => {
            let name = || {
                cause
                    .constraint()
                    .unwrap_or_else(|| cause.message())
                    .to_owned()
            };
            match cause.kind() {
                sqlx::error::ErrorKind::UniqueViolation => Kind::Duplicate(name()),
                sqlx::error::ErrorKind::ForeignKeyViolation
                | sqlx::error::ErrorKind::CheckViolation
                | sqlx::error::ErrorKind::NotNullViolation => Kind::Refused(name()),
                _ => classify_code(cause.code().as_deref().unwrap_or("")),
            }
        }
        _ => Kind::Other,
    }
}

/// SQLite extended result codes (<https://www.sqlite.org/rescode.html>, primary code in the low
/// byte) and PostgreSQL SQLSTATEs (manual, appendix A); the two never overlap in length.
fn classify_code(code: &str) -> Kind {
    if code.len() == 5 {
        return match code {
            "40001" | "40P01" | "55P03" => Kind::Serialization,
            "53100" => Kind::Full,
            "53300" | "57P01" | "57P02" | "57P03" | "25006" => Kind::Unavailable,
            "XX001" | "XX002" => Kind::Corrupt,
            _ if code.starts_with("08") => Kind::Unavailable,
            _ => Kind::Other,
        };
    }
    match code.parse::<i32>().map(|n| n & 0xff) {
        // BUSY, LOCKED, READONLY, IOERR, CANTOPEN
        Ok(5 | 6 | 8 | 10 | 14) => Kind::Unavailable,
        Ok(13) => Kind::Full,
        // CORRUPT, NOTADB
        Ok(11 | 26) => Kind::Corrupt,
        _ => Kind::Other,
    }
}
