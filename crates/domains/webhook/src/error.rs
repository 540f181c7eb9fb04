//! What a caller of the webhook service can act on.

use kernel::{Denied, ErrorCode};
use store::{SealError, StoreError};

/// A refusal or failure of the webhook service.
#[derive(Debug, thiserror::Error)]
pub enum WebhookError {
    /// The actor lacks the permission.
    #[error("you are not allowed to do this")]
    NotAllowed(#[from] Denied),
    /// There is no such thing, or the actor may not know of it.
    #[error("not found")]
    NotFound,
    /// A field of the input is wrong.
    #[error("{message}")]
    Invalid {
        /// The field's name in the form and the API.
        field: &'static str,
        /// How to put it right.
        message: String,
    },
    /// It cannot be done as things are: says why.
    #[error("{0}")]
    Conflict(String),
    /// The secret does not open or cannot be sealed.
    #[error("the secret of the webhook could not be used")]
    Seal(#[from] SealError),
    /// The database failed.
    #[error("the webhooks could not be read or changed")]
    Storage(#[source] StoreError),
}

impl WebhookError {
    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid {
            field,
            message: message.into(),
        }
    }

    /// The stable code a face shows.
    pub const fn code(&self) -> ErrorCode {
        match self {
            Self::NotAllowed(denied) if denied.anonymous => ErrorCode::Unauthenticated,
            Self::NotAllowed(_) => ErrorCode::Forbidden,
            Self::NotFound => ErrorCode::NotFound,
            Self::Invalid { .. } => ErrorCode::BadUserInput,
            Self::Conflict(_) => ErrorCode::Conflict,
            Self::Seal(_) => ErrorCode::Internal,
            Self::Storage(error) => error.code(),
        }
    }
}

impl From<StoreError> for WebhookError {
    fn from(error: StoreError) -> Self {
        Self::Storage(error)
    }
}
