//! One's own accounts elsewhere: the list, linking another one, unlinking.
//!
//! Must never show a token, and leads a browser away only through [`crate::auth`].

use std::sync::Arc;

use app::AppError;
use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::{Confirmation, IdentityError, Link, Trip};
use kernel::{LinkId, Platform, Secret};
use serde::Deserialize;

use crate::{
    auth,
    display::{self, When},
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    router::Face,
    viewer::{SignedIn, Viewer},
};

const HOME: &str = "/me/accounts";

#[derive(Template)]
#[template(path = "accounts.html")]
struct Page {
    shell: Shell,
    mistakes: Mistakes,
    links: Vec<Row>,
    providers: Vec<Choice>,
    /// Platforms whose accounts are linked by a code.
    by_code: Vec<Choice>,
    /// The code that was just made, and for which platform.
    code: Option<(Choice, Secret<String>)>,
    needs_password: bool,
    needs_session: bool,
}

/// One linked account.
struct Row {
    id: LinkId,
    provider: String,
    username: String,
    email: Option<String>,
    scopes: Vec<String>,
    since: When,
    used: When,
}

/// A provider one can link an account of.
struct Choice {
    key: String,
    label: String,
}

#[derive(Template)]
#[template(path = "account_unlink.html")]
struct Unlink {
    shell: Shell,
    mistakes: Mistakes,
    id: LinkId,
    provider: String,
    username: String,
    needs_password: bool,
    needs_session: bool,
}

/// The form that links. Has no `Debug`, because it may hold a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Linking {
    provider: String,
    #[serde(default)]
    password: String,
}

/// The form that makes a code. Has no `Debug`, because it may hold a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Coding {
    platform: String,
    #[serde(default)]
    password: String,
}

/// The form that unlinks. Has no `Debug`, because it may hold a secret.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Unlinking {
    #[serde(default)]
    password: String,
}

/// `GET /me/accounts`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
) -> Result<Response, PageError> {
    show(&face, &viewer, Mistakes::default()).await
}

/// `POST /me/accounts/link`
pub(crate) async fn link(
    State(face): State<Arc<Face>>,
    SignedIn {
        viewer, session, ..
    }: SignedIn,
    Form(typed): Form<Linking>,
) -> Result<Response, PageError> {
    let password = Secret::new(typed.password);
    let redirect = face.app.callback(&typed.provider);
    let trip = Trip {
        provider: &typed.provider,
        redirect: &redirect,
        return_to: HOME,
    };
    let begun = face
        .app
        .link_url(&viewer.actor, session, Some(&password), trip)
        .await;
    let error = match begun {
        Ok(url) => return Ok(Redirect::to(&url).into_response()),
        Err(error) => error,
    };
    let field = field(&error);
    let message = auth::message(&face, &typed.provider, error)?;
    show(&face, &viewer, Mistakes::one(field, &message)).await
}

/// `POST /me/accounts/code`
pub(crate) async fn code(
    State(face): State<Arc<Face>>,
    SignedIn {
        viewer, session, ..
    }: SignedIn,
    Form(typed): Form<Coding>,
) -> Result<Response, PageError> {
    let platform: Platform = typed
        .platform
        .parse()
        .ok()
        .ok_or_else(PageError::not_found)?;
    let password = Secret::new(typed.password);
    let made = face
        .app
        .chat_code(&viewer.actor, session, Some(&password), platform)
        .await;
    match made {
        Ok(code) => show_with(&face, &viewer, Mistakes::default(), Some((platform, code))).await,
        Err(error) => {
            let field = field(&error);
            let message = auth::message(&face, platform.label(), error)?;
            show(&face, &viewer, Mistakes::one(field, &message)).await
        }
    }
}

/// `GET /link`: the short address that `!link` says in chat.
pub(crate) async fn short() -> Redirect {
    Redirect::to(HOME)
}

/// `GET /me/accounts/{id}/unlink`
pub(crate) async fn ask_unlink(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let link = find(&face, &viewer, &id).await?;
    ask(&face, &viewer, &link, Mistakes::default()).await
}

/// `POST /me/accounts/{id}/unlink`
pub(crate) async fn unlink(
    State(face): State<Arc<Face>>,
    SignedIn {
        viewer, session, ..
    }: SignedIn,
    Path(id): Path<String>,
    Form(typed): Form<Unlinking>,
) -> Result<Response, PageError> {
    let link = find(&face, &viewer, &id).await?;
    let password = Secret::new(typed.password);
    let done = face
        .app
        .unlink(&viewer.actor, session, Some(&password), link.id)
        .await;
    let error = match done {
        Ok(()) => {
            return Ok(Redirect::to(&format!("{HOME}?done=unlinked")).into_response());
        }
        Err(error) => error,
    };
    let field = field(&error);
    let message = auth::message(&face, &link.provider, error)?;
    ask(&face, &viewer, &link, Mistakes::one(field, &message)).await
}

/// The list with what went wrong at a provider.
pub(crate) async fn failed(
    face: &Face,
    viewer: &Viewer,
    message: &str,
) -> Result<Response, PageError> {
    show(face, viewer, Mistakes::one("", message)).await
}

/// The field of a form that a mistake is about.
fn field(error: &AppError) -> &'static str {
    match error {
        AppError::Identity(IdentityError::Invalid {
            field: "password", ..
        }) => "password",
        _ => "",
    }
}

/// One of the viewer's own links.
async fn find(face: &Face, viewer: &Viewer, id: &str) -> Result<Link, PageError> {
    let id: LinkId = id.parse().ok().ok_or_else(PageError::not_found)?;
    let links = face.app.identity.links(&viewer.actor).await?;
    let found = links.into_iter().find(|link| link.id == id);
    found.ok_or_else(PageError::not_found)
}

async fn confirmation(face: &Face, viewer: &Viewer) -> Result<Confirmation, PageError> {
    let (_, session) = viewer
        .signed_in
        .as_ref()
        .ok_or_else(PageError::sign_in_first)?;
    let needed = face.app.identity.confirmation(&viewer.actor, *session);
    Ok(needed.await?)
}

/// A provider's name for people; its key if it is not set up any more.
fn label(face: &Face, key: &str) -> String {
    let found = face.app.providers().iter().find(|p| p.key() == key);
    found.map_or(key, |provider| provider.label()).to_owned()
}

const fn place(title: &str) -> Place<'_> {
    Place {
        title,
        section: Section::None,
        community: None,
    }
}

async fn show(face: &Face, viewer: &Viewer, mistakes: Mistakes) -> Result<Response, PageError> {
    show_with(face, viewer, mistakes, None).await
}

async fn show_with(
    face: &Face,
    viewer: &Viewer,
    mistakes: Mistakes,
    code: Option<(Platform, Secret<String>)>,
) -> Result<Response, PageError> {
    let chosen = |platform: Platform| Choice {
        key: platform.as_str().to_owned(),
        label: platform.label().to_owned(),
    };
    let now = face.app.clock.now();
    let row = |link: Link| Row {
        id: link.id,
        provider: label(face, &link.provider),
        username: link.username,
        email: link.verified_email,
        scopes: link.scopes,
        since: display::when(now, link.linked_at),
        used: display::when(now, link.last_used_at),
    };
    let links = face.app.identity.links(&viewer.actor).await?;
    let choices = face.app.providers().iter().map(|provider| Choice {
        key: provider.key().to_owned(),
        label: provider.label().to_owned(),
    });
    let needed = confirmation(face, viewer).await?;
    let page = Page {
        shell: Shell::new(face, viewer, place("Linked accounts")).await?,
        mistakes,
        links: links.into_iter().map(row).collect(),
        providers: choices.collect(),
        by_code: face.app.code_platforms().into_iter().map(chosen).collect(),
        code: code.map(|(platform, code)| (chosen(platform), code)),
        needs_password: needed == Confirmation::Password,
        needs_session: needed.is_elsewhere(),
    };
    let mut response = (page.mistakes.status(), layout::page(&page)?).into_response();
    auth::lead_away(face, &mut response).await;
    Ok(response)
}

async fn ask(
    face: &Face,
    viewer: &Viewer,
    link: &Link,
    mistakes: Mistakes,
) -> Result<Response, PageError> {
    let needed = confirmation(face, viewer).await?;
    let page = Unlink {
        shell: Shell::new(face, viewer, place("Unlink")).await?,
        mistakes,
        id: link.id,
        provider: label(face, &link.provider),
        username: link.username.clone(),
        needs_password: needed == Confirmation::Password,
        needs_session: needed.is_elsewhere(),
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}
