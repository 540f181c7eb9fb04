//! What whoever runs the instance asks about models and decides of them: the registry, trainings, rollouts, and how good
//! detection is.
//!
//! Must never decide who may: services do.

use async_graphql::{Context, Object, Result};
use kernel::{CommunityId, Cursor, Page, PageRequest};

use super::{
    failed,
    model::{BotModel, BotModelFile},
    monitoring::{BotAlert, BotMonitoring},
    trial::{BotRollout, BotTraining},
};
use crate::schema::{
    cost,
    error::{bad_input, viewer},
    paged::{self, Connection},
};

/// What can be asked about models.
#[derive(Default)]
pub(crate) struct BotModelQuery;

/// Changes to what models score.
#[derive(Default)]
pub(crate) struct BotModelMutation;

fn cursor(model: &::bots::Model) -> Cursor {
    Cursor {
        key: String::new(),
        id: model.id.into(),
    }
}

/// A page of the models, which the service lists whole, the newest first.
fn page(mut all: Vec<::bots::Model>, request: &PageRequest) -> Page<::bots::Model> {
    if let Some(after) = request.cursor() {
        let place = all.iter().position(|model| i64::from(model.id) == after.id);
        match place {
            Some(place) => drop(all.drain(..=place)),
            // A training that is over meanwhile stood before all that are registered.
            None if after.id < 0 => all.retain(|model| model.id >= 0),
            None => all.retain(|model| (0..after.id).contains(&i64::from(model.id))),
        }
    }
    Page::from_rows(all, request, cursor)
}

#[Object]
impl BotModelQuery {
    /// The models: those that are being made, the registered, the newest first, of which the newest 200 can be paged through, and
    /// the one that ships. For administrators of the instance.
    #[graphql(complexity = "cost::PAGE + cost::list(first.unwrap_or(25), child_complexity)")]
    async fn bot_models(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100.", default = 25)] first: Option<i32>,
        #[graphql(desc = "The cursor to continue after.")] after: Option<String>,
    ) -> Result<Option<Connection<BotModel>>> {
        let request = paged::request(first, after.as_deref())?;
        let viewer = viewer(ctx)?;
        let found = viewer.app().bots.models(viewer.actor()).await;
        let found = page(found.map_err(failed(viewer))?, &request);
        paged::connect(ctx, &request, found, cursor, BotModel::from).map(Some)
    }

    /// A model, where it comes from and how it compares. Null if there is none. For administrators of the instance.
    #[graphql(complexity = "cost::LOOKUP + child_complexity")]
    async fn bot_model(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The model's id.")] id: i32,
    ) -> Result<Option<BotModelFile>> {
        let viewer = viewer(ctx)?;
        let found = viewer.app().bots.model(viewer.actor(), id).await;
        let found = found.map_err(failed(viewer))?;
        Ok(found.map(BotModelFile::from))
    }

    /// The trainings, the newest first, at most 50. For administrators of the instance.
    #[graphql(complexity = "cost::list(50, child_complexity)")]
    async fn bot_trainings(&self, ctx: &Context<'_>) -> Result<Option<Vec<BotTraining>>> {
        let viewer = viewer(ctx)?;
        let found = viewer.app().bots.trainings(viewer.actor()).await;
        let found = found.map_err(failed(viewer))?;
        viewer.spend(ctx, found.iter().map(|one| 1 + one.log.len()).sum())?;
        Ok(Some(found.into_iter().map(BotTraining::from).collect()))
    }

    /// A training: its progress and what was done so far. Null if there is none. For administrators of the instance.
    #[graphql(complexity = "cost::LOOKUP + child_complexity")]
    async fn bot_training(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The training's id.")] id: i32,
    ) -> Result<Option<BotTraining>> {
        let viewer = viewer(ctx)?;
        let found = viewer.app().bots.training(viewer.actor(), id).await;
        let found = found.map_err(failed(viewer))?;
        viewer.spend(ctx, found.as_ref().map_or(0, |one| 1 + one.log.len()))?;
        Ok(found.map(BotTraining::from))
    }

    /// The rollouts, the newest first, at most 50. For administrators of the instance.
    #[graphql(complexity = "cost::PAGE + cost::list(50, child_complexity)")]
    async fn bot_rollouts(&self, ctx: &Context<'_>) -> Result<Option<Vec<BotRollout>>> {
        let viewer = viewer(ctx)?;
        let found = viewer.app().bots.rollouts(viewer.actor()).await;
        let found = found.map_err(failed(viewer))?;
        viewer.spend(ctx, found.len())?;
        Ok(Some(found.into_iter().map(BotRollout::from).collect()))
    }

    /// How good detection is in a community. Needs the role of a moderator.
    #[graphql(complexity = "cost::OVERVIEW + child_complexity")]
    async fn bot_monitoring(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
    ) -> Result<Option<BotMonitoring>> {
        let viewer = viewer(ctx)?;
        let bots = &viewer.app().bots;
        let found = bots
            .monitoring(viewer.actor(), CommunityId(community_id))
            .await;
        let found = BotMonitoring::from(found.map_err(failed(viewer))?);
        viewer.spend(ctx, found.n_items())?;
        Ok(Some(found))
    }

    /// How good detection is in all communities together. For administrators of the instance.
    #[graphql(complexity = "cost::OVERVIEW + child_complexity")]
    async fn bot_instance_monitoring(&self, ctx: &Context<'_>) -> Result<Option<BotMonitoring>> {
        let viewer = viewer(ctx)?;
        let found = viewer.app().bots.instance_monitoring(viewer.actor()).await;
        let found = BotMonitoring::from(found.map_err(failed(viewer))?);
        viewer.spend(ctx, found.n_items())?;
        Ok(Some(found))
    }

    /// What went wrong with detection: what is open first, then the newest, at most 100. For administrators of the instance.
    #[graphql(complexity = "cost::list(100, child_complexity)")]
    async fn bot_alerts(&self, ctx: &Context<'_>) -> Result<Option<Vec<BotAlert>>> {
        let viewer = viewer(ctx)?;
        let found = viewer.app().bots.alerts(viewer.actor()).await;
        let found = found.map_err(failed(viewer))?;
        viewer.spend(ctx, found.len())?;
        Ok(Some(found.into_iter().map(BotAlert::from).collect()))
    }
}

#[Object]
impl BotModelMutation {
    /// Lets a model score, in place of the one that does now. For administrators of the instance.
    async fn promote_bot_model(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The model's id.")] id: i32,
    ) -> Result<BotModel> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let done = viewer.app().bots.promote_model(viewer.actor(), id).await;
        done.map(BotModel::from).map_err(failed(viewer))
    }

    /// Takes the model that scores back and answers the one before, which scores again; null if there was none or its file cannot
    /// be used. Then the next in line scores, the instance's model or the one that ships. For administrators of the instance.
    async fn roll_back_bot_model(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Whose model: a community's, or null that of all without one.")]
        community_id: Option<i32>,
    ) -> Result<Option<BotModel>> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let (bots, community) = (&viewer.app().bots, community_id.map(CommunityId));
        let done = bots.roll_back_model(viewer.actor(), community).await;
        Ok(done.map_err(failed(viewer))?.map(BotModel::from))
    }

    /// Says that a model is used no more; one that scores must be replaced or taken back instead. For administrators of the
    /// instance.
    async fn retire_bot_model(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The model's id.")] id: i32,
    ) -> Result<bool> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let done = viewer.app().bots.retire_model(viewer.actor(), id).await;
        done.map_err(failed(viewer))?;
        Ok(true)
    }

    /// Asks for a training; one that waits or runs is the answer. For administrators of the instance.
    async fn start_bot_training(
        &self,
        ctx: &Context<'_>,
        #[graphql(
            desc = "The community that gets a model of its own; null = one for all that have none."
        )]
        community_id: Option<i32>,
    ) -> Result<BotTraining> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let (bots, community) = (&viewer.app().bots, community_id.map(CommunityId));
        let done = bots.start_training(viewer.actor(), community).await;
        done.map(BotTraining::from).map_err(failed(viewer))
    }

    /// Gives a tested model to ten percent of the communities. For administrators of the instance.
    async fn start_bot_rollout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The model's id.")] model_id: i32,
    ) -> Result<BotRollout> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let bots = &viewer.app().bots;
        let done = bots.start_rollout(viewer.actor(), model_id).await;
        done.map(BotRollout::from).map_err(failed(viewer))
    }

    /// Takes the next step of a rollout; after the last the model is deployed. Refused while its guards object. For
    /// administrators of the instance.
    async fn advance_bot_rollout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The rollout's id.")] id: i32,
        #[graphql(desc = "The step that was seen, 10, 50 or 100: refused if it is at another.")]
        step: i32,
    ) -> Result<BotRollout> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let step = u32::try_from(step).map_err(|_negative| bad_input("`step` is 10, 50 or 100"))?;
        let bots = &viewer.app().bots;
        let done = bots.advance_rollout(viewer.actor(), id, step).await;
        done.map(BotRollout::from).map_err(failed(viewer))
    }

    /// Halts a rollout: everybody is back at the deployed model. For administrators of the instance.
    async fn halt_bot_rollout(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The rollout's id.")] id: i32,
        #[graphql(desc = "Why, 1 to 200 characters.")] why: String,
    ) -> Result<BotRollout> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let done = viewer
            .app()
            .bots
            .halt_rollout(viewer.actor(), id, &why)
            .await;
        done.map(BotRollout::from).map_err(failed(viewer))
    }

    /// Says that an alert was seen to. For administrators of the instance.
    async fn clear_bot_alert(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The alert's id.")] id: i32,
    ) -> Result<bool> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let done = viewer.app().bots.clear_alert(viewer.actor(), id).await;
        done.map_err(failed(viewer))?;
        Ok(true)
    }
}
