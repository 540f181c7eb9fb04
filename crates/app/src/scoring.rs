//! Bot detection at work: the task that goes through messages behind their recording, and the jobs that score everybody by
//! night and make a community anew.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use bots::Tick;
use kernel::{CommunityId, Timestamp};
use store::{
    StoreError,
    job::{Claimed, Handler, Outcome},
};
use tokio::task::JoinHandle;

use crate::App;

mod way;

use way::Way;

/// How long it waits when there is nothing to do, when there is more, and when the database is away.
const IDLE: Duration = Duration::from_secs(1);
const BEHIND: Duration = Duration::from_millis(5);
const AWAY: Duration = Duration::from_secs(5);
/// So long a step may take: then it is broken off, which loses nothing, and counts as failed. Its statements on PostgreSQL end before, so
/// that none is left behind with its connection.
const STEP_MAX: Duration = Duration::from_mins(5);

impl App {
    /// Messages could not be gone through once more, in a step that began then. What is to be told is told when the database
    /// can be written again.
    async fn failing(&self, way: Way, began: Timestamp, why: &str) -> Way {
        if way.is_new_failure() {
            tracing::error!(
                error = why,
                "messages could not be gone through for bot detection; it is tried again"
            );
        }
        let (way, stuck) = way.failed(began, self.clock.now());
        match stuck {
            Some(since) if self.bots.tell_stuck(since, why).await.is_ok() => Way::Told,
            _ => way,
        }
    }

    /// One step within its time.
    async fn score_step(&self) -> Result<Tick, String> {
        match tokio::time::timeout(STEP_MAX, self.bots.tick()).await {
            Ok(Ok(tick)) => Ok(tick),
            Ok(Err(error)) => Err(error.to_string()),
            Err(_) => Err(format!(
                "a step did not come to its end within {} minutes",
                STEP_MAX.as_secs() / 60
            )),
        }
    }

    /// Goes through messages until the app stops. Any number of processes may.
    pub fn start_scoring(self: &Arc<Self>) -> JoinHandle<()> {
        let app = Arc::clone(self);
        tokio::spawn(async move {
            let mut way = Way::New;
            loop {
                let began = app.clock.now();
                let wait = match app.score_step().await {
                    Ok(tick) => {
                        if !way.has_told() || app.bots.tell_going().await.is_ok() {
                            way = Way::Going;
                        }
                        metrics::counter!("waddlebot_bots_messages_total")
                            .increment(tick.n_messages);
                        metrics::counter!("waddlebot_bots_scored_total").increment(tick.n_scored);
                        // Others write in between.
                        if tick.is_behind { BEHIND } else { IDLE }
                    }
                    Err(why) => {
                        way = app.failing(way, began, &why).await;
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

const NO_COMMUNITY: &str = "the job names no community";

/// The community that a job is about.
fn community(job: &Claimed) -> Option<CommunityId> {
    let named = job
        .payload
        .get("community")
        .and_then(serde_json::Value::as_i64);
    named.and_then(|id| i32::try_from(id).ok()).map(CommunityId)
}

/// Scores everybody by night, by norms that are made anew, and whomever something else judges from now on, one community after the other.
pub(crate) struct Scoring(pub(crate) Arc<App>);

impl Scoring {
    /// Everybody of a community; by night by norms that are made anew first.
    async fn score(&self, community: CommunityId, by_night: bool) -> Result<u64, StoreError> {
        let bots = &self.0.bots;
        if by_night {
            bots.renew_norms(community).await?;
        }
        bots.withdraw_unlisted(community).await?;
        bots.score_all(community, None).await
    }
}

/// Makes a community anew.
pub(crate) struct Recomputing(pub(crate) Arc<App>);

/// Looks for whom lists and corrections name among those who came before.
pub(crate) struct Listing(pub(crate) Arc<App>);

#[async_trait]
impl Handler for Scoring {
    fn kind(&self) -> &'static str {
        bots::SCORE_JOB
    }

    async fn run(&self, job: &Claimed) -> Outcome {
        let bots = &self.0.bots;
        if job.payload.get("community").is_none() {
            return match bots.begin_night().await {
                Ok(n) => {
                    tracing::info!(n, "accounts of {n} communities are scored again");
                    Outcome::Done
                }
                Err(error) => Outcome::retry(error.to_string()),
            };
        }
        let Some(community) = community(job) else {
            return Outcome::fail(NO_COMMUNITY);
        };
        let by_night = job
            .payload
            .get("night")
            .and_then(serde_json::Value::as_bool);
        match self.score(community, by_night == Some(true)).await {
            Ok(n_scored) => {
                tracing::info!(community.id = %community, n_scored, "scored {n_scored} accounts again");
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
        let Some(community) = community(job) else {
            return Outcome::fail(NO_COMMUNITY);
        };
        let mut tell = |n_messages| {
            tracing::debug!(community.id = %community, n_messages, "gone through messages anew");
        };
        match self.0.bots.rebuild(community, &mut tell).await {
            Ok(n_messages) => {
                tracing::info!(
                    community.id = %community,
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

#[async_trait]
impl Handler for Listing {
    fn kind(&self) -> &'static str {
        bots::LIST_JOB
    }

    async fn run(&self, job: &Claimed) -> Outcome {
        let Some(look) = bots::Look::read(&job.payload) else {
            return Outcome::fail("the job does not say for whom to look");
        };
        match self.0.bots.look_for_listed(&look).await {
            Ok(n) => {
                tracing::info!(
                    n,
                    "looked at {n} accounts that a list or a correction names"
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
