//! Whether a browser's request comes from our own pages. A foreign page can open a WebSocket here
//! with the visitor's cookies, and nothing but this check stands in its way.
//!
//! Must never trust `Referer`, or compare anything but whole origins.

use http::{HeaderMap, header};

/// Whether a request comes from our own pages, from one of the listed origins, or from a program.
pub fn is_own_page(headers: &HeaderMap, others: &[String]) -> bool {
    let text = |name| headers.get(name)?.to_str().ok();
    allowed(text(header::ORIGIN), text(header::HOST), others)
}

/// Whether a request with these `Origin` and `Host` headers may go on. Programs send no `Origin`;
/// browsers cannot leave it out where it matters.
fn allowed(origin: Option<&str>, host: Option<&str>, others: &[String]) -> bool {
    let Some(origin) = origin else {
        return true;
    };
    let own = origin
        .strip_prefix("https://")
        .or_else(|| origin.strip_prefix("http://"))
        .zip(host)
        .is_some_and(|(authority, host)| authority.eq_ignore_ascii_case(host));
    own || others
        .iter()
        .any(|other| other.trim_end_matches('/').eq_ignore_ascii_case(origin))
}

#[cfg(test)]
mod tests {
    use super::allowed;

    #[test]
    fn only_our_own_origin_and_the_listed_ones_pass() {
        let others = ["https://chat.example/".to_owned()];
        let check = |origin| allowed(origin, Some("waddle.example:8080"), &others);
        assert!(check(None));
        assert!(check(Some("http://waddle.example:8080")));
        assert!(check(Some("https://WADDLE.example:8080")));
        assert!(check(Some("https://chat.example")));
        for foreign in [
            "null",
            "",
            "http://waddle.example",
            "http://evil.example",
            "http://waddle.example:8080.evil.example",
            "http://evil.example/waddle.example:8080",
            "https://chat.example.evil",
            "ftp://waddle.example:8080",
        ] {
            assert!(!check(Some(foreign)), "{foreign}");
        }
        assert!(!allowed(Some("http://waddle.example"), None, &[]));
    }
}
