//! The members of a community and their reputation: `/communities/{id}/members`,
//! `/communities/{id}/reputation`.

use std::sync::Arc;

use activity::{Doubt, MemberQuery, MemberSort, Ranked};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use identity::{Adjustment, History};
use kernel::{CommunityId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path, Query, idempotency_key},
    page::{List, Listed, PageParams, Paging},
    problem::Problem,
    user::BadgeView,
    view::{Moment, PlatformName, ReputationView, RoleName},
};

/// A member.
#[derive(Serialize, ToSchema)]
pub(crate) struct MemberView {
    /// The person's id.
    user_id: i32,
    /// The name they went by last.
    name: String,
    /// Where they were seen.
    platforms: Vec<PlatformName>,
    /// When first seen.
    first_seen_at: Moment,
    /// When last seen.
    last_seen_at: Moment,
    /// Messages in all.
    messages: u64,
    /// Days with at least one message.
    active_days: u32,
    /// What they are; absent for somebody without a role.
    role: Option<RoleName>,
}

/// What members are sorted by.
#[derive(Deserialize, ToSchema, Clone, Copy, Default)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Sort {
    /// The name.
    Name,
    /// When first seen.
    FirstSeen,
    /// When last seen.
    #[default]
    LastSeen,
    /// How many messages.
    Messages,
}

/// Which members, in which order.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Filter {
    /// Part of the name, without regard to case.
    #[param(max_length = 200)]
    #[serde(default)]
    search: String,
    /// Only those seen on this platform.
    platform: Option<PlatformName>,
    /// What they are sorted by.
    #[serde(default)]
    #[param(inline, required = false)]
    sort: Sort,
    /// Whether the smallest comes first.
    #[serde(default)]
    #[param(required = false)]
    ascending: bool,
}

/// A member as moderators see them.
#[derive(Serialize, ToSchema)]
pub(crate) struct MemberCardView {
    /// The person's id.
    user_id: i32,
    /// The name they went by last.
    name: String,
    /// Their accounts.
    accounts: Vec<AccountView>,
    /// Their score in the community.
    reputation: ReputationView,
    /// Their badges there.
    badges: Vec<BadgeView>,
    /// `called_bot` if moderators called one of their accounts a bot, `likely_bot` if one likely is and nobody has said that
    /// it is none; else null. Who is in doubt is not called trusted.
    doubt: Option<&'static str>,
    /// What they are; absent for somebody without a role.
    role: Option<RoleName>,
}

/// A role to give.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct GivenRole {
    /// Which.
    role: RoleName,
}

/// An account of a member.
#[derive(Serialize, ToSchema)]
pub(crate) struct AccountView {
    /// Where.
    platform: PlatformName,
    /// The name it went by last.
    username: String,
    /// Whether the platform marks it as automated.
    is_bot: bool,
}

/// An entry of the history of a score. The scores are those of the account alone.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChangeView {
    /// Its id.
    id: i64,
    /// On which platform the account is.
    platform: PlatformName,
    /// What the account is called.
    account: String,
    /// Why.
    reason: String,
    /// The score before.
    before: i32,
    /// The score after.
    after: i32,
    /// When.
    at: Moment,
    /// A moderator's words; may be empty.
    note: String,
}

/// A change by hand.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Adjusting {
    /// By how many points.
    #[schema(minimum = -550, maximum = 550)]
    points: i32,
    /// Why, 1 to 300 characters; moderators see it.
    reason: String,
}

/// A person's place in a list of scores.
#[derive(Serialize, ToSchema)]
pub(crate) struct StandingView {
    /// The person's id.
    user_id: i32,
    /// What they are called.
    name: String,
    /// Their score in the community.
    reputation: ReputationView,
    /// `called_bot` if moderators called one of their accounts a bot, `likely_bot` if one likely is and nobody has said that
    /// it is none; else null. No score changes by it.
    doubt: Option<&'static str>,
}

impl From<Ranked> for StandingView {
    fn from(ranked: Ranked) -> Self {
        Self {
            user_id: ranked.standing.user.0,
            name: ranked.standing.name,
            reputation: ranked.standing.score.into(),
            doubt: ranked.doubt.map(Doubt::as_str),
        }
    }
}

/// The members of a community. For moderators.
#[utoipa::path(get, path = "/communities/{community}/members", tag = "members", params(("community" = i32, Path, description = "The community's id."), Filter, PageParams), responses((status = 200, body = List<MemberView>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    Query(filter): Query<Filter>,
    paging: Paging,
) -> Result<Listed<MemberView>, Problem> {
    let query = MemberQuery {
        search: filter.search,
        platform: filter.platform.map(kernel::Platform::from),
        sort: match filter.sort {
            Sort::Name => MemberSort::Name,
            Sort::FirstSeen => MemberSort::FirstSeen,
            Sort::LastSeen => MemberSort::LastSeen,
            Sort::Messages => MemberSort::Messages,
        },
        descending: !filter.ascending,
        page: paging.request.clone(),
    };
    let (activity, identity) = (&face.app.activity, &face.app.identity);
    let community = CommunityId(community);
    let page = activity.members(&who.actor, community, &query).await?;
    let people: Vec<UserId> = page.items.iter().map(|member| member.user_id).collect();
    let roles = identity.roles(&who.actor, community, &people).await?;
    Ok(paging.answer(page, |member: activity::Member| MemberView {
        role: roles.get(&member.user_id).copied().map(RoleName::from),
        user_id: member.user_id.0,
        name: member.name,
        platforms: member
            .platforms
            .into_iter()
            .map(PlatformName::from)
            .collect(),
        first_seen_at: member.first_at.into(),
        last_seen_at: member.last_at.into(),
        messages: member.messages,
        active_days: member.active_days,
    }))
}

/// A member, with accounts, reputation and badges. For moderators.
#[utoipa::path(get, path = "/communities/{community}/members/{user}", tag = "members", params(("community" = i32, Path, description = "The community's id."), ("user" = i32, Path, description = "The member's id.")), responses((status = 200, body = MemberCardView)))]
pub(crate) async fn show(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, user)): Path<(i32, i32)>,
) -> Result<Json<MemberCardView>, Problem> {
    let activity = &face.app.activity;
    let card = activity.member_card(&who.actor, CommunityId(community), UserId(user));
    let card = card.await?.ok_or_else(Problem::not_found)?;
    let account = |account: identity::PlatformAccount| AccountView {
        platform: account.platform.into(),
        username: account.username,
        is_bot: account.is_bot,
    };
    let identity = &face.app.identity;
    let users = [card.user];
    let roles = identity.roles(&who.actor, CommunityId(community), &users);
    let role = roles.await?.get(&card.user).copied();
    Ok(Json(MemberCardView {
        role: role.map(RoleName::from),
        user_id: card.user.0,
        name: card.name,
        accounts: card.accounts.into_iter().map(account).collect(),
        reputation: card.score.into(),
        badges: card.badges.into_iter().map(BadgeView::from).collect(),
        doubt: card.doubt.map(Doubt::as_str),
    }))
}

/// Gives somebody a role below one's own; owners may make owners. For the community's administrators.
#[utoipa::path(put, path = "/communities/{community}/members/{user}/role", tag = "members", params(("community" = i32, Path, description = "The community's id."), ("user" = i32, Path, description = "The member's id.")), request_body = GivenRole, responses((status = 204)))]
pub(crate) async fn set_role(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, user)): Path<(i32, i32)>,
    Body(given): Body<GivenRole>,
) -> Result<StatusCode, Problem> {
    let role = Some(given.role.into());
    let identity = &face.app.identity;
    identity
        .set_role(&who.actor, CommunityId(community), UserId(user), role)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Ends somebody's membership. For the community's administrators.
#[utoipa::path(delete, path = "/communities/{community}/members/{user}/role", tag = "members", params(("community" = i32, Path, description = "The community's id."), ("user" = i32, Path, description = "The member's id.")), responses((status = 204)))]
pub(crate) async fn end_role(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, user)): Path<(i32, i32)>,
) -> Result<StatusCode, Problem> {
    let identity = &face.app.identity;
    identity
        .set_role(&who.actor, CommunityId(community), UserId(user), None)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// How a member's score came about, newest first, without plain talk. For moderators.
#[utoipa::path(get, path = "/communities/{community}/members/{user}/reputation", tag = "members", params(("community" = i32, Path, description = "The community's id."), ("user" = i32, Path, description = "The member's id."), PageParams), responses((status = 200, body = List<ChangeView>)))]
pub(crate) async fn history(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, user)): Path<(i32, i32)>,
    paging: Paging,
) -> Result<Listed<ChangeView>, Problem> {
    let page = face
        .app
        .activity
        .reputation_history(
            &who.actor,
            CommunityId(community),
            UserId(user),
            &paging.request,
        )
        .await?;
    Ok(paging.answer(page, |entry: History| ChangeView {
        id: entry.id,
        platform: entry.platform.into(),
        account: entry.account,
        reason: entry.reason.label().to_owned(),
        before: entry.before.points(),
        after: entry.after.points(),
        at: entry.at.into(),
        note: entry.note,
    }))
}

/// Changes a member's score by hand, once for each `Idempotency-Key`. For moderators; nobody changes
/// their own.
#[utoipa::path(post, path = "/communities/{community}/members/{user}/reputation", tag = "members", params(("community" = i32, Path, description = "The community's id."), ("user" = i32, Path, description = "The member's id."), ("Idempotency-Key" = String, Header, description = "Chosen by the caller, 1 to 100 bytes: the same key changes the score once.")), request_body = Adjusting, responses((status = 200, body = ReputationView)))]
pub(crate) async fn adjust(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, user)): Path<(i32, i32)>,
    headers: HeaderMap,
    Body(wanted): Body<Adjusting>,
) -> Result<Json<ReputationView>, Problem> {
    let why = "so that a repeated request changes the score once";
    let key = idempotency_key(&headers, why)?;
    let adjustment = Adjustment {
        points: wanted.points,
        note: wanted.reason,
        key: key.to_owned(),
    };
    let score = face
        .app
        .activity
        .adjust_reputation(
            &who.actor,
            CommunityId(community),
            UserId(user),
            &adjustment,
        )
        .await?;
    Ok(Json(score.into()))
}

/// The highest scores of a community, at most 100. For moderators.
#[utoipa::path(get, path = "/communities/{community}/reputation/leaderboard", tag = "members", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = List<StandingView>)))]
pub(crate) async fn leaders(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<List<StandingView>>, Problem> {
    let activity = &face.app.activity;
    let found = activity
        .standings(&who.actor, CommunityId(community))
        .await?;
    let list = found.leaders.into_iter().map(StandingView::from);
    Ok(List::whole(list.collect()))
}

/// Those with a score of 500 or below, the lowest first, at most 100; then others who were called bots or likely are some,
/// at most 100. For moderators.
#[utoipa::path(get, path = "/communities/{community}/reputation/at-risk", tag = "members", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = List<StandingView>)))]
pub(crate) async fn at_risk(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<List<StandingView>>, Problem> {
    let activity = &face.app.activity;
    let found = activity
        .standings(&who.actor, CommunityId(community))
        .await?;
    let list = found.at_risk.into_iter().map(StandingView::from);
    Ok(List::whole(list.collect()))
}
