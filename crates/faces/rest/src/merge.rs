//! Making one person of two: `/users/me/merges`, and for administrators `/merges`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use identity::{Merge, MergeCard, MergeSide, MergeState};
use kernel::{MergeId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path},
    page::List,
    problem::Problem,
    view::Moment,
};

/// A request to make one person of two, and what became of it.
#[derive(Serialize, ToSchema)]
pub(crate) struct MergeView {
    /// Its id.
    id: i32,
    /// The id of the person who stays.
    kept_user_id: i32,
    /// The id of the person who is taken in.
    merged_user_id: i32,
    /// `requested`, `done`, `undone`, `rejected` or `expired`.
    state: String,
    /// When it was asked for.
    requested_at: Moment,
    /// Until when both sides have to confirm.
    expires_at: Moment,
    /// When the side that stays confirmed.
    kept_confirmed_at: Option<Moment>,
    /// When the other side confirmed.
    merged_confirmed_at: Option<Moment>,
    /// When it was done or rejected.
    settled_at: Option<Moment>,
    /// Until when it can be undone.
    undo_until: Option<Moment>,
}

impl From<Merge> for MergeView {
    fn from(merge: Merge) -> Self {
        let state = match merge.state {
            MergeState::Requested => "requested",
            MergeState::Done => "done",
            MergeState::Undone => "undone",
            MergeState::Rejected => "rejected",
            MergeState::Expired => "expired",
        };
        Self {
            id: merge.id.0,
            kept_user_id: merge.kept.0,
            merged_user_id: merge.merged.0,
            state: state.to_owned(),
            requested_at: merge.requested_at.into(),
            expires_at: merge.expires_at.into(),
            kept_confirmed_at: merge.kept_consent.map(|consent| consent.at.into()),
            merged_confirmed_at: merge.merged_consent.map(|consent| consent.at.into()),
            undo_until: merge.undo_until().map(Moment::from),
            settled_at: merge.settled_at.map(Moment::from),
        }
    }
}

/// What a merge would do.
#[derive(Serialize, ToSchema)]
pub(crate) struct PreviewView {
    /// The merge.
    merge: MergeView,
    /// Who stays.
    kept: CardView,
    /// Who is taken in.
    merged: CardView,
    /// The roles that change; absent as long as one side did not confirm.
    roles: Option<Vec<RoleView>>,
}

/// One of the two people, as the asker may see them.
#[derive(Serialize, ToSchema)]
pub(crate) struct CardView {
    /// Their id.
    user_id: i32,
    /// What they are called.
    display_name: String,
    /// What they have, by kind; absent for the other side as long as they did not confirm.
    counts: Option<Vec<CountView>>,
}

/// How much of something a person has.
#[derive(Serialize, ToSchema)]
pub(crate) struct CountView {
    /// What.
    kind: String,
    /// How many.
    count: u64,
}

/// A role that changes for the person who stays.
#[derive(Serialize, ToSchema)]
pub(crate) struct RoleView {
    /// The community's id.
    community_id: i32,
    /// The community's name.
    community_name: String,
    /// The role of the side that stays.
    kept: Option<String>,
    /// The role of the side that is taken in.
    merged: String,
    /// The role afterwards.
    after: String,
}

impl From<MergeCard> for CardView {
    fn from(card: MergeCard) -> Self {
        let counted = |(kind, count): (&str, u64)| CountView {
            kind: kind.to_owned(),
            count,
        };
        let counts = card
            .counts
            .map(|all| all.into_iter().map(counted).collect());
        Self {
            user_id: card.user.0,
            display_name: card.display_name,
            counts,
        }
    }
}

/// Two people.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Pair {
    /// The id of the person who stays.
    kept_user_id: i32,
    /// The id of the person who is taken in.
    merged_user_id: i32,
}

/// A side of a merge.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Confirming {
    /// `kept` or `merged`: one's own side; for administrators one of two others.
    side: SideName,
}

/// One of the two people of a merge.
#[derive(Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum SideName {
    /// Who stays.
    Kept,
    /// Who is taken in.
    Merged,
}

impl From<SideName> for MergeSide {
    fn from(name: SideName) -> Self {
        match name {
            SideName::Kept => Self::Kept,
            SideName::Merged => Self::Merged,
        }
    }
}

/// The merges one takes part in, newest first, at most 100.
#[utoipa::path(get, path = "/users/me/merges", tag = "merges", responses((status = 200, body = List<MergeView>)))]
pub(crate) async fn own(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<MergeView>>, Problem> {
    let found = face.app.identity.merges(&who.actor).await?;
    Ok(List::whole(
        found.into_iter().map(MergeView::from).collect(),
    ))
}

/// Everybody's merges, newest first, at most 200. For administrators of the instance.
#[utoipa::path(get, path = "/merges", tag = "merges", responses((status = 200, body = List<MergeView>)))]
pub(crate) async fn all(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<MergeView>>, Problem> {
    let found = face.app.identity.all_merges(&who.actor).await?;
    Ok(List::whole(
        found.into_iter().map(MergeView::from).collect(),
    ))
}

/// Asks for a merge by naming the two; both sides still have to confirm. For administrators of the
/// instance.
#[utoipa::path(post, path = "/merges", tag = "merges", request_body = Pair, responses((status = 201, body = PreviewView)))]
pub(crate) async fn request(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Body(pair): Body<Pair>,
) -> Result<(StatusCode, Json<PreviewView>), Problem> {
    let (kept, merged) = (UserId(pair.kept_user_id), UserId(pair.merged_user_id));
    let identity = &face.app.identity;
    let id = identity.request_merge(&who.actor, kept, merged).await?;
    Ok((StatusCode::CREATED, find(&face, &who, id).await?))
}

async fn find(face: &Face, who: &SignedIn, id: MergeId) -> Result<Json<PreviewView>, Problem> {
    let found = face.app.identity.merge_preview(&who.actor, id).await?;
    let role = |joined: identity::RoleJoined| RoleView {
        community_id: joined.community.0,
        community_name: joined.name,
        kept: joined.kept.map(|role| role.as_str().to_owned()),
        merged: joined.merged.as_str().to_owned(),
        after: joined.after.as_str().to_owned(),
    };
    Ok(Json(PreviewView {
        merge: found.merge.into(),
        kept: found.kept.into(),
        merged: found.merged.into(),
        roles: found
            .roles
            .map(|roles| roles.into_iter().map(role).collect()),
    }))
}

/// What a merge would do, for its two sides and administrators.
#[utoipa::path(get, path = "/merges/{id}", tag = "merges", params(("id" = i32, Path, description = "The merge's id.")), responses((status = 200, body = PreviewView)))]
pub(crate) async fn show(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<i32>,
) -> Result<Json<PreviewView>, Problem> {
    find(&face, &who, MergeId(id)).await
}

/// Confirms a side; the merge is done once both sides did. Needs a fresh session.
#[utoipa::path(post, path = "/merges/{id}/confirm", tag = "merges", params(("id" = i32, Path, description = "The merge's id.")), request_body = Confirming, responses((status = 200, body = MergeView)))]
pub(crate) async fn confirm(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<i32>,
    Body(wanted): Body<Confirming>,
) -> Result<Json<MergeView>, Problem> {
    let (session, side) = (who.session()?, wanted.side.into());
    let identity = &face.app.identity;
    let merge = identity
        .confirm_merge(&who.actor, session, None, MergeId(id), side)
        .await?;
    Ok(Json(merge.into()))
}

/// Says no to a merge that waits.
#[utoipa::path(post, path = "/merges/{id}/reject", tag = "merges", params(("id" = i32, Path, description = "The merge's id.")), responses((status = 204)))]
pub(crate) async fn reject(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<i32>,
) -> Result<StatusCode, Problem> {
    let identity = &face.app.identity;
    identity.reject_merge(&who.actor, MergeId(id)).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Makes two people again of a merge that was done within 30 days. Needs a fresh session.
#[utoipa::path(post, path = "/merges/{id}/undo", tag = "merges", params(("id" = i32, Path, description = "The merge's id.")), responses((status = 204)))]
pub(crate) async fn undo(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<i32>,
) -> Result<StatusCode, Problem> {
    let session = who.session()?;
    let identity = &face.app.identity;
    identity
        .undo_merge(&who.actor, session, None, MergeId(id))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
