//! Where a browser may be led by a form, from the address of a platform: for the content-security
//! policy. Anything that is not a plain web address leads nowhere.

/// The sources of an address for `form-action`: its origin, and where it is a name under https, the
/// other hosts of the same two-label domain, because platforms send people from `id.twitch.tv` to
/// `www.twitch.tv` to sign in, and Chromium checks redirects too (CSP 3 §6.1.6).
pub(crate) fn of(url: &str) -> Vec<String> {
    let Some((scheme, rest)) = url.split_once("://") else {
        return Vec::new();
    };
    let host = rest.split(['/', '?', '#']).next().unwrap_or("");
    let is_plain = !host.is_empty()
        && host
            .bytes()
            .all(|b| b.is_ascii_alphanumeric() || b == b'.' || b == b'-' || b == b':');
    if !is_plain || !matches!(scheme, "https" | "http") {
        return Vec::new();
    }
    let mut places = vec![format!("{scheme}://{host}")];
    let labels: Vec<&str> = host.rsplitn(3, '.').collect();
    let is_name = |label: &&str| label.bytes().any(|b| b.is_ascii_alphabetic());
    if scheme == "https"
        && let [top, second, ..] = labels.as_slice()
        && is_name(top)
        && !host.contains(':')
    {
        places.push(format!("https://*.{second}.{top}"));
    }
    places
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn an_address_leads_to_its_origin_and_its_siblings() {
        for (url, expected) in [
            (
                "https://discord.com/oauth2/authorize?state=",
                &["https://discord.com", "https://*.discord.com"][..],
            ),
            (
                "https://id.twitch.tv/oauth2/authorize",
                &["https://id.twitch.tv", "https://*.twitch.tv"],
            ),
            (
                "http://127.0.0.1:9000/authorize",
                &["http://127.0.0.1:9000"],
            ),
            ("https://127.0.0.1/a", &["https://127.0.0.1"]),
            ("https://localhost:1/a", &["https://localhost:1"]),
            ("javascript:alert(1)", &[]),
            ("data://x", &[]),
            ("https://a b;script-src *", &[]),
            ("https://user@host/", &[]),
            ("", &[]),
        ] {
            assert_eq!(of(url), expected, "{url}");
        }
    }
}
