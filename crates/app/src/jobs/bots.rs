//! The recurring work of bot detection: trainings that are due.

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
