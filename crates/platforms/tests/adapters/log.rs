//! Everything that the adapters log in this process, at every level, so that tests can look for what
//! must not be there.

use std::{
    io::Write,
    sync::{Arc, Mutex, OnceLock},
};

/// Ours, and what the libraries of the platforms say while they work for us.
const KEPT: &str = "platforms=trace,twilight_gateway=trace,slack_morphism=trace,twitch_api=trace,\
                    twitch_oauth2=trace,tungstenite=debug,reqwest=debug";

static LOG: OnceLock<Arc<Mutex<Vec<u8>>>> = OnceLock::new();

struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

fn log() -> &'static Arc<Mutex<Vec<u8>>> {
    LOG.get_or_init(|| {
        let log = Arc::new(Mutex::new(Vec::new()));
        let sink = Arc::clone(&log);
        tracing_subscriber::fmt()
            .with_ansi(false)
            .with_env_filter(KEPT)
            .with_writer(move || Sink(Arc::clone(&sink)))
            .init();
        log
    })
}

/// From now on what the adapters log is kept.
pub(crate) fn start() {
    log();
}

/// What they logged.
pub(crate) fn text() -> String {
    let log = log().lock().unwrap();
    String::from_utf8_lossy(&log).into_owned()
}
