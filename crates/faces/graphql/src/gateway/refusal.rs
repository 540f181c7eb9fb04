//! A request that is not executed, and why: the code that programs rely on and a sentence for
//! people.
//!
//! Must never carry anything about our insides.

use std::time::Duration;

use async_graphql::{Pos, ServerError, Value};
use kernel::ErrorCode;

/// Why a request was refused before it was executed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Refusal {
    /// Stable code, shown as `extensions.code`.
    pub(crate) code: &'static str,
    /// What is wrong and what to do.
    pub(crate) message: String,
    /// The HTTP status, where the protocol asks for one.
    pub(crate) status: u16,
    /// Where in the document.
    pub(crate) position: Option<Pos>,
    /// Whether the request was sound HTTP and only its document is at fault. Clients that ask for
    /// `application/json` get those with status 200, as the specification wants.
    pub(crate) well_formed: bool,
    /// When to try again.
    pub(crate) retry_after: Option<Duration>,
    /// What else `extensions` says.
    details: Vec<(&'static str, Value)>,
}

impl Refusal {
    const fn document(code: &'static str, message: String) -> Self {
        Self {
            code,
            message,
            status: 400,
            position: None,
            well_formed: true,
            retry_after: None,
            details: Vec::new(),
        }
    }

    /// The request itself is wrong: method, media type, body.
    pub(crate) fn http(status: u16, message: impl Into<String>) -> Self {
        Self {
            code: ErrorCode::BadUserInput.as_str(),
            message: message.into(),
            status,
            position: None,
            well_formed: false,
            retry_after: None,
            details: Vec::new(),
        }
    }

    /// The request is sound, but not for now or not for this caller.
    pub(crate) fn not_now(code: ErrorCode, message: impl Into<String>) -> Self {
        Self {
            code: code.as_str(),
            message: message.into(),
            status: code.http_status(),
            position: None,
            well_formed: false,
            retry_after: None,
            details: Vec::new(),
        }
    }

    /// A connection is not opened.
    pub(crate) fn closed(status: u16, message: &str) -> Self {
        let code = match status {
            401 => ErrorCode::Unauthenticated,
            403 => ErrorCode::Forbidden,
            429 => ErrorCode::RateLimited,
            _ => ErrorCode::Unavailable,
        };
        Self {
            status,
            ..Self::not_now(code, message)
        }
    }

    /// The document is too long.
    pub(crate) const fn too_large(message: String) -> Self {
        Self::document("QUERY_TOO_LARGE", message)
    }

    /// The document is nested too deep.
    pub(crate) const fn too_deep(message: String) -> Self {
        Self::document("QUERY_TOO_DEEP", message)
    }

    /// The document asks for too much.
    pub(crate) const fn too_complex(message: String) -> Self {
        Self::document("QUERY_TOO_COMPLEX", message)
    }

    /// The document is not GraphQL.
    pub(crate) const fn parse(message: String) -> Self {
        Self::document("GRAPHQL_PARSE_FAILED", message)
    }

    /// The document is GraphQL, but does not fit the schema or itself.
    pub(crate) const fn validation(message: String) -> Self {
        Self::document("GRAPHQL_VALIDATION_FAILED", message)
    }

    /// The operation to run cannot be told.
    pub(crate) const fn operation(message: String) -> Self {
        Self::document("OPERATION_RESOLUTION_FAILURE", message)
    }

    /// A document that was named and is not known. Clients of automatic persisted queries look for
    /// exactly this message and send the text then.
    pub(crate) fn unknown_document() -> Self {
        Self {
            status: 200,
            ..Self::document(
                "PERSISTED_QUERY_NOT_FOUND",
                "PersistedQueryNotFound".to_owned(),
            )
        }
    }

    /// A document that is not one of the trusted ones.
    pub(crate) fn untrusted() -> Self {
        Self {
            code: "DOCUMENT_NOT_TRUSTED",
            ..Self::http(
                403,
                "only documents that the operator trusts are executed here",
            )
        }
    }

    /// The same, with a place in the document.
    pub(crate) fn at(mut self, position: Pos) -> Self {
        self.position = Some(position);
        self
    }

    /// The same, with a detail in `extensions`.
    pub(crate) fn with(mut self, name: &'static str, value: impl Into<Value>) -> Self {
        self.details.push((name, value.into()));
        self
    }

    /// As an entry of `errors`.
    pub(crate) fn into_error(self) -> ServerError {
        let mut error = ServerError::new(self.message, self.position);
        let extensions = error.extensions.get_or_insert_default();
        extensions.set("code", self.code);
        for (name, value) in self.details {
            extensions.set(name, value);
        }
        error
    }
}
