//! The session cookie: its name and how to find it in a `Cookie` header (RFC 6265 §4.2.1). Here,
//! because several faces read it and faces do not know each other.

/// The cookie's name over HTTPS. The prefix makes browsers refuse it without `Secure` and `Path=/`.
pub const SECURE_COOKIE: &str = "__Host-wb_session";
/// The cookie's name over plain HTTP, which is meant for this machine only.
pub const COOKIE: &str = "wb_session";

/// The session token in a `Cookie` header; the secure cookie wins. Answers only what can be a token
/// of ours: 64 hexadecimal characters.
pub fn token_from_cookies(header: &str) -> Option<&str> {
    let find = |name: &str| {
        header
            .split(';')
            .filter_map(|pair| pair.trim().split_once('='))
            .find(|(n, _)| *n == name)
            .map(|(_, v)| v)
    };
    find(SECURE_COOKIE)
        .or_else(|| find(COOKIE))
        .filter(|token| token.len() == 64 && token.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::token_from_cookies;

    #[test]
    fn the_token_is_found_among_other_cookies() {
        let token = "ab".repeat(32);
        assert_eq!(
            token_from_cookies(&format!("theme=dark; wb_session={token}")),
            Some(token.as_str())
        );
        let other = "cd".repeat(32);
        let both = format!("wb_session={token}; __Host-wb_session={other}");
        assert_eq!(token_from_cookies(&both), Some(other.as_str()));
        for bad in [
            "",
            "wb_session=",
            "wb_session=short",
            "xwb_session=1",
            &format!("wb_session={}", "z".repeat(64)),
        ] {
            assert_eq!(token_from_cookies(bad), None, "{bad}");
        }
    }
}
