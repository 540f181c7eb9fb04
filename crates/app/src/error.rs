//! What a caller of the instance operations can act on.

use kernel::{ConnectError, Denied, ErrorCode, GrantsError, Platform};
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
    /// A mail that somebody waits for was not taken.
    #[error("the mail could not be sent: try again later, or tell an administrator")]
    NotSent(#[source] engines::MailError),
    /// A file could not be kept, read or removed.
    #[error("the file could not be kept or read: try again later")]
    Files(#[source] engines::BlobsError),
    /// This instance has no application on the platform.
    #[error(
        "{name} is not set up on this instance: an administrator fills in the section [{0}] of the configuration",
        name = .0.label()
    )]
    NotSetUp(Platform),
    /// The platform refused, in its own words, which the person should see.
    #[error("{0}")]
    Platform(ConnectError),
    /// The identity service refused or failed.
    #[error("{0}")]
    Identity(#[source] identity::IdentityError),
    /// Tokens could not be read or written.
    #[error("the connection's tokens could not be used")]
    Grants(#[from] GrantsError),
    /// The activity service failed.
    #[error("{0}")]
    Activity(#[source] activity::ActivityError),
    /// The webhook service failed.
    #[error("{0}")]
    Webhook(#[source] webhook::WebhookError),
    /// The delivery service refused or failed.
    #[error("{0}")]
    Delivery(#[source] delivery::DeliveryError),
    /// The detection of bots refused or failed.
    #[error("{0}")]
    Bots(#[source] bots::BotsError),
}

impl AppError {
    /// The stable code a face shows.
    pub fn code(&self) -> ErrorCode {
        match self {
            Self::NotAllowed(denied) if denied.anonymous => ErrorCode::Unauthenticated,
            Self::NotAllowed(_) => ErrorCode::Forbidden,
            Self::NotFound => ErrorCode::NotFound,
            Self::Conflict(_) | Self::NotSetUp(_) | Self::Platform(_) => ErrorCode::Conflict,
            Self::Storage(error) => error.code(),
            Self::Mail(_) | Self::NotSent(_) | Self::Files(_) => ErrorCode::Unavailable,
            Self::Identity(error) => error.code(),
            Self::Grants(_) => ErrorCode::Internal,
            Self::Activity(error) => error.code(),
            Self::Webhook(error) => error.code(),
            Self::Delivery(error) => error.code(),
            Self::Bots(error) => error.code(),
        }
    }
}

impl From<bots::BotsError> for AppError {
    fn from(error: bots::BotsError) -> Self {
        Self::Bots(error)
    }
}

impl From<identity::IdentityError> for AppError {
    fn from(error: identity::IdentityError) -> Self {
        Self::Identity(error)
    }
}

impl From<activity::ActivityError> for AppError {
    fn from(error: activity::ActivityError) -> Self {
        Self::Activity(error)
    }
}

impl From<delivery::DeliveryError> for AppError {
    fn from(error: delivery::DeliveryError) -> Self {
        Self::Delivery(error)
    }
}

impl From<webhook::WebhookError> for AppError {
    fn from(error: webhook::WebhookError) -> Self {
        Self::Webhook(error)
    }
}
