//! Making and changing a webhook.

use std::sync::Arc;

use ::webhook::{NewWebhook, Webhook, WebhookChange, WebhookError, catalogue};
use askama::Template;
use axum::{
    body::Bytes,
    extract::{Path, State},
    response::{IntoResponse, Response},
};
use identity::Community;
use kernel::{Permission, WebhookId};

use super::{back, find, place, show_secret};
use crate::{
    community,
    error::PageError,
    form::Mistakes,
    layout::{self, Shell},
    router::Face,
    viewer::{SignedIn, Viewer},
};

#[derive(Template)]
#[template(path = "webhook_form.html")]
struct Page {
    shell: Shell,
    mistakes: Mistakes,
    slug: String,
    /// The webhook that is changed; `None` = a new one.
    id: Option<WebhookId>,
    typed: Typed,
    kinds: Vec<Kind>,
}

struct Kind {
    name: &'static str,
    meaning: &'static str,
    is_chosen: bool,
}

/// The form, as typed.
#[derive(Clone, Debug, Default)]
struct Typed {
    url: String,
    description: String,
    /// Whether all kinds are wanted, whatever is chosen.
    wants_all: bool,
    kinds: Vec<String>,
}

impl Typed {
    fn of(webhook: &Webhook) -> Self {
        Self {
            url: webhook.url.clone(),
            description: webhook.description.clone(),
            wants_all: webhook.kinds.is_empty(),
            kinds: webhook.kinds.clone(),
        }
    }

    /// Reads a form. By hand, because several boxes have one name.
    fn read(body: &Bytes) -> Self {
        let mut typed = Self::default();
        for (name, value) in url::form_urlencoded::parse(body) {
            match name.as_ref() {
                "url" => typed.url = value.into_owned(),
                "description" => typed.description = value.into_owned(),
                "wants" => typed.wants_all = value == "all",
                "kinds" => typed.kinds.push(value.into_owned()),
                _ => {}
            }
        }
        typed
    }

    /// The kinds to keep.
    fn wanted(&self) -> Result<Vec<String>, Mistakes> {
        if self.wants_all {
            return Ok(Vec::new());
        }
        if self.kinds.is_empty() {
            return Err(Mistakes::one(
                "kinds",
                "choose at least one kind of events, or all of them",
            ));
        }
        Ok(self.kinds.clone())
    }
}

/// What somebody can put right; other errors are passed on.
fn mistake(error: WebhookError) -> Result<Mistakes, PageError> {
    match error {
        WebhookError::Invalid { field, message } => Ok(Mistakes::one(field, &message)),
        WebhookError::Conflict(message) => Ok(Mistakes::one("", &message)),
        error => Err(error.into()),
    }
}

/// `GET /c/{slug}/settings/webhooks/new`
pub(crate) async fn new(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ManageCommunity).await?;
    let typed = Typed {
        wants_all: true,
        ..Typed::default()
    };
    show(&face, &viewer, &community, None, Mistakes::default(), typed).await
}

/// `POST /c/{slug}/settings/webhooks/new`
pub(crate) async fn add(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    body: Bytes,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ManageCommunity).await?;
    let typed = Typed::read(&body);
    let kinds = match typed.wanted() {
        Ok(kinds) => kinds,
        Err(mistakes) => return show(&face, &viewer, &community, None, mistakes, typed).await,
    };
    let new = NewWebhook {
        url: typed.url.clone(),
        description: typed.description.clone(),
        kinds,
    };
    let webhooks = &face.app.webhooks;
    match webhooks.create(&viewer.actor, community.id, &new).await {
        Ok(made) => show_secret(&face, &viewer, &community, made).await,
        Err(error) => {
            let mistakes = mistake(error)?;
            show(&face, &viewer, &community, None, mistakes, typed).await
        }
    }
}

/// `GET /c/{slug}/settings/webhooks/{id}/change`
pub(crate) async fn form(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (community, webhook) = find(&face, &viewer, &slug, &id).await?;
    let (id, typed) = (Some(webhook.id), Typed::of(&webhook));
    show(&face, &viewer, &community, id, Mistakes::default(), typed).await
}

/// `POST /c/{slug}/settings/webhooks/{id}/change`
pub(crate) async fn save(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
    body: Bytes,
) -> Result<Response, PageError> {
    let (community, webhook) = find(&face, &viewer, &slug, &id).await?;
    let (id, typed) = (Some(webhook.id), Typed::read(&body));
    let kinds = match typed.wanted() {
        Ok(kinds) => kinds,
        Err(mistakes) => return show(&face, &viewer, &community, id, mistakes, typed).await,
    };
    let change = WebhookChange {
        url: Some(typed.url.clone()),
        description: Some(typed.description.clone()),
        kinds: Some(kinds),
    };
    let webhooks = &face.app.webhooks;
    match webhooks.change(&viewer.actor, webhook.id, &change).await {
        Ok(_) => Ok(back(&community, webhook.id, "saved")),
        Err(error) => {
            let mistakes = mistake(error)?;
            show(&face, &viewer, &community, id, mistakes, typed).await
        }
    }
}

async fn show(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    id: Option<WebhookId>,
    mistakes: Mistakes,
    typed: Typed,
) -> Result<Response, PageError> {
    let title = if id.is_some() {
        "Change a webhook"
    } else {
        "New webhook"
    };
    let page = Page {
        shell: Shell::new(face, viewer, place(title, community)).await?,
        slug: community.slug.clone(),
        id,
        kinds: catalogue::offered()
            .map(|kind| Kind {
                name: kind.name,
                meaning: kind.meaning,
                is_chosen: typed.kinds.iter().any(|chosen| chosen == kind.name),
            })
            .collect(),
        mistakes,
        typed,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}
