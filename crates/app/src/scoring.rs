//! Bot detection at work: the task that goes through messages behind their recording, and the jobs that score everybody by
//! night and make a community anew.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use kernel::{CommunityId, Timestamp};
use store::job::{Claimed, Handler, Outcome};
use tokio::task::JoinHandle;

use crate::App;

/// How long it waits when there is nothing to do, when there is more, and when the database is away.
const IDLE: Duration = Duration::from_secs(1);
const BEHIND: Duration = Duration::from_millis(5);
const AWAY: Duration = Duration::from_secs(5);
/// For how long it may fail before whoever runs the instance is told.
const STUCK: Duration = Duration::from_mins(5);

/// How it has gone lately.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
enum Way {
    /// Nothing is known yet: a process before may have told that it is stuck.
    New,
    Going,
    FailingSince(Timestamp),
    Told,
}

impl App {
    /// Messages could not be gone through once more. What is to be told is told when the database can be written again.
    async fn failing(&self, way: Way, why: &str) -> Way {
        let now = self.clock.now();
        match way {
            Way::New | Way::Going => {
                tracing::error!(
                    error = why,
                    "messages could not be gone through for bot detection; it is tried again"
                );
                Way::FailingSince(now)
            }
            Way::FailingSince(since) if now.since(since) >= STUCK => {
                match self.bots.tell_stuck(since, why).await {
                    Ok(()) => Way::Told,
                    Err(_) => way,
                }
            }
            Way::FailingSince(_) | Way::Told => way,
        }
    }

    /// Goes through messages until the app stops. Any number of processes may.
    pub fn start_scoring(self: &Arc<Self>) -> JoinHandle<()> {
        let app = Arc::clone(self);
        tokio::spawn(async move {
            let mut way = Way::New;
            loop {
                let wait = match app.bots.tick().await {
                    Ok(tick) => {
                        if matches!(way, Way::Going | Way::FailingSince(_))
                            || app.bots.tell_going().await.is_ok()
                        {
                            way = Way::Going;
                        }
                        metrics::counter!("waddlebot_bots_messages_total")
                            .increment(tick.n_messages);
                        metrics::counter!("waddlebot_bots_scored_total").increment(tick.n_scored);
                        // Others write in between.
                        if tick.is_behind { BEHIND } else { IDLE }
                    }
                    Err(error) => {
                        way = app.failing(way, &error.to_string()).await;
                        AWAY
                    }
                };
                tokio::select! {
                    () = app.stop.cancelled() => return,
                    () = tokio::time::sleep(wait) => {}
                }
            }
        })
    }
}

/// Scores everybody by night, and whomever something else judges from now on.
pub(crate) struct Scoring(pub(crate) Arc<App>);

/// Makes a community anew.
pub(crate) struct Recomputing(pub(crate) Arc<App>);

#[async_trait]
impl Handler for Scoring {
    fn kind(&self) -> &'static str {
        bots::SCORE_JOB
    }

    async fn run(&self, job: &Claimed) -> Outcome {
        let named = |key: &str| job.payload.get(key);
        let is_again = named("again").and_then(serde_json::Value::as_bool) == Some(true);
        let ids = named("communities").and_then(serde_json::Value::as_array);
        let id = |id: &serde_json::Value| Some(CommunityId(i32::try_from(id.as_i64()?).ok()?));
        let only: Option<Vec<CommunityId>> = ids.map(|ids| ids.iter().filter_map(id).collect());
        let bots = &self.0.bots;
        let scored = if is_again {
            bots.score_everywhere(only.as_deref()).await
        } else {
            bots.score_everybody().await
        };
        match scored {
            Ok(n_scored) => {
                tracing::info!(n_scored, "scored {n_scored} accounts again");
                Outcome::Done
            }
            Err(error) => Outcome::retry(error.to_string()),
        }
    }

    fn time_limit(&self) -> Duration {
        Duration::from_secs(3_600)
    }
}

#[async_trait]
impl Handler for Recomputing {
    fn kind(&self) -> &'static str {
        bots::RECOMPUTE_JOB
    }

    async fn run(&self, job: &Claimed) -> Outcome {
        let named = job
            .payload
            .get("community")
            .and_then(serde_json::Value::as_i64);
        let Some(id) = named.and_then(|id| i32::try_from(id).ok()) else {
            return Outcome::fail("the job names no community");
        };
        let mut tell = |n_messages| {
            tracing::debug!(community.id = id, n_messages, "gone through messages anew");
        };
        match self.0.bots.rebuild(CommunityId(id), &mut tell).await {
            Ok(n_messages) => {
                tracing::info!(
                    community.id = id,
                    n_messages,
                    "made what is known of a community's accounts anew from {n_messages} messages"
                );
                Outcome::Done
            }
            Err(error) => Outcome::retry(error.to_string()),
        }
    }

    fn time_limit(&self) -> Duration {
        Duration::from_secs(3_600)
    }
}
