//! What every adapter is, besides a [`kernel::Courier`] and a [`kernel::Connector`]: something that
//! listens until it is told to stop.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Ear, Platform};
use tokio_util::sync::CancellationToken;

/// Listens to one platform.
#[async_trait]
pub trait Listener: Send + Sync {
    /// Which platform.
    fn platform(&self) -> Platform;

    /// Listens until `stop`, and connects again whenever the connection is lost: at once the first
    /// time, then after growing pauses (full jitter, at most a minute). Returns early only if the
    /// platform says that trying again is useless (a wrong token); says why.
    async fn listen(&self, ear: Arc<dyn Ear>, stop: CancellationToken) -> Result<(), Hopeless>;

    /// Something about the connections changed: look at the grants again soon.
    fn nudge(&self);
}

/// Listening again would be refused again.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct Hopeless(pub String);
