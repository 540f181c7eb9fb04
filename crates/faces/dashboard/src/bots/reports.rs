//! `/c/{slug}/bots/report`: members say that somebody looks like a bot, by the name they see in chat; moderators do it
//! from a member's page.
//!
//! Must never tell what follows from a report: that is for the moderators.

use std::sync::Arc;

use ::bots::{BotsError, Called};
use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::Community;
use kernel::{AccountId, Permission, Platform};
use serde::Deserialize;

use crate::{
    bots::corrections::Choice,
    community,
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    return_to,
    router::Face,
    viewer::{SignedIn, Viewer},
};

/// The form, as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    #[serde(default)]
    platform: String,
    #[serde(default)]
    name: String,
    /// The account, where the page with the form knows it.
    #[serde(default)]
    account: String,
    /// The member whose page the form is on, if it is on one.
    #[serde(default)]
    member: String,
    #[serde(default)]
    reason: String,
}

#[derive(Template)]
#[template(path = "bots_report.html")]
struct Page {
    shell: Shell,
    slug: String,
    mistakes: Mistakes,
    typed: Typed,
    platforms: Vec<Choice>,
}

/// The page's address.
pub(crate) fn home(slug: &str) -> String {
    format!("/c/{slug}/bots/report")
}

/// `GET /c/{slug}/bots/report`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewActivity).await?;
    let typed = Typed::default();
    show(&face, &viewer, &community, typed, Mistakes::default()).await
}

/// `POST /c/{slug}/bots/report`
pub(crate) async fn send(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewActivity).await?;
    let is_by_name = typed.account.is_empty();
    let mistakes = match report(&face, &viewer, &community, &typed).await? {
        Ok(_) => {
            let to = community::member_or(&community.slug, &typed.member, home);
            let to = return_to::with(&to, "done", "reported");
            return Ok(Redirect::to(&to).into_response());
        }
        Err(BotsError::NotFound) if is_by_name => {
            Mistakes::one("name", "nobody was seen here who is called so")
        }
        Err(BotsError::Invalid { field, message }) => match field {
            "reason" => Mistakes::one("reason", &message),
            _ if is_by_name => Mistakes::one("name", &message),
            _ => Mistakes::one("", &message),
        },
        Err(BotsError::Conflict(message)) if is_by_name => Mistakes::one("name", &message),
        Err(BotsError::TooOften(message) | BotsError::Conflict(message)) => {
            Mistakes::one("", &message)
        }
        Err(error) => return Err(error.into()),
    };
    show(&face, &viewer, &community, typed, mistakes).await
}

/// Finds the account that is meant, and reports it.
async fn report(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    typed: &Typed,
) -> Result<Result<bool, BotsError>, PageError> {
    let (bots, actor) = (&face.app.bots, &viewer.actor);
    let account: AccountId = if typed.account.is_empty() {
        let name = typed.name.trim().trim_start_matches('@').to_owned();
        let platform = Platform::ALL
            .into_iter()
            .find(|platform| platform.as_str() == typed.platform)
            .ok_or_else(|| PageError::bad_input("There is no such platform."))?;
        let who = Called::Name(name);
        match bots.called(actor, community.id, platform, &who).await {
            Ok(Some(account)) => account,
            Ok(None) => return Ok(Err(BotsError::NotFound)),
            Err(error) => return Ok(Err(error)),
        }
    } else {
        typed
            .account
            .parse()
            .ok()
            .ok_or_else(PageError::not_found)?
    };
    Ok(bots
        .report(actor, community.id, account, &typed.reason)
        .await)
}

async fn show(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    typed: Typed,
    mistakes: Mistakes,
) -> Result<Response, PageError> {
    let place = Place {
        title: "Report a bot",
        section: Section::Chat,
        community: Some(community),
    };
    let platforms = Platform::ALL.into_iter().map(|platform| Choice {
        value: platform.as_str(),
        label: platform.label(),
        is_chosen: platform.as_str() == typed.platform,
    });
    let page = Page {
        shell: Shell::new(face, viewer, place).await?,
        slug: community.slug.clone(),
        mistakes,
        platforms: platforms.collect(),
        typed,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}
