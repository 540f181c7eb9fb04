//! What events are worth for a reputation in a community: `/communities/{id}/reputation/weights`.

use std::sync::Arc;

use axum::{Json, extract::State, http::HeaderMap};
use identity::{Reason, WeightSetting};
use kernel::CommunityId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path},
    page::List,
    problem::Problem,
    tag,
};

/// What one event is worth in a community, in thousandths of a point.
#[derive(Serialize, ToSchema)]
pub(crate) struct WeightView {
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

impl From<WeightSetting> for WeightView {
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

/// What events are to be worth.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Weights {
    /// What is to change; what is not named stays. All or none.
    #[schema(max_items = 32)]
    weights: Vec<WeightPatch>,
}

/// What an event is to be worth.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WeightPatch {
    /// Which, such as `chat` or `timeout`.
    reason: String,
    /// How much, in thousandths of a point; null or left out = what everybody has.
    own: Option<i64>,
}

async fn all(
    face: &Face,
    who: &SignedIn,
    community: CommunityId,
) -> Result<List<WeightView>, Problem> {
    let identity = &face.app.identity;
    let found = identity.reputation_weights(&who.actor, community).await?;
    let Json(all) = List::whole(found.into_iter().map(WeightView::from).collect());
    Ok(all)
}

/// What every event is worth in a community. For moderators.
#[utoipa::path(get, path = "/communities/{community}/reputation/weights", tag = "members", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = List<WeightView>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<List<WeightView>>, Problem> {
    Ok(Json(all(&face, &who, CommunityId(community)).await?))
}

/// Decides what events are worth in a community from now on; scores that are there stay. For the
/// community's administrators. With `If-Match` only what has not changed since.
#[utoipa::path(patch, path = "/communities/{community}/reputation/weights", tag = "members", params(("community" = i32, Path, description = "The community's id."), ("If-Match" = Option<String>, Header, description = "The `ETag` of what was read.")), request_body = Weights, responses((status = 200, body = List<WeightView>)))]
pub(crate) async fn change(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    headers: HeaderMap,
    Body(wanted): Body<Weights>,
) -> Result<Json<List<WeightView>>, Problem> {
    let community = CommunityId(community);
    let wanted: Vec<(Reason, Option<i64>)> = wanted
        .weights
        .into_iter()
        .map(|weight| {
            let words = || format!("there is no reason «{}»", weight.reason);
            let reason = Reason::from_name(&weight.reason);
            let reason = reason.ok_or_else(|| Problem::field("reason", words()))?;
            Ok((reason, weight.own))
        })
        .collect::<Result<_, Problem>>()?;
    let held = all(&face, &who, community).await?;
    tag::unchanged(&headers, &held)?;
    let identity = &face.app.identity;
    identity
        .set_reputation_weights(&who.actor, community, &wanted)
        .await?;
    Ok(Json(all(&face, &who, community).await?))
}
