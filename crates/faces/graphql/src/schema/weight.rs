//! What events are worth for a reputation in a community.

use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use identity::{IdentityError, Reason, WeightSetting};
use kernel::CommunityId;

use super::error::{bad_input, change_refused, refused, viewer};

/// What one event is worth in a community, in thousandths of a point.
#[derive(SimpleObject)]
pub(crate) struct ReputationWeight {
    /// Which, such as `chat` or `timeout`.
    reason: &'static str,
    /// The same in words.
    label: &'static str,
    /// What it is worth elsewhere.
    standard: i64,
    /// What the community decided; null where it has what everybody has.
    own: Option<i64>,
    /// What it is worth here.
    counts: i64,
    /// The least that may be decided.
    least: i64,
    /// The most that may be decided.
    most: i64,
}

impl From<WeightSetting> for ReputationWeight {
    fn from(setting: WeightSetting) -> Self {
        Self {
            reason: setting.reason.as_str(),
            label: setting.reason.label(),
            standard: setting.standard,
            own: setting.own,
            counts: setting.counts(),
            least: setting.bounds.0,
            most: setting.bounds.1,
        }
    }
}

/// What an event is to be worth.
#[derive(InputObject)]
pub(crate) struct ReputationWeightInput {
    /// Which, such as `chat` or `timeout`.
    reason: String,
    /// How much, in thousandths of a point; null = what everybody has.
    own: Option<i64>,
}

/// What every event is worth in a community.
pub(crate) async fn all(
    ctx: &Context<'_>,
    community: CommunityId,
) -> Result<Vec<ReputationWeight>> {
    let viewer = viewer(ctx)?;
    let identity = &viewer.app().identity;
    let found: Result<_, IdentityError> =
        identity.reputation_weights(viewer.actor(), community).await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    viewer.spend(ctx, found.len())?;
    Ok(found.into_iter().map(ReputationWeight::from).collect())
}

/// Changes to what events are worth.
#[derive(Default)]
pub(crate) struct WeightMutation;

#[Object]
impl WeightMutation {
    /// Decides what events are worth in a community from now on; scores that are there stay, and so does
    /// what is not named. All or none. Needs the role of an admin.
    async fn set_reputation_weights(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "What is to change, at most one for each reason.")] weights: Vec<
            ReputationWeightInput,
        >,
    ) -> Result<Vec<ReputationWeight>> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let wanted: Vec<(Reason, Option<i64>)> = weights
            .into_iter()
            .map(|weight| {
                let unknown = || bad_input(format!("there is no reason `{}`", weight.reason));
                let reason = Reason::from_name(&weight.reason).ok_or_else(unknown)?;
                Ok((reason, weight.own))
            })
            .collect::<Result<_>>()?;
        let community = CommunityId(community_id);
        let done = viewer
            .app()
            .identity
            .set_reputation_weights(viewer.actor(), community, &wanted)
            .await;
        done.map_err(|cause| change_refused(viewer, &cause.into()))?;
        all(ctx, community).await
    }
}
