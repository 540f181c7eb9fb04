//! Where to go after signing in or saving. Only paths on this server pass: anything that a browser
//! could read as another host becomes the fallback.

use std::fmt::Write;

/// The path if it is safe to send a browser to, else `fallback`.
pub(crate) fn checked<'a>(path: Option<&'a str>, fallback: &'a str) -> &'a str {
    path.filter(|p| is_local(p)).unwrap_or(fallback)
}

/// Starts with one slash and holds nothing that browsers strip or turn into a slash (backslash,
/// tab, line break), because `/\host` and `/<tab>/host` lead to another server.
fn is_local(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= 2_000
        && !path
            .chars()
            .any(|c| c == '\\' || c.is_control() || c.is_whitespace())
}

/// A local path as a query value.
pub(crate) fn encode(text: &str) -> String {
    let mut out = String::with_capacity(text.len() + 8);
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/".contains(&byte) {
            out.push(char::from(byte));
        } else {
            // Writing to a String cannot fail.
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

/// The path with `name=value` added to its query.
pub(crate) fn with(path: &str, name: &str, value: &str) -> String {
    let joint = if path.contains('?') { '&' } else { '?' };
    format!("{path}{joint}{name}={}", encode(value))
}

#[cfg(test)]
mod tests {
    use super::{checked, encode, with};

    #[test]
    fn only_paths_on_this_server_pass() {
        for good in ["/", "/c/ducks/health?period=30d", "/me#sessions", "/a//b"] {
            assert_eq!(checked(Some(good), "/x"), good);
        }
        let long = format!("/{}", "a".repeat(2_001));
        for bad in [
            "",
            "https://evil.example",
            "//evil.example",
            "/\\evil.example",
            "\\/evil.example",
            "/\t/evil.example",
            "/\r\nSet-Cookie: a=b",
            " /x",
            "javascript:alert(1)",
            "/a b",
            &long,
        ] {
            assert_eq!(checked(Some(bad), "/x"), "/x", "{bad:?}");
        }
        assert_eq!(checked(None, "/x"), "/x");
    }

    #[test]
    fn a_path_survives_as_a_query_value() {
        assert_eq!(encode("/c/d?a=b&c=ü"), "/c/d%3Fa%3Db%26c%3D%C3%BC");
        assert_eq!(with("/me", "done", "saved"), "/me?done=saved");
        assert_eq!(with("/me?a=1", "done", "a b"), "/me?a=1&done=a%20b");
    }
}
