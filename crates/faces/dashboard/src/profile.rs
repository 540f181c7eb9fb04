//! What people say about themselves: the form, the page others see, and one's own feed.
//!
//! Must never decide what may be seen: services do; a page that may not be seen is «not found».

use std::sync::Arc;

use activity::{FeedItem, FeedQuery, PlatformActivity};
use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::{Eyes, IdentityError, ProfileChange, ProfileView, Score, Who};
use kernel::{Cursor, PageRequest, Platform};
use serde::Deserialize;

use crate::{
    display::{self, When},
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    router::Face,
    viewer::{SignedIn, Viewer},
};

/// Entries of one page of a feed.
const ROWS: u32 = 50;
/// Entries of the feed on one's own page.
const RECENT: u32 = 5;

#[derive(Template)]
#[template(path = "profile.html")]
struct Public {
    shell: Shell,
    about: About,
    since: String,
    activity: Vec<Active>,
    reputation: Option<Score>,
    /// Whose eyes are tried on; empty if the page is shown as it is.
    preview: &'static str,
    is_own: bool,
}

/// What is shown of a person on several pages.
pub(crate) struct About {
    pub(crate) name: String,
    pub(crate) handle: Option<String>,
    pub(crate) bio: String,
    pub(crate) website: String,
    pub(crate) location: String,
    pub(crate) accounts: Vec<(Platform, String)>,
    pub(crate) communities: Vec<Membership>,
}

/// A community somebody belongs to.
pub(crate) struct Membership {
    pub(crate) name: String,
    pub(crate) slug: String,
    pub(crate) role: &'static str,
}

/// How active somebody was on a platform.
struct Active {
    platform: Platform,
    messages: String,
    days: String,
    last: String,
}

/// One line of a feed.
pub(crate) struct Line {
    pub(crate) at: When,
    pub(crate) platform: Platform,
    pub(crate) place: String,
    /// What it was, if not a message.
    pub(crate) what: Option<&'static str>,
    pub(crate) text: String,
}

#[derive(Template)]
#[template(path = "me_profile.html")]
struct Edit {
    shell: Shell,
    mistakes: Mistakes,
    typed: Typed,
}

#[derive(Template)]
#[template(path = "me_activity.html")]
struct Feed {
    shell: Shell,
    lines: Vec<Line>,
    platforms: Vec<(Platform, bool)>,
    next: Option<String>,
    is_later: bool,
    is_filtered: bool,
}

/// The form, as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    #[serde(default)]
    display_name: String,
    #[serde(default)]
    handle: String,
    #[serde(default)]
    bio: String,
    #[serde(default)]
    website: String,
    #[serde(default)]
    location: String,
}

/// The query of a profile's address.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct As {
    #[serde(default, rename = "as")]
    eyes: String,
}

/// The query of the feed's address.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    platform: String,
    #[serde(default)]
    after: String,
}

impl About {
    /// What a view holds.
    pub(crate) fn of(view: ProfileView) -> Self {
        let membership = |(community, role): (identity::Community, kernel::Role)| Membership {
            name: community.name,
            slug: community.slug,
            role: role.as_str(),
        };
        Self {
            name: view.display_name,
            handle: view.profile.handle,
            bio: view.profile.bio,
            website: view.profile.website,
            location: view.profile.location,
            accounts: view
                .accounts
                .into_iter()
                .map(|account| (account.platform, account.username))
                .collect(),
            communities: view.communities.into_iter().map(membership).collect(),
        }
    }
}

/// What one's own page shows of oneself, and the newest entries of one's feed.
pub(crate) async fn own(face: &Face, who: &SignedIn) -> Result<(About, Vec<Line>), PageError> {
    let (actor, identity) = (&who.viewer.actor, &face.app.identity);
    let view = identity
        .profile(actor, Who::User(who.user.id), Eyes::Own)
        .await?;
    let about = match view {
        Some(view) => About::of(view),
        // Signed in by a link of an administrator, and not claimed yet.
        None => About {
            name: who.user.display_name.clone(),
            handle: None,
            bio: String::new(),
            website: String::new(),
            location: String::new(),
            accounts: Vec::new(),
            communities: Vec::new(),
        },
    };
    let query = FeedQuery {
        platform: None,
        page: PageRequest::first(RECENT),
    };
    let feed = face.app.activity.own_feed(actor, &query).await?;
    Ok((about, lines(face, &who.viewer, feed.items).await?))
}

/// `GET /u/{handle}`
pub(crate) async fn public(
    State(face): State<Arc<Face>>,
    viewer: Viewer,
    Path(handle): Path<String>,
    Query(wanted): Query<As>,
) -> Result<Response, PageError> {
    let (eyes, preview) = match wanted.eyes.as_str() {
        "community" => (Eyes::Community, "somebody in one of your communities"),
        "everyone" => (Eyes::Everyone, "a stranger"),
        _ => (Eyes::Own, ""),
    };
    let identity = &face.app.identity;
    let view = identity
        .profile(&viewer.actor, Who::Handle(&handle), eyes)
        .await?
        .ok_or_else(PageError::not_found)?;
    let is_owner = viewer.actor.user_id() == Some(view.user);
    let activity = face
        .app
        .activity
        .activity_of(&viewer.actor, view.user, eyes)
        .await?;
    let reputation = face
        .app
        .activity
        .reputation_of(&viewer.actor, view.user, eyes)
        .await?;
    let now = face.app.clock.now();
    let active = |row: PlatformActivity| Active {
        platform: row.platform,
        messages: display::count(row.messages),
        days: display::plural(row.active_days, "day"),
        last: display::ago(now, row.last),
    };
    let place = Place {
        title: &view.display_name.clone(),
        section: Section::None,
        community: None,
    };
    let page = Public {
        shell: Shell::new(&face, &viewer, place).await?,
        since: display::month_year(view.since.day()),
        activity: activity.into_iter().map(active).collect(),
        reputation: reputation.map(|seen| seen.score),
        preview: if is_owner { preview } else { "" },
        is_own: view.is_own,
        about: About::of(view),
    };
    layout::page(&page)
}

/// `GET /me/profile`
pub(crate) async fn form(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Response, PageError> {
    let profile = face.app.identity.own_profile(&who.viewer.actor).await?;
    let typed = Typed {
        display_name: who.user.display_name.clone(),
        handle: profile.handle.unwrap_or_default(),
        bio: profile.bio,
        website: profile.website,
        location: profile.location,
    };
    show_form(&face, &who.viewer, Mistakes::default(), typed).await
}

/// `POST /me/profile`
pub(crate) async fn save(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let change = ProfileChange {
        display_name: typed.display_name.clone(),
        handle: typed.handle.clone(),
        bio: typed.bio.clone(),
        website: typed.website.clone(),
        location: typed.location.clone(),
    };
    let identity = &face.app.identity;
    match identity.change_profile(&who.viewer.actor, &change).await {
        Ok(_) => Ok(Redirect::to("/me?done=saved").into_response()),
        Err(IdentityError::Invalid { field, message }) => {
            show_form(&face, &who.viewer, Mistakes::one(field, &message), typed).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn show_form(
    face: &Face,
    viewer: &Viewer,
    mistakes: Mistakes,
    typed: Typed,
) -> Result<Response, PageError> {
    let place = Place {
        title: "Your profile",
        section: Section::None,
        community: None,
    };
    let page = Edit {
        shell: Shell::new(face, viewer, place).await?,
        mistakes,
        typed,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}

/// `GET /me/activity`
pub(crate) async fn feed(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let platform: Option<Platform> = wanted.platform.parse().ok();
    let page = match Cursor::decode(&wanted.after) {
        Ok(cursor) => PageRequest::after(cursor, ROWS),
        Err(_none) => PageRequest::first(ROWS),
    };
    let is_later = page.cursor().is_some();
    let actor = &who.viewer.actor;
    let found = face
        .app
        .activity
        .own_feed(actor, &FeedQuery { platform, page })
        .await?;
    let place = Place {
        title: "Your activity",
        section: Section::None,
        community: None,
    };
    let filter = platform.map_or("", Platform::as_str);
    let page = Feed {
        shell: Shell::new(&face, &who.viewer, place).await?,
        next: found
            .next
            .map(|next| format!("/me/activity?platform={filter}&after={}", next.encode())),
        lines: lines(&face, &who.viewer, found.items).await?,
        platforms: Platform::ALL
            .into_iter()
            .map(|one| (one, platform == Some(one)))
            .collect(),
        is_later,
        is_filtered: platform.is_some(),
    };
    layout::page(&page)
}

async fn lines(face: &Face, viewer: &Viewer, items: Vec<FeedItem>) -> Result<Vec<Line>, PageError> {
    let communities = face.app.identity.communities(&viewer.actor).await?;
    let now = face.app.clock.now();
    let line = |item: FeedItem| {
        let known = communities.iter().find(|(one, _)| one.id == item.community);
        let community = known.map_or("a community you left", |(one, _)| one.name.as_str());
        Line {
            at: display::when(now, item.at),
            platform: item.platform,
            place: format!("#{} in {community}", item.channel.trim_start_matches('#')),
            what: item.event.map(kernel::event::EventTag::as_str),
            text: item.text,
        }
    };
    Ok(items.into_iter().map(line).collect())
}
