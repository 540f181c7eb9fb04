//! Where a community's events go: the list of its webhooks, one with its messages, and what can be
//! done about it. A secret is on the page that answers the form, once, and nowhere else.

pub(crate) mod form;
pub(crate) mod message;

use std::{sync::Arc, time::Duration};

use ::webhook::{
    MadeWebhook, Message, MessageFilter, MessageState, WEBHOOKS_MAX, Webhook, WebhookState,
};
use askama::Template;
use axum::{
    Form,
    extract::{Path, Query, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::Community;
use kernel::{Cursor, HookMessageId, PageRequest, Permission, Timestamp, WebhookId};
use serde::Deserialize;

use crate::{
    community,
    display::{self, When, when},
    error::PageError,
    layout::{self, Place, Section, Shell},
    return_to,
    router::Face,
    viewer::{SignedIn, Viewer},
};

/// Rows on a page.
const ROWS: u32 = 50;
/// How far back what failed can be sent again, in hours.
const HOURS_MAX: u32 = 720;

#[derive(Template)]
#[template(path = "webhooks.html")]
struct Page {
    shell: Shell,
    slug: String,
    rows: Vec<Row>,
    is_full: bool,
    most: usize,
}

struct Row {
    id: WebhookId,
    site: String,
    description: String,
    wants: String,
    state: &'static str,
    mood: &'static str,
    trouble: Option<String>,
    last: Option<When>,
}

/// What the address of a webhook asks for.
#[derive(Clone, Debug, Default, Deserialize)]
pub(crate) struct Wanted {
    #[serde(default)]
    state: String,
    after: Option<String>,
}

#[derive(Template)]
#[template(path = "webhook.html")]
struct One {
    shell: Shell,
    slug: String,
    id: WebhookId,
    /// A secret just made.
    secret: Option<String>,
    url: String,
    description: String,
    kinds: Vec<String>,
    state: &'static str,
    mood: &'static str,
    is_on: bool,
    /// What its state means for what happens now.
    note: Option<&'static str>,
    trouble: Option<String>,
    last: Option<When>,
    made: When,
    old_until: Option<When>,
    hours_max: u32,
    states: Vec<Choice>,
    is_filtered: bool,
    is_later: bool,
    rows: Vec<MessageRow>,
    first_href: String,
    next_href: Option<String>,
}

struct Choice {
    value: &'static str,
    label: &'static str,
    is_chosen: bool,
}

struct MessageRow {
    id: HookMessageId,
    kind: String,
    state: &'static str,
    mood: &'static str,
    answer: String,
    attempts: String,
    at: When,
    next: Option<When>,
    may_replay: bool,
}

#[derive(Template)]
#[template(path = "webhook_end.html")]
struct End {
    shell: Shell,
    slug: String,
    id: WebhookId,
    site: String,
}

/// The form that sends again what failed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Back {
    hours: String,
}

const fn label(state: WebhookState) -> (&'static str, &'static str) {
    match state {
        WebhookState::On => ("On", " good"),
        WebhookState::Paused => ("Paused", ""),
        WebhookState::SwitchedOff | WebhookState::Removed => ("Switched off", " bad"),
    }
}

pub(crate) const fn fate(state: MessageState) -> (&'static str, &'static str) {
    match state {
        MessageState::Waiting => ("Waiting", ""),
        MessageState::Delivered => ("Delivered", " good"),
        MessageState::Failed => ("Failed", " bad"),
    }
}

/// What came of the last try, in a few words.
pub(crate) fn answer(status: Option<u16>, trouble: Option<kernel::HookError>) -> String {
    match (status, trouble) {
        (Some(status), _) => status.to_string(),
        (None, Some(error)) => error.to_string(),
        (None, None) => "–".to_owned(),
    }
}

/// What is wrong with a webhook, for a reader.
fn trouble(webhook: &Webhook, now: Timestamp) -> Option<String> {
    if let Some(reason) = webhook.reason {
        return Some(crate::error::sentence(reason.sentence()));
    }
    let since = webhook.failing_since?;
    let ago = display::ago(now, since);
    Some(format!("Every try fails; the first one did {ago}."))
}

/// Where a page about webhooks is.
pub(crate) const fn place<'a>(title: &'a str, community: &'a Community) -> Place<'a> {
    Place {
        title,
        section: Section::Webhooks,
        community: Some(community),
    }
}

/// The address of the list.
pub(crate) fn address(slug: &str) -> String {
    format!("/c/{slug}/settings/webhooks")
}

/// `GET /c/{slug}/settings/webhooks`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ManageCommunity).await?;
    let found = face
        .app
        .webhooks
        .webhooks(&viewer.actor, community.id)
        .await?;
    let now = face.app.clock.now();
    let row = |webhook: Webhook| {
        let (state, mood) = label(webhook.state);
        Row {
            id: webhook.id,
            site: webhook.site().to_owned(),
            trouble: trouble(&webhook, now),
            wants: match webhook.kinds.len() {
                0 => "all events".to_owned(),
                n => display::plural(u64::try_from(n).unwrap_or(u64::MAX), "kind"),
            },
            state,
            mood,
            last: webhook.last_success_at.map(|at| when(now, at)),
            description: webhook.description,
        }
    };
    layout::page(&Page {
        shell: Shell::new(&face, &viewer, place("Webhooks", &community)).await?,
        is_full: found.len() >= WEBHOOKS_MAX,
        most: WEBHOOKS_MAX,
        rows: found.into_iter().map(row).collect(),
        slug: community.slug,
    })
}

/// The webhook of the address, if it is this community's.
pub(crate) async fn find(
    face: &Face,
    viewer: &Viewer,
    slug: &str,
    id: &str,
) -> Result<(Community, Webhook), PageError> {
    let community = community::find(face, viewer, slug, Permission::ManageCommunity).await?;
    let id = id.parse().ok().ok_or_else(PageError::not_found)?;
    let found = face.app.webhooks.webhook(&viewer.actor, id).await?;
    let webhook = found
        .filter(|webhook| webhook.community == community.id)
        .ok_or_else(PageError::not_found)?;
    Ok((community, webhook))
}

impl Wanted {
    fn filter(&self) -> Result<Option<MessageState>, PageError> {
        if self.state.is_empty() {
            return Ok(None);
        }
        MessageState::from_name(&self.state)
            .map(Some)
            .ok_or_else(|| PageError::bad_input("There is no such state of a message."))
    }

    fn page(&self) -> Result<PageRequest, PageError> {
        match self.after.as_deref().filter(|after| !after.is_empty()) {
            None => Ok(PageRequest::first(ROWS)),
            Some(text) => Cursor::decode(text)
                .map(|cursor| PageRequest::after(cursor, ROWS))
                .map_err(|error| PageError::bad_input(crate::error::sentence(&error.to_string()))),
        }
    }
}

/// `GET /c/{slug}/settings/webhooks/{id}`
pub(crate) async fn one(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let (community, webhook) = find(&face, &viewer, &slug, &id).await?;
    show(&face, &viewer, &community, webhook, &wanted, None).await
}

fn message_row(message: Message, is_on: bool, now: Timestamp) -> MessageRow {
    let (state, mood) = fate(message.state);
    MessageRow {
        id: message.id,
        state,
        mood,
        answer: answer(message.status, message.trouble),
        attempts: display::count(message.attempts.into()),
        at: when(now, message.created_at),
        next: message
            .due_at
            .filter(|at| is_on && *at > now)
            .map(|at| when(now, at)),
        may_replay: is_on && message.state != MessageState::Waiting && !message.body.is_empty(),
        kind: message.kind,
    }
}

/// A webhook's page; with a secret just made, if there is one.
async fn show(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    webhook: Webhook,
    wanted: &Wanted,
    secret: Option<String>,
) -> Result<Response, PageError> {
    let state = wanted.filter()?;
    let request = wanted.page()?;
    let filter = MessageFilter { state };
    let found = face
        .app
        .webhooks
        .messages(&viewer.actor, webhook.id, filter, &request)
        .await?;
    let now = face.app.clock.now();
    let base = format!("{}/{}", address(&community.slug), webhook.id);
    let first_href = match state {
        Some(state) => return_to::with(&base, "state", state.as_str()),
        None => base,
    };
    let (name, mood) = label(webhook.state);
    let is_on = webhook.state == WebhookState::On;
    layout::page(&One {
        shell: Shell::new(face, viewer, place("Webhook", community)).await?,
        slug: community.slug.clone(),
        id: webhook.id,
        secret,
        state: name,
        mood,
        is_on,
        note: match webhook.state {
            WebhookState::Paused => Some(
                "What happens meanwhile waits, for thirty days at most, and is sent when it goes on.",
            ),
            WebhookState::SwitchedOff => Some("What happens meanwhile is not kept for it."),
            WebhookState::On | WebhookState::Removed => None,
        },
        trouble: trouble(&webhook, now),
        last: webhook.last_success_at.map(|at| when(now, at)),
        made: when(now, webhook.created_at),
        old_until: webhook
            .old_secret_until
            .filter(|until| *until > now)
            .map(|until| when(now, until)),
        hours_max: HOURS_MAX,
        states: MessageState::ALL
            .into_iter()
            .map(|one| Choice {
                value: one.as_str(),
                label: fate(one).0,
                is_chosen: state == Some(one),
            })
            .collect(),
        is_filtered: state.is_some(),
        is_later: request.cursor().is_some(),
        next_href: found
            .next
            .as_ref()
            .map(|cursor| return_to::with(&first_href, "after", &cursor.encode())),
        first_href,
        rows: found
            .items
            .into_iter()
            .map(|message| message_row(message, is_on, now))
            .collect(),
        url: webhook.url,
        description: webhook.description,
        kinds: webhook.kinds,
    })
}

/// The page of a webhook whose secret was just made.
pub(crate) async fn show_secret(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    made: MadeWebhook,
) -> Result<Response, PageError> {
    let secret = made.secret.expose().clone();
    let wanted = Wanted::default();
    show(face, viewer, community, made.webhook, &wanted, Some(secret)).await
}

/// Back to a webhook's page.
pub(crate) fn back(community: &Community, id: WebhookId, done: &str) -> Response {
    let to = format!("{}/{id}?done={done}", address(&community.slug));
    Redirect::to(&to).into_response()
}

/// `POST /c/{slug}/settings/webhooks/{id}/secret`
pub(crate) async fn rotate(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (community, webhook) = find(&face, &viewer, &slug, &id).await?;
    let made = face.app.webhooks.rotate(&viewer.actor, webhook.id).await?;
    show_secret(&face, &viewer, &community, made).await
}

/// `POST /c/{slug}/settings/webhooks/{id}/ping`
pub(crate) async fn ping(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (community, webhook) = find(&face, &viewer, &slug, &id).await?;
    let message = face.app.webhooks.ping(&viewer.actor, webhook.id).await?;
    let to = format!(
        "{}/{}/messages/{message}?done=pinged",
        address(&community.slug),
        webhook.id
    );
    Ok(Redirect::to(&to).into_response())
}

/// `POST /c/{slug}/settings/webhooks/{id}/pause`
pub(crate) async fn pause(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (community, webhook) = find(&face, &viewer, &slug, &id).await?;
    face.app.webhooks.pause(&viewer.actor, webhook.id).await?;
    Ok(back(&community, webhook.id, "webhook-paused"))
}

/// `POST /c/{slug}/settings/webhooks/{id}/resume`
pub(crate) async fn resume(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (community, webhook) = find(&face, &viewer, &slug, &id).await?;
    face.app.webhooks.resume(&viewer.actor, webhook.id).await?;
    Ok(back(&community, webhook.id, "webhook-resumed"))
}

/// `POST /c/{slug}/settings/webhooks/{id}/replay`
pub(crate) async fn replay(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
    Form(typed): Form<Back>,
) -> Result<Response, PageError> {
    let (community, webhook) = find(&face, &viewer, &slug, &id).await?;
    let hours = typed.hours.trim().parse::<u32>().ok();
    let hours = hours
        .filter(|hours| (1..=HOURS_MAX).contains(hours))
        .ok_or_else(|| PageError::bad_input("Enter a number of hours, 1 to 720."))?;
    let since = face
        .app
        .clock
        .now()
        .minus(Duration::from_hours(hours.into()));
    let webhooks = &face.app.webhooks;
    let n = webhooks
        .replay_failed(&viewer.actor, webhook.id, since)
        .await?;
    let done = if n == 0 {
        "nothing-failed"
    } else {
        "sent-again"
    };
    Ok(back(&community, webhook.id, done))
}

/// `GET /c/{slug}/settings/webhooks/{id}/remove`
pub(crate) async fn ask_remove(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (community, webhook) = find(&face, &viewer, &slug, &id).await?;
    layout::page(&End {
        shell: Shell::new(&face, &viewer, place("Remove", &community)).await?,
        slug: community.slug.clone(),
        id: webhook.id,
        site: webhook.site().to_owned(),
    })
}

/// `POST /c/{slug}/settings/webhooks/{id}/remove`
pub(crate) async fn remove(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, id)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (community, webhook) = find(&face, &viewer, &slug, &id).await?;
    face.app.webhooks.remove(&viewer.actor, webhook.id).await?;
    let to = format!("{}?done=webhook-removed", address(&community.slug));
    Ok(Redirect::to(&to).into_response())
}
