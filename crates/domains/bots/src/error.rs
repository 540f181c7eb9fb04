//! What a caller of the service can act on.

use std::sync::Arc;

use engines::BlobsError;
use kernel::{Denied, ErrorCode, TrackError};
use store::StoreError;

/// A refusal or failure of the service.
#[derive(Debug, thiserror::Error)]
pub enum BotsError {
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
    /// Somebody asks too often: says when again.
    #[error("{0}")]
    TooOften(String),
    /// A model's file could not be kept or read.
    #[error("the file of the model could not be kept or read: try again later")]
    Files(#[source] BlobsError),
    /// The tracking server was not brought up to date.
    #[error("the tracking server was not brought up to date")]
    Tracking(#[source] TrackError),
    /// The database failed.
    #[error("what is known about bots could not be read or changed")]
    Storage(#[source] Arc<StoreError>),
}

impl BotsError {
    pub(crate) fn invalid(field: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid {
            field,
            message: message.into(),
        }
    }

    /// The stable code a face shows.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotAllowed(denied) if denied.anonymous => ErrorCode::Unauthenticated,
            Self::NotAllowed(_) => ErrorCode::Forbidden,
            Self::NotFound => ErrorCode::NotFound,
            Self::Invalid { .. } => ErrorCode::BadUserInput,
            Self::Conflict(_) => ErrorCode::Conflict,
            Self::TooOften(_) => ErrorCode::RateLimited,
            Self::Files(_) | Self::Tracking(_) => ErrorCode::Unavailable,
            Self::Storage(error) => error.code(),
        }
    }
}

impl From<StoreError> for BotsError {
    fn from(error: StoreError) -> Self {
        Self::Storage(Arc::new(error))
    }
}
