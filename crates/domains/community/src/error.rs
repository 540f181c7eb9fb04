//! What a caller of the community service can act on.

use kernel::{Denied, ErrorCode};
use store::StoreError;

/// A refusal or failure of the community service.
#[derive(Debug, thiserror::Error)]
pub enum CommunityError {
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
    /// It exists already, or would break a rule between rows.
    #[error("{0}")]
    Conflict(String),
    /// The database failed.
    #[error("the change could not be stored")]
    Storage(#[source] StoreError),
}

impl CommunityError {
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
            Self::Storage(error) => error.code(),
        }
    }
}

impl From<StoreError> for CommunityError {
    fn from(error: StoreError) -> Self {
        Self::Storage(error)
    }
}
