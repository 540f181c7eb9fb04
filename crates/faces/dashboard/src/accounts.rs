//! One's own accounts elsewhere: the list, linking another one, what providers are told, unlinking.
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
use identity::{Confirmation, IdentityError, Link, LinkedRole, RoleState, Trip};
use kernel::{LinkId, Platform, RoleMetadata, Secret, Timestamp};
use serde::Deserialize;

use crate::{
    auth,
    display::{self, When},
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    router::Face,
    viewer::{Client, SignedIn, Viewer},
};

const HOME: &str = "/me/accounts";

#[derive(Template)]
#[template(path = "accounts.html")]
struct Page {
    shell: Shell,
    mistakes: Mistakes,
    links: Vec<Row>,
    providers: Vec<Choice>,
    /// What providers are told that roles may depend on.
    roles: Vec<Roles>,
    /// Providers whose roles may depend on what is known here.
    with_roles: Vec<Choice>,
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
    is_primary: bool,
    needs_relink: bool,
    since: When,
    used: When,
}

/// What a provider is told of a linked account.
struct Roles {
    id: LinkId,
    provider: String,
    username: String,
    /// How it stands, as a sentence.
    state: String,
    told: Option<When>,
    values: Vec<String>,
    /// Values that are kept back, because of what one decided about one's privacy.
    is_reduced: bool,
    is_stopped: bool,
}

impl Roles {
    fn new(now: Timestamp, link: &Row, role: LinkedRole) -> Self {
        let because = |why: Option<String>| why.map_or_else(String::new, |why| format!(": {why}"));
        let state = match (role.is_stopped, role.state) {
            (true, RoleState::Told) => "Stopped; what was told is taken back.".to_owned(),
            (true, RoleState::Waiting) => "Stopped; what was told is being taken back.".to_owned(),
            (_, RoleState::Told) => "Told.".to_owned(),
            (false, RoleState::Waiting) => match role.trouble {
                None => "Will be told within minutes.".to_owned(),
                Some(why) => format!("It did not work yet and is tried again: {why}."),
            },
            (_, RoleState::GivenUp) => {
                format!(
                    "It did not work and is not tried any more{}.",
                    because(role.trouble)
                )
            }
            (_, RoleState::NeedsRelink) => {
                format!(
                    "It cannot be told: link the account again{}.",
                    because(role.trouble)
                )
            }
        };
        Self {
            id: link.id,
            provider: link.provider.clone(),
            username: link.username.clone(),
            state,
            told: role.told_at.map(|at| display::when(now, at)),
            is_reduced: !role.is_stopped
                && (role.wanted.reputation.is_none() || role.wanted.verified.is_none()),
            values: values(&role.wanted),
            is_stopped: role.is_stopped,
        }
    }
}

/// What is told, as people read it.
fn values(wanted: &RoleMetadata) -> Vec<String> {
    let yes_no = |yes| if yes { "yes" } else { "no" };
    [
        wanted.name.as_ref().map(|name| format!("Name: {name}")),
        wanted
            .verified
            .map(|yes| format!("Verified e-mail address: {}", yes_no(yes))),
        wanted
            .tier
            .map(|tier| format!("Reputation tier: {tier} of 5")),
        wanted
            .reputation
            .map(|score| format!("Reputation: {score}")),
        wanted.platforms.map(|n| format!("Linked services: {n}")),
    ]
    .into_iter()
    .flatten()
    .collect()
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
    #[serde(default)]
    provider: String,
    /// The provider, if it is to be told what roles may depend on.
    #[serde(default)]
    for_roles: String,
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
    let for_roles = !typed.for_roles.is_empty();
    let provider = if for_roles {
        typed.for_roles
    } else {
        typed.provider
    };
    let redirect = face.app.callback(&provider);
    let trip = Trip {
        provider: &provider,
        redirect: &redirect,
        return_to: HOME,
    };
    let (app, actor) = (&face.app, &viewer.actor);
    let begun = if for_roles {
        app.link_for_roles_url(actor, session, Some(&password), trip)
            .await
    } else {
        app.link_url(actor, session, Some(&password), trip).await
    };
    let error = match begun {
        Ok(url) => return Ok(Redirect::to(&url).into_response()),
        Err(error) => error,
    };
    let field = field(&error);
    let message = auth::message(&face, &provider, error)?;
    show(&face, &viewer, Mistakes::one(field, &message)).await
}

/// `POST /me/accounts/{id}/roles/push`
pub(crate) async fn push_roles(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Client(client): Client,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let link = find(&face, &viewer, &id).await?;
    let asked = face
        .app
        .identity
        .push_roles(&viewer.actor, link.id, &client)
        .await;
    decided(&face, &viewer, asked, "roles-asked").await
}

/// `POST /me/accounts/{id}/roles/stop`
pub(crate) async fn stop_roles(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Client(client): Client,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let link = find(&face, &viewer, &id).await?;
    let asked = face
        .app
        .identity
        .stop_roles(&viewer.actor, link.id, &client)
        .await;
    decided(&face, &viewer, asked, "roles-stopped").await
}

async fn decided(
    face: &Face,
    viewer: &Viewer,
    asked: Result<(), IdentityError>,
    done: &str,
) -> Result<Response, PageError> {
    match asked {
        Ok(()) => Ok(Redirect::to(&format!("{HOME}?done={done}")).into_response()),
        Err(IdentityError::Conflict(words)) => show(face, viewer, Mistakes::one("", &words)).await,
        Err(error) => Err(error.into()),
    }
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

/// Whether an account is to come first.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct First {
    first: bool,
}

/// `POST /me/accounts/{id}/first`
pub(crate) async fn choose_first(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(id): Path<String>,
    Form(form): Form<First>,
) -> Result<Response, PageError> {
    let found = find(&face, &who.viewer, &id).await?;
    let wanted = form.first.then_some(found.id);
    if form.first || found.is_primary {
        let identity = &face.app.identity;
        identity
            .choose_primary_link(&who.viewer.actor, wanted)
            .await?;
    }
    Ok(Redirect::to("/me/accounts?done=saved").into_response())
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
        is_primary: link.is_primary,
        needs_relink: link.needs_relink,
        since: display::when(now, link.linked_at),
        used: display::when(now, link.last_used_at),
    };
    let links = face.app.identity.links(&viewer.actor).await?;
    let links: Vec<Row> = links.into_iter().map(row).collect();
    let mut roles = Vec::new();
    for role in face.app.identity.linked_roles(&viewer.actor).await? {
        let link = links.iter().find(|link| link.id == role.link);
        roles.extend(link.map(|link| Roles::new(now, link, role)));
    }
    let with_roles = face.app.providers().iter().filter_map(|provider| {
        provider.role_scope().map(|_| Choice {
            key: provider.key().to_owned(),
            label: provider.label().to_owned(),
        })
    });
    let choices = face.app.providers().iter().map(|provider| Choice {
        key: provider.key().to_owned(),
        label: provider.label().to_owned(),
    });
    let needed = confirmation(face, viewer).await?;
    let page = Page {
        shell: Shell::new(face, viewer, place("Linked accounts")).await?,
        mistakes,
        links,
        roles,
        with_roles: with_roles.collect(),
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
