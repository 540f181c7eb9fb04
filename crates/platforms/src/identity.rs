//! What the sign-in providers of the platforms share: asking over our one HTTP client, reading tokens,
//! the challenge of PKCE. Sources: RFC 6749, RFC 7636, RFC 7009.
//!
//! Must never: follow a redirect, or put a token, a code or a provider's free text into an error.

use std::time::Duration;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use kernel::{Clock, ConnectError, PersonalTokens, Secret, TokenError};
use reqwest::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderName, HeaderValue},
};
use serde::Deserialize;
use serde_json::Value;
use sha2::{Digest, Sha256};
use url::Url;

use crate::http::{Call, Http, Reply};

/// What token endpoints call a refresh token that is good no more (RFC 6749 §5.2; Slack's own words).
const ENDED: [&str; 5] = [
    "invalid_grant",
    "invalid_refresh_token",
    "token_revoked",
    "token_expired",
    "account_inactive",
];
/// The wait when a provider asks for one and does not say how long, and the longest that is believed.
const WAIT: (Duration, Duration) = (Duration::from_secs(60), Duration::from_secs(3_600));

/// The answer of a token endpoint; what Slack says beside it is there too.
#[derive(Deserialize)]
pub(crate) struct Given {
    access_token: String,
    #[serde(default)]
    refresh_token: Option<String>,
    #[serde(default)]
    expires_in: Option<u64>,
    /// Words in one text, or a list (Twitch).
    #[serde(default)]
    scope: Value,
    #[serde(default)]
    pub id_token: Option<String>,
}

impl Given {
    /// As tokens to keep; a refresh token that was not replaced stays good (RFC 6749 §6).
    pub(crate) fn tokens(
        &self,
        clock: &dyn Clock,
        before: Option<&PersonalTokens>,
    ) -> PersonalTokens {
        let scopes: Vec<String> = match &self.scope {
            Value::String(text) => text.split([' ', ',']).map(str::to_owned).collect(),
            Value::Array(list) => list
                .iter()
                .filter_map(|scope| scope.as_str().map(str::to_owned))
                .collect(),
            _ => before
                .map(|before| before.scopes.clone())
                .unwrap_or_default(),
        };
        let refresh = self.refresh_token.clone().map(Secret::new);
        PersonalTokens {
            access: Secret::new(self.access_token.clone()),
            refresh: refresh.or_else(|| before.and_then(|before| before.refresh.clone())),
            expires_at: self
                .expires_in
                .map(|secs| clock.now().plus(Duration::from_secs(secs))),
            scopes: scopes
                .into_iter()
                .filter(|scope| !scope.is_empty())
                .collect(),
        }
    }
}

/// Somebody who is asked.
#[derive(Clone, Debug)]
pub(crate) struct Party {
    /// The one client.
    pub http: Http,
    /// Its name for people.
    pub name: String,
}

impl Party {
    /// Posts a form and takes whatever comes.
    pub(crate) async fn form(
        &self,
        url: String,
        fields: &[(&str, &str)],
    ) -> Result<Reply, ConnectError> {
        let mut call = Call::new(Method::POST, url);
        call.body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish()
            .into();
        call.headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        self.send(call).await
    }

    /// Asks with an access token; `scheme` is `Bearer` or Twitch's `OAuth`.
    pub(crate) async fn with_token(
        &self,
        mut call: Call,
        scheme: &str,
        access: &Secret<String>,
    ) -> Result<Reply, ConnectError> {
        let mut value = HeaderValue::try_from(format!("{scheme} {}", access.expose()))
            .map_err(|_unsendable| self.failed("gave a token that cannot be sent"))?;
        value.set_sensitive(true);
        call.headers.insert(AUTHORIZATION, value);
        self.send(call).await
    }

    pub(crate) async fn send(&self, call: Call) -> Result<Reply, ConnectError> {
        let reply = self.http.call(call).await;
        reply.map_err(|error| self.failed(&format!("gave no answer: {error}")))
    }

    /// Reads a good answer.
    pub(crate) fn read<T: serde::de::DeserializeOwned>(
        &self,
        reply: &Reply,
    ) -> Result<T, ConnectError> {
        if !reply.status.is_success() {
            return Err(self.refused(reply));
        }
        reply
            .json()
            .ok_or_else(|| self.failed("gave an answer that could not be read"))
    }

    /// A refusal; of the provider's words only the name of the error, which holds nothing secret.
    pub(crate) fn refused(&self, reply: &Reply) -> ConnectError {
        let status = reply.status.as_u16();
        match named(reply) {
            Some(error) => self.failed(&format!("refused ({status}, {error})")),
            None => self.failed(&format!("refused ({status})")),
        }
    }

    /// Why tokens were not refreshed: whether the person has to come again, or it works another time.
    pub(crate) fn not_refreshed(&self, reply: &Reply) -> TokenError {
        let has_ended = named(reply).is_some_and(|error| ENDED.contains(&error.as_str()));
        if has_ended {
            return TokenError::Refused(self.refused(reply));
        }
        self.not_taken(reply)
    }

    /// Why a question was not answered, but for the token itself.
    pub(crate) fn not_taken(&self, reply: &Reply) -> TokenError {
        let why = self.refused(reply);
        if reply.status.as_u16() != 429 {
            return TokenError::Failed(why);
        }
        let secs = reply
            .header("retry-after")
            .and_then(|text| text.parse().ok());
        let after = secs.and_then(|secs| Duration::try_from_secs_f64(secs).ok());
        TokenError::Later {
            after: after.unwrap_or(WAIT.0).min(WAIT.1),
            why,
        }
    }

    /// The refresh token among somebody's tokens; without one they have to come again.
    pub(crate) fn refresh_token<'a>(
        &self,
        tokens: &'a PersonalTokens,
    ) -> Result<&'a Secret<String>, TokenError> {
        let refresh = tokens.refresh.as_ref();
        refresh.ok_or_else(|| TokenError::Refused(self.failed("gave no refresh token")))
    }

    /// An error in our words.
    pub(crate) fn failed(&self, what: &str) -> ConnectError {
        ConnectError(format!("{} {what}", self.name))
    }

    /// Whether tokens were given back: what is not known there any more is fine.
    pub(crate) fn given_back(&self, reply: &Reply) -> Result<(), ConnectError> {
        match reply.status.as_u16() {
            200..=299 | 400 | 401 | 404 => Ok(()),
            _ => Err(self.refused(reply)),
        }
    }
}

/// The name a provider gives its refusal, if that is one.
fn named(reply: &Reply) -> Option<String> {
    #[derive(Deserialize)]
    struct Problem {
        #[serde(default)]
        error: String,
    }
    let is_name = |error: &String| {
        (1..=48).contains(&error.len())
            && error.bytes().all(|b| b.is_ascii_lowercase() || b == b'_')
    };
    let problem = reply.json::<Problem>()?;
    Some(problem.error).filter(is_name)
}

/// An optional header whose value may not be right.
pub(crate) fn header(call: &mut Call, name: &'static str, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        call.headers.insert(HeaderName::from_static(name), value);
    }
}

/// RFC 7636 §4.2, S256.
pub(crate) fn challenge(verifier: &Secret<String>) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.expose().as_bytes()))
}

/// An address with a query.
pub(crate) fn address(place: &str, query: &[(&str, &str)]) -> Result<String, ConnectError> {
    Url::parse_with_params(place, query)
        .map(String::from)
        .map_err(|_no_address| ConnectError("the address of the sign-in page is wrong".to_owned()))
}
