//! Errors of services as GraphQL errors: a stable code and a sentence.
//!
//! Must never show a fault of ours to a client: that goes to the log with the request's id.

use std::{error::Error as StdError, sync::Arc};

use async_graphql::{Context, Error, ErrorExtensions, Result};
use kernel::ErrorCode;
use tracing::error;

use super::Viewer;

/// A service's error.
pub(crate) trait Coded: StdError {
    /// The stable code.
    fn code(&self) -> ErrorCode;

    /// Which field of the input is at fault, where one is.
    fn field(&self) -> Option<&'static str> {
        None
    }

    /// How many seconds to wait, where that helps.
    fn retry_after(&self) -> Option<u64> {
        None
    }
}

impl Coded for ::community::CommunityError {
    fn code(&self) -> ErrorCode {
        self.code()
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Invalid { field, .. } => Some(*field),
            _ => None,
        }
    }
}

impl Coded for ::bots::BotsError {
    fn code(&self) -> ErrorCode {
        self.code()
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Invalid { field, .. } => Some(*field),
            _ => None,
        }
    }
}

impl Coded for ::delivery::DeliveryError {
    fn code(&self) -> ErrorCode {
        self.code()
    }
}

impl Coded for identity::IdentityError {
    fn code(&self) -> ErrorCode {
        self.code()
    }
}

impl Coded for ::activity::ActivityError {
    fn code(&self) -> ErrorCode {
        self.code()
    }
}

impl Coded for app::AppError {
    fn code(&self) -> ErrorCode {
        self.code()
    }

    fn field(&self) -> Option<&'static str> {
        match self {
            Self::Identity(identity::IdentityError::Invalid { field, .. })
            | Self::Bots(::bots::BotsError::Invalid { field, .. })
            | Self::Webhook(webhook::WebhookError::Invalid { field, .. }) => Some(*field),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<u64> {
        match self {
            Self::Identity(identity::IdentityError::Throttled { retry_after }) => {
                Some(retry_after.as_secs().max(1))
            }
            _ => None,
        }
    }
}

impl<E: Coded> Coded for Arc<E> {
    fn code(&self) -> ErrorCode {
        self.as_ref().code()
    }
}

/// The viewer of the request.
pub(crate) fn viewer<'a>(ctx: &Context<'a>) -> Result<&'a Viewer> {
    ctx.data::<Arc<Viewer>>().map(AsRef::as_ref)
}

/// An error with a code.
pub(crate) fn coded(code: ErrorCode, message: impl Into<String>) -> Error {
    Error::new(message).extend_with(|_, extensions| extensions.set("code", code.as_str()))
}

/// The client's mistake.
pub(crate) fn bad_input(message: impl Into<String>) -> Error {
    coded(ErrorCode::BadUserInput, message)
}

/// A service refused or failed.
pub(crate) fn refused(viewer: &Viewer, cause: &impl Coded) -> Error {
    let code = cause.code();
    if !matches!(
        code,
        ErrorCode::Internal | ErrorCode::Unavailable | ErrorCode::StorageFull
    ) {
        return coded(code, cause.to_string());
    }
    error!(request.id = viewer.request_id(), error.code = %code, error.chain = chain(cause), "a GraphQL request failed: {cause}");
    let message = match code {
        ErrorCode::Internal => viewer.internal_message(),
        _ => format!("{cause}: try again later"),
    };
    coded(code, message).extend_with(|_, extensions| {
        extensions.set("requestId", viewer.request_id());
    })
}

/// What a change of the program refused or failed with.
pub(crate) fn change_refused(viewer: &Viewer, cause: &app::AppError) -> Error {
    fault(viewer, cause)
}

/// What a change refused or failed with, and what of the input is at fault.
pub(crate) fn fault(viewer: &Viewer, cause: &impl Coded) -> Error {
    refused(viewer, cause).extend_with(|_, extensions| {
        if let Some(field) = cause.field() {
            extensions.set("field", field);
        }
        if let Some(secs) = cause.retry_after() {
            extensions.set("retryAfter", secs);
        }
    })
}

/// Not found and not allowed both are «nothing here».
pub(crate) fn lookup<T, E: Coded>(viewer: &Viewer, found: Result<T, E>) -> Result<Option<T>> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(cause) if matches!(cause.code(), ErrorCode::NotFound | ErrorCode::Forbidden) => {
            Ok(None)
        }
        Err(cause) => Err(refused(viewer, &cause)),
    }
}

fn chain(error: &dyn StdError) -> String {
    let mut causes = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    causes.join(": ")
}
