//! The session cookie: how it is set (RFC 6265bis §4.1) and found in a `Cookie` header (§4.2.1). Here,
//! because several faces read it and faces do not know each other.

use http::{HeaderMap, header};

/// The cookie's name over HTTPS. The prefix makes browsers refuse it without `Secure` and `Path=/`.
pub const SECURE_COOKIE: &str = "__Host-wb_session";
/// The cookie's name over plain HTTP, which is meant for this machine only.
pub const COOKIE: &str = "wb_session";

/// A `Set-Cookie` header for the session token; an empty token and no time end it.
pub fn cookie(is_secure: bool, token: &str, max_age_secs: u64) -> String {
    named_cookie(is_secure, (SECURE_COOKIE, COOKIE), token, max_age_secs)
}

/// A `Set-Cookie` header for a value that scripts and other sites never get; `names` are those over
/// HTTPS and over plain HTTP.
pub fn named_cookie(
    is_secure: bool,
    names: (&str, &str),
    value: &str,
    max_age_secs: u64,
) -> String {
    let (name, secure) = if is_secure {
        (names.0, "; Secure")
    } else {
        (names.1, "")
    };
    format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_secs}{secure}")
}

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

/// The names of the value that binds a question for a passkey to the browser that it was asked in,
/// over HTTPS and over plain HTTP.
pub const BROWSER_COOKIE: (&str, &str) = ("__Host-wb_browser", "wb_browser");
/// How long a browser keeps that value, in seconds. Questions end sooner.
pub const BROWSER_SECS: u64 = 3_600;

/// A value of ours among the `Cookie` headers, by its names over HTTPS and over plain HTTP: 64
/// hexadecimal characters.
pub fn named_value<'a>(
    is_secure: bool,
    headers: &'a HeaderMap,
    names: (&str, &str),
) -> Option<&'a str> {
    let name = if is_secure { names.0 } else { names.1 };
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|line| line.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(found, _)| *found == name)
        .map(|(_, value)| value)
        .filter(|value| value.len() == 64 && value.bytes().all(|b| b.is_ascii_hexdigit()))
}

#[cfg(test)]
mod tests {
    use super::{cookie, token_from_cookies};

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

    #[test]
    fn over_https_the_cookie_is_bound_to_the_host() {
        assert_eq!(
            cookie(true, "ab", 60),
            "__Host-wb_session=ab; Path=/; HttpOnly; SameSite=Lax; Max-Age=60; Secure"
        );
    }

    #[test]
    fn on_loopback_it_is_still_hidden_from_scripts_and_other_sites() {
        assert_eq!(
            cookie(false, "", 0),
            "wb_session=; Path=/; HttpOnly; SameSite=Lax; Max-Age=0"
        );
    }
}
