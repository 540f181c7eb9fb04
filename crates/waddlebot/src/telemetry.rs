//! The log: structured, to standard error, as text for people or JSON for collectors.

use anyhow::Context;
use tracing_subscriber::{EnvFilter, fmt};

use crate::config::{LogFormat, LogSection};

/// The library that checks passkeys writes pieces of what browsers sent into its errors. What matters
/// of a refusal we write down ourselves.
const SILENT: &str = "webauthn_rs_core=off";

fn filter(level: &str) -> anyhow::Result<EnvFilter> {
    let filter = EnvFilter::try_new(level)
        .with_context(|| format!("`log.level` = `{level}` is not a log filter"))?;
    Ok(filter.add_directive(SILENT.parse().context("reading our own log filter")?))
}

/// Starts the log. Called once.
pub(crate) fn start(settings: &LogSection) -> anyhow::Result<()> {
    let filter = filter(&settings.level)?;
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

#[cfg(test)]
mod tests {
    use std::{
        io,
        sync::{Arc, Mutex},
    };

    use tracing_subscriber::fmt;

    use super::filter;

    /// Keeps what is written.
    #[derive(Clone, Default)]
    struct Kept(Arc<Mutex<Vec<u8>>>);

    impl io::Write for Kept {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            self.0.lock().unwrap().extend_from_slice(bytes);
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn pieces_of_what_browsers_sent_never_reach_the_log() {
        let kept = Kept::default();
        let writer = kept.clone();
        let log = fmt()
            .with_env_filter(filter("trace").unwrap())
            .with_writer(move || writer.clone())
            .finish();
        tracing::subscriber::with_default(log, || {
            tracing::error!(target: "webauthn_rs_core::internals", "pieces of an answer");
            tracing::debug!("what we say");
        });
        let said = String::from_utf8(kept.0.lock().unwrap().clone()).unwrap();
        assert!(
            said.contains("what we say") && !said.contains("pieces"),
            "{said}"
        );
        assert!(filter("no filter=at all=").is_err());
    }
}
