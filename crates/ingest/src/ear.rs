//! What platform adapters tell their news to: finds the community a server belongs to, hands events
//! to the pipeline and questions to whoever answers them. What comes from a server that is connected
//! to no community is counted and forgotten, unread.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use activity::Incoming;
use app::App;
use async_trait::async_trait;
use kernel::{CommunityId, Deaf, Ear, Heard, Interaction, Platform, Timestamp};

use crate::pipeline::Ingest;

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

#[derive(Clone, Copy)]
struct Known {
    community: Option<CommunityId>,
    until: Timestamp,
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

    /// The community of a server; waits for a database that is away, as the pipeline does.
    async fn community(
        &self,
        platform: Platform,
        server: &str,
    ) -> Result<Option<CommunityId>, Deaf> {
        let now = self.app.clock.now();
        let key = (platform, server.to_owned());
        {
            let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            if let Some(known) = known.get(&key).filter(|known| known.until > now) {
                return Ok(known.community);
            }
        }
        let community = loop {
            match self.app.identity.community_of(platform, server).await {
                Ok(community) => break community,
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
            known.insert(key, Known { community, until });
        }
        Ok(community)
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
                let found = self.community(event.platform, &event.origin.server).await?;
                let Some(community) = found else {
                    unconnected(event.platform);
                    return Ok(());
                };
                let submitted = self.ingest.submit(Incoming { community, event }).await;
                submitted.map_err(|_stopped| Deaf)
            }
            Heard::Interaction(interaction) => {
                let (platform, server) = (interaction.platform, &interaction.origin.server);
                match self.community(platform, server).await? {
                    Some(community) => self.asked.asked(community, interaction).await,
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
