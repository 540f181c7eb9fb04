//! Input as handlers take it. What does not fit is a problem that says why.

use axum::{
    Json as AxumJson,
    extract::{
        FromRequest, FromRequestParts, Path as AxumPath, Query as AxumQuery, Request,
        rejection::JsonRejection,
    },
    http::{HeaderMap, StatusCode, request::Parts},
};
use kernel::ErrorCode;
use serde::de::DeserializeOwned;

use crate::{
    problem::Problem,
    repeat::{HEADER, KEY_MAX},
};

/// The largest body, in bytes.
pub(crate) const BODY_MAX: usize = 64 * 1024;

/// A JSON body; unknown fields are refused by its type.
pub(crate) struct Body<T>(pub(crate) T);

/// The query string; unknown parameters are refused by its type.
pub(crate) struct Query<T>(pub(crate) T);

/// The parts of the path; what does not fit is «not found».
pub(crate) struct Path<T>(pub(crate) T);

/// The key of a request that must have one; `why` says what for.
pub(crate) fn idempotency_key<'a>(headers: &'a HeaderMap, why: &str) -> Result<&'a str, Problem> {
    let key = headers.get(HEADER).and_then(|value| value.to_str().ok());
    key.filter(|key| (1..=KEY_MAX).contains(&key.len()))
        .ok_or_else(|| {
            let detail =
                format!("send the header `Idempotency-Key` of 1 to {KEY_MAX} bytes, {why}");
            Problem::http(StatusCode::BAD_REQUEST, detail)
        })
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        match AxumJson::from_request(request, state).await {
            Ok(AxumJson(value)) => Ok(Self(value)),
            Err(JsonRejection::MissingJsonContentType(_)) => Err(Problem::http(
                StatusCode::UNSUPPORTED_MEDIA_TYPE,
                "send the body as application/json",
            )),
            Err(error) if error.status() == StatusCode::PAYLOAD_TOO_LARGE => {
                Err(Problem::too_large(error))
            }
            Err(error) => {
                // Not 422 for what is JSON of the wrong shape: one status for what cannot be read.
                let detail = error.body_text();
                Err(Problem::http(StatusCode::BAD_REQUEST, detail))
            }
        }
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Problem> {
        let found = AxumQuery::try_from_uri(&parts.uri);
        let AxumQuery(value) =
            found.map_err(|error| Problem::http(StatusCode::BAD_REQUEST, error.body_text()))?;
        Ok(Self(value))
    }
}

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for Path<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let found = AxumPath::from_request_parts(parts, state).await;
        let AxumPath(value) = found
            .map_err(|_unreadable| Problem::new(ErrorCode::NotFound, "there is no such thing"))?;
        Ok(Self(value))
    }
}
