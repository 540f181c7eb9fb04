//! The recurring work of bot detection: trainings that are due, the guards of what is rolled out or tried, and how far chat
//! has moved.

use std::{sync::Arc, time::Duration};

use bots::{BotsError, TELL_JOB, TRACK_JOB, TRAIN_JOB};
use kernel::Actor;
use store::{
    Reach,
    job::{CatchUp, Claimed, CronEntry, Handler, Outcome},
};

use crate::App;

/// What runs when, in UTC.
pub(super) const TRAINING: CronEntry = CronEntry {
    name: "bot-training",
    // In the night to Monday, when little else runs.
    expression: "20 1 * * 1",
    kind: TRAIN_JOB,
    catch_up: CatchUp::Latest,
};

pub(super) const GUARD: CronEntry = CronEntry {
    name: "bot-guard",
    expression: "33 * * * *",
    kind: GUARD_JOB,
    catch_up: CatchUp::Latest,
};

pub(super) const DRIFT: CronEntry = CronEntry {
    name: "bot-drift",
    expression: "50 2 * * *",
    kind: DRIFT_JOB,
    catch_up: CatchUp::Latest,
};

/// A case asks for it itself; this tells of those that were gathered meanwhile.
pub(super) const TELLING: CronEntry = CronEntry {
    name: "bot-telling",
    expression: "* * * * *",
    kind: TELL_JOB,
    catch_up: CatchUp::Latest,
};

const GUARD_JOB: &str = "bots.guard";
const DRIFT_JOB: &str = "bots.drift";

/// Halts what must not go on, and raises what somebody should know of.
pub(super) struct Guard(pub(super) Arc<App>);

#[async_trait::async_trait]
impl Handler for Guard {
    fn kind(&self) -> &'static str {
        GUARD_JOB
    }

    async fn run(&self, _job: &Claimed) -> Outcome {
        match self.0.bots.guard().await {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::retry(error.to_string()),
        }
    }
}

/// How far signals have moved.
pub(super) struct Drift(pub(super) Arc<App>);

#[async_trait::async_trait]
impl Handler for Drift {
    fn kind(&self) -> &'static str {
        DRIFT_JOB
    }

    async fn run(&self, _job: &Claimed) -> Outcome {
        match self.0.bots.measure_drift().await {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::retry(error.to_string()),
        }
    }
}

/// A training that was asked for, or the weekly look whether one is due.
pub(super) struct Training(pub(super) Arc<App>);

#[async_trait::async_trait]
impl Handler for Training {
    fn kind(&self) -> &'static str {
        TRAIN_JOB
    }

    async fn run(&self, job: &Claimed) -> Outcome {
        let named = job
            .payload
            .get("training")
            .and_then(serde_json::Value::as_i64);
        let done = match named.and_then(|id| i32::try_from(id).ok()) {
            Some(id) => {
                let is_last = job.attempt >= job.max_attempts;
                self.0.bots.run_training(id, is_last).await
            }
            None => self.0.bots.ask_for_due_trainings().await.map(|_| ()),
        };
        match done {
            Ok(()) => Outcome::Done,
            Err(error) => Outcome::retry(error.to_string()),
        }
    }

    fn time_limit(&self) -> Duration {
        Duration::from_secs(3_600)
    }

    /// Learning takes a whole processor: one at a time in a process.
    fn slots(&self) -> Option<usize> {
        Some(1)
    }
}

/// Brings the operator's tracking server to what is known of a training.
pub(super) struct Tracking(pub(super) Arc<App>);

impl Tracking {
    /// Ends the job in one unit of work with the look whether what was told is still so; `false` if it is not.
    async fn end(&self, job: &Claimed, told: &bots::Tracking) -> Result<bool, BotsError> {
        let app = &self.0;
        let begun = app.db.begin(&Actor::System(TRACK_JOB), app.clock.now());
        let mut work = begun.await?.reaching(Reach::Nothing);
        if !app.bots.is_still_tracked(&work, told).await? {
            return Ok(false);
        }
        if let Err(error) = job.complete_in(&mut work).await {
            return Err(BotsError::Conflict(error.to_string()));
        }
        work.commit().await?;
        Ok(true)
    }
}

#[async_trait::async_trait]
impl Handler for Tracking {
    fn kind(&self) -> &'static str {
        TRACK_JOB
    }

    async fn run(&self, job: &Claimed) -> Outcome {
        let named = job
            .payload
            .get("training")
            .and_then(serde_json::Value::as_i64);
        let Some(id) = named.and_then(|id| i32::try_from(id).ok()) else {
            return Outcome::fail("the job names no training");
        };
        let is_last = job.attempt >= job.max_attempts;
        let told = match self.0.bots.track_training(id, is_last).await {
            Ok(Some(told)) => told,
            Ok(None) => return Outcome::Done,
            Err(BotsError::Tracking(error)) => return Outcome::retry(error.to_string()),
            Err(error) => return Outcome::retry(error.to_string()),
        };
        match self.end(job, &told).await {
            Ok(true) => {
                let version = &told.kept.version;
                tracing::info!(
                    training.id = id,
                    mlflow.run = told.kept.run,
                    "training {id} is at the tracking server as version {version}"
                );
                Outcome::Done
            }
            Ok(false) => Outcome::Retry {
                after: Some(Duration::from_secs(1)),
                reason: "the registry changed meanwhile".to_owned(),
                counts: false,
            },
            Err(error) => Outcome::retry(error.to_string()),
        }
    }

    /// A run is looked for and then made: one at a time.
    fn slots(&self) -> Option<usize> {
        Some(1)
    }
}
