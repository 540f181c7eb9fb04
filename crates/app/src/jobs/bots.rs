//! The recurring work of bot detection: trainings that are due, the guards of what is rolled out or tried, and how far chat
//! has moved.

use std::{sync::Arc, time::Duration};

use bots::TRAIN_JOB;
use store::job::{CatchUp, Claimed, CronEntry, Handler, Outcome};

use crate::App;

/// What runs when, in UTC.
pub(super) const TRAINING: CronEntry = CronEntry {
    name: "bot-training",
    // Sunday night, when little else runs.
    expression: "20 1 * * 0",
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
