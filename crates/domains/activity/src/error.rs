//! What a caller of the activity service can act on.

use std::sync::Arc;

use kernel::{Denied, ErrorCode};
use store::StoreError;

/// A refusal or failure of the activity service.
#[derive(Debug, Clone, thiserror::Error)]
pub enum ActivityError {
    /// The actor lacks the permission.
    #[error("you are not allowed to see this")]
    NotAllowed(#[from] Denied),
    /// There is no such thing, or the actor may not know of it.
    #[error("not found")]
    NotFound,
    /// An argument is wrong.
    #[error("{0}")]
    Invalid(String),
    /// The database failed.
    #[error("the activity could not be read")]
    Storage(#[source] Arc<StoreError>),
    /// The identity service failed.
    #[error("the people of the community could not be read")]
    Identity(#[source] Arc<identity::IdentityError>),
}

impl ActivityError {
    /// The stable code a face shows.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotAllowed(denied) if denied.anonymous => ErrorCode::Unauthenticated,
            Self::NotAllowed(_) => ErrorCode::Forbidden,
            Self::NotFound => ErrorCode::NotFound,
            Self::Invalid(_) => ErrorCode::BadUserInput,
            Self::Storage(error) => error.code(),
            Self::Identity(error) => error.code(),
        }
    }
}

impl From<StoreError> for ActivityError {
    fn from(error: StoreError) -> Self {
        Self::Storage(Arc::new(error))
    }
}

impl From<identity::IdentityError> for ActivityError {
    fn from(error: identity::IdentityError) -> Self {
        Self::Identity(Arc::new(error))
    }
}
