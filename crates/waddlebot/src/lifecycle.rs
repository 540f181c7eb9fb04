//! Stopping: the first SIGTERM or Ctrl-C lets everything finish, the second ends the process at
//! once.

use tokio::signal::unix::{SignalKind, signal};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

/// Cancels `stop` at the first signal and exits at the second.
pub(crate) fn watch(stop: CancellationToken) -> anyhow::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    tokio::spawn(async move {
        for n in 0.. {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
            if n > 0 {
                warn!("stopping at once");
                std::process::exit(130);
            }
            info!(
                "stopping: requests and jobs in progress may finish; a second signal stops at once"
            );
            stop.cancel();
        }
    });
    Ok(())
}
