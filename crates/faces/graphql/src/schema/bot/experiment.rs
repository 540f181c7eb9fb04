//! Experiments: the rules hold one half of the communities, a model the other.
//!
//! Must never show a difference that the service keeps to itself because there are too few reviews.

use ::bots::{ArmResult, Conclusion, Estimate, Experiment, NewExperiment};
use async_graphql::{Context, Enum, Object, Result, SimpleObject};

use super::failed;
use crate::schema::{
    cost,
    error::viewer,
    scalar::{DateTime, count},
};

/// What can be asked about experiments.
#[derive(Default)]
pub(crate) struct BotExperimentQuery;

/// What can be tried.
#[derive(Default)]
pub(crate) struct BotExperimentMutation;

/// A side of an experiment.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::bots::BotArm")]
pub(crate) enum BotArm {
    /// The rules alone.
    Rules,
    /// The model.
    Model,
}

/// What follows from an experiment.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum BotConclusion {
    /// There are too few reviews to say anything.
    NotEnough,
    /// There is no difference that could be told from chance.
    Open,
    /// The model is right more often.
    ModelBetter,
    /// The rules are right more often.
    RulesBetter,
}

impl From<Conclusion> for BotConclusion {
    fn from(conclusion: Conclusion) -> Self {
        match conclusion {
            Conclusion::NotEnough { .. } => Self::NotEnough,
            Conclusion::Open => Self::Open,
            Conclusion::ModelBetter => Self::ModelBetter,
            Conclusion::RulesBetter => Self::RulesBetter,
        }
    }
}

/// What came of one side of an experiment, from its beginning to its end.
#[derive(SimpleObject)]
pub(crate) struct BotArmResult {
    /// Which.
    arm: BotArm,
    /// How many communities it has.
    community_count: i32,
    /// How many accounts were accused.
    case_count: i32,
    /// Of how many accused accounts people said what they are.
    reviewed_count: i32,
    /// How many of these are bots.
    right_count: i32,
    /// How many of these are people.
    wrong_count: i32,
    /// The share of bots among the reviewed, 0 to 1.
    precision: Option<f64>,
    /// Of all accounts with a score, the share that was accused and found to be a person, 0 to 1.
    false_positive_rate: Option<f64>,
    /// How many of a thousand accounts with a score were accused.
    detection_rate: Option<f64>,
    /// From looking to deciding, the median, in seconds.
    review_seconds_median: Option<i32>,
}

impl From<ArmResult> for BotArmResult {
    fn from(result: ArmResult) -> Self {
        Self {
            arm: result.arm.into(),
            community_count: count(result.n_communities.into()),
            case_count: count(result.n_cases),
            reviewed_count: count(result.n_reviewed),
            right_count: count(result.n_right),
            wrong_count: count(result.n_wrong),
            precision: result.precision,
            false_positive_rate: result.false_positive_rate,
            detection_rate: result.detection_rate,
            review_seconds_median: result.review_secs_median.map(|secs| count(secs.into())),
        }
    }
}

/// How much more often the model is right than the rules. True however often one looks.
#[derive(SimpleObject)]
pub(crate) struct BotEstimate {
    /// The precision of the model less that of the rules, −1 to 1.
    difference: f64,
    /// The lower end of the interval that holds it in 95 of a hundred cases.
    low: f64,
    /// The upper end.
    high: f64,
    /// The smallest p-value so far.
    p_value: f64,
}

impl From<Estimate> for BotEstimate {
    fn from(known: Estimate) -> Self {
        Self {
            difference: known.difference,
            low: known.low,
            high: known.high,
            p_value: known.p_value,
        }
    }
}

/// An experiment: the rules against a model.
#[derive(SimpleObject)]
pub(crate) struct BotExperiment {
    /// Its id.
    id: i32,
    /// What was expected.
    hypothesis: String,
    /// The model's id; null = whatever is deployed.
    model_id: Option<i32>,
    /// Who started it; null = somebody who was erased since.
    started_by: Option<i32>,
    /// When.
    started_at: DateTime,
    /// When it was over.
    ended_at: Option<DateTime>,
    /// Why.
    ended_why: Option<String>,
    /// The rules, then the model.
    arms: Vec<BotArmResult>,
    /// How much more often the model is right; null until there are enough reviews.
    precision: Option<BotEstimate>,
    /// What follows.
    conclusion: BotConclusion,
    /// How many reviews each side needs, while there are not enough.
    needed_review_count: Option<i32>,
}

impl From<Experiment> for BotExperiment {
    fn from(experiment: Experiment) -> Self {
        Self {
            id: experiment.id,
            hypothesis: experiment.hypothesis,
            model_id: experiment.model,
            started_by: experiment.started_by.map(|user| user.0),
            started_at: DateTime(experiment.started_at),
            ended_at: experiment.ended_at.map(DateTime),
            ended_why: experiment.ended_why,
            arms: experiment
                .arms
                .into_iter()
                .map(BotArmResult::from)
                .collect(),
            precision: experiment.precision.map(BotEstimate::from),
            conclusion: experiment.conclusion.into(),
            needed_review_count: match experiment.conclusion {
                Conclusion::NotEnough { needed } => Some(count(needed)),
                Conclusion::Open | Conclusion::ModelBetter | Conclusion::RulesBetter => None,
            },
        }
    }
}

#[Object]
impl BotExperimentQuery {
    /// The experiments, the newest first, at most 50. For administrators of the instance.
    #[graphql(complexity = "cost::PAGE + cost::list(50, child_complexity)")]
    async fn bot_experiments(&self, ctx: &Context<'_>) -> Result<Option<Vec<BotExperiment>>> {
        let viewer = viewer(ctx)?;
        let found = viewer.app().bots.experiments(viewer.actor()).await;
        let found = found.map_err(failed(viewer))?;
        viewer.spend(ctx, found.iter().map(|one| 1 + one.arms.len()).sum())?;
        Ok(Some(found.into_iter().map(BotExperiment::from).collect()))
    }
}

#[Object]
impl BotExperimentMutation {
    /// Lets the rules judge one half of the communities and a model the other, for four weeks at most. Refused while a rollout or
    /// another experiment goes on. For administrators of the instance.
    async fn start_bot_experiment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What is expected, 1 to 200 characters.")] hypothesis: String,
        #[graphql(desc = "The model's id; null = whatever is deployed.")] model_id: Option<i32>,
    ) -> Result<BotExperiment> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let new = NewExperiment {
            hypothesis,
            model: model_id,
        };
        let bots = &viewer.app().bots;
        let done = bots.start_experiment(viewer.actor(), &new).await;
        done.map(BotExperiment::from).map_err(failed(viewer))
    }

    /// Ends an experiment: everybody is judged as before. One that is over stays as it is. For administrators of the instance.
    async fn stop_bot_experiment(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The experiment's id.")] id: i32,
        #[graphql(desc = "Why, 1 to 200 characters.")] why: String,
    ) -> Result<BotExperiment> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let bots = &viewer.app().bots;
        let done = bots.stop_experiment(viewer.actor(), id, &why).await;
        done.map(BotExperiment::from).map_err(failed(viewer))
    }
}
