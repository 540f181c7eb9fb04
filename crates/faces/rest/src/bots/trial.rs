//! Trainings, rollouts and experiments: `/bots/trainings`, `/bots/rollouts`, `/bots/experiments`. For those who run the
//! instance.

use std::sync::Arc;

use ::bots::{
    ArmResult, Conclusion, Estimate, Experiment, Guards, NewExperiment, Rollout, Training,
};
use axum::{Json, extract::State, http::StatusCode};
use kernel::CommunityId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::model::Whose;
use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path},
    page::List,
    problem::Problem,
    view::Moment,
};

/// A training.
#[derive(Serialize, ToSchema)]
pub(crate) struct TrainingView {
    /// Its id.
    id: i32,
    /// The community it is for; null = all that have no model of their own.
    community_id: Option<i32>,
    /// What became of it: `waiting`, `running`, `done`, `skipped` or `failed`.
    state: String,
    /// What asked for it: `person`, `command_line` or `schedule`, the weekly job; null = that was before this was written down.
    trigger: Option<String>,
    /// Who asked for it; null = no person, or one who was erased since.
    asked_by: Option<i32>,
    /// When.
    asked_at: Moment,
    /// When it began.
    started_at: Option<Moment>,
    /// When it was over.
    finished_at: Option<Moment>,
    /// How far it is, in percent.
    #[schema(maximum = 100)]
    progress: u32,
    /// Accounts that were learned from.
    n_rows: u32,
    /// Of these, bots.
    n_bots: u32,
    /// Of these, people.
    n_people: u32,
    /// What people said since the training before.
    n_new: u32,
    /// SHA-256 of the rows.
    snapshot: Option<String>,
    /// The model that came of it.
    model_id: Option<i32>,
    /// What was done, line by line.
    log: Vec<String>,
    /// Why it failed, or was left out.
    error: Option<String>,
}

impl From<Training> for TrainingView {
    fn from(training: Training) -> Self {
        Self {
            id: training.id,
            community_id: training.community.map(|community| community.0),
            state: training.state.as_str().to_owned(),
            trigger: training.trigger.map(|trigger| trigger.as_str().to_owned()),
            asked_by: training.asked_by.map(|user| user.0),
            asked_at: training.asked_at.into(),
            started_at: training.started_at.map(Moment::from),
            finished_at: training.finished_at.map(Moment::from),
            progress: training.progress,
            n_rows: training.n_rows,
            n_bots: training.n_bots,
            n_people: training.n_people,
            n_new: training.n_new,
            snapshot: training.snapshot,
            model_id: training.model,
            log: training.log,
            error: training.error,
        }
    }
}

/// What guards a rollout, since its step began.
#[derive(Serialize, ToSchema)]
pub(crate) struct GuardsView {
    /// Accused accounts of whom people said what they are, with the new model.
    n_new: u64,
    /// The same with the one before.
    n_old: u64,
    /// Of these, the share that are bots, with the new model.
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
    latency_p99_ms: Option<u32>,
}

impl From<Guards> for GuardsView {
    fn from(guards: Guards) -> Self {
        Self {
            n_new: guards.n_new,
            n_old: guards.n_old,
            precision_new: guards.precision_new,
            precision_old: guards.precision_old,
            precision_p_value: guards.precision_p_value,
            precision_p_value_once: guards.precision_p_value_once,
            alert_rate_new: guards.alert_rate_new,
            alert_rate_old: guards.alert_rate_old,
            latency_p99_ms: guards.latency_p99_ms,
        }
    }
}

/// A rollout of a new model.
#[derive(Serialize, ToSchema)]
pub(crate) struct RolloutView {
    /// Its id.
    id: i32,
    /// The new model.
    model_id: i32,
    /// For how many percent of the communities: 10, 50 or 100.
    step: u32,
    /// What became of it: `running`, `halted` or `finished`.
    state: String,
    /// How many communities have the new model.
    n_communities: u32,
    /// What its guards see.
    guards: GuardsView,
    /// Why it was halted.
    halted_why: Option<String>,
    /// When it was started.
    started_at: Moment,
    /// When this step began.
    stepped_at: Moment,
    /// When it was over.
    ended_at: Option<Moment>,
}

impl From<Rollout> for RolloutView {
    fn from(rollout: Rollout) -> Self {
        Self {
            id: rollout.id,
            model_id: rollout.model,
            step: rollout.step,
            state: rollout.state.as_str().to_owned(),
            n_communities: rollout.n_communities,
            guards: rollout.guards.into(),
            halted_why: rollout.halted_why,
            started_at: rollout.started_at.into(),
            stepped_at: rollout.stepped_at.into(),
            ended_at: rollout.ended_at.map(Moment::from),
        }
    }
}

/// What came of one side of an experiment.
#[derive(Serialize, ToSchema)]
pub(crate) struct ArmView {
    /// Which: `rules` or `model`.
    arm: String,
    /// How many communities it has.
    n_communities: u32,
    /// Accounts that were accused.
    n_cases: u64,
    /// Of accused accounts, those of whom people said what they are.
    n_reviewed: u64,
    /// Of these, bots.
    n_right: u64,
    /// Of these, people.
    n_wrong: u64,
    /// The share of bots among the reviewed.
    precision: Option<f64>,
    /// Of all accounts with a score, the share that was accused and found to be a person.
    false_positive_rate: Option<f64>,
    /// Cases among a thousand accounts with a score.
    detection_rate: Option<f64>,
    /// From looking to deciding, the median, in seconds.
    review_secs_median: Option<u32>,
}

impl From<ArmResult> for ArmView {
    fn from(result: ArmResult) -> Self {
        Self {
            arm: result.arm.as_str().to_owned(),
            n_communities: result.n_communities,
            n_cases: result.n_cases,
            n_reviewed: result.n_reviewed,
            n_right: result.n_right,
            n_wrong: result.n_wrong,
            precision: result.precision,
            false_positive_rate: result.false_positive_rate,
            detection_rate: result.detection_rate,
            review_secs_median: result.review_secs_median,
        }
    }
}

/// How much more often the model is right than the rules. True however often one looks.
#[derive(Serialize, ToSchema)]
pub(crate) struct EstimateView {
    /// The difference of precision.
    difference: f64,
    /// The lower end of its interval.
    low: f64,
    /// The upper end.
    high: f64,
    /// The smallest p-value so far.
    p_value: f64,
}

impl From<Estimate> for EstimateView {
    fn from(known: Estimate) -> Self {
        Self {
            difference: known.difference,
            low: known.low,
            high: known.high,
            p_value: known.p_value,
        }
    }
}

/// An experiment: rules against a model.
#[derive(Serialize, ToSchema)]
pub(crate) struct ExperimentView {
    /// Its id.
    id: i32,
    /// What was expected.
    hypothesis: String,
    /// The model; null = whatever is deployed.
    model_id: Option<i32>,
    /// When it was started.
    started_at: Moment,
    /// When it was over.
    ended_at: Option<Moment>,
    /// Why.
    ended_why: Option<String>,
    /// The rules, then the model.
    arms: Vec<ArmView>,
    /// How much more often the model is right; null until there are enough reviews.
    precision: Option<EstimateView>,
    /// What follows: `not_enough`, `open`, `model_better` or `rules_better`.
    conclusion: String,
    /// How many reviews each side needs, while there are not enough.
    needed_reviews: Option<u64>,
}

impl From<Experiment> for ExperimentView {
    fn from(experiment: Experiment) -> Self {
        Self {
            id: experiment.id,
            hypothesis: experiment.hypothesis,
            model_id: experiment.model,
            started_at: experiment.started_at.into(),
            ended_at: experiment.ended_at.map(Moment::from),
            ended_why: experiment.ended_why,
            arms: experiment.arms.into_iter().map(ArmView::from).collect(),
            precision: experiment.precision.map(EstimateView::from),
            conclusion: experiment.conclusion.as_str().to_owned(),
            needed_reviews: match experiment.conclusion {
                Conclusion::NotEnough { needed } => Some(needed),
                _ => None,
            },
        }
    }
}

/// A model to roll out.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewRollout {
    /// The model's id.
    model_id: i32,
}

/// The step that a rollout is at.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Advance {
    /// The step that was seen: 10, 50 or 100. If it is at another one, nothing is done.
    step: u32,
}

/// Why something is ended.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Ending {
    /// Why, on one line.
    #[schema(min_length = 1, max_length = 200)]
    why: String,
}

/// An experiment to start.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExperimentStart {
    /// What is expected, on one line.
    #[schema(min_length = 1, max_length = 200)]
    hypothesis: String,
    /// The model; null = whatever is deployed.
    model_id: Option<i32>,
}

/// The trainings, the newest first, at most 50. For those who run the instance.
#[utoipa::path(get, path = "/bots/trainings", tag = "bots", responses((status = 200, body = List<TrainingView>)))]
pub(crate) async fn trainings(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<TrainingView>>, Problem> {
    let all = face.app.bots.trainings(&who.actor).await?;
    Ok(List::whole(
        all.into_iter().map(TrainingView::from).collect(),
    ))
}

/// A training. For those who run the instance.
#[utoipa::path(get, path = "/bots/trainings/{training}", tag = "bots", params(("training" = i32, Path, description = "The training's id.")), responses((status = 200, body = TrainingView)))]
pub(crate) async fn training(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(training): Path<i32>,
) -> Result<Json<TrainingView>, Problem> {
    let found = face.app.bots.training(&who.actor, training).await?;
    let found = found.ok_or_else(Problem::not_found)?;
    Ok(Json(found.into()))
}

/// Asks for a training; one that waits or runs is the answer. For those who run the instance.
#[utoipa::path(post, path = "/bots/trainings", tag = "bots", request_body = Whose, responses((status = 202, body = TrainingView)))]
pub(crate) async fn train(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Body(whose): Body<Whose>,
) -> Result<(StatusCode, Json<TrainingView>), Problem> {
    let community = whose.community_id.map(CommunityId);
    let asked = face.app.bots.start_training(&who.actor, community).await?;
    Ok((StatusCode::ACCEPTED, Json(asked.into())))
}

/// The rollouts, the newest first, at most 50. For those who run the instance.
#[utoipa::path(get, path = "/bots/rollouts", tag = "bots", responses((status = 200, body = List<RolloutView>)))]
pub(crate) async fn rollouts(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<RolloutView>>, Problem> {
    let all = face.app.bots.rollouts(&who.actor).await?;
    Ok(List::whole(
        all.into_iter().map(RolloutView::from).collect(),
    ))
}

/// Gives a new model to a tenth of the communities. For those who run the instance.
#[utoipa::path(post, path = "/bots/rollouts", tag = "bots", request_body = NewRollout, responses((status = 201, body = RolloutView)))]
pub(crate) async fn start_rollout(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Body(new): Body<NewRollout>,
) -> Result<(StatusCode, Json<RolloutView>), Problem> {
    let bots = &face.app.bots;
    let started = bots.start_rollout(&who.actor, new.model_id).await?;
    Ok((StatusCode::CREATED, Json(started.into())))
}

/// Takes the next step of a rollout; after the last the model is deployed. Refused while its guards object. For those who
/// run the instance.
#[utoipa::path(post, path = "/bots/rollouts/{rollout}/advance", tag = "bots", params(("rollout" = i32, Path, description = "The rollout's id.")), request_body = Advance, responses((status = 200, body = RolloutView)))]
pub(crate) async fn advance(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(rollout): Path<i32>,
    Body(seen): Body<Advance>,
) -> Result<Json<RolloutView>, Problem> {
    let bots = &face.app.bots;
    let done = bots.advance_rollout(&who.actor, rollout, seen.step).await?;
    Ok(Json(done.into()))
}

/// Halts a rollout: everybody is back at the deployed model. For those who run the instance.
#[utoipa::path(post, path = "/bots/rollouts/{rollout}/halt", tag = "bots", params(("rollout" = i32, Path, description = "The rollout's id.")), request_body = Ending, responses((status = 200, body = RolloutView)))]
pub(crate) async fn halt(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(rollout): Path<i32>,
    Body(ending): Body<Ending>,
) -> Result<Json<RolloutView>, Problem> {
    let bots = &face.app.bots;
    let done = bots.halt_rollout(&who.actor, rollout, &ending.why).await?;
    Ok(Json(done.into()))
}

/// The experiments, the newest first, at most 50. For those who run the instance.
#[utoipa::path(get, path = "/bots/experiments", tag = "bots", responses((status = 200, body = List<ExperimentView>)))]
pub(crate) async fn experiments(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<ExperimentView>>, Problem> {
    let all = face.app.bots.experiments(&who.actor).await?;
    Ok(List::whole(
        all.into_iter().map(ExperimentView::from).collect(),
    ))
}

/// Lets the rules judge one half of the communities and a model the other. For those who run the instance.
#[utoipa::path(post, path = "/bots/experiments", tag = "bots", request_body = ExperimentStart, responses((status = 201, body = ExperimentView)))]
pub(crate) async fn start_experiment(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Body(new): Body<ExperimentStart>,
) -> Result<(StatusCode, Json<ExperimentView>), Problem> {
    let new = NewExperiment {
        hypothesis: new.hypothesis,
        model: new.model_id,
    };
    let started = face.app.bots.start_experiment(&who.actor, &new).await?;
    Ok((StatusCode::CREATED, Json(started.into())))
}

/// Ends an experiment: everybody is judged as before. For those who run the instance.
#[utoipa::path(post, path = "/bots/experiments/{experiment}/stop", tag = "bots", params(("experiment" = i32, Path, description = "The experiment's id.")), request_body = Ending, responses((status = 200, body = ExperimentView)))]
pub(crate) async fn stop_experiment(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(experiment): Path<i32>,
    Body(ending): Body<Ending>,
) -> Result<Json<ExperimentView>, Problem> {
    let bots = &face.app.bots;
    let done = bots
        .stop_experiment(&who.actor, experiment, &ending.why)
        .await?;
    Ok(Json(done.into()))
}
