//! What a caller of the delivery service can act on.

use std::sync::Arc;

use kernel::{Denied, ErrorCode};
use store::StoreError;

/// A refusal or failure of the delivery service.
#[derive(Debug, Clone, thiserror::Error)]
pub enum DeliveryError {
    /// The actor lacks the permission.
    #[error("you are not allowed to do this")]
    NotAllowed(#[from] Denied),
    /// There is no such delivery, or the actor may not know of it.
    #[error("not found")]
    NotFound,
    /// What is to be sent cannot be: says what to put right.
    #[error("{0}")]
    Invalid(String),
    /// It cannot be done as things are: says why.
    #[error("{0}")]
    Conflict(String),
    /// The database failed.
    #[error("the messages on their way out could not be read or changed")]
    Storage(#[source] Arc<StoreError>),
}

impl DeliveryError {
    /// The stable code a face shows.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotAllowed(denied) if denied.anonymous => ErrorCode::Unauthenticated,
            Self::NotAllowed(_) => ErrorCode::Forbidden,
            Self::NotFound => ErrorCode::NotFound,
            Self::Invalid(_) => ErrorCode::BadUserInput,
            Self::Conflict(_) => ErrorCode::Conflict,
            Self::Storage(error) => error.code(),
        }
    }
}

impl From<StoreError> for DeliveryError {
    fn from(error: StoreError) -> Self {
        Self::Storage(Arc::new(error))
    }
}
