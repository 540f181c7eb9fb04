//! What a caller of the identity service can act on.

use std::time::Duration;

use kernel::{Denied, ErrorCode, MergeId};
use store::StoreError;

/// A refusal or failure of the identity service.
#[derive(Debug, thiserror::Error)]
pub enum IdentityError {
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
    /// What was proved belongs to somebody else who signs in here: a merge was asked for, nothing
    /// has moved.
    #[error(
        "this account belongs to somebody else here: if that is you, merge the two under «Your account», «Merge»"
    )]
    MergeNeeded(MergeId),
    /// Unknown address or wrong password; which of the two is not told.
    #[error("the e-mail address or the password is wrong")]
    WrongCredentials,
    /// Too many failures; the wait is stated.
    #[error("too many failed attempts: try again in {} s", retry_after.as_secs().max(1))]
    Throttled {
        /// How long to wait.
        retry_after: Duration,
    },
    /// The one-time link was used, has expired or never existed.
    #[error("this link is no longer valid: ask for a new one")]
    TokenInvalid,
    /// A passkey answered rightly, and its counter says that the key exists twice.
    #[error(
        "the passkey «{name}» was refused: it says that it was used less often than it was, so somebody may have a copy. Sign in another way and remove it under «Your account», «Security»"
    )]
    PasskeyCopied {
        /// What its owner calls it.
        name: String,
    },
    /// The database failed.
    #[error("the change could not be stored")]
    Storage(#[source] StoreError),
}

impl IdentityError {
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
            Self::Conflict(_) | Self::MergeNeeded(_) => ErrorCode::Conflict,
            Self::WrongCredentials | Self::TokenInvalid | Self::PasskeyCopied { .. } => {
                ErrorCode::Unauthenticated
            }
            Self::Throttled { .. } => ErrorCode::RateLimited,
            Self::Storage(error) => error.code(),
        }
    }
}

impl From<StoreError> for IdentityError {
    fn from(error: StoreError) -> Self {
        Self::Storage(error)
    }
}
