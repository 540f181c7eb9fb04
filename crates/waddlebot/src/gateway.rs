//! The gateway role: listens to every platform that is set up, and hands what it hears to the
//! pipeline and to the chat commands.

use std::sync::Arc;

use activity::Incoming;
use app::App;
use async_trait::async_trait;
use commands::Commands;
use ingest::{Asked, Witness};
use kernel::{CommunityId, Ear, Interaction};
use tokio::task::JoinHandle;

use crate::adapters::Adapters;

/// The chat commands as the pipeline sees them.
pub(crate) struct Chat(pub(crate) Arc<Commands>);

impl Witness for Chat {
    fn recorded(&self, events: &[&Incoming]) {
        for incoming in events {
            self.0.heard(incoming.community, &incoming.event);
        }
    }
}

#[async_trait]
impl Asked for Chat {
    async fn asked(&self, community: CommunityId, interaction: Interaction) {
        self.0.asked(community, interaction).await;
    }
}

/// Starts to listen; the tasks end with the app's stop signal.
pub(crate) fn start(
    app: &Arc<App>,
    adapters: &Adapters,
    ear: &Arc<dyn Ear>,
) -> Vec<JoinHandle<()>> {
    let mut tasks: Vec<JoinHandle<()>> = adapters
        .listeners
        .iter()
        .map(|listener| {
            let (listener, ear, stop) = (Arc::clone(listener), Arc::clone(ear), app.stop.clone());
            tokio::spawn(async move {
                let platform = listener.platform();
                if let Err(hopeless) = listener.listen(ear, stop).await {
                    tracing::error!(%platform, error = %hopeless, "not listening to {platform} any more: mend the cause and restart");
                }
            })
        })
        .collect();
    let (app, listeners) = (Arc::clone(app), adapters.listeners.clone());
    tasks.push(tokio::spawn(async move {
        // Whoever connects or disconnects a server should not wait for the adapter's own look.
        let mut changes = app.connections_changed().await;
        loop {
            tokio::select! {
                () = app.stop.cancelled() => return,
                () = changes.next() => {
                    for listener in &listeners {
                        listener.nudge();
                    }
                }
            }
        }
    }));
    tasks
}
