//! Communities: `/communities`.

use std::sync::Arc;

use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use identity::{Community, CommunityChange, NewCommunity};
use kernel::{Actor, CommunityId, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path},
    page::List,
    problem::Problem,
    tag,
    view::Moment,
};

/// A community.
#[derive(Serialize, ToSchema)]
pub(crate) struct CommunityView {
    /// Its id.
    id: i32,
    /// Its name in addresses; never changes.
    slug: String,
    /// Its name.
    name: String,
    /// What it is about.
    description: String,
    /// How many days live messages are kept.
    retention_days: u32,
    /// When it was made.
    created_at: Moment,
    /// What the asker is there; absent for somebody without a role.
    role: Option<String>,
}

impl CommunityView {
    fn new(community: Community, role: Option<Role>) -> Self {
        Self {
            id: community.id.0,
            slug: community.slug,
            name: community.name,
            description: community.description,
            retention_days: community.retention_days,
            created_at: community.created_at.into(),
            role: role.map(|role| role.as_str().to_owned()),
        }
    }
}

/// A community to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Made {
    /// Its name, 1 to 100 characters.
    name: String,
    /// Its name in addresses; made from the name if absent.
    slug: Option<String>,
    /// What it is about, at most 1,000 characters.
    #[serde(default)]
    description: String,
}

/// What is to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Patch {
    /// Its name, 1 to 100 characters.
    name: Option<String>,
    /// What it is about, at most 1,000 characters.
    description: Option<String>,
    /// How many days live messages are kept.
    #[schema(minimum = 1, maximum = 3650)]
    retention_days: Option<u32>,
}

/// The communities one may see, by name. An administrator of the instance sees all.
#[utoipa::path(get, path = "/communities", tag = "communities", responses((status = 200, body = List<CommunityView>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<CommunityView>>, Problem> {
    let found = face.app.identity.communities(&who.actor).await?;
    let view = |(community, role)| CommunityView::new(community, role);
    Ok(List::whole(found.into_iter().map(view).collect()))
}

/// Makes a community. For administrators of the instance.
#[utoipa::path(post, path = "/communities", tag = "communities", request_body = Made, responses((status = 201, body = CommunityView)))]
pub(crate) async fn create(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Body(wanted): Body<Made>,
) -> Result<(StatusCode, Json<CommunityView>), Problem> {
    let new = NewCommunity {
        slug: wanted.slug,
        name: wanted.name,
        description: wanted.description,
    };
    let made = face.app.identity.create_community(&who.actor, &new).await?;
    let view = CommunityView::new(made, None);
    Ok((StatusCode::CREATED, Json(view)))
}

async fn find(face: &Face, actor: &Actor, id: CommunityId) -> Result<CommunityView, Problem> {
    let found = face.app.identity.community(actor, id).await;
    let found = match found {
        // One that is not there and one that is not for the asker look the same.
        Err(identity::IdentityError::NotAllowed(_)) => None,
        found => found?,
    };
    let community = found.ok_or_else(Problem::not_found)?;
    Ok(CommunityView::new(community, actor.role_in(id)))
}

/// A community.
#[utoipa::path(get, path = "/communities/{community}", tag = "communities", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = CommunityView)))]
pub(crate) async fn show(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<CommunityView>, Problem> {
    let view = find(&face, &who.actor, CommunityId(community)).await?;
    Ok(Json(view))
}

/// Changes a community's settings. For its administrators. With `If-Match` only what has not changed
/// since.
#[utoipa::path(patch, path = "/communities/{community}", tag = "communities", params(("community" = i32, Path, description = "The community's id."), ("If-Match" = Option<String>, Header, description = "The `ETag` of what was read.")), request_body = Patch, responses((status = 200, body = CommunityView)))]
pub(crate) async fn change(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    headers: HeaderMap,
    Body(patch): Body<Patch>,
) -> Result<Json<CommunityView>, Problem> {
    let id = CommunityId(community);
    let held = find(&face, &who.actor, id).await?;
    tag::unchanged(&headers, &held)?;
    let change = CommunityChange {
        name: patch.name.unwrap_or(held.name),
        description: patch.description.unwrap_or(held.description),
        retention_days: patch.retention_days.unwrap_or(held.retention_days),
    };
    let identity = &face.app.identity;
    let changed = identity.update_community(&who.actor, id, &change).await?;
    let role = who.actor.role_in(id);
    Ok(Json(CommunityView::new(changed, role)))
}
