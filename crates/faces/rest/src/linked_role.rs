//! What providers are told of oneself so that roles there may depend on it: `/users/me/linked-roles`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use identity::{LinkedRole, RoleState, Trip};
use kernel::LinkId;
use serde::Serialize;
use utoipa::ToSchema;

use crate::{
    Face,
    asker::SignedIn,
    identity_link::{HOME, LinkStart},
    input::Path,
    page::List,
    problem::Problem,
    view::Moment,
};

/// What a provider is told of oneself.
#[derive(Serialize, ToSchema)]
pub(crate) struct LinkedRoleView {
    /// The id of the identity that it is told with.
    identity_id: i32,
    /// Whether one stopped it.
    is_stopped: bool,
    /// `waiting`, `told`, `given_up` or `needs_relink`.
    state: String,
    /// The name that is told, if others than oneself may see it.
    name: Option<String>,
    /// Whether one proved to be somebody, likewise.
    verified: Option<bool>,
    /// On how many platforms one has accounts, likewise.
    platforms: Option<u16>,
    /// The tier of the reputation, 1 to 5, likewise.
    tier: Option<u8>,
    /// The reputation in points, likewise.
    reputation: Option<u16>,
    /// When the provider was told last.
    told_at: Option<Moment>,
    /// What went wrong last.
    trouble: Option<String>,
    /// When it is tried again.
    next_at: Option<Moment>,
}

impl From<LinkedRole> for LinkedRoleView {
    fn from(role: LinkedRole) -> Self {
        let state = match role.state {
            RoleState::Waiting => "waiting",
            RoleState::Told => "told",
            RoleState::GivenUp => "given_up",
            RoleState::NeedsRelink => "needs_relink",
        };
        Self {
            identity_id: role.link.0,
            is_stopped: role.is_stopped,
            state: state.to_owned(),
            name: role.wanted.name,
            verified: role.wanted.verified,
            platforms: role.wanted.platforms,
            tier: role.wanted.tier,
            reputation: role.wanted.reputation,
            told_at: role.told_at.map(Moment::from),
            trouble: role.trouble,
            next_at: role.next_at.map(Moment::from),
        }
    }
}

/// What providers are told of oneself.
#[utoipa::path(get, path = "/users/me/linked-roles", tag = "users", responses((status = 200, body = List<LinkedRoleView>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<LinkedRoleView>>, Problem> {
    let found = face.app.identity.linked_roles(&who.actor).await?;
    Ok(List::whole(
        found.into_iter().map(LinkedRoleView::from).collect(),
    ))
}

/// Begins to link an account in a way that lets its provider be told what roles there may depend on. Needs
/// a fresh session.
#[utoipa::path(post, path = "/users/me/linked-roles/link/{provider}", tag = "users", params(("provider" = String, Path, description = "The provider's key.")), responses((status = 201, body = LinkStart)))]
pub(crate) async fn link(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(provider): Path<String>,
) -> Result<(StatusCode, Json<LinkStart>), Problem> {
    let session = who.session()?;
    let redirect = face.app.callback(&provider);
    let trip = Trip {
        provider: &provider,
        redirect: &redirect,
        return_to: HOME,
    };
    let begun = face.app.link_for_roles_url(&who.actor, session, None, trip);
    let url = begun.await?;
    Ok((StatusCode::CREATED, Json(LinkStart { url })))
}

/// Has a provider told now, also if that was stopped; at most once a minute.
#[utoipa::path(post, path = "/users/me/linked-roles/{id}/push", tag = "users", params(("id" = i32, Path, description = "The identity's id.")), responses((status = 204)))]
pub(crate) async fn push(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<i32>,
) -> Result<StatusCode, Problem> {
    let identity = &face.app.identity;
    identity
        .push_roles(&who.actor, LinkId(id), &who.client)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Stops telling a provider anything, and has what was told taken back.
#[utoipa::path(delete, path = "/users/me/linked-roles/{id}", tag = "users", params(("id" = i32, Path, description = "The identity's id.")), responses((status = 204)))]
pub(crate) async fn stop(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<i32>,
) -> Result<StatusCode, Problem> {
    let identity = &face.app.identity;
    identity
        .stop_roles(&who.actor, LinkId(id), &who.client)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
