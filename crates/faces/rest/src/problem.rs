//! What went wrong, as `application/problem+json` (RFC 9457): a stable code, a sentence, the fields at
//! fault. A problem travels as an extension of a bare response; [`crate::guard`] writes it out, because
//! only there the request's id is known.
//!
//! Must never show a cause to a client: causes go to the log.

use std::{error::Error, sync::Arc, time::Duration};

use axum::{
    http::StatusCode,
    response::{IntoResponse, Response},
};
use identity::IdentityError;
use kernel::ErrorCode;
use serde::Serialize;
use utoipa::ToSchema;

/// A problem on its way out.
#[derive(Clone, Debug)]
pub(crate) struct Problem {
    pub(crate) status: StatusCode,
    pub(crate) code: &'static str,
    pub(crate) detail: String,
    pub(crate) errors: Vec<FieldProblem>,
    pub(crate) retry_after: Option<Duration>,
    pub(crate) cause: Option<Arc<dyn Error + Send + Sync>>,
}

/// What is wrong with one field of the input.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(crate) struct FieldProblem {
    /// The field's name.
    pub(crate) field: String,
    /// How to put it right.
    pub(crate) message: String,
}

/// A problem (RFC 9457).
#[derive(Serialize, ToSchema)]
pub(crate) struct ProblemBody {
    /// `urn:waddlebot:problem:` and the code.
    pub(crate) r#type: String,
    /// The status in words.
    pub(crate) title: String,
    /// The HTTP status.
    #[schema(minimum = 400, maximum = 599)]
    pub(crate) status: u16,
    /// A sentence for people: what is wrong and what to do.
    pub(crate) detail: String,
    /// `urn:waddlebot:request:` and the request's id, by which the log knows it.
    pub(crate) instance: String,
    /// A stable code for programs, such as `NOT_FOUND`.
    pub(crate) code: String,
    /// The fields at fault.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(crate) errors: Vec<FieldProblem>,
}

impl Problem {
    /// A problem with a code that every face knows.
    pub(crate) fn new(code: ErrorCode, detail: impl Into<String>) -> Self {
        let status = StatusCode::from_u16(code.http_status());
        Self {
            status: status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR),
            code: code.as_str(),
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            cause: None,
        }
    }

    /// A problem of HTTP itself.
    pub(crate) fn http(status: StatusCode, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: match status.as_u16() {
                404 => "NOT_FOUND",
                405 => "METHOD_NOT_ALLOWED",
                412 => "PRECONDITION_FAILED",
                413 => "TOO_LARGE",
                415 => "UNSUPPORTED_MEDIA_TYPE",
                503 | 504 => "UNAVAILABLE",
                _ => "BAD_USER_INPUT",
            },
            detail: detail.into(),
            errors: Vec::new(),
            retry_after: None,
            cause: None,
        }
    }

    /// A body that is too large, or that did not arrive whole.
    pub(crate) fn too_large(cause: impl Error + Send + Sync + 'static) -> Self {
        Self {
            cause: Some(Arc::new(cause)),
            ..Self::http(
                StatusCode::PAYLOAD_TOO_LARGE,
                "a body has at most 64 KiB, and arrives whole",
            )
        }
    }

    pub(crate) fn not_found() -> Self {
        Self::new(
            ErrorCode::NotFound,
            "there is no such thing, or it is not for you to see",
        )
    }

    pub(crate) fn sign_in_first() -> Self {
        Self::new(
            ErrorCode::Unauthenticated,
            "sign in first, or send an API key as `X-API-Key` or `Authorization: Bearer`",
        )
    }

    /// One field is wrong.
    pub(crate) fn field(field: &str, message: impl Into<String>) -> Self {
        let message = message.into();
        let mut problem = Self::new(ErrorCode::BadUserInput, message.clone());
        problem.errors.push(FieldProblem {
            field: field.to_owned(),
            message,
        });
        problem
    }

    /// The causes, for the log.
    pub(crate) fn chain(&self) -> String {
        let mut causes = Vec::new();
        let mut next: Option<&dyn Error> = match &self.cause {
            Some(cause) => Some(cause.as_ref()),
            None => None,
        };
        while let Some(cause) = next {
            causes.push(cause.to_string());
            next = cause.source();
        }
        causes.join(": ")
    }

    fn service(code: ErrorCode, cause: impl Error + Send + Sync + 'static) -> Self {
        let detail = match code {
            ErrorCode::NotFound => return Self::not_found(),
            ErrorCode::Internal => String::new(),
            ErrorCode::Unavailable | ErrorCode::StorageFull => format!("{cause}: try again later"),
            _ => cause.to_string(),
        };
        Self {
            cause: Some(Arc::new(cause)),
            ..Self::new(code, detail)
        }
    }
}

impl From<IdentityError> for Problem {
    fn from(error: IdentityError) -> Self {
        match &error {
            IdentityError::Invalid { field, message } => Self::field(field, message.clone()),
            IdentityError::Throttled { retry_after } => Self {
                retry_after: Some(*retry_after),
                ..Self::service(error.code(), error)
            },
            IdentityError::NotAllowed(denied) if denied.anonymous => Self::sign_in_first(),
            _ => Self::service(error.code(), error),
        }
    }
}

impl From<app::AppError> for Problem {
    fn from(error: app::AppError) -> Self {
        match error {
            app::AppError::Bots(error) => error.into(),
            app::AppError::Identity(error) => error.into(),
            error => Self::service(error.code(), error),
        }
    }
}

impl From<webhook::WebhookError> for Problem {
    fn from(error: webhook::WebhookError) -> Self {
        use webhook::WebhookError;
        match &error {
            WebhookError::Invalid { field, message } => Self::field(field, message.clone()),
            WebhookError::NotAllowed(denied) if denied.anonymous => Self::sign_in_first(),
            _ => Self::service(error.code(), error),
        }
    }
}

impl From<activity::ActivityError> for Problem {
    fn from(error: activity::ActivityError) -> Self {
        let code = error.code();
        match &error {
            activity::ActivityError::Identity(inner) => match &**inner {
                IdentityError::Invalid { field, message } => Self::field(field, message.clone()),
                _ => Self::service(code, error),
            },
            _ if code == ErrorCode::Unauthenticated => Self::sign_in_first(),
            _ => Self::service(code, error),
        }
    }
}

impl From<::community::CommunityError> for Problem {
    fn from(error: ::community::CommunityError) -> Self {
        match &error {
            ::community::CommunityError::Invalid { field, message } => {
                Self::field(field, message.clone())
            }
            _ => Self::service(error.code(), error),
        }
    }
}

impl From<::bots::BotsError> for Problem {
    fn from(error: ::bots::BotsError) -> Self {
        use ::bots::BotsError;
        match &error {
            BotsError::Invalid { field, message } => Self::field(field, message.clone()),
            BotsError::NotAllowed(denied) if denied.anonymous => Self::sign_in_first(),
            _ => Self::service(error.code(), error),
        }
    }
}

impl From<delivery::DeliveryError> for Problem {
    fn from(error: delivery::DeliveryError) -> Self {
        Self::service(error.code(), error)
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = self.status.into_response();
        response.extensions_mut().insert(self);
        response
    }
}

#[cfg(test)]
mod tests {
    use super::Problem;
    use identity::IdentityError;
    use std::time::Duration;

    #[test]
    fn a_wait_is_told_and_a_field_is_named() {
        let wait = Duration::from_secs(7);
        let problem = Problem::from(IdentityError::Throttled { retry_after: wait });
        assert_eq!(
            (problem.status.as_u16(), problem.retry_after),
            (429, Some(wait))
        );
        let problem = Problem::from(IdentityError::Invalid {
            field: "handle",
            message: "use 3 to 30".to_owned(),
        });
        assert_eq!(problem.status.as_u16(), 422);
        assert_eq!(problem.errors[0].field, "handle");
    }

    #[test]
    fn causes_are_for_the_log_alone() {
        let cause = store_failure();
        let problem = Problem::from(cause);
        assert_eq!(problem.detail, "");
        assert!(problem.chain().contains("broken row"));
    }

    fn store_failure() -> app::AppError {
        app::AppError::Grants(kernel::GrantsError("broken row".to_owned()))
    }
}
