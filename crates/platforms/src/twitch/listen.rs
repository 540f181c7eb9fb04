//! Hears EventSub over one WebSocket for each connected channel. This file keeps the channels in
//! step with the grants; `listen/channel.rs` is what happens in one of them.

mod channel;

use std::{collections::HashMap, sync::Arc, time::Duration};

use async_trait::async_trait;
use kernel::{Ear, Entropy, Grant, Platform, Secret};
use tokio::{sync::Notify, task::JoinHandle};
use tokio_util::sync::CancellationToken;

use super::api::Api;
use crate::{Hopeless, Listener};
use channel::{Channel, End};

pub(super) use channel::{ignored, unread};

/// How often the grants are looked at without a nudge.
const LOOK: Duration = Duration::from_secs(60);
/// How soon they are looked at again when they could not be read.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
/// Channels heard at once.
const CHANNELS_MAX: usize = 5_000;

/// Hears Twitch.
pub struct TwitchListener {
    api: Arc<Api>,
    entropy: Arc<dyn Entropy>,
    nudged: Notify,
}

impl std::fmt::Debug for TwitchListener {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TwitchListener").finish_non_exhaustive()
    }
}

/// A channel that is heard, or was.
enum State {
    Runs {
        stop: CancellationToken,
        task: JoinHandle<End>,
    },
    /// With this access token it is useless; another one may come.
    Useless { access: Secret<String> },
}

impl TwitchListener {
    pub(super) fn new(api: Arc<Api>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            api,
            entropy,
            nudged: Notify::new(),
        }
    }

    /// Starts and stops what the grants ask for.
    async fn reconcile(
        &self,
        channels: &mut HashMap<String, State>,
        grants: Vec<Grant>,
        ear: &Arc<dyn Ear>,
        stop: &CancellationToken,
    ) {
        let wanted = |server: &String| grants.iter().any(|grant| grant.server == *server);
        let gone: Vec<String> = channels.keys().filter(|id| !wanted(id)).cloned().collect();
        for server in gone {
            if let Some(State::Runs { stop, task }) = channels.remove(&server) {
                stop.cancel();
                // A task that panicked has nothing more to say.
                let _ = task.await;
            }
        }
        for grant in grants {
            let state = channels.remove(&grant.server);
            let state = match state {
                Some(State::Runs { stop, task }) if !task.is_finished() => {
                    State::Runs { stop, task }
                }
                Some(State::Runs { task, .. }) => match task.await {
                    Ok(End::Useless(access)) if access == grant.access => State::Useless { access },
                    Ok(_) => self.start(&grant, ear, stop),
                    Err(error) => {
                        tracing::error!(
                            platform = "twitch",
                            server = grant.server,
                            error = %error,
                            "hearing a channel failed and is begun again"
                        );
                        self.start(&grant, ear, stop)
                    }
                },
                Some(State::Useless { access }) if access == grant.access => {
                    State::Useless { access }
                }
                Some(State::Useless { .. }) | None => {
                    if channels.len() >= CHANNELS_MAX {
                        let why = "too many channels are heard by this process";
                        self.api.keeper.report(&grant.server, Some(why)).await;
                        continue;
                    }
                    self.start(&grant, ear, stop)
                }
            };
            channels.insert(grant.server, state);
        }
        let heard = channels
            .values()
            .filter(|state| matches!(state, State::Runs { .. }));
        let heard = u32::try_from(heard.count()).unwrap_or(u32::MAX);
        metrics::gauge!("waddlebot_platform_channels", "platform" => "twitch").set(heard);
    }

    fn start(&self, grant: &Grant, ear: &Arc<dyn Ear>, stop: &CancellationToken) -> State {
        let stop = stop.child_token();
        let channel = Channel {
            api: Arc::clone(&self.api),
            ear: Arc::clone(ear),
            entropy: Arc::clone(&self.entropy),
            server: grant.server.clone(),
        };
        let task = tokio::spawn(channel.run(stop.clone()));
        State::Runs { stop, task }
    }
}

#[async_trait]
impl Listener for TwitchListener {
    fn platform(&self) -> Platform {
        Platform::Twitch
    }

    async fn listen(&self, ear: Arc<dyn Ear>, stop: CancellationToken) -> Result<(), Hopeless> {
        if self.api.settings.client_id.is_empty() {
            return Err(Hopeless("Twitch is switched off: no client id".to_owned()));
        }
        let mut channels = HashMap::new();
        while !stop.is_cancelled() {
            let next = match self.api.keeper.all().await {
                Ok(grants) => {
                    self.reconcile(&mut channels, grants, &ear, &stop).await;
                    LOOK
                }
                Err(error) => {
                    tracing::warn!(
                        platform = "twitch",
                        error = %error,
                        "the connected channels could not be read"
                    );
                    LOOK_AGAIN
                }
            };
            tokio::select! {
                () = stop.cancelled() => {}
                () = self.nudged.notified() => {}
                () = tokio::time::sleep(next) => {}
            }
        }
        for state in channels.into_values() {
            if let State::Runs { stop, task } = state {
                stop.cancel();
                let _ = task.await;
            }
        }
        Ok(())
    }

    fn nudge(&self) {
        self.nudged.notify_one();
    }
}
