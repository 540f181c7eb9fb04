//! Where Discord is and who we are there. Must never print a secret.

use std::time::Duration;

use ed25519_dalek::VerifyingKey;
use kernel::Secret;
use url::Url;

/// Everything that is to be known before Discord can be asked.
#[derive(Clone, Debug)]
pub struct Settings {
    /// The bot's token, without `Bot `.
    pub token: Secret<String>,
    /// The application's id.
    pub application_id: String,
    /// The OAuth client id; usually the application's id.
    pub client_id: String,
    /// The OAuth client secret; needed to install only.
    pub client_secret: Secret<String>,
    /// The application's public key in hexadecimal; needed for interactions over HTTP only.
    pub public_key: Option<String>,
    /// [`Settings::API`], or a simulator's.
    pub api_url: String,
    /// Where the gateway is; `None` = where the API says.
    pub gateway_url: Option<String>,
    /// [`Settings::AUTHORIZE`], or a simulator's.
    pub authorize_url: String,
    /// How long an answer may take; 15 s unless said otherwise.
    pub answer_within: Duration,
}

/// The settings cannot be right.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the setting `discord.{field}` {what}")]
pub struct SettingsError {
    /// Which one.
    pub field: &'static str,
    /// What is wrong with it.
    pub what: &'static str,
}

/// Settings that were looked at.
#[derive(Debug)]
pub(super) struct Checked {
    pub token: Secret<String>,
    pub application: u64,
    pub client_id: String,
    pub client_secret: Secret<String>,
    pub public_key: Option<VerifyingKey>,
    /// Without a slash at the end.
    pub api_url: String,
    pub gateway_url: Option<String>,
    pub authorize_url: Url,
    pub answer_within: Duration,
}

impl Settings {
    /// Discord's API.
    pub const API: &'static str = "https://discord.com/api";
    /// Discord's page on which people approve.
    pub const AUTHORIZE: &'static str = "https://discord.com/oauth2/authorize";

    /// The real Discord.
    pub fn new(token: Secret<String>, application_id: impl Into<String>) -> Self {
        let application_id = application_id.into();
        Self {
            token,
            client_id: application_id.clone(),
            application_id,
            client_secret: Secret::default(),
            public_key: None,
            api_url: Self::API.to_owned(),
            gateway_url: None,
            authorize_url: Self::AUTHORIZE.to_owned(),
            answer_within: crate::http::ANSWER,
        }
    }

    pub(super) fn check(self) -> Result<Checked, SettingsError> {
        let wrong = |field, what| SettingsError { field, what };
        let token = self.token.expose().trim();
        let token = token.strip_prefix("Bot ").unwrap_or(token).to_owned();
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(wrong("token", "is not a token"));
        }
        let application = self
            .application_id
            .trim()
            .parse()
            .ok()
            .filter(|id| *id != 0);
        let application = application.ok_or(wrong("application_id", "is not a number"))?;
        let public_key = self.public_key.as_deref().map(key);
        let public_key = match public_key {
            Some(None) => return Err(wrong("public_key", "is not a key of 64 hexadecimal digits")),
            Some(key) => key,
            None => None,
        };
        let api = Url::parse(&self.api_url).ok();
        if api.is_none_or(|url| !matches!(url.scheme(), "http" | "https")) {
            return Err(wrong("api_url", "is not an http(s) address"));
        }
        let authorize_url = Url::parse(&self.authorize_url).ok();
        Ok(Checked {
            token: Secret::new(token),
            application,
            client_id: self.client_id,
            client_secret: self.client_secret,
            public_key,
            api_url: self.api_url.trim_end_matches('/').to_owned(),
            gateway_url: self.gateway_url,
            authorize_url: authorize_url.ok_or(wrong("authorize_url", "is not an address"))?,
            answer_within: self.answer_within,
        })
    }
}

fn key(hex: &str) -> Option<VerifyingKey> {
    VerifyingKey::from_bytes(&bytes(hex)?).ok()
}

/// Bytes written in hexadecimal, exactly `N`.
pub(super) fn bytes<const N: usize>(hex: &str) -> Option<[u8; N]> {
    let hex = hex.trim();
    if hex.len() != N * 2 || !hex.is_ascii() {
        return None;
    }
    let mut bytes = [0; N];
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(hex.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use kernel::Secret;

    use super::Settings;

    #[test]
    fn settings_that_cannot_be_right_are_named() {
        let good = Settings::new(Secret::new("Bot abc.def".into()), "123");
        assert_eq!(good.clone().check().unwrap().token.expose(), "abc.def");
        let field = |settings: Settings| settings.check().unwrap_err().field;
        assert_eq!(
            field(Settings::new(Secret::new("a b".into()), "123")),
            "token"
        );
        assert_eq!(
            field(Settings::new(Secret::new("abc".into()), "ducks")),
            "application_id"
        );
        assert_eq!(
            field(Settings {
                public_key: Some("00".into()),
                ..good.clone()
            }),
            "public_key"
        );
        assert_eq!(
            field(Settings {
                api_url: "ftp://x".into(),
                ..good
            }),
            "api_url"
        );
    }

    #[test]
    fn a_token_is_never_printed() {
        let settings = Settings::new(Secret::new("hunter2".into()), "123");
        assert!(!format!("{settings:?}").contains("hunter2"));
        assert!(!format!("{:?}", settings.check().unwrap()).contains("hunter2"));
    }
}
