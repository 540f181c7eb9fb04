//! Whoever was called a bot sees it and may say no: `/users/me/bot-verdicts`; moderators answer:
//! `/communities/{id}/bots/appeals`.

use std::sync::Arc;

use ::bots::{Appeal, AppealState, OwnVerdict};
use axum::{Json, extract::State, http::StatusCode};
use kernel::CommunityId;
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::view::AppealStateName;
use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path, Query},
    page::{List, Listed, PageParams, Paging},
    problem::Problem,
    view::Moment,
};

/// An appeal.
#[derive(Serialize, ToSchema)]
pub(crate) struct AppealView {
    /// Its id.
    id: i32,
    /// The case.
    case_id: i32,
    /// What they say.
    words: String,
    /// What became of it.
    state: AppealStateName,
    /// When it was made.
    made_at: Moment,
    /// What they were answered; may be empty.
    answer: String,
    /// When it was answered, or ended.
    answered_at: Option<Moment>,
    /// Whether you may refuse it; one's own verdict is for somebody else to confirm.
    may_refuse: bool,
}

impl From<Appeal> for AppealView {
    fn from(appeal: Appeal) -> Self {
        Self {
            id: appeal.id,
            case_id: appeal.case,
            words: appeal.words,
            state: appeal.state.into(),
            made_at: appeal.made_at.into(),
            answer: appeal.answer,
            answered_at: appeal.answered_at.map(Moment::from),
            may_refuse: appeal.may_refuse,
        }
    }
}

/// A decision about one of one's own accounts.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnVerdictView {
    /// The case, to appeal against.
    case_id: i32,
    /// Where.
    community_id: i32,
    /// The account.
    account_id: i64,
    /// Whether it stands; one that was taken back is shown while there are appeals against it.
    stands: bool,
    /// When it was decided, or taken back.
    decided_at: Option<Moment>,
    /// One's appeals against it, the newest first.
    appeals: Vec<AppealView>,
}

impl From<OwnVerdict> for OwnVerdictView {
    fn from(verdict: OwnVerdict) -> Self {
        Self {
            case_id: verdict.case,
            community_id: verdict.community.0,
            account_id: verdict.account.0,
            stands: verdict.stands,
            decided_at: verdict.decided_at.map(Moment::from),
            appeals: verdict.appeals.into_iter().map(AppealView::from).collect(),
        }
    }
}

/// What one says against a decision.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAppeal {
    /// Why it is wrong.
    #[schema(min_length = 1, max_length = 1000)]
    words: String,
}

/// The appeal that was made, or that is open already.
#[derive(Serialize, ToSchema)]
pub(crate) struct AppealMade {
    /// Its id.
    id: i32,
}

/// Which appeals.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct AppealFilter {
    /// Those in this state; `open` if left out.
    state: Option<AppealStateName>,
}

/// An answer to an appeal.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppealAnswer {
    /// `granted` makes the account a person's again, `refused` leaves it as it is.
    state: AppealStateName,
    /// What to tell them.
    #[serde(default)]
    #[schema(max_length = 1000)]
    words: String,
}

/// Where one's own accounts were called bots, the last first.
#[utoipa::path(get, path = "/users/me/bot-verdicts", tag = "bots", responses((status = 200, body = List<OwnVerdictView>)))]
pub(crate) async fn own(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<OwnVerdictView>>, Problem> {
    let found = face.app.bots.own_verdicts(&who.actor).await?;
    Ok(List::whole(
        found.into_iter().map(OwnVerdictView::from).collect(),
    ))
}

/// Says that one's own account is no bot; one appeal at a time, after a refusal again in thirty days or against another
/// decision.
#[utoipa::path(post, path = "/users/me/bot-verdicts/{case}/appeals", tag = "bots", params(("case" = i32, Path, description = "The case's id.")), request_body = NewAppeal, responses((status = 201, body = AppealMade)))]
pub(crate) async fn create(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(case): Path<i32>,
    Body(new): Body<NewAppeal>,
) -> Result<(StatusCode, Json<AppealMade>), Problem> {
    let id = face.app.bots.appeal(&who.actor, case, &new.words).await?;
    Ok((StatusCode::CREATED, Json(AppealMade { id })))
}

/// A community's appeals, the oldest first. For moderators.
#[utoipa::path(get, path = "/communities/{community}/bots/appeals", tag = "bots", params(("community" = i32, Path, description = "The community's id."), AppealFilter, PageParams), responses((status = 200, body = List<AppealView>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    Query(filter): Query<AppealFilter>,
    paging: Paging,
) -> Result<Listed<AppealView>, Problem> {
    let state = filter.state.map_or(AppealState::Open, AppealState::from);
    let (bots, community) = (&face.app.bots, CommunityId(community));
    let page = bots
        .appeals(&who.actor, community, state, &paging.request)
        .await?;
    Ok(paging.answer(page, AppealView::from))
}

/// Answers an appeal. The same answer again changes nothing. For moderators; refusing is for others than who decided, where there are any.
#[utoipa::path(put, path = "/communities/{community}/bots/appeals/{appeal}/answer", tag = "bots", params(("community" = i32, Path, description = "The community's id."), ("appeal" = i32, Path, description = "The appeal's id.")), request_body = AppealAnswer, responses((status = 204)))]
pub(crate) async fn answer(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, appeal)): Path<(i32, i32)>,
    Body(answer): Body<AppealAnswer>,
) -> Result<StatusCode, Problem> {
    let (bots, community) = (&face.app.bots, CommunityId(community));
    let state = answer.state.into();
    bots.answer_appeal(&who.actor, community, appeal, state, &answer.words)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
