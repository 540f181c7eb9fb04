//! Who may be one person: `/users/me/suggestions`, `/communities/{id}/suggestions`, and for
//! administrators `/suggestions`.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use identity::{AccountPair, OwnSuggestion, Party, Sign, Suggestion};
use kernel::{AccountId, CommunityId, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Face,
    asker::SignedIn,
    input::{Path, Query},
    page::{List, Listed, PageParams, Paging},
    problem::Problem,
    view::{Moment, PlatformName},
};

/// Two accounts that may be one person's. It proves nothing.
#[derive(Serialize, ToSchema)]
pub(crate) struct SuggestionView {
    /// The community in which both were seen.
    community_id: i32,
    /// The account with the lower id.
    account: PartyView,
    /// The other one.
    other: PartyView,
    /// How sure it is, in percent.
    #[schema(minimum = 40, maximum = 95)]
    confidence: u8,
    /// What speaks for and against it.
    signs: Vec<SignView>,
    /// When it was found first.
    found_at: Moment,
    /// When moderators said that they are not; absent if they did not.
    dismissed_at: Option<Moment>,
}

/// One of two accounts.
#[derive(Serialize, ToSchema)]
pub(crate) struct PartyView {
    /// The account's id.
    id: i64,
    /// Whose it is.
    user_id: i32,
    /// Where.
    platform: PlatformName,
    /// The name it went by last.
    username: String,
    /// Whether its owner signs in here.
    is_claimed: bool,
}

/// Something that speaks for or against it.
#[derive(Serialize, ToSchema)]
pub(crate) struct SignView {
    /// Its name, such as `same_handle`.
    name: String,
    /// In words.
    sentence: String,
    /// Whether it speaks against it.
    is_against: bool,
}

/// An account that may be one's own.
#[derive(Serialize, ToSchema)]
pub(crate) struct OwnSuggestionView {
    /// The account with the lower id of the two.
    account_id: i64,
    /// The other one's id.
    other_account_id: i64,
    /// Where the account is that may be one's own.
    platform: PlatformName,
    /// What it is called there.
    username: String,
    /// Where the own one is that it looks like.
    own_platform: PlatformName,
    /// What that is called.
    own_username: String,
    /// What speaks for it.
    signs: Vec<SignView>,
    /// Whether one said that it is not.
    is_dismissed: bool,
}

impl From<Sign> for SignView {
    fn from(sign: Sign) -> Self {
        Self {
            name: sign.as_str().to_owned(),
            sentence: sign.sentence().to_owned(),
            is_against: sign.is_against(),
        }
    }
}

impl From<Party> for PartyView {
    fn from(party: Party) -> Self {
        Self {
            id: party.account.0,
            user_id: party.user.0,
            platform: party.platform.into(),
            username: party.username,
            is_claimed: party.is_claimed,
        }
    }
}

impl From<Suggestion> for SuggestionView {
    fn from(suggestion: Suggestion) -> Self {
        Self {
            community_id: suggestion.community.0,
            account: suggestion.low.into(),
            other: suggestion.high.into(),
            confidence: suggestion.confidence,
            signs: suggestion.signs.into_iter().map(SignView::from).collect(),
            found_at: suggestion.found_at.into(),
            dismissed_at: suggestion.unlike.map(|said| said.at.into()),
        }
    }
}

impl From<OwnSuggestion> for OwnSuggestionView {
    fn from(own: OwnSuggestion) -> Self {
        Self {
            account_id: own.pair.low().0,
            other_account_id: own.pair.high().0,
            platform: own.platform.into(),
            username: own.username,
            own_platform: own.own_platform.into(),
            own_username: own.own_username,
            signs: own.signs.into_iter().map(SignView::from).collect(),
            is_dismissed: own.is_dismissed,
        }
    }
}

/// Which suggestions.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Dismissed {
    /// Those that moderators said are none, instead of the others.
    #[serde(default)]
    #[param(required = false)]
    dismissed: bool,
}

fn pair(one: i64, other: i64) -> AccountPair {
    AccountPair::new(AccountId(one), AccountId(other))
}

/// Accounts of a community's people that may be one person's, the surest first. For moderators.
#[utoipa::path(get, path = "/communities/{community}/suggestions", tag = "merges", params(("community" = i32, Path, description = "The community's id."), Dismissed, PageParams), responses((status = 200, body = List<SuggestionView>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    Query(wanted): Query<Dismissed>,
    paging: Paging,
) -> Result<Listed<SuggestionView>, Problem> {
    let (identity, community) = (&face.app.identity, CommunityId(community));
    let page = identity
        .suggestions(&who.actor, community, wanted.dismissed, &paging.request)
        .await?;
    Ok(paging.answer(page, SuggestionView::from))
}

/// The same for one member, at most 20, also those that moderators said are none. For moderators.
#[utoipa::path(get, path = "/communities/{community}/members/{user}/suggestions", tag = "merges", params(("community" = i32, Path, description = "The community's id."), ("user" = i32, Path, description = "The member's id.")), responses((status = 200, body = List<SuggestionView>)))]
pub(crate) async fn of_member(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, user)): Path<(i32, i32)>,
) -> Result<Json<List<SuggestionView>>, Problem> {
    let identity = &face.app.identity;
    let found = identity
        .suggestions_of(&who.actor, CommunityId(community), UserId(user))
        .await?;
    Ok(List::whole(
        found.into_iter().map(SuggestionView::from).collect(),
    ))
}

/// Says for the community's moderators that two accounts are not one person's. Saying it twice changes
/// nothing. For moderators.
#[utoipa::path(put, path = "/communities/{community}/suggestions/{account}/{other}/dismissal", tag = "merges", params(("community" = i32, Path, description = "The community's id."), ("account" = i64, Path, description = "The id of one account."), ("other" = i64, Path, description = "The id of the other one.")), responses((status = 204)))]
pub(crate) async fn dismiss(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, one, other)): Path<(i32, i64, i64)>,
) -> Result<StatusCode, Problem> {
    let (identity, community) = (&face.app.identity, CommunityId(community));
    identity
        .dismiss_suggestion(&who.actor, community, pair(one, other))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes back what the community's moderators said of two accounts. For moderators.
#[utoipa::path(delete, path = "/communities/{community}/suggestions/{account}/{other}/dismissal", tag = "merges", params(("community" = i32, Path, description = "The community's id."), ("account" = i64, Path, description = "The id of one account."), ("other" = i64, Path, description = "The id of the other one.")), responses((status = 204)))]
pub(crate) async fn restore(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, one, other)): Path<(i32, i64, i64)>,
) -> Result<StatusCode, Problem> {
    let (identity, community) = (&face.app.identity, CommunityId(community));
    identity
        .restore_suggestion(&who.actor, community, pair(one, other))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The surest of the whole instance, at most 100. For administrators of the instance.
#[utoipa::path(get, path = "/suggestions", tag = "merges", responses((status = 200, body = List<SuggestionView>)))]
pub(crate) async fn all(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<SuggestionView>>, Problem> {
    let found = face.app.identity.all_suggestions(&who.actor).await?;
    Ok(List::whole(
        found.into_iter().map(SuggestionView::from).collect(),
    ))
}

/// Accounts that may be one's own.
#[utoipa::path(get, path = "/users/me/suggestions", tag = "merges", responses((status = 200, body = List<OwnSuggestionView>)))]
pub(crate) async fn own(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<OwnSuggestionView>>, Problem> {
    let found = face.app.identity.own_suggestions(&who.actor).await?;
    Ok(List::whole(
        found.into_iter().map(OwnSuggestionView::from).collect(),
    ))
}

/// Says that an account is not one's own, for oneself only.
#[utoipa::path(put, path = "/users/me/suggestions/{account}/{other}/dismissal", tag = "merges", params(("account" = i64, Path, description = "The id of one account."), ("other" = i64, Path, description = "The id of the other one.")), responses((status = 204)))]
pub(crate) async fn dismiss_own(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((one, other)): Path<(i64, i64)>,
) -> Result<StatusCode, Problem> {
    let identity = &face.app.identity;
    identity
        .dismiss_own_suggestion(&who.actor, pair(one, other))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Takes back that an account is not one's own.
#[utoipa::path(delete, path = "/users/me/suggestions/{account}/{other}/dismissal", tag = "merges", params(("account" = i64, Path, description = "The id of one account."), ("other" = i64, Path, description = "The id of the other one.")), responses((status = 204)))]
pub(crate) async fn restore_own(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((one, other)): Path<(i64, i64)>,
) -> Result<StatusCode, Problem> {
    let identity = &face.app.identity;
    identity
        .restore_own_suggestion(&who.actor, pair(one, other))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
