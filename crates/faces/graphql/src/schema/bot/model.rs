//! The registry of models: what each is, what was measured of it, and two side by side.
//!
//! Must never give out a model's file: that is fetched over HTTP.

use ::bots::{ComparedMetric, ModelComparison, Probability};
use async_graphql::{ComplexObject, Context, Enum, Json, Result, SimpleObject};
use kernel::CommunityId;
use serde_json::Value;

use super::{failed, shadow::BotShadow, trial::BotTraining};
use crate::schema::{
    cost,
    error::viewer,
    scalar::{DateTime, count},
};

/// What a model is.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::bots::ModelKind")]
pub(crate) enum BotModelKind {
    /// Boosted trees or a forest.
    Trees,
    /// The linear baseline.
    Linear,
}

/// What a model is used for.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::bots::ModelState")]
pub(crate) enum BotModelState {
    /// It is being made.
    Training,
    /// It is there and decides nothing.
    Testing,
    /// It is what scores.
    Deployed,
    /// It is used no more; it can be deployed again.
    Retired,
}

/// A model: a registered one, the one that ships, or one that is being made.
#[derive(SimpleObject)]
pub(crate) struct BotModel {
    /// Its id; 0 = the one that ships, a negative one = the number of the training that it is being made by.
    id: i32,
    /// Its name.
    name: String,
    /// Which of that name, from 1 on.
    version: i32,
    /// The community it is for; null = all that have none of their own.
    community_id: Option<i32>,
    /// What it is.
    kind: BotModelKind,
    /// What it is used for.
    state: BotModelState,
    /// SHA-256 of its file; empty while it is being made.
    sha256: String,
    /// The size of its file.
    size_bytes: i32,
    /// Whether it was made for the features of this program: no other can score.
    is_current: bool,
    /// Whether it can be rolled out.
    may_roll_out: bool,
    /// The threshold that was chosen when it was made, 0 to 1.
    threshold: Option<f64>,
    /// What was measured, as an object.
    metrics: Json<Value>,
    /// What is to be known of it, as an object: data, limits, parameters.
    card: Json<Value>,
    /// The id of what was deployed before it.
    replaced_id: Option<i32>,
    /// Who added it; null = the program, or somebody who was erased since.
    added_by: Option<i32>,
    /// When it was added, or its training was asked for; of the one that ships 1970.
    added_at: DateTime,
    /// When it was deployed last.
    deployed_at: Option<DateTime>,
    /// When it was retired last.
    retired_at: Option<DateTime>,
}

impl From<::bots::Model> for BotModel {
    fn from(model: ::bots::Model) -> Self {
        Self {
            id: model.id,
            is_current: model.is_current(),
            may_roll_out: model.may_roll_out(),
            name: model.name,
            version: count(model.version.into()),
            community_id: model.community.map(|community| community.0),
            kind: model.kind.into(),
            state: model.state.into(),
            sha256: model.sha256,
            size_bytes: count(model.size_bytes),
            threshold: model.threshold.map(Probability::value),
            metrics: Json(model.metrics),
            card: Json(model.card),
            replaced_id: model.replaced,
            added_by: model.added_by.map(|user| user.0),
            added_at: DateTime(model.added_at),
            deployed_at: model.deployed_at.map(DateTime),
            retired_at: model.retired_at.map(DateTime),
        }
    }
}

/// A model with where it comes from and how it compares.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct BotModelFile {
    #[graphql(skip)]
    id: i32,
    /// The model.
    model: BotModel,
}

impl From<::bots::Model> for BotModelFile {
    fn from(model: ::bots::Model) -> Self {
        Self {
            id: model.id,
            model: model.into(),
        }
    }
}

#[ComplexObject]
impl BotModelFile {
    /// The training that it came of; null = it was brought here as a file, or its training is long past.
    #[graphql(complexity = "cost::LOOKUP + child_complexity")]
    async fn training(&self, ctx: &Context<'_>) -> Result<Option<BotTraining>> {
        let viewer = viewer(ctx)?;
        let bots = &viewer.app().bots;
        let found = bots.training_of_model(viewer.actor(), self.id).await;
        let Some(found) = found.map_err(failed(viewer))? else {
            return Ok(None);
        };
        viewer.spend(ctx, 1 + found.log.len())?;
        Ok(Some(found.into()))
    }

    /// Its numbers beside those of another model.
    #[graphql(complexity = "2 * cost::LOOKUP + cost::list(50, child_complexity)")]
    async fn comparison(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the other model.")] other_id: i32,
    ) -> Result<BotModelComparison> {
        let viewer = viewer(ctx)?;
        let bots = &viewer.app().bots;
        let found = bots
            .compare_models(viewer.actor(), self.id, other_id)
            .await
            .map_err(failed(viewer))?;
        viewer.spend(ctx, 1 + found.metrics.len())?;
        Ok(found.into())
    }

    /// What it would have said of those who were scored in the last thirty days, beside what the deployed one says of the same.
    /// Refused for a model that is still being made or was made for other features.
    #[graphql(complexity = "cost::SHADOW + child_complexity")]
    async fn shadow(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The id of a community whose accounts are looked at; null = all that have no model of their own, or the model's own community."
        )]
        community_id: Option<i32>,
    ) -> Result<Option<BotShadow>> {
        let viewer = viewer(ctx)?;
        let (bots, community) = (&viewer.app().bots, community_id.map(CommunityId));
        let found = bots.shadow(viewer.actor(), self.id, community).await;
        let found = BotShadow::from(found.map_err(failed(viewer))?);
        viewer.spend(ctx, found.n_items())?;
        Ok(Some(found))
    }
}

/// One number of two models.
#[derive(SimpleObject)]
pub(crate) struct BotComparedMetric {
    /// Its name; parts of it are separated by dots.
    name: String,
    /// Of the model.
    own: Option<f64>,
    /// Of the other one.
    other: Option<f64>,
}

impl From<ComparedMetric> for BotComparedMetric {
    fn from(metric: ComparedMetric) -> Self {
        Self {
            name: metric.name,
            own: metric.left,
            other: metric.right,
        }
    }
}

/// A model beside another one.
#[derive(SimpleObject)]
pub(crate) struct BotModelComparison {
    /// The other model.
    other: BotModel,
    /// What was measured of either, by name.
    metrics: Vec<BotComparedMetric>,
}

impl From<ModelComparison> for BotModelComparison {
    fn from(pair: ModelComparison) -> Self {
        Self {
            other: pair.right.into(),
            metrics: pair
                .metrics
                .into_iter()
                .map(BotComparedMetric::from)
                .collect(),
        }
    }
}
