//! The start page, the list of communities, and making a new one. Also how every community page
//! finds its community: absent and «not yours» look the same.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use futures_util::{StreamExt, TryStreamExt, stream};
use identity::{Community, IdentityError, NewCommunity};
use kernel::{ErrorCode, Permission, Role, UserId};
use serde::Deserialize;

use crate::{
    bots::verdicts,
    charts::{self, Svg},
    display,
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    router::Face,
    viewer::{SignedIn, Viewer},
};

/// How many summaries are read at once.
const AT_ONCE: usize = 4;

#[derive(Template)]
#[template(path = "welcome.html")]
struct Welcome {
    shell: Shell,
    needs_setup: bool,
}

#[derive(Template)]
#[template(path = "community.html")]
struct List {
    shell: Shell,
    cards: Vec<Card>,
    /// Whether one of the viewer's accounts was called a bot and they have not said anything against it.
    is_accused: bool,
    may_create: bool,
}

struct Card {
    name: String,
    slug: String,
    description: String,
    role: &'static str,
    role_class: &'static str,
    members: String,
    messages: String,
    active: String,
    last: Option<String>,
    spark: Svg,
}

#[derive(Template)]
#[template(path = "community_new.html")]
struct New {
    shell: Shell,
    mistakes: Mistakes,
    typed: Typed,
}

/// The form of a new community.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    name: String,
    #[serde(default)]
    slug: String,
    #[serde(default)]
    description: String,
}

/// `GET /`
pub(crate) async fn index(
    State(face): State<Arc<Face>>,
    viewer: Viewer,
) -> Result<Response, PageError> {
    let place = Place {
        title: "Communities",
        section: Section::Communities,
        community: None,
    };
    let mut shell = Shell::new(&face, &viewer, place).await?;
    if viewer.signed_in.is_none() {
        "Welcome".clone_into(&mut shell.title);
        shell.trail.clear();
        let needs_setup = face.app.identity.needs_setup().await?;
        return layout::page(&Welcome { shell, needs_setup });
    }
    let may_create = viewer
        .actor
        .require_instance(Permission::CreateCommunity)
        .is_ok();
    let found = face.app.identity.communities(&viewer.actor).await?;
    let cards = stream::iter(found)
        .map(|(community, role)| card(&face, &viewer, community, role))
        .buffered(AT_ONCE)
        .try_collect()
        .await?;
    let is_accused = verdicts::may_appeal(&face, &viewer).await?;
    layout::page(&List {
        shell,
        cards,
        is_accused,
        may_create,
    })
}

async fn card(
    face: &Face,
    viewer: &Viewer,
    community: Community,
    role: Option<Role>,
) -> Result<Card, PageError> {
    let summary = face
        .app
        .activity
        .summary(&viewer.actor, community.id)
        .await?;
    let spark: Vec<f64> = summary.spark.iter().map(|n| display::float(*n)).collect();
    let now = face.app.clock.now();
    Ok(Card {
        name: community.name,
        slug: community.slug,
        description: community.description,
        role: role.map_or("instance admin", Role::as_str),
        role_class: role.map_or("none", Role::as_str),
        members: display::count(summary.members),
        messages: display::count(summary.messages_30d),
        active: display::count(summary.active_7d),
        last: summary.last_at.map(|at| display::ago(now, at)),
        spark: charts::spark::spark(&spark),
    })
}

/// `GET /c/{slug}`
pub(crate) async fn home(Path(slug): Path<String>) -> Redirect {
    Redirect::to(&format!("/c/{}/health", crate::return_to::encode(&slug)))
}

/// `GET /communities/new`
pub(crate) async fn new(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
) -> Result<Response, PageError> {
    show_new(&face, &viewer, Mistakes::default(), Typed::default()).await
}

/// `POST /communities/new`
pub(crate) async fn create(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let wanted = NewCommunity {
        slug: Some(typed.slug.trim().to_owned()).filter(|s| !s.is_empty()),
        name: typed.name.clone(),
        description: typed.description.clone(),
    };
    match face
        .app
        .identity
        .create_community(&viewer.actor, &wanted)
        .await
    {
        Ok(community) => {
            let to = format!("/c/{}/health?done=created", community.slug);
            Ok(Redirect::to(&to).into_response())
        }
        Err(IdentityError::Invalid { field, message }) => {
            show_new(&face, &viewer, Mistakes::one(field, &message), typed).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn show_new(
    face: &Face,
    viewer: &Viewer,
    mistakes: Mistakes,
    typed: Typed,
) -> Result<Response, PageError> {
    if viewer
        .actor
        .require_instance(Permission::CreateCommunity)
        .is_err()
    {
        return Err(PageError::new(
            ErrorCode::Forbidden,
            "Only instance administrators make communities. Ask whoever runs this instance.",
        ));
    }
    let place = Place {
        title: "New community",
        section: Section::Communities,
        community: None,
    };
    let shell = Shell::new(face, viewer, place).await?;
    let status = mistakes.status();
    let page = New {
        shell,
        mistakes,
        typed,
    };
    Ok((status, layout::page(&page)?).into_response())
}

/// The page of a member that a form names, if it names one; else a list of the community.
pub(crate) fn member_or(slug: &str, member: &str, list: impl Fn(&str) -> String) -> String {
    match member.parse::<UserId>() {
        Ok(member) => format!("/c/{slug}/members/{member}"),
        Err(_) => list(slug),
    }
}

/// The community of a page, if the viewer may know of it and has the page's right.
pub(crate) async fn find(
    face: &Face,
    viewer: &Viewer,
    slug: &str,
    needs: Permission,
) -> Result<Community, PageError> {
    let community = face
        .app
        .identity
        .community_by_slug(&viewer.actor, slug)
        .await?
        .ok_or_else(PageError::not_found)?;
    if viewer.actor.require(needs, community.id).is_ok() {
        return Ok(community);
    }
    let role = needs.minimum_role().map_or("instance admin", Role::as_str);
    let own = viewer
        .actor
        .role_in(community.id)
        .map_or("none", Role::as_str);
    Err(PageError::new(
        ErrorCode::Forbidden,
        format!(
            "This page of {} needs the role {role} or a higher one; yours is {own}. An admin or the owner of the community can give it to you.",
            community.name
        ),
    ))
}
