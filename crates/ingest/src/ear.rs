//! What platform adapters tell their news to: finds the community a server belongs to, hands events
//! to the pipeline and questions to whoever answers them. What comes from a server that is connected
//! to no community, or from the channel in which its moderators are told of bots, is counted and forgotten, unread.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use activity::Incoming;
use app::{App, AppError};
use async_trait::async_trait;
use kernel::{Actor, CommunityId, Deaf, Ear, Heard, Interaction, Platform, Timestamp};

use crate::pipeline::Ingest;

/// Who looks up.
const WHO: Actor = Actor::System("ingest.ear");
/// How long it is remembered which community a server belongs to: so long after a change the old
/// answer may still be used.
const REMEMBERED: Duration = Duration::from_secs(5);
/// Servers remembered at most.
const SERVERS_MAX: usize = 10_000;
/// How often an unanswered database is asked again before an event of a platform is given up: the
/// pipeline waits for ever, but it must be known where an event belongs.
const PATIENCE: Duration = Duration::from_millis(500);

/// Answers slash commands and pressed buttons.
#[async_trait]
pub trait Asked: Send + Sync {
    /// Somebody of this community asks. Must return soon: an adapter waits for it.
    async fn asked(&self, community: CommunityId, interaction: Interaction);
}

/// The program's ear. Cheap to clone.
#[derive(Clone)]
pub struct Ears {
    app: Arc<App>,
    ingest: Ingest,
    asked: Arc<dyn Asked>,
    known: Arc<Mutex<HashMap<(Platform, String), Known>>>,
}

#[derive(Clone)]
struct Known {
    home: Option<Home>,
    until: Timestamp,
}

/// Where a server belongs.
#[derive(Clone)]
struct Home {
    community: CommunityId,
    /// The channel whose words stay there: what moderators say of people among themselves is not for every member.
    unrecorded: Option<String>,
}

impl std::fmt::Debug for Ears {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Ears").finish_non_exhaustive()
    }
}

impl Ears {
    /// An ear that feeds this pipeline.
    pub fn new(app: Arc<App>, ingest: Ingest, asked: Arc<dyn Asked>) -> Self {
        Self {
            app,
            ingest,
            asked,
            known: Arc::default(),
        }
    }

    /// Where a server belongs; waits for a database that is away, as the pipeline does.
    async fn home(&self, platform: Platform, server: &str) -> Result<Option<Home>, Deaf> {
        let now = self.app.clock.now();
        let key = (platform, server.to_owned());
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = known.get(&key).filter(|known| known.until > now) {
                return Ok(known.home.clone());
            }
        }
        let home = loop {
            match self.look_up(platform, server).await {
                Ok(home) => break home,
                Err(error) => {
                    tracing::warn!(error = %error, "an event waits for the database");
                }
            }
            tokio::select! {
                () = tokio::time::sleep(PATIENCE) => {}
                () = self.app.stop.cancelled() => return Err(Deaf),
            }
        };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= SERVERS_MAX {
            known.retain(|_, known| known.until > now);
        }
        if known.len() < SERVERS_MAX {
            let until = now.plus(REMEMBERED);
            let home = home.clone();
            known.insert(key, Known { home, until });
        }
        Ok(home)
    }

    async fn look_up(&self, platform: Platform, server: &str) -> Result<Option<Home>, AppError> {
        let app = &self.app;
        let Some(community) = app.identity.community_of(platform, server).await? else {
            return Ok(None);
        };
        // Another server of the community may have a channel of the same id.
        let unrecorded = match app.bots.channel(&WHO, community).await? {
            Some(told) => {
                let servers = app.identity.servers(&WHO, community).await?;
                let is_here = servers.iter().any(|known| {
                    known.id == told.server
                        && known.platform == platform
                        && known.platform_server_id == server
                });
                is_here.then_some(told.channel.id)
            }
            None => None,
        };
        Ok(Some(Home {
            community,
            unrecorded,
        }))
    }
}

fn unconnected(platform: Platform) {
    metrics::counter!("waddlebot_unconnected_total", "platform" => platform.as_str()).increment(1);
}

#[async_trait]
impl Ear for Ears {
    async fn hear(&self, heard: Heard) -> Result<(), Deaf> {
        match heard {
            Heard::Event(event) => {
                let found = self.home(event.platform, &event.origin.server).await?;
                let Some(Home {
                    community,
                    unrecorded,
                }) = found
                else {
                    unconnected(event.platform);
                    return Ok(());
                };
                if unrecorded.is_some_and(|channel| channel == event.origin.channel) {
                    let platform = event.platform.as_str();
                    metrics::counter!("waddlebot_unrecorded_total", "platform" => platform)
                        .increment(1);
                    return Ok(());
                }
                let submitted = self.ingest.submit(Incoming { community, event }).await;
                submitted.map_err(|_stopped| Deaf)
            }
            Heard::Interaction(interaction) => {
                let (platform, server) = (interaction.platform, &interaction.origin.server);
                match self.home(platform, server).await? {
                    Some(home) => self.asked.asked(home.community, interaction).await,
                    None => unconnected(platform),
                }
                Ok(())
            }
            Heard::Schedule(notice) => {
                // Nobody mirrors scheduled events yet; whoever does reads them from the platform.
                metrics::counter!("waddlebot_schedule_notices_total", "platform" => notice.platform.as_str())
                    .increment(1);
                Ok(())
            }
        }
    }
}
