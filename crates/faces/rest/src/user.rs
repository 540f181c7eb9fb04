//! People: `/users`.

use std::sync::Arc;

use activity::{FeedItem, FeedQuery};
use axum::{Json, extract::State, http::HeaderMap};
use identity::{Eyes, ProfileChange, ProfileView, Who};
use kernel::{CommunityId, ErrorCode, UserId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Face,
    asker::{Asker, SignedIn},
    input::{Body, Path, Query},
    page::{List, Listed, PageParams, Paging},
    problem::Problem,
    tag,
    view::{Moment, PlatformName, ReputationView},
};

/// A person as the asker may see them.
#[derive(Serialize, ToSchema)]
pub(crate) struct UserView {
    /// The person's id.
    id: i32,
    /// The name shown.
    display_name: String,
    /// What their page is found by; absent without a page.
    handle: Option<String>,
    /// A few words about themselves.
    bio: String,
    /// An address, or empty.
    website: String,
    /// Where they say they are.
    location: String,
    /// When they were first known here.
    created_at: Moment,
    /// Accounts on the platforms whose profile the asker may see.
    identities: Vec<SeenIdentity>,
    /// The communities that they show and the asker may know of.
    communities: Vec<SeenCommunity>,
}

/// An account of a person.
#[derive(Serialize, ToSchema)]
pub(crate) struct SeenIdentity {
    /// Where.
    platform: PlatformName,
    /// The name it went by last.
    username: String,
    /// When the person proved that it is theirs; absent if they did not.
    linked_at: Option<Moment>,
}

/// A community of a person.
#[derive(Serialize, ToSchema)]
pub(crate) struct SeenCommunity {
    /// Its id.
    id: i32,
    /// Its name in addresses.
    slug: String,
    /// Its name.
    name: String,
    /// What the person is there.
    role: String,
}

/// What is to change of one's profile; what is left out stays, an empty text removes.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ProfilePatch {
    /// The name shown, 1 to 80 characters.
    display_name: Option<String>,
    /// 3 to 30 of `a-z`, `0-9`, `_` and `-`.
    handle: Option<String>,
    /// At most 500 characters.
    bio: Option<String>,
    /// An address that begins with `https://` or `http://`.
    website: Option<String>,
    /// At most 80 characters.
    location: Option<String>,
}

/// A reputation over all communities.
#[derive(Serialize, ToSchema)]
pub(crate) struct PersonReputation {
    /// The score over the platforms where the asker may see it.
    #[serde(flatten)]
    reputation: ReputationView,
    /// The messages on those platforms.
    total_messages: u64,
    /// When the person last wrote there.
    last_active: Option<Moment>,
}

/// What somebody did on a platform in the last 90 days.
#[derive(Serialize, ToSchema)]
pub(crate) struct SeenActivity {
    /// Where.
    platform: PlatformName,
    /// Messages.
    messages: u64,
    /// Days with at least one of them.
    active_days: u64,
}

/// One entry of one's own feed.
#[derive(Serialize, ToSchema)]
pub(crate) struct FeedEntry {
    /// Where it counts.
    community_id: i32,
    /// Where it happened.
    platform: PlatformName,
    /// The channel's name.
    channel: String,
    /// When.
    at: Moment,
    /// What it was: `message`, or the kind of the event.
    kind: String,
    /// What was said, or the event's detail.
    text: String,
}

/// Which part of the feed.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct FeedFilter {
    /// Only this platform.
    platform: Option<PlatformName>,
}

impl From<ProfileView> for UserView {
    fn from(view: ProfileView) -> Self {
        let linked = |id| view.links.iter().find(|link| link.account == Some(id));
        let identities = view.accounts.iter().map(|account| SeenIdentity {
            platform: account.platform.into(),
            username: account.username.clone(),
            linked_at: linked(account.id).map(|link| link.linked_at.into()),
        });
        let communities = view
            .communities
            .iter()
            .map(|(community, role)| SeenCommunity {
                id: community.id.0,
                slug: community.slug.clone(),
                name: community.name.clone(),
                role: role.as_str().to_owned(),
            });
        Self {
            id: view.user.0,
            identities: identities.collect(),
            communities: communities.collect(),
            display_name: view.display_name,
            handle: view.profile.handle,
            bio: view.profile.bio,
            website: view.profile.website,
            location: view.profile.location,
            created_at: view.since.into(),
        }
    }
}

/// `me`, an id or a handle; a number is an id, also where somebody has it for a handle.
fn who<'a>(asker: &Asker, text: &'a str) -> Result<Who<'a>, Problem> {
    if text == "me" {
        let me = asker.actor.user_id();
        return me.map(Who::User).ok_or_else(Problem::sign_in_first);
    }
    Ok(match text.parse() {
        Ok(id) => Who::User(UserId(id)),
        Err(_not_a_number) => Who::Handle(text),
    })
}

async fn find(face: &Face, asker: &Asker, text: &str) -> Result<ProfileView, Problem> {
    let identity = &face.app.identity;
    let found = identity.profile(&asker.actor, who(asker, text)?, Eyes::Own);
    found.await?.ok_or_else(Problem::not_found)
}

/// A person, by id, by handle, or `me`. Somebody who shows nothing to the asker is not found.
#[utoipa::path(get, path = "/users/{user}", tag = "users", security((), ("session" = []), ("key" = [])), params(("user" = String, Path, description = "`me`, an id or a handle.")), responses((status = 200, body = UserView)))]
pub(crate) async fn show(
    State(face): State<Arc<Face>>,
    asker: Asker,
    Path(user): Path<String>,
) -> Result<Json<UserView>, Problem> {
    Ok(Json(find(&face, &asker, &user).await?.into()))
}

/// Oneself.
#[utoipa::path(get, path = "/users/me", tag = "users", responses((status = 200, body = UserView)))]
pub(crate) async fn me(
    State(face): State<Arc<Face>>,
    asker: Asker,
) -> Result<Json<UserView>, Problem> {
    Ok(Json(find(&face, &asker, "me").await?.into()))
}

/// Changes what one says about oneself. With `If-Match` only what has not changed since.
#[utoipa::path(patch, path = "/users/me", tag = "users", request_body = ProfilePatch, params(("If-Match" = Option<String>, Header, description = "The `ETag` of what was read.")), responses((status = 200, body = UserView)))]
pub(crate) async fn change(
    State(face): State<Arc<Face>>,
    asker: Asker,
    signed_in: SignedIn,
    headers: HeaderMap,
    Body(patch): Body<ProfilePatch>,
) -> Result<Json<UserView>, Problem> {
    let identity = &face.app.identity;
    let held = UserView::from(find(&face, &asker, "me").await?);
    tag::unchanged(&headers, &held)?;
    let profile = identity.own_profile(&signed_in.actor).await?;
    let change = ProfileChange {
        display_name: patch.display_name.unwrap_or(held.display_name),
        handle: patch.handle.or(profile.handle).unwrap_or_default(),
        bio: patch.bio.unwrap_or(profile.bio),
        website: patch.website.unwrap_or(profile.website),
        location: patch.location.unwrap_or(profile.location),
    };
    identity.change_profile(&signed_in.actor, &change).await?;
    Ok(Json(find(&face, &asker, "me").await?.into()))
}

/// Somebody's reputation over all communities, from the platforms where the asker may see it.
#[utoipa::path(get, path = "/users/{user}/reputation", tag = "users", security((), ("session" = []), ("key" = [])), params(("user" = String, Path, description = "`me`, an id or a handle.")), responses((status = 200, body = PersonReputation)))]
pub(crate) async fn reputation(
    State(face): State<Arc<Face>>,
    asker: Asker,
    Path(user): Path<String>,
) -> Result<Json<PersonReputation>, Problem> {
    let seen = find(&face, &asker, &user).await?;
    let activity = &face.app.activity;
    let found = activity.reputation_of(&asker.actor, seen.user, Eyes::Own);
    let found = found.await?.ok_or_else(Problem::not_found)?;
    Ok(Json(PersonReputation {
        reputation: found.score.into(),
        total_messages: found.messages,
        last_active: found.last_active.map(Moment::from),
    }))
}

/// How active somebody was in the last 90 days, on the platforms where the asker may see it.
#[utoipa::path(get, path = "/users/{user}/activity", tag = "users", security((), ("session" = []), ("key" = [])), params(("user" = String, Path, description = "`me`, an id or a handle.")), responses((status = 200, body = List<SeenActivity>)))]
pub(crate) async fn activity(
    State(face): State<Arc<Face>>,
    asker: Asker,
    Path(user): Path<String>,
) -> Result<Json<List<SeenActivity>>, Problem> {
    let seen = find(&face, &asker, &user).await?;
    let activity = &face.app.activity;
    let found = activity.activity_of(&asker.actor, seen.user, Eyes::Own);
    let view = |on: activity::PlatformActivity| SeenActivity {
        platform: on.platform.into(),
        messages: on.messages,
        active_days: on.active_days,
    };
    Ok(List::whole(found.await?.into_iter().map(view).collect()))
}

/// What one did oneself, newest first, over all one's accounts.
#[utoipa::path(get, path = "/users/me/feed", tag = "users", params(FeedFilter, PageParams), responses((status = 200, body = List<FeedEntry>)))]
pub(crate) async fn feed(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Query(filter): Query<FeedFilter>,
    paging: Paging,
) -> Result<Listed<FeedEntry>, Problem> {
    let query = FeedQuery {
        platform: filter.platform.map(kernel::Platform::from),
        page: paging.request.clone(),
    };
    let page = face.app.activity.own_feed(&who.actor, &query).await?;
    Ok(paging.answer(page, |item: FeedItem| FeedEntry {
        community_id: item.community.0,
        platform: item.platform.into(),
        channel: item.channel,
        at: item.at.into(),
        kind: item
            .event
            .map_or("message", |event| event.as_str())
            .to_owned(),
        text: item.text,
    }))
}

/// One's reputation in each community.
#[derive(Serialize, ToSchema)]
pub(crate) struct CommunityReputation {
    /// The community's id.
    community_id: i32,
    /// The score there.
    #[serde(flatten)]
    reputation: ReputationView,
    /// One's badges there, each with its reason.
    badges: Vec<BadgeView>,
}

/// A badge.
#[derive(Serialize, ToSchema)]
pub(crate) struct BadgeView {
    /// What it is called.
    label: String,
    /// Why somebody has it.
    reason: String,
}

impl From<identity::Badge> for BadgeView {
    fn from(badge: identity::Badge) -> Self {
        Self {
            label: badge.kind.label().to_owned(),
            reason: badge.why,
        }
    }
}

/// One's own reputation in each community that one may see.
#[utoipa::path(get, path = "/users/me/reputations", tag = "users", responses((status = 200, body = List<CommunityReputation>)))]
pub(crate) async fn reputations(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<CommunityReputation>>, Problem> {
    let own = face.app.activity.own_reputation(&who.actor).await?;
    let view =
        |(community, score, badges): (CommunityId, identity::Score, Vec<identity::Badge>)| {
            CommunityReputation {
                community_id: community.0,
                reputation: score.into(),
                badges: badges.into_iter().map(BadgeView::from).collect(),
            }
        };
    Ok(List::whole(own.communities.into_iter().map(view).collect()))
}

/// A request that nothing answers.
pub(crate) fn nothing() -> Problem {
    Problem::new(ErrorCode::NotFound, "there is nothing at this address")
}
