//! A community's settings: name, description, how long raw messages are kept; and which servers are
//! connected.

use std::sync::Arc;

use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::{Community, CommunityChange, IdentityError, Server};
use kernel::Permission;
use serde::Deserialize;

use crate::{
    community, display,
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    router::Face,
    viewer::{SignedIn, Viewer},
};

#[derive(Template)]
#[template(path = "settings.html")]
struct Page {
    shell: Shell,
    mistakes: Mistakes,
    slug: String,
    since: String,
    typed: Typed,
    /// Messages that the next night removes with the number of days in the form.
    due: Option<String>,
    servers: Vec<Server>,
}

/// The form, as typed.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    name: String,
    #[serde(default)]
    description: String,
    retention_days: String,
    /// Whether only to tell what the number of days removes.
    #[serde(default)]
    preview: String,
}

/// `GET /c/{slug}/settings`
pub(crate) async fn form(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ManageCommunity).await?;
    let typed = Typed {
        name: community.name.clone(),
        description: community.description.clone(),
        retention_days: community.retention_days.to_string(),
        preview: String::new(),
    };
    show(&face, &viewer, &community, Mistakes::default(), typed).await
}

/// `POST /c/{slug}/settings`
pub(crate) async fn save(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ManageCommunity).await?;
    let Ok(retention_days) = typed.retention_days.trim().parse() else {
        let mistakes = Mistakes::one("retention_days", "enter a whole number of days");
        return show(&face, &viewer, &community, mistakes, typed).await;
    };
    if !typed.preview.is_empty() {
        return show(&face, &viewer, &community, Mistakes::default(), typed).await;
    }
    let change = CommunityChange {
        name: typed.name.clone(),
        description: typed.description.replace("\r\n", "\n"),
        retention_days,
    };
    match face
        .app
        .identity
        .update_community(&viewer.actor, community.id, &change)
        .await
    {
        Ok(_) => {
            let to = format!("/c/{}/settings?done=saved", community.slug);
            Ok(Redirect::to(&to).into_response())
        }
        Err(IdentityError::Invalid { field, message }) => {
            let mistakes = Mistakes::one(field, &message);
            show(&face, &viewer, &community, mistakes, typed).await
        }
        Err(error) => Err(error.into()),
    }
}

async fn show(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    mistakes: Mistakes,
    typed: Typed,
) -> Result<Response, PageError> {
    let place = Place {
        title: "Settings",
        section: Section::Settings,
        community: Some(community),
    };
    let days: Option<u32> = typed.retention_days.trim().parse().ok();
    let due = match days.filter(|days| (1..=3_650).contains(days)) {
        Some(days) => {
            let activity = &face.app.activity;
            let n = activity.retention_preview(&viewer.actor, community.id, days);
            Some(display::plural(n.await?, "message"))
        }
        None => None,
    };
    let page = Page {
        due,
        shell: Shell::new(face, viewer, place).await?,
        slug: community.slug.clone(),
        since: display::date(community.created_at.day()),
        servers: face
            .app
            .identity
            .servers(&viewer.actor, community.id)
            .await?,
        mistakes,
        typed,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}
