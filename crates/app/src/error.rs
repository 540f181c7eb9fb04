//! What a caller of the instance operations can act on.

use kernel::{Denied, ErrorCode};
use store::StoreError;

/// A refusal or failure of an instance operation.
#[derive(Debug, thiserror::Error)]
pub enum AppError {
    /// The actor does not run this instance.
    #[error("only instance administrators may do this")]
    NotAllowed(#[from] Denied),
    /// There is no such thing.
    #[error("not found")]
    NotFound,
    /// It cannot be done as things are.
    #[error("{0}")]
    Conflict(String),
    /// The database failed.
    #[error("the state of the instance could not be read or changed")]
    Storage(#[from] StoreError),
    /// The outbox failed.
    #[error("the outbox could not be read")]
    Mail(#[source] engines::MailError),
    /// The activity service failed.
    #[error("{0}")]
    Activity(#[source] activity::ActivityError),
}

impl AppError {
    /// The stable code a face shows.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotAllowed(denied) if denied.anonymous => ErrorCode::Unauthenticated,
            Self::NotAllowed(_) => ErrorCode::Forbidden,
            Self::NotFound => ErrorCode::NotFound,
            Self::Conflict(_) => ErrorCode::Conflict,
            Self::Storage(error) => error.code(),
            Self::Mail(_) => ErrorCode::Unavailable,
            Self::Activity(error) => error.code(),
        }
    }
}

impl From<activity::ActivityError> for AppError {
    fn from(error: activity::ActivityError) -> Self {
        Self::Activity(error)
    }
}
