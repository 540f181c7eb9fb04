//! What a handler answers when it cannot show its page. The error itself carries no markup: the
//! guard ([`crate::guard`]) renders the page, because only it knows the request id. Causes go to the
//! log, never to the browser.

use std::{error::Error, sync::Arc};

use axum::{
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use kernel::ErrorCode;

/// A refusal or failure on its way to an error page.
#[derive(Clone, Debug)]
pub(crate) struct PageError {
    code: ErrorCode,
    message: String,
    cause: Option<Arc<dyn Error + Send + Sync>>,
}

impl PageError {
    /// An error with a sentence for the reader.
    pub(crate) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code,
            message: message.into(),
            cause: None,
        }
    }

    /// Absent, or not to be known of.
    pub(crate) fn not_found() -> Self {
        Self::new(
            ErrorCode::NotFound,
            "There is nothing here, or it is not for you to see.",
        )
    }

    /// Somebody must sign in first; the guard sends browsers to the sign-in page.
    pub(crate) fn sign_in_first() -> Self {
        Self::new(ErrorCode::Unauthenticated, "Sign in to see this page.")
    }

    /// The input is wrong in a way that no form of ours produces.
    pub(crate) fn bad_input(message: impl Into<String>) -> Self {
        Self::new(ErrorCode::BadUserInput, message)
    }

    /// A template that did not render: a fault of ours.
    pub(crate) fn template(error: askama::Error) -> Self {
        Self::from_cause(ErrorCode::Internal, "", error)
    }

    /// A service's refusal or failure.
    pub(crate) fn from_cause(
        code: ErrorCode,
        message: impl Into<String>,
        cause: impl Error + Send + Sync + 'static,
    ) -> Self {
        Self {
            code,
            message: message.into(),
            cause: Some(Arc::new(cause)),
        }
    }

    /// The stable code.
    pub(crate) const fn code(&self) -> ErrorCode {
        self.code
    }

    /// What to tell the reader; empty to use the words of the status.
    pub(crate) fn message(&self) -> &str {
        match self.code {
            ErrorCode::Internal | ErrorCode::Unavailable | ErrorCode::StorageFull => "",
            _ => &self.message,
        }
    }

    /// The HTTP status.
    pub(crate) fn status(&self) -> StatusCode {
        StatusCode::from_u16(self.code.http_status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    /// The chain of causes for the log; empty if nobody must act.
    pub(crate) fn chain(&self) -> String {
        let mut text = String::new();
        let mut next: Option<&dyn Error> = self.cause.as_ref().map(|c| {
            let cause: &dyn Error = c.as_ref();
            cause
        });
        while let Some(error) = next {
            if !text.is_empty() {
                text.push_str(": ");
            }
            text.push_str(&error.to_string());
            next = error.source();
        }
        text
    }
}

impl IntoResponse for PageError {
    fn into_response(self) -> Response {
        let mut response = self.status().into_response();
        if self.code == ErrorCode::RateLimited {
            response
                .headers_mut()
                .insert(header::RETRY_AFTER, HeaderValue::from_static("60"));
        }
        response.extensions_mut().insert(self);
        response
    }
}

impl From<identity::IdentityError> for PageError {
    fn from(error: identity::IdentityError) -> Self {
        Self::from_service(error.code(), error)
    }
}

impl From<activity::ActivityError> for PageError {
    fn from(error: activity::ActivityError) -> Self {
        Self::from_service(error.code(), error)
    }
}

impl From<bots::BotsError> for PageError {
    fn from(error: bots::BotsError) -> Self {
        Self::from_service(error.code(), error)
    }
}

impl From<delivery::DeliveryError> for PageError {
    fn from(error: delivery::DeliveryError) -> Self {
        Self::from_service(error.code(), error)
    }
}

impl From<webhook::WebhookError> for PageError {
    fn from(error: webhook::WebhookError) -> Self {
        Self::from_service(error.code(), error)
    }
}

impl From<community::CommunityError> for PageError {
    fn from(error: community::CommunityError) -> Self {
        Self::from_service(error.code(), error)
    }
}

impl From<app::AppError> for PageError {
    fn from(error: app::AppError) -> Self {
        Self::from_service(error.code(), error)
    }
}

impl PageError {
    fn from_service(code: ErrorCode, error: impl Error + Send + Sync + 'static) -> Self {
        match code {
            ErrorCode::NotFound => Self::not_found(),
            ErrorCode::Unauthenticated => Self::sign_in_first(),
            _ => Self::from_cause(code, sentence(&error.to_string()), error),
        }
    }
}

/// `Only owners may do this.` from `only owners may do this`.
pub(crate) fn sentence(text: &str) -> String {
    let mut chars = text.chars();
    let Some(first) = chars.next() else {
        return String::new();
    };
    let mut out: String = first.to_uppercase().collect();
    out.push_str(chars.as_str());
    if !out.ends_with(['.', '!', '?']) {
        out.push('.');
    }
    out
}

/// The headline and the advice of an error page.
pub(crate) fn words(status: StatusCode) -> (&'static str, &'static str) {
    match status.as_u16() {
        401 => (
            "Please sign in",
            "This page is for people who are signed in.",
        ),
        403 => ("Not allowed", "You may not do this."),
        404 => (
            "Nothing in this pond",
            "There is nothing here, or it is not for you to see.",
        ),
        405 => (
            "Not like this",
            "This address cannot be used that way. Go back and use the page's own buttons.",
        ),
        408 | 504 => (
            "That took too long",
            "The request ran out of time. Try again.",
        ),
        409 => (
            "Somebody was faster",
            "It changed in the meantime. Reload and try again.",
        ),
        413 => ("Too large", "A form may hold at most 64 KiB."),
        429 => ("Too many requests", "Wait a minute and try again."),
        400 | 415 | 422 => ("That was not understood", "Check the address or the form."),
        503 => (
            "Back in a moment",
            "Something this page needs is away. Try again shortly.",
        ),
        507 => ("The disk is full", "Tell whoever runs this instance."),
        _ => (
            "That is our fault",
            "Something broke. It is in the log under the number below; trying again may help.",
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn causes_are_for_the_log_and_never_for_the_reader() {
        let error = PageError::from_cause(
            ErrorCode::Internal,
            "secret",
            std::io::Error::other("disk on fire"),
        );
        assert_eq!(error.message(), "");
        assert_eq!(error.chain(), "disk on fire");
        assert_eq!(error.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }

    #[test]
    fn service_messages_become_sentences() {
        assert_eq!(sentence("the name is taken"), "The name is taken.");
        assert_eq!(sentence(""), "");
        assert_eq!(sentence("why?"), "Why?");
    }
}
