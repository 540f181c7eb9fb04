//! Entity tags (RFC 9110 §8.8.3): the digest of an answer, so that a client need not read the same
//! twice and does not overwrite what it has not seen.

use axum::http::{HeaderMap, StatusCode, header};
use serde::Serialize;

use crate::problem::Problem;

/// Hexadecimal figures of a tag: 128 bits.
const LENGTH: usize = 32;

/// The tag of a body.
pub(crate) fn of(body: &[u8]) -> String {
    let hash = blake3::hash(body).to_hex();
    format!("\"{}\"", hash.get(..LENGTH).unwrap_or_default())
}

/// Whether a header lists a tag; a weak one counts as the strong one of the same text.
pub(crate) fn lists(headers: &HeaderMap, name: &header::HeaderName, tag: &str) -> bool {
    let listed = headers.get_all(name).iter();
    let mut listed = listed
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(','))
        .map(str::trim);
    listed.any(|one| one == "*" || one.trim_start_matches("W/") == tag)
}

/// Refuses a change by somebody who saw another version than the present one. Without `If-Match`
/// every version will do.
pub(crate) fn unchanged(headers: &HeaderMap, present: &impl Serialize) -> Result<(), Problem> {
    if !headers.contains_key(header::IF_MATCH) {
        return Ok(());
    }
    let body = serde_json::to_vec(present).unwrap_or_default();
    if lists(headers, &header::IF_MATCH, &of(&body)) {
        return Ok(());
    }
    Err(Problem::http(
        StatusCode::PRECONDITION_FAILED,
        "it has changed since you read it: read it again, then repeat your change",
    ))
}

#[cfg(test)]
mod tests {
    use super::{lists, of, unchanged};
    use axum::http::{HeaderMap, HeaderValue, header};

    #[test]
    fn only_who_saw_the_present_version_may_change_it() {
        let tag = of(b"\"seen\"");
        let mut headers = HeaderMap::new();
        assert!(unchanged(&headers, &"anything").is_ok());
        headers.insert(header::IF_MATCH, HeaderValue::try_from(&tag).unwrap());
        assert!(unchanged(&headers, &"seen").is_ok());
        let refused = unchanged(&headers, &"changed").unwrap_err();
        assert_eq!(refused.status.as_u16(), 412);
        let weak = format!("\"x\", W/{tag}");
        headers.insert(header::IF_MATCH, HeaderValue::try_from(weak).unwrap());
        assert!(lists(&headers, &header::IF_MATCH, &tag));
    }
}
