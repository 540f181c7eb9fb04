//! What a browser, or a cache on the way, is told of an answer to a `GET` that may be kept.
//!
//! Must never let somebody else keep what is for one viewer without asking again: we hear of changes, they
//! do not. So an answer for one viewer is asked for each time, and if it is still the same it need not be
//! sent again.

use axum::{
    body::Body,
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::Response,
};
use sha2::{Digest, Sha256};

use super::answers::Freshness;

/// The name of a body.
pub(crate) fn etag(body: &str) -> String {
    let digest = Sha256::digest(body.as_bytes());
    let (name, _) = digest.split_at(16);
    format!("\"{}\"", kernel::random::hex(name))
}

/// Says how fresh an answer is; without its body if the client has it.
pub(crate) fn told(
    mut response: Response,
    freshness: Freshness,
    etag: &str,
    asked: &HeaderMap,
) -> Response {
    let policy = freshness.policy;
    let (control, age) = if policy.is_public {
        let control = format!("public, max-age={}", policy.max_age.as_secs());
        (control, Some(freshness.age.as_secs()))
    } else {
        ("private, no-cache".to_owned(), None)
    };
    if has(asked, etag) {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        *response.body_mut() = Body::empty();
        response.headers_mut().remove(header::CONTENT_TYPE);
        response.headers_mut().remove(header::CONTENT_LENGTH);
    }
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CACHE_CONTROL, control.as_str()),
        (header::ETAG, etag),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    if let Some(age) = age {
        headers.insert(header::AGE, age.into());
    }
    response
}

/// Whether the client has the body of that name.
fn has(asked: &HeaderMap, etag: &str) -> bool {
    asked
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(str::trim)
        .any(|name| name == "*" || name.strip_prefix("W/").unwrap_or(name) == etag)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use axum::http::HeaderName;

    use super::*;
    use crate::gateway::policy::Policy;

    fn tell(is_public: bool, asked: &[(HeaderName, &'static str)]) -> Response {
        let policy = Policy {
            max_age: Duration::from_secs(60),
            is_public,
        };
        let age = Duration::from_millis(4_700);
        let headers = asked.iter().map(|(name, value)| {
            let value = HeaderValue::from_static(value);
            (name.clone(), value)
        });
        let response = Response::new(Body::from("{}"));
        told(
            response,
            Freshness { policy, age },
            "\"abc\"",
            &headers.collect(),
        )
    }

    fn header(response: &Response, name: &str) -> String {
        let value = response.headers().get(name);
        value.map_or_else(String::new, |value| value.to_str().unwrap().to_owned())
    }

    #[test]
    fn what_is_for_one_viewer_is_asked_for_each_time() {
        let private = tell(false, &[]);
        assert_eq!(header(&private, "cache-control"), "private, no-cache");
        assert_eq!(header(&private, "age"), "");
        let public = tell(true, &[]);
        assert_eq!(header(&public, "cache-control"), "public, max-age=60");
        assert_eq!(header(&public, "age"), "4");
        assert_eq!(header(&public, "etag"), "\"abc\"");
    }

    #[test]
    fn a_client_that_has_the_body_is_not_sent_it_again() {
        for name in ["\"abc\"", "W/\"abc\"", "\"x\", \"abc\"", "*"] {
            let response = tell(false, &[(header::IF_NONE_MATCH, name)]);
            assert_eq!(response.status(), StatusCode::NOT_MODIFIED, "{name}");
            assert_eq!(header(&response, "etag"), "\"abc\"");
        }
        for name in ["\"x\"", "abc", ""] {
            let response = tell(false, &[(header::IF_NONE_MATCH, name)]);
            assert_eq!(response.status(), StatusCode::OK, "{name}");
        }
        assert_ne!(etag("{}"), etag("{ }"));
    }
}
