//! What of a training is kept at the operator's tracking server, where there is one: its parameters, numbers and files, and what
//! its model is used for. A job brings the server to what the registry says, as often as the registry changes.
//!
//! Must never send a name, a label or the words of anybody, and never change a training or a model: what the server says is
//! told, and that is all.

use std::{sync::Arc, time::Duration};

use ::store::{StoreError, Work, job::NewJob};
use kernel::{Actor, Tracked, TrackedFile, TrackedRun, TrackedState, Tracker};
use serde_json::{Value, json};

use crate::{
    AlertKind, Bots, BotsError, Model, ModelState, Training, alert,
    store::{self as tables, model as models, training as table},
};

/// The kind of the job that brings the tracking server up to date.
pub const TRACK_JOB: &str = "bots.track";
/// What the job acts as.
const WHO: Actor = Actor::System(TRACK_JOB);
/// Of so many trainings at once the server is told that was not there when they were made.
const UNTOLD_MAX: i64 = 20;
/// After so long it is tried again where it failed.
const TRY_AGAIN: Duration = Duration::from_secs(86_400);
/// The judgements of a training, whose figures are told.
const JUDGEMENTS: [&str; 5] = ["test", "cross_validation", "validation", "before", "rules"];

/// What is told of a training.
#[derive(Debug)]
pub struct Tracking {
    /// The training.
    pub training: i32,
    /// What is at the server now.
    pub kept: Tracked,
    said: ModelState,
    model: i32,
}

impl Bots {
    /// The service with a tracking server of the operator.
    #[must_use]
    pub fn with_tracker(mut self, tracker: Option<Arc<dyn Tracker>>) -> Self {
        self.tracker = tracker;
        self
    }

    /// Asks for the server to be told of a training, in the unit of work that changed it.
    pub(crate) async fn ask_to_track(
        &self,
        work: &mut Work,
        training: i32,
    ) -> Result<(), StoreError> {
        if self.tracker.is_some() {
            let job = NewJob::new(TRACK_JOB, json!({ "training": training }));
            work.enqueue(job.unique(format!("track:{training}")))
                .await?;
        }
        Ok(())
    }

    /// The same for the training that a model came of; one that was added from a file is not told.
    pub(crate) async fn ask_to_track_model(
        &self,
        work: &mut Work,
        model: i32,
    ) -> Result<(), StoreError> {
        if self.tracker.is_some()
            && let Some(training) = table::of_model(work.conn(), model).await?
        {
            self.ask_to_track(work, training.id).await?;
        }
        Ok(())
    }

    /// Asks for the server to be told of trainings of which it was never told, as those from before there was one: the oldest
    /// first, at most twenty, and where it failed again after a day. Nothing while there is no server.
    pub(crate) async fn ask_to_track_untold(&self) -> Result<(), BotsError> {
        if self.tracker.is_none() {
            return Ok(());
        }
        let failed_before = self.clock.now().minus(TRY_AGAIN);
        let untold = table::untold(self.db.read(), failed_before, UNTOLD_MAX).await?;
        if untold.is_empty() {
            return Ok(());
        }
        let mut work = self.begin(&WHO).await?;
        for training in untold {
            self.ask_to_track(&mut work, training).await?;
        }
        Ok(work.commit().await?)
    }

    /// Brings the tracking server to what is known of a training; `None` = there is no server, or nothing to tell. Doing it again
    /// changes nothing. With the last attempt a failure raises an alert.
    pub async fn track_training(
        &self,
        id: i32,
        is_last_attempt: bool,
    ) -> Result<Option<Tracking>, BotsError> {
        let Some(tracker) = &self.tracker else {
            return Ok(None);
        };
        let Some(training) = table::by_id(self.db.read(), id).await? else {
            return Ok(None);
        };
        let found = match training.model {
            Some(model) => models::by_id(self.db.read(), model).await?,
            None => None,
        };
        let Some(model) = found else {
            return Ok(None);
        };
        let told = match self.run_of(&training, &model).await {
            Ok(run) => tracker.track(&run).await.map_err(BotsError::Tracking),
            Err(error) => Err(error),
        };
        match told {
            Ok(kept) => Ok(Some(Tracking {
                training: id,
                kept,
                said: model.state,
                model: model.id,
            })),
            Err(error) => {
                if is_last_attempt {
                    self.not_tracked(&training, &error).await?;
                }
                Err(error)
            }
        }
    }

    /// Whether what was told is still so, within the unit of work that ends the job: then the job is over, and the training
    /// counts as told. Whatever changes the registry waits until then, and asks anew.
    pub async fn is_still_tracked(&self, work: &Work, told: &Tracking) -> Result<bool, BotsError> {
        tables::lock(work, kernel::CommunityId(0)).await?;
        let now = models::by_id(work.conn(), told.model).await?;
        let is_same = now.is_none_or(|model| model.state == told.said);
        if is_same {
            table::told(work.conn(), told.training, work.now()).await?;
            let community = table::by_id(work.conn(), told.training).await?;
            let community = community.and_then(|training| training.community);
            tables::alert::is_over(work.conn(), AlertKind::Tracking, community, work.now()).await?;
        }
        Ok(is_same)
    }

    async fn not_tracked(&self, training: &Training, error: &BotsError) -> Result<(), BotsError> {
        let mut work = self.begin(&WHO).await?;
        let id = training.id;
        table::not_told(work.conn(), id, work.now()).await?;
        let mut words = format!("training {id} is not at the tracking server: {error}");
        if let Some(cause) = std::error::Error::source(error) {
            words = format!("{words}: {cause}");
        }
        let numbers = json!({ "training": id });
        alert::raise(
            &mut work,
            AlertKind::Tracking,
            training.community,
            &words,
            numbers,
        )
        .await?;
        Ok(work.commit().await?)
    }

    async fn run_of(&self, training: &Training, model: &Model) -> Result<TrackedRun, BotsError> {
        let file = self.file(model).await?;
        let files = vec![
            kept("model/model.onnx", file.to_vec()),
            kept("model/card.json", pretty(&model.card)),
            kept("figures.json", pretty(&model.metrics)),
            kept("log.txt", training.log.join("\n").into_bytes()),
        ];
        let ended = training.finished_at.unwrap_or(model.added_at);
        let began = training.started_at.unwrap_or(training.asked_at);
        Ok(TrackedRun {
            // The number alone is not enough: two instances may share a server.
            key: format!("{}-{:.16}", training.id, model.sha256),
            name: format!("training {}", training.id),
            started_ms: began.0 / 1_000,
            ended_ms: ended.0 / 1_000,
            params: params(training, model),
            metrics: metrics(model),
            tags: tags(training, model),
            files,
            lineage: training
                .community
                .map_or_else(String::new, |community| format!("community-{community}")),
            state: match model.state {
                ModelState::Training | ModelState::Testing => TrackedState::Testing,
                ModelState::Deployed => TrackedState::Deployed,
                ModelState::Retired => TrackedState::Retired,
            },
        })
    }
}

fn kept(path: &str, bytes: Vec<u8>) -> TrackedFile {
    TrackedFile {
        path: path.to_owned(),
        bytes,
    }
}

fn pretty(value: &Value) -> Vec<u8> {
    format!("{value:#}").into_bytes()
}

/// A number or a word as text; nothing of what is neither.
fn plain(value: &Value) -> Option<String> {
    match value {
        Value::String(text) => Some(text.clone()),
        Value::Number(_) | Value::Bool(_) => Some(value.to_string()),
        Value::Null | Value::Array(_) | Value::Object(_) => None,
    }
}

/// What the model was made with: its kind, what it learned from, and the parameters of its trees, as the card has them.
fn params(training: &Training, model: &Model) -> Vec<(String, String)> {
    let mut all = vec![
        ("rows".to_owned(), training.n_rows.to_string()),
        ("bots".to_owned(), training.n_bots.to_string()),
        ("people".to_owned(), training.n_people.to_string()),
    ];
    for name in ["kind", "based_on", "folds"] {
        if let Some(text) = model.card.get(name).and_then(plain) {
            all.push((name.to_owned(), text));
        }
    }
    let parameters = model.card.get("parameters").and_then(Value::as_object);
    for (name, value) in parameters.into_iter().flatten() {
        match value {
            Value::Object(fields) => {
                for (inner, value) in fields {
                    let text = plain(value);
                    all.extend(text.map(|text| (format!("{name}.{inner}"), text)));
                }
            }
            value => all.extend(plain(value).map(|text| (name.clone(), text))),
        }
    }
    all
}

/// The figures of each judgement, with the ends of their intervals where there are any.
fn metrics(model: &Model) -> Vec<(String, f64)> {
    let mut all = Vec::new();
    for judgement in JUDGEMENTS {
        let figures = model.metrics.get(judgement).and_then(Value::as_object);
        for (name, figure) in figures.into_iter().flatten() {
            if let Some(value) = figure.as_f64() {
                all.push((format!("{judgement}/{name}"), value));
                continue;
            }
            for (end, part) in [("", "value"), ("_low", "low"), ("_high", "high")] {
                let value = figure.get(part).and_then(Value::as_f64);
                all.extend(value.map(|value| (format!("{judgement}/{name}{end}"), value)));
            }
        }
    }
    if let Some(threshold) = model.threshold {
        all.push(("threshold".to_owned(), threshold.value()));
    }
    all.retain(|(_, value)| value.is_finite());
    all
}

fn tags(training: &Training, model: &Model) -> Vec<(String, String)> {
    let community = training.community;
    let mut all = vec![
        ("waddlebot.training", training.id.to_string()),
        ("waddlebot.model", model.id.to_string()),
        (
            "waddlebot.community",
            community.map_or_else(|| "all".to_owned(), |community| community.to_string()),
        ),
        ("waddlebot.schema", model.schema_hash.clone()),
        ("waddlebot.sha256", model.sha256.clone()),
        ("waddlebot.version", env!("CARGO_PKG_VERSION").to_owned()),
    ];
    if let Some(snapshot) = &training.snapshot {
        all.push(("waddlebot.snapshot", snapshot.clone()));
    }
    let owned = |(name, value): (&str, String)| (name.to_owned(), value);
    all.into_iter().map(owned).collect()
}

#[cfg(test)]
mod tests;
