//! One struct per section of the configuration. What each field means, its unit and its default
//! stand in `docs/reference/waddlebot.toml` only.

use std::net::{IpAddr, SocketAddr};

use kernel::Secret;
use serde::{Deserialize, Deserializer};

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Secret<String>, D::Error> {
    String::deserialize(deserializer).map(Secret::new)
}

/// An address, or nothing for an empty text.
fn optional_address<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<SocketAddr>, D::Error> {
    let text = String::deserialize(deserializer)?;
    if text.is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(serde::de::Error::custom)
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ServerSection {
    pub(crate) listen: SocketAddr,
    pub(crate) public_url: String,
    pub(crate) trusted_proxies: Vec<IpAddr>,
    #[serde(deserialize_with = "optional_address")]
    pub(crate) metrics_listen: Option<SocketAddr>,
    pub(crate) drain_secs: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DatabaseSection {
    #[serde(deserialize_with = "secret")]
    pub(crate) url: Secret<String>,
    pub(crate) max_connections: u32,
    pub(crate) acquire_timeout_secs: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RedisSection {
    #[serde(deserialize_with = "secret")]
    pub(crate) url: Secret<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct BlobsSection {
    pub(crate) url: String,
    pub(crate) endpoint: String,
    pub(crate) region: String,
    pub(crate) key_id: String,
    #[serde(deserialize_with = "secret")]
    pub(crate) secret: Secret<String>,
    pub(crate) plain_http: bool,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MailSection {
    #[serde(deserialize_with = "secret")]
    pub(crate) url: Secret<String>,
    pub(crate) from: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct KeysSection {
    #[serde(deserialize_with = "secret")]
    pub(crate) ring: Secret<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct IngestSection {
    pub(crate) queue_max: u64,
    pub(crate) batch_max: u64,
    pub(crate) import_patience_secs: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ActivitySection {
    pub(crate) overview_ttl_secs: u64,
    pub(crate) overviews_max: u64,
    pub(crate) live_poll_ms: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JobsSection {
    pub(crate) concurrency: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GraphqlSection {
    pub(crate) schema_readers: SchemaReaders,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SignInSection {
    pub(crate) open_registration: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum SchemaReaders {
    Everyone,
    SignedIn,
    Nobody,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct DiscordSection {
    #[serde(deserialize_with = "secret")]
    pub(crate) token: Secret<String>,
    pub(crate) application_id: String,
    #[serde(deserialize_with = "secret")]
    pub(crate) client_secret: Secret<String>,
    pub(crate) public_key: String,
    pub(crate) api_url: String,
    pub(crate) gateway_url: String,
    pub(crate) authorize_url: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TwitchSection {
    pub(crate) client_id: String,
    #[serde(deserialize_with = "secret")]
    pub(crate) client_secret: Secret<String>,
    #[serde(deserialize_with = "secret")]
    pub(crate) webhook_secret: Secret<String>,
    pub(crate) bot_user_id: String,
    pub(crate) api_url: String,
    pub(crate) id_url: String,
    pub(crate) eventsub_url: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct SlackSection {
    pub(crate) client_id: String,
    #[serde(deserialize_with = "secret")]
    pub(crate) client_secret: Secret<String>,
    #[serde(deserialize_with = "secret")]
    pub(crate) signing_secret: Secret<String>,
    #[serde(deserialize_with = "secret")]
    pub(crate) app_token: Secret<String>,
    pub(crate) api_url: String,
    pub(crate) authorize_url: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct OidcSection {
    pub(crate) label: String,
    pub(crate) issuer: String,
    pub(crate) client_id: String,
    #[serde(deserialize_with = "secret")]
    pub(crate) client_secret: Secret<String>,
    #[serde(default = "oidc_scopes")]
    pub(crate) scopes: Vec<String>,
}

fn oidc_scopes() -> Vec<String> {
    ["profile", "email"].map(str::to_owned).into()
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct LogSection {
    pub(crate) level: String,
    pub(crate) format: LogFormat,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum LogFormat {
    Text,
    Json,
}
