//! Is this account a bot: features of what it does, rules, a model that explains itself, the review by people, and the
//! rollout of what was learned.
//!
//! Invariants: nobody is banned automatically; a label says what an account is, an action what was done about it, and the
//! one is never taken for the other; what was predicted is kept with the feature values it was predicted from.
//!
//! Must never know: HTTP, GraphQL or a platform's wire format, another domain's tables. No text of a message is kept.

mod ahead;
mod alert;
mod announcement;
mod appeal;
mod arm;
mod assessment;
mod batch;
mod bearing;
mod burst;
mod called;
mod case;
mod channel;
mod community_score;
mod cores;
mod correction;
mod doubt;
mod due;
mod error;
mod error_rates;
pub mod evaluate;
mod events;
mod experiment;
mod explain;
pub mod features;
mod figures;
mod follow;
mod follower;
mod hearing;
mod infer;
mod judging;
mod label;
pub mod learning;
mod list;
mod listed;
mod looking;
mod lot;
mod memory;
mod model;
mod monitoring;
mod outcome;
mod personal;
mod phishing;
mod prediction;
pub mod prior;
mod probability;
mod queue;
mod reference;
mod report;
mod review;
mod rollout;
pub mod rules;
mod sample;
mod score;
mod scorer;
mod setting;
mod shadow;
mod spread;
mod store;
mod tracking;
mod training;
mod usual;
mod waiting;

use std::{collections::HashMap, sync::Arc};

use ::store::{Db, Reach, StoreError, Work};
use engines::Blobs;
use identity::Identity;
use kernel::{Actor, Clock, CommunityId, Denied, Tracker};

pub use alert::{Alert, AlertKind, training_topic};
pub use appeal::{Appeal, AppealState, OwnVerdict};
pub use arm::BotArm;
pub use batch::{SCORE_JOB, Told};
pub use called::Called;
pub use case::{
    Case, CaseFile, CaseOrder, CaseQuery, CaseState, Reason, SUSPECTS_MAX, topic as cases_topic,
};
pub use channel::{CrowdTold, ModeratorChannel, TELL_BURST_JOB, TELL_JOB, Untold};
pub use community_score::{BotScore, BotShare};
pub use correction::{Correction, Known, Listed, Ruling};
pub use error::BotsError;
pub use error_rates::{ErrorCurve, ErrorRates, ExpectedErrors, MeasuredOn};
pub use events::{
    APPEAL_ANSWERED, APPEAL_MADE, BURST, CASE_DECIDED, CASE_OPENED, MODEL_PROMOTED, MODEL_RETIRED,
    ROLLOUT_ADVANCED, ROLLOUT_HALTED, TRAINING_FAILED, TRAINING_FINISHED,
};
pub use experiment::{ArmResult, Conclusion, Estimate, Experiment, NewExperiment};
pub use follow::Followed;
pub use follower::{RECOMPUTE_JOB, Tick};
pub use infer::Inference;
pub use judging::Judging;
pub use label::{ImportedLabels, LabelCount, LabelSource};
pub use list::{
    Imported, LISTS_MAX, List, ListChoice, ListKind, Listable, Listing, NewList, Rejected,
    TEXT_MAX as LIST_TEXT_MAX,
};
pub use looking::{LIST_JOB, Look};
pub use model::{
    ComparedMetric, MODEL_BYTES_MAX, MODEL_WORDS_BYTES_MAX, Model, ModelComparison, ModelKind,
    ModelState, NewModel,
};
pub use monitoring::{Drift, Monitoring, Week};
pub use outcome::{ScoreUpdate, scores_topic};
pub use personal::{Kept, PERSONAL};
pub use prediction::{Cause, Prediction};
pub use probability::Probability;
pub use report::{REPORTS_A_DAY, Report, ReportOutcome, WaitingReport};
pub use review::{NewReview, Review, Verdict};
pub use rollout::{Guards, Rollout, RolloutState};
pub use score::{Score, ScoreQuery};
pub use scorer::SHIPPED_MODEL;
pub use setting::{Bearing, Exemption, Level, Setting};
pub use shadow::{CalledBy, Confirmed, Differing, SHADOW_MAX, Shadow, ShadowCounts};
pub use spread::{Flagged, Histogram, WhatIf};
pub use tracking::{TRACK_JOB, Tracking};
pub use training::{TRAIN_JOB, Training, TrainingState, TrainingTrigger};
pub use waiting::{Crowded, Waiting};

/// What was found of each community, or why the actor may not know it.
pub type OfEach<T> = HashMap<CommunityId, Result<T, Denied>>;

/// Most communities that one statement is about.
const TOGETHER_MAX: usize = 50;

/// The service. Cheap to clone.
#[derive(Clone)]
pub struct Bots {
    db: Db,
    clock: Arc<dyn Clock>,
    identity: Identity,
    blobs: Blobs,
    /// Models that were read.
    judges: scorer::Kept,
    horizon: Arc<follower::Horizon>,
    latencies: follower::Latencies,
    memory: memory::Memory,
    recent: community_score::Recent,
    /// Where the operator follows trainings besides.
    tracker: Option<Arc<dyn Tracker>>,
}

impl std::fmt::Debug for Bots {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bots").finish_non_exhaustive()
    }
}

impl Bots {
    /// The service over a migrated database; `blobs` keep the files of models.
    pub fn new(db: Db, clock: Arc<dyn Clock>, identity: Identity, blobs: Blobs) -> Self {
        Self {
            db,
            clock,
            identity,
            blobs,
            judges: scorer::Kept::default(),
            horizon: Arc::default(),
            latencies: follower::Latencies::default(),
            memory: memory::Memory::default(),
            recent: community_score::none_yet(),
            tracker: None,
        }
    }

    /// A unit of work that changes nothing that kept answers show.
    async fn begin(&self, actor: &Actor) -> Result<Work, StoreError> {
        let begun = self.db.begin(actor, self.clock.now()).await?;
        Ok(begun.reaching(Reach::Nothing))
    }
}

/// The instance's own people may name a community that is not there.
fn unknown_community(error: StoreError) -> BotsError {
    match error {
        StoreError::Refused(_) => BotsError::NotFound,
        other => other.into(),
    }
}
