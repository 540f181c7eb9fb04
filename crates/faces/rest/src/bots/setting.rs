//! What a community decides about the detection: `/communities/{id}/bots/setting`.

use std::sync::Arc;

use ::bots::Setting;
use axum::{Json, extract::State, http::HeaderMap};
use kernel::{CommunityId, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::score::threshold;
use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path},
    problem::Problem,
    tag,
    view::RoleName,
};

/// What a community decided, or what holds where it did not.
#[derive(Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DetectionView {
    /// From here on somebody is likely a bot, in percent.
    #[schema(exclusive_minimum = 0, maximum = 100)]
    likely: f64,
    /// From here on somebody is possibly one, in percent; at most `likely`.
    #[schema(exclusive_minimum = 0, maximum = 100)]
    possible: f64,
    /// Whether suspects are only written down: nobody is told, nothing is sent.
    is_dry_run: bool,
    /// People with this role or a stronger one are left alone; null = a role protects nobody.
    exempt_role: Option<RoleName>,
    /// Regulars are left alone: who was first seen so many days ago, and …
    #[schema(maximum = 3650)]
    trusted_days: Option<u32>,
    /// … has so much reputation. One of the two alone does as well; with neither nobody is a regular.
    #[schema(minimum = 300, maximum = 850)]
    trusted_score: Option<u32>,
}

impl From<Setting> for DetectionView {
    fn from(setting: Setting) -> Self {
        Self {
            likely: setting.likely.as_percent(),
            possible: setting.possible.as_percent(),
            is_dry_run: setting.is_dry_run,
            exempt_role: setting.exempt_role.map(RoleName::from),
            trusted_days: setting.trusted_days,
            trusted_score: setting.trusted_score,
        }
    }
}

impl DetectionView {
    /// The setting, if its percentages are any.
    fn setting(self) -> Result<Setting, Problem> {
        Ok(Setting {
            likely: threshold("likely", self.likely)?,
            possible: threshold("possible", self.possible)?,
            is_dry_run: self.is_dry_run,
            exempt_role: self.exempt_role.map(Role::from),
            trusted_days: self.trusted_days,
            trusted_score: self.trusted_score,
        })
    }
}

async fn held(
    face: &Face,
    who: &SignedIn,
    community: CommunityId,
) -> Result<DetectionView, Problem> {
    Ok(face.app.bots.setting(&who.actor, community).await?.into())
}

/// From when on somebody is a suspect in a community, and who is left alone. For moderators.
#[utoipa::path(get, path = "/communities/{community}/bots/setting", tag = "bots", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = DetectionView)))]
pub(crate) async fn show(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<DetectionView>, Problem> {
    Ok(Json(held(&face, &who, CommunityId(community)).await?))
}

/// Decides about it, whole. For the community's administrators. With `If-Match` only if it has not
/// changed since.
#[utoipa::path(put, path = "/communities/{community}/bots/setting", tag = "bots", params(("community" = i32, Path, description = "The community's id."), ("If-Match" = Option<String>, Header, description = "The `ETag` of what was read.")), request_body = DetectionView, responses((status = 200, body = DetectionView)))]
pub(crate) async fn change(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    headers: HeaderMap,
    Body(wanted): Body<DetectionView>,
) -> Result<Json<DetectionView>, Problem> {
    let community = CommunityId(community);
    tag::unchanged(&headers, &held(&face, &who, community).await?)?;
    let bots = &face.app.bots;
    bots.change_setting(&who.actor, community, &wanted.setting()?)
        .await?;
    Ok(Json(held(&face, &who, community).await?))
}
