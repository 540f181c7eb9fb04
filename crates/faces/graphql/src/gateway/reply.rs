//! An answer that was executed: made now, or kept from before.

use async_graphql::{Response, ServerError};

use super::answers::Freshness;

/// An executed answer.
pub(crate) struct Reply {
    body: Body,
    /// How fresh it is; `None` if it is not to be kept.
    pub(crate) freshness: Option<Freshness>,
}

enum Body {
    Made(Box<Response>),
    Written(String),
}

impl From<Response> for Reply {
    fn from(response: Response) -> Self {
        Self {
            body: Body::Made(Box::new(response)),
            freshness: None,
        }
    }
}

impl Reply {
    /// One that may be kept, as JSON.
    pub(crate) const fn kept(body: String, freshness: Freshness) -> Self {
        Self {
            body: Body::Written(body),
            freshness: Some(freshness),
        }
    }

    /// Its first error.
    pub(crate) fn error(&self) -> Option<&ServerError> {
        match &self.body {
            Body::Made(response) => response.errors.first(),
            Body::Written(_) => None,
        }
    }

    /// It, as JSON.
    pub(crate) fn json(self) -> serde_json::Result<String> {
        match self.body {
            Body::Made(response) => serde_json::to_string(&response),
            Body::Written(body) => Ok(body),
        }
    }
}
