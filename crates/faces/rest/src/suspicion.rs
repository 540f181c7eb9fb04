//! Patterns that look like abuse by several accounts, for moderators to judge:
//! `/communities/{id}/suspicions`.

use std::sync::Arc;

use activity::{Suspicion, SuspicionState};
use axum::{Json, extract::State, http::StatusCode};
use kernel::{CommunityId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path, Query},
    page::{List, Listed, PageParams, Paging},
    problem::Problem,
    view::{Moment, PlatformName},
};

/// What became of a flag.
#[derive(Serialize, Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SuspicionStateName {
    /// Nobody has decided yet.
    Open,
    /// It was nothing.
    Dismissed,
    /// It was what it looked like.
    Confirmed,
}

impl From<SuspicionState> for SuspicionStateName {
    fn from(state: SuspicionState) -> Self {
        match state {
            SuspicionState::Open => Self::Open,
            SuspicionState::Dismissed => Self::Dismissed,
            SuspicionState::Confirmed => Self::Confirmed,
        }
    }
}

impl From<SuspicionStateName> for SuspicionState {
    fn from(name: SuspicionStateName) -> Self {
        match name {
            SuspicionStateName::Open => Self::Open,
            SuspicionStateName::Dismissed => Self::Dismissed,
            SuspicionStateName::Confirmed => Self::Confirmed,
        }
    }
}

/// A flag. It bans nobody.
#[derive(Serialize, ToSchema)]
pub(crate) struct SuspicionView {
    /// Its id.
    id: i32,
    /// What it looks like: `known_bad`, `shared_handles`, `shared_timing`, `link_burst` or
    /// `community_links`.
    pattern: String,
    /// Why, with its numbers.
    sentence: String,
    /// When it was found first.
    first_seen_at: Moment,
    /// When it was found last.
    last_seen_at: Moment,
    /// What became of it.
    state: SuspicionStateName,
    /// Who decided so.
    decided_by: Option<i32>,
    /// When.
    decided_at: Option<Moment>,
    /// The first accounts that it is about, at most ten.
    accounts: Vec<SuspectView>,
    /// How many there are.
    n_accounts: u64,
}

/// An account that a flag is about.
#[derive(Serialize, ToSchema)]
pub(crate) struct SuspectView {
    /// Its id.
    id: i64,
    /// Whose it is.
    user_id: i32,
    /// Where.
    platform: PlatformName,
    /// The name it went by last.
    username: String,
}

impl From<Suspicion> for SuspicionView {
    fn from(suspicion: Suspicion) -> Self {
        let suspect = |account: identity::PlatformAccount| SuspectView {
            id: account.id.0,
            user_id: account.user.0,
            platform: account.platform.into(),
            username: account.username,
        };
        Self {
            id: suspicion.id,
            pattern: suspicion.pattern().as_str().to_owned(),
            sentence: suspicion.evidence.sentence(),
            first_seen_at: suspicion.first_seen_at.into(),
            last_seen_at: suspicion.last_seen_at.into(),
            state: suspicion.state.into(),
            decided_by: suspicion.decided_by.map(|user| user.0),
            decided_at: suspicion.decided_at.map(Moment::from),
            accounts: suspicion.accounts.into_iter().map(suspect).collect(),
            n_accounts: suspicion.n_accounts,
        }
    }
}

/// Which flags.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct SuspicionFilter {
    /// Only those in this state.
    state: Option<SuspicionStateName>,
}

/// What became of a flag, to be said.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Decision {
    /// `open` takes a decision back.
    state: SuspicionStateName,
}

/// The flags of a community, the last found first. For moderators.
#[utoipa::path(get, path = "/communities/{community}/suspicions", tag = "members", params(("community" = i32, Path, description = "The community's id."), SuspicionFilter, PageParams), responses((status = 200, body = List<SuspicionView>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    Query(filter): Query<SuspicionFilter>,
    paging: Paging,
) -> Result<Listed<SuspicionView>, Problem> {
    let state = filter.state.map(SuspicionState::from);
    let (activity, community) = (&face.app.activity, CommunityId(community));
    let page = activity
        .suspicions(&who.actor, community, state, &paging.request)
        .await?;
    Ok(paging.answer(page, SuspicionView::from))
}

/// The flags about a member's accounts, the last found first, at most 20. For moderators.
#[utoipa::path(get, path = "/communities/{community}/members/{user}/suspicions", tag = "members", params(("community" = i32, Path, description = "The community's id."), ("user" = i32, Path, description = "The member's id.")), responses((status = 200, body = List<SuspicionView>)))]
pub(crate) async fn of_member(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, user)): Path<(i32, i32)>,
) -> Result<Json<List<SuspicionView>>, Problem> {
    let activity = &face.app.activity;
    let found = activity
        .suspicions_of(&who.actor, CommunityId(community), UserId(user))
        .await?;
    Ok(List::whole(
        found.into_iter().map(SuspicionView::from).collect(),
    ))
}

/// Says what became of a flag. Saying the same again changes nothing. For moderators.
#[utoipa::path(put, path = "/communities/{community}/suspicions/{id}/state", tag = "members", params(("community" = i32, Path, description = "The community's id."), ("id" = i32, Path, description = "The flag's id.")), request_body = Decision, responses((status = 204)))]
pub(crate) async fn decide(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, id)): Path<(i32, i32)>,
    Body(decision): Body<Decision>,
) -> Result<StatusCode, Problem> {
    let (activity, community) = (&face.app.activity, CommunityId(community));
    activity
        .decide_suspicion(&who.actor, community, id, decision.state.into())
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
