//! One message of a webhook: what was sent, and what came of each try.

use std::sync::Arc;

use ::webhook::{Message, MessageState, Webhook, WebhookState};
use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::Community;
use kernel::{HookMessageId, WebhookId};

use super::{address, answer, fate, find, place};
use crate::{
    display::{When, when},
    error::PageError,
    layout::{self, Shell},
    router::Face,
    viewer::{SignedIn, Viewer},
};

#[derive(Template)]
#[template(path = "webhook_message.html")]
struct Page {
    shell: Shell,
    slug: String,
    webhook: WebhookId,
    site: String,
    id: HookMessageId,
    public_id: String,
    kind: String,
    body: String,
    state: &'static str,
    mood: &'static str,
    at: When,
    next: Option<When>,
    is_waiting: bool,
    may_replay: bool,
    rows: Vec<Row>,
}

struct Row {
    n: u32,
    at: When,
    took: String,
    answer: String,
    mood: &'static str,
    excerpt: String,
}

/// The message of the address, if it is this webhook's.
async fn message_of(
    face: &Face,
    viewer: &Viewer,
    (slug, id, message): &(String, String, String),
) -> Result<(Community, Webhook, Message), PageError> {
    let (community, webhook) = find(face, viewer, slug, id).await?;
    let message = message.parse().ok().ok_or_else(PageError::not_found)?;
    let found = face.app.webhooks.message(&viewer.actor, message).await?;
    let message = found
        .filter(|message| message.webhook == webhook.id)
        .ok_or_else(PageError::not_found)?;
    Ok((community, webhook, message))
}

/// `GET /c/{slug}/settings/webhooks/{id}/messages/{message}`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(parts): Path<(String, String, String)>,
) -> Result<Response, PageError> {
    let (community, webhook, message) = message_of(&face, &viewer, &parts).await?;
    let now = face.app.clock.now();
    let (state, mood) = fate(message.state);
    let is_on = webhook.state == WebhookState::On;
    let is_waiting = message.state == MessageState::Waiting;
    let rows = message.tries.into_iter().map(|one| Row {
        n: one.n,
        at: when(now, one.begun_at),
        took: format!("{} ms", one.took_ms),
        mood: match one.status {
            Some(200..=299) => " good",
            _ => " bad",
        },
        answer: answer(one.status, one.trouble),
        excerpt: one.excerpt,
    });
    layout::page(&Page {
        shell: Shell::new(&face, &viewer, place("Message", &community)).await?,
        slug: community.slug.clone(),
        webhook: webhook.id,
        site: webhook.site().to_owned(),
        id: message.id,
        public_id: message.public_id,
        kind: message.kind,
        state,
        mood,
        at: when(now, message.created_at),
        next: message
            .due_at
            .filter(|at| is_on && *at > now)
            .map(|at| when(now, at)),
        is_waiting,
        may_replay: is_on && !is_waiting && !message.body.is_empty(),
        body: message.body,
        rows: rows.collect(),
    })
}

/// `POST /c/{slug}/settings/webhooks/{id}/messages/{message}/replay`
pub(crate) async fn replay(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(parts): Path<(String, String, String)>,
) -> Result<Response, PageError> {
    let (community, webhook, message) = message_of(&face, &viewer, &parts).await?;
    face.app.webhooks.replay(&viewer.actor, message.id).await?;
    let to = format!(
        "{}/{}/messages/{}?done=sent-again",
        address(&community.slug),
        webhook.id,
        message.id
    );
    Ok(Redirect::to(&to).into_response())
}
