//! The log: structured, to standard error, as text for people or JSON for collectors.

use anyhow::Context;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogFormat, LogSection};

/// Starts the log. Called once.
pub(crate) fn start(settings: &LogSection) -> anyhow::Result<()> {
    let filter = EnvFilter::try_new(&settings.level)
        .with_context(|| format!("`log.level` = `{}` is not a log filter", settings.level))?;
    let builder = fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if settings.format == LogFormat::Json {
        builder.json().try_init()
    } else {
        builder
            .with_target(false)
            .with_ansi(crate::console::watched())
            .try_init()
    }
    .map_err(|error| anyhow::anyhow!("the log could not be started: {error}"))
}
