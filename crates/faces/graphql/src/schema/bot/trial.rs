//! What is tried with models: trainings and rollouts.

use ::bots::{Guards, Rollout, Training};
use async_graphql::{Enum, SimpleObject};

use crate::schema::scalar::{DateTime, count};

/// What became of a training.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::bots::TrainingState")]
pub(crate) enum BotTrainingState {
    /// It was asked for.
    Waiting,
    /// It goes on.
    Running,
    /// A model came of it.
    Done,
    /// There was too little to learn from.
    Skipped,
    /// It failed.
    Failed,
}

/// What asked for a training.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::bots::TrainingTrigger")]
pub(crate) enum BotTrainingTrigger {
    /// Somebody, by hand.
    Person,
    /// The command line of the machine.
    CommandLine,
    /// The weekly job.
    Schedule,
}

/// A training.
#[derive(SimpleObject)]
pub(crate) struct BotTraining {
    /// Its id.
    id: i32,
    /// The community it is for; null = all that have no model of their own.
    community_id: Option<i32>,
    /// What became of it.
    state: BotTrainingState,
    /// What asked for it; null = that was before this was written down.
    trigger: Option<BotTrainingTrigger>,
    /// Who asked for it; null = no person, or one who was erased since.
    asked_by: Option<i32>,
    /// When.
    asked_at: DateTime,
    /// When it began.
    started_at: Option<DateTime>,
    /// When it was over.
    finished_at: Option<DateTime>,
    /// How far it is, in percent.
    progress: i32,
    /// How many accounts were learned from.
    row_count: i32,
    /// How many of these are bots.
    bot_count: i32,
    /// How many of these are people.
    person_count: i32,
    /// How much people said since the training before.
    new_label_count: i32,
    /// SHA-256 of the rows.
    snapshot: Option<String>,
    /// The id of the model that came of it.
    model_id: Option<i32>,
    /// What was done, line by line.
    log: Vec<String>,
    /// Why it failed, or was left out.
    error: Option<String>,
}

impl From<Training> for BotTraining {
    fn from(training: Training) -> Self {
        let number = |n: u32| count(n.into());
        Self {
            id: training.id,
            community_id: training.community.map(|community| community.0),
            state: training.state.into(),
            trigger: training.trigger.map(Into::into),
            asked_by: training.asked_by.map(|user| user.0),
            asked_at: DateTime(training.asked_at),
            started_at: training.started_at.map(DateTime),
            finished_at: training.finished_at.map(DateTime),
            progress: number(training.progress),
            row_count: number(training.n_rows),
            bot_count: number(training.n_bots),
            person_count: number(training.n_people),
            new_label_count: number(training.n_new),
            snapshot: training.snapshot,
            model_id: training.model,
            log: training.log,
            error: training.error,
        }
    }
}

/// What became of a rollout.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::bots::RolloutState")]
pub(crate) enum BotRolloutState {
    /// It goes on.
    Running,
    /// It was stopped: everybody is back at the deployed model.
    Halted,
    /// The model is deployed.
    Finished,
}

/// What guards a rollout, from the beginning of its step to its end.
#[derive(SimpleObject)]
pub(crate) struct BotRolloutGuards {
    /// Of how many accused accounts people said what they are, with the new model.
    reviewed_new: i32,
    /// The same with the one before.
    reviewed_old: i32,
    /// The share of these that are bots, with the new model, 0 to 1.
    precision_new: Option<f64>,
    /// The same with the one before.
    precision_old: Option<f64>,
    /// How probable a difference as large as that of both is by chance, however often one looks.
    precision_p_value: Option<f64>,
    /// The same for who looks once, as whoever takes a step by hand does.
    precision_p_value_once: Option<f64>,
    /// Cases of a community in a day, with the new model.
    alert_rate_new: Option<f64>,
    /// The same with the one before.
    alert_rate_old: Option<f64>,
    /// What one score took lately, at worst of a hundred, in milliseconds.
    latency_p99_ms: Option<i32>,
}

impl From<Guards> for BotRolloutGuards {
    fn from(guards: Guards) -> Self {
        Self {
            reviewed_new: count(guards.n_new),
            reviewed_old: count(guards.n_old),
            precision_new: guards.precision_new,
            precision_old: guards.precision_old,
            precision_p_value: guards.precision_p_value,
            precision_p_value_once: guards.precision_p_value_once,
            alert_rate_new: guards.alert_rate_new,
            alert_rate_old: guards.alert_rate_old,
            latency_p99_ms: guards.latency_p99_ms.map(|took| count(took.into())),
        }
    }
}

/// A rollout of a new model.
#[derive(SimpleObject)]
pub(crate) struct BotRollout {
    /// Its id.
    id: i32,
    /// The id of the new model.
    model_id: i32,
    /// For how many percent of the communities: 10, 50 or 100.
    step: i32,
    /// What became of it.
    state: BotRolloutState,
    /// How many communities have the new model.
    community_count: i32,
    /// What its guards see.
    guards: BotRolloutGuards,
    /// Why it was halted.
    halted_why: Option<String>,
    /// Who started it; null = somebody who was erased since.
    started_by: Option<i32>,
    /// When.
    started_at: DateTime,
    /// When this step began.
    stepped_at: DateTime,
    /// When it was over.
    ended_at: Option<DateTime>,
}

impl From<Rollout> for BotRollout {
    fn from(rollout: Rollout) -> Self {
        Self {
            id: rollout.id,
            model_id: rollout.model,
            step: count(rollout.step.into()),
            state: rollout.state.into(),
            community_count: count(rollout.n_communities.into()),
            guards: rollout.guards.into(),
            halted_why: rollout.halted_why,
            started_by: rollout.started_by.map(|user| user.0),
            started_at: DateTime(rollout.started_at),
            stepped_at: DateTime(rollout.stepped_at),
            ended_at: rollout.ended_at.map(DateTime),
        }
    }
}
