//! One struct per section of the configuration. What each field means, its unit and its default
//! stand in `docs/reference/waddlebot.toml` only.

use std::{
    net::{IpAddr, SocketAddr},
    path::PathBuf,
};

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
pub(crate) struct RestSection {
    pub(crate) requests_per_minute: u64,
    pub(crate) requests_per_minute_anonymous: u64,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhooksSection {
    pub(crate) ports: Vec<u16>,
    pub(crate) trusted_receivers: Vec<String>,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct MlflowSection {
    pub(crate) url: String,
    pub(crate) user: String,
    #[serde(deserialize_with = "secret")]
    pub(crate) token: Secret<String>,
    pub(crate) experiment: String,
}

#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GraphqlSection {
    pub(crate) schema_readers: SchemaReaders,
    pub(crate) body_bytes_max: u64,
    pub(crate) document_bytes_max: u64,
    pub(crate) tokens_max: u64,
    pub(crate) depth_max: u64,
    pub(crate) fields_max: u64,
    pub(crate) aliases_max: u64,
    pub(crate) directives_max: u64,
    pub(crate) cost_max: u64,
    pub(crate) cost_per_minute: u64,
    pub(crate) cost_per_minute_anonymous: u64,
    pub(crate) documents_bytes_max: u64,
    pub(crate) answers_bytes_max: u64,
    pub(crate) trusted_documents: PathBuf,
    pub(crate) values_max: u64,
    pub(crate) deadline_secs: u64,
    pub(crate) slow_ms: u64,
}

impl GraphqlSection {
    /// `within(name, value, least, most)` says whether a value is within its bounds.
    pub(crate) fn check<E>(
        &self,
        within: impl Fn(&str, u64, u64, u64) -> Result<(), E>,
    ) -> Result<(), E> {
        for (name, value, least, most) in [
            ("body_bytes_max", self.body_bytes_max, 10_000, 10_000_000),
            (
                "document_bytes_max",
                self.document_bytes_max,
                1_000,
                1_000_000,
            ),
            ("tokens_max", self.tokens_max, 100, 20_000),
            ("depth_max", self.depth_max, 3, 20),
            ("fields_max", self.fields_max, 10, 2_000),
            ("aliases_max", self.aliases_max, 0, 1_000),
            ("directives_max", self.directives_max, 0, 1_000),
            ("cost_max", self.cost_max, 100, 1_000_000),
            ("cost_per_minute", self.cost_per_minute, 100, 1_000_000_000),
            (
                "cost_per_minute_anonymous",
                self.cost_per_minute_anonymous,
                100,
                1_000_000_000,
            ),
            (
                "documents_bytes_max",
                self.documents_bytes_max,
                1_000_000,
                1_000_000_000,
            ),
            (
                "answers_bytes_max",
                self.answers_bytes_max,
                1_000_000,
                100_000_000_000,
            ),
            ("values_max", self.values_max, 1_000, 10_000_000),
            ("deadline_secs", self.deadline_secs, 1, 60),
            ("slow_ms", self.slow_ms, 10, 60_000),
        ] {
            within(&format!("graphql.{name}"), value, least, most)?;
        }
        Ok(())
    }
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
    pub(crate) linked_roles: bool,
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
