//! Who a request comes from: what it shows of its sender (a session cookie or an API key), what that
//! is worth at this moment, and the address behind the proxies. Here, because several faces ask and
//! faces do not know each other.
//!
//! Must never decide what somebody may do, nor let a client choose its own address.

use std::net::IpAddr;

use http::{HeaderMap, header};
use identity::{ClientInfo, IdentityError, KeyHolder, User};
use kernel::{Actor, ApiKeyId, Secret, SessionId};

use crate::{App, session};

/// What a request shows for its sender.
#[derive(Debug, Clone)]
pub enum Credential {
    /// The token of a session, from a cookie.
    Session(Secret<String>),
    /// An API key, from `X-API-Key` or `Authorization: Bearer` (RFC 6750 §2.1).
    Key(Secret<String>),
}

impl Credential {
    /// The API key, else the session token among the cookies.
    pub fn of(headers: &HeaderMap) -> Option<Self> {
        let text = |name: &str| headers.get(name)?.to_str().ok();
        let bearer = text(header::AUTHORIZATION.as_str())
            .and_then(|value| value.split_once(' '))
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, key)| key.trim());
        if let Some(key) = text("x-api-key").or(bearer) {
            return Some(Self::Key(Secret::new(key.to_owned())));
        }
        session_token(headers).map(|token| Self::Session(Secret::new(token.to_owned())))
    }

    /// Whether it is an API key.
    pub const fn is_key(&self) -> bool {
        matches!(self, Self::Key(_))
    }
}

/// The session token that a browser sent.
pub fn session_token(headers: &HeaderMap) -> Option<&str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .find_map(session::token_from_cookies)
}

/// Somebody who showed a valid credential.
#[derive(Debug, Clone)]
pub struct Caller {
    /// For service calls; limited to the scope of the key.
    pub actor: Actor,
    /// For display.
    pub user: User,
    /// The session; `None` if an API key was shown. What needs a fresh proof of who somebody is
    /// needs a session.
    pub session: Option<SessionId>,
    /// The key, if one was shown.
    pub key: Option<ApiKeyId>,
}

impl App {
    /// Who a credential belongs to now; `None` if it is worth nothing.
    pub async fn caller(&self, credential: &Credential) -> Result<Option<Caller>, IdentityError> {
        let caller = match credential {
            Credential::Key(key) => {
                let found = self.identity.authenticate_key(key.expose()).await?;
                found.map(|KeyHolder { key, actor, user }| Caller {
                    actor,
                    user,
                    session: None,
                    key: Some(key),
                })
            }
            Credential::Session(token) => {
                let found = self.identity.authenticate(token.expose()).await?;
                found.map(|found| Caller {
                    actor: found.actor,
                    user: found.user,
                    session: Some(found.session),
                    key: None,
                })
            }
        };
        if caller.is_none() {
            self.usage.unauthenticated(credential.is_key());
        }
        Ok(caller)
    }
}

/// The client as its sessions and the log of consents remember it.
pub fn client(peer: Option<IpAddr>, headers: &HeaderMap, trusted: &[IpAddr]) -> ClientInfo {
    let user_agent = headers
        .get(header::USER_AGENT)
        .and_then(|value| value.to_str().ok())
        .unwrap_or("")
        .to_owned();
    ClientInfo {
        user_agent,
        address: client_address(peer, headers, trusted),
    }
}

/// The address of the client: the peer, or, if that is a proxy the operator trusts, the last
/// address in `X-Forwarded-For` that is not such a proxy. Earlier entries are the client's to forge.
pub fn client_address(
    peer: Option<IpAddr>,
    headers: &HeaderMap,
    trusted: &[IpAddr],
) -> Option<IpAddr> {
    let peer = peer?;
    if !trusted.contains(&peer) {
        return Some(peer);
    }
    let lines: Vec<_> = headers
        .get_all("x-forwarded-for")
        .iter()
        .map(|line| String::from_utf8_lossy(line.as_bytes()))
        .collect();
    let mut nearest = peer;
    // Read from its end: each proxy adds the address it saw to the right of what it was sent, and
    // what stands further left than an address we do not trust was written by that address.
    for entry in lines.iter().flat_map(|line| line.split(',')).rev() {
        let Ok(address) = entry.trim().parse() else {
            break;
        };
        nearest = address;
        if !trusted.contains(&nearest) {
            break;
        }
    }
    Some(nearest)
}

#[cfg(test)]
mod tests {
    use super::*;
    use http::HeaderValue;

    fn ip(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| {
                (
                    http::HeaderName::from_static(name),
                    HeaderValue::from_static(value),
                )
            })
            .collect()
    }

    #[test]
    fn only_a_trusted_proxy_can_say_who_the_client_is() {
        let forged = headers(&[("x-forwarded-for", "6.6.6.6, 9.9.9.9")]);
        let proxy = ip("10.0.0.1");
        assert_eq!(
            client_address(Some(ip("1.1.1.1")), &forged, &[proxy]),
            Some(ip("1.1.1.1"))
        );
        assert_eq!(
            client_address(Some(proxy), &forged, &[proxy]),
            Some(ip("9.9.9.9"))
        );
        assert_eq!(
            client_address(Some(proxy), &forged, &[proxy, ip("9.9.9.9")]),
            Some(ip("6.6.6.6"))
        );
        assert_eq!(
            client_address(Some(proxy), &HeaderMap::new(), &[proxy]),
            Some(proxy)
        );
        assert_eq!(client_address(None, &forged, &[proxy]), None);
    }

    #[test]
    fn nonsense_in_front_hides_nobody() {
        let proxy = ip("10.0.0.1");
        for sent in ["nonsense", "1.2.3.4:80", ",,", "6.6.6.6, unknown"] {
            let seen = format!("{sent}, 9.9.9.9");
            let mut headers = HeaderMap::new();
            headers.insert("x-forwarded-for", HeaderValue::from_str(&seen).unwrap());
            assert_eq!(
                client_address(Some(proxy), &headers, &[proxy]),
                Some(ip("9.9.9.9")),
                "{seen}"
            );
        }
        let mut headers = HeaderMap::new();
        headers.append("x-forwarded-for", HeaderValue::from_static("6.6.6.6"));
        headers.append(
            "x-forwarded-for",
            HeaderValue::from_bytes(b"\xff\xfe, 9.9.9.9").unwrap(),
        );
        assert_eq!(
            client_address(Some(proxy), &headers, &[proxy]),
            Some(ip("9.9.9.9"))
        );
    }

    #[test]
    fn a_key_goes_before_a_cookie_and_only_bearers_carry_one() {
        let token = "ab".repeat(32);
        let cookie = format!("wb_session={token}");
        let mut sent = headers(&[("x-api-key", "one"), ("authorization", "Bearer two")]);
        sent.insert("cookie", HeaderValue::from_str(&cookie).unwrap());
        let shown = |sent: &HeaderMap| match Credential::of(sent) {
            Some(Credential::Key(key)) => format!("key {}", key.expose()),
            Some(Credential::Session(token)) => format!("session {}", token.expose()),
            None => "nothing".to_owned(),
        };
        assert_eq!(shown(&sent), "key one");
        sent.remove("x-api-key");
        assert_eq!(shown(&sent), "key two");
        sent.insert(
            "authorization",
            HeaderValue::from_static("Basic dXNlcjpwYXNz"),
        );
        assert_eq!(shown(&sent), format!("session {token}"));
        sent.remove("cookie");
        assert_eq!(shown(&sent), "nothing");
    }
}
