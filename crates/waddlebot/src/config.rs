//! The configuration: the default file, which is also its documentation, under the operator's file,
//! under the environment. Unknown keys are errors; secrets do not print.

mod layers;
mod sections;

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use anyhow::{Context, bail};
use kernel::Secret;
use serde::Deserialize;

use sections::{
    ActivitySection, BlobsSection, DatabaseSection, GraphqlSection, IngestSection, JobsSection,
    KeysSection, MailSection, MlflowSection, RedisSection, RestSection, ServerSection,
    SignInSection, WebhooksSection,
};
pub(crate) use sections::{DiscordSection, OidcSection, SlackSection, TwitchSection};
pub(crate) use sections::{LogFormat, LogSection, SchemaReaders};

/// Every setting with its default; `docs/reference/waddlebot.toml`.
pub(crate) const DEFAULTS: &str = include_str!("../../../docs/reference/waddlebot.toml");

/// All settings.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Config {
    pub(crate) data_dir: PathBuf,
    pub(crate) server: ServerSection,
    pub(crate) database: DatabaseSection,
    pub(crate) redis: RedisSection,
    pub(crate) blobs: BlobsSection,
    pub(crate) mail: MailSection,
    pub(crate) keys: KeysSection,
    pub(crate) ingest: IngestSection,
    pub(crate) activity: ActivitySection,
    pub(crate) jobs: JobsSection,
    pub(crate) rest: RestSection,
    pub(crate) graphql: GraphqlSection,
    pub(crate) webhooks: WebhooksSection,
    pub(crate) mlflow: MlflowSection,
    pub(crate) sign_in: SignInSection,
    pub(crate) discord: DiscordSection,
    pub(crate) twitch: TwitchSection,
    pub(crate) slack: SlackSection,
    /// OpenID Connect providers by their names in addresses and in the database.
    pub(crate) oidc: BTreeMap<String, OidcSection>,
    pub(crate) log: LogSection,
}

/// Where settings come from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Sources {
    /// `--config`.
    pub(crate) file: Option<PathBuf>,
    /// `--data-dir`.
    pub(crate) data_dir: Option<PathBuf>,
    /// Names and values, usually the process's environment.
    pub(crate) environment: Vec<(String, String)>,
}

impl Config {
    /// Reads and checks the settings.
    pub(crate) fn load(sources: &Sources) -> anyhow::Result<Self> {
        let mut table: toml::Table =
            toml::from_str(DEFAULTS).context("reading the built-in defaults")?;
        let environment = layers::from_environment(&table, &sources.environment)?;
        // The data directory must be known before the file that may lie in it is read.
        let place = sources.data_dir.clone().or_else(|| {
            environment
                .get("data_dir")
                .and_then(toml::Value::as_str)
                .map(PathBuf::from)
        });
        if let Some(path) = find_file(sources, place.as_deref())? {
            let text = std::fs::read_to_string(&path)
                .with_context(|| format!("reading the configuration file `{}`", path.display()))?;
            let file: toml::Table = toml::from_str(&text).with_context(|| {
                format!(
                    "the configuration file `{}` is not valid TOML",
                    path.display()
                )
            })?;
            layers::merge(&mut table, file, &path.display().to_string())?;
        }
        layers::merge(&mut table, environment, "the environment")?;
        if let Some(place) = &sources.data_dir {
            table.insert("data_dir".to_owned(), place.display().to_string().into());
        }
        let config: Self = table.try_into().context("reading the configuration")?;
        config.check()?;
        Ok(config)
    }

    /// The address of the database; SQLite in the data directory by default.
    pub(crate) fn database_url(&self) -> Secret<String> {
        if self.database.url.expose().is_empty() {
            let file = self.data_dir.join("waddlebot.db");
            return Secret::new(format!("sqlite://{}", file.display()));
        }
        self.database.url.clone()
    }

    /// The command that serves what is in this data directory.
    pub(crate) fn serve_command(&self) -> String {
        if self.data_dir == Path::new("waddlebot-data") {
            return "waddlebot serve".to_owned();
        }
        format!("waddlebot serve --data-dir {}", self.data_dir.display())
    }

    /// How browsers reach the dashboard, without a slash at the end.
    pub(crate) fn public_url(&self) -> String {
        if self.server.public_url.is_empty() {
            return format!("http://{}", self.server.listen);
        }
        self.server.public_url.trim_end_matches('/').to_owned()
    }

    fn check(&self) -> anyhow::Result<()> {
        let within = |name: &str, value: u64, least: u64, most: u64| {
            if (least..=most).contains(&value) {
                return Ok(());
            }
            bail!("`{name}` is {value}, but must be from {least} to {most}")
        };
        within("server.drain_secs", self.server.drain_secs, 1, 60)?;
        within(
            "database.max_connections",
            self.database.max_connections.into(),
            2,
            200,
        )?;
        within(
            "database.acquire_timeout_secs",
            self.database.acquire_timeout_secs,
            1,
            60,
        )?;
        within("ingest.queue_max", self.ingest.queue_max, 10, 1_000_000)?;
        within("ingest.batch_max", self.ingest.batch_max, 1, 5_000)?;
        within(
            "ingest.import_patience_secs",
            self.ingest.import_patience_secs,
            1,
            3_600,
        )?;
        within(
            "activity.overview_ttl_secs",
            self.activity.overview_ttl_secs,
            0,
            3_600,
        )?;
        within(
            "activity.overviews_max",
            self.activity.overviews_max,
            1,
            100_000,
        )?;
        within(
            "activity.live_poll_ms",
            self.activity.live_poll_ms,
            50,
            60_000,
        )?;
        within("jobs.concurrency", self.jobs.concurrency, 1, 256)?;
        within(
            "rest.requests_per_minute",
            self.rest.requests_per_minute,
            10,
            1_000_000,
        )?;
        within(
            "rest.requests_per_minute_anonymous",
            self.rest.requests_per_minute_anonymous,
            10,
            1_000_000,
        )?;
        self.graphql.check(within)?;
        if self.webhooks.ports.is_empty() || self.webhooks.ports.len() > 20 {
            bail!("`webhooks.ports` must have 1 to 20 ports");
        }
        let url = &self.mlflow.url;
        let is_web = |url: &url::Url| matches!(url.scheme(), "http" | "https");
        if !url.is_empty() && !url.parse().is_ok_and(|url| is_web(&url)) {
            bail!("`mlflow.url` must begin with https:// or http://, or be empty");
        }
        let experiment = &self.mlflow.experiment;
        if experiment.is_empty() || experiment.len() > 200 || experiment.contains(['/', ':', '\''])
        {
            bail!("`mlflow.experiment` must have 1 to 200 bytes without / : and '");
        }
        let url = &self.server.public_url;
        if !url.is_empty() && !url.starts_with("https://") && !url.starts_with("http://") {
            bail!("`server.public_url` must begin with https:// or http://, or be empty");
        }
        Ok(())
    }
}

fn find_file(sources: &Sources, data_dir: Option<&Path>) -> anyhow::Result<Option<PathBuf>> {
    let named = sources.file.clone().or_else(|| {
        let named = sources
            .environment
            .iter()
            .find(|(name, _)| name == "WADDLEBOT_CONFIG");
        named.map(|(_, path)| PathBuf::from(path))
    });
    if let Some(path) = named {
        if !path.is_file() {
            bail!("the configuration file `{}` does not exist", path.display());
        }
        return Ok(Some(path));
    }
    let default = data_dir
        .unwrap_or(Path::new("waddlebot-data"))
        .join("waddlebot.toml");
    Ok(default.is_file().then_some(default))
}

#[cfg(test)]
mod tests;
