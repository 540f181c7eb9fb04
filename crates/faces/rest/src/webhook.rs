//! Where a community's events go: `/communities/{id}/webhooks`.

use std::{sync::Arc, time::Duration};

use ::webhook::{
    Attempt, MadeWebhook, Message, MessageFilter, MessageState, NewWebhook, Webhook, WebhookChange,
    WebhookState,
};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use kernel::{Actor, CommunityId, HookMessageId, WebhookId};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path, Query},
    page::{List, Listed, PageParams, Paging},
    problem::Problem,
    tag,
    view::{Moment, Shown},
};

/// Whether events are sent.
#[derive(Serialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WebhookStateName {
    /// They are.
    On,
    /// Somebody paused it: events wait until it goes on.
    Paused,
    /// The program switched it off: events are not kept for it.
    SwitchedOff,
}

impl From<WebhookState> for WebhookStateName {
    fn from(state: WebhookState) -> Self {
        match state {
            WebhookState::On => Self::On,
            WebhookState::Paused => Self::Paused,
            // One that was removed is never seen.
            WebhookState::SwitchedOff | WebhookState::Removed => Self::SwitchedOff,
        }
    }
}

/// A webhook; not its secret.
#[derive(Serialize, ToSchema)]
pub(crate) struct WebhookView {
    /// Its id.
    id: i32,
    /// Where events go.
    url: String,
    /// What it is for.
    description: String,
    /// The kinds of events it wants; empty = all there are and will be.
    kinds: Vec<String>,
    /// Whether events are sent.
    state: WebhookStateName,
    /// Why the program switched it off: `gone` or `failing`.
    reason: Option<String>,
    /// When the program did.
    switched_off_at: Option<Moment>,
    /// Until when the secret before signs too.
    old_secret_until: Option<Moment>,
    /// Tries in a row that failed.
    failures: u32,
    /// Since when they do.
    failing_since: Option<Moment>,
    /// When something arrived last, within a minute.
    last_success_at: Option<Moment>,
    /// When it was made.
    created_at: Moment,
    /// When somebody changed it last.
    updated_at: Moment,
}

impl From<Webhook> for WebhookView {
    fn from(webhook: Webhook) -> Self {
        Self {
            id: webhook.id.0,
            state: webhook.state.into(),
            reason: webhook.reason.map(|reason| reason.as_str().to_owned()),
            switched_off_at: webhook.switched_off_at.map(Moment::from),
            old_secret_until: webhook.old_secret_until.map(Moment::from),
            failures: webhook.failures,
            failing_since: webhook.failing_since.map(Moment::from),
            last_success_at: webhook.last_success_at.map(Moment::from),
            created_at: webhook.created_at.into(),
            updated_at: webhook.updated_at.into(),
            url: webhook.url,
            description: webhook.description,
            kinds: webhook.kinds,
        }
    }
}

/// A webhook with its secret. Shown once.
#[derive(Serialize, ToSchema)]
pub(crate) struct MadeWebhookView {
    /// The webhook.
    webhook: WebhookView,
    /// What signs its messages: `whsec_…`.
    secret: Shown,
}

impl From<MadeWebhook> for MadeWebhookView {
    fn from(made: MadeWebhook) -> Self {
        Self {
            secret: Shown::from(&made.secret),
            webhook: made.webhook.into(),
        }
    }
}

/// A webhook to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookToMake {
    /// Where events go: an address of the public internet that begins with `https://`.
    url: String,
    /// What it is for, at most 200 characters.
    #[serde(default)]
    description: String,
    /// The kinds of events it wants; empty = all.
    #[serde(default)]
    kinds: Vec<String>,
}

/// What is to change; what is left out stays.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct WebhookPatch {
    /// Where events go.
    url: Option<String>,
    /// What it is for, at most 200 characters.
    description: Option<String>,
    /// The kinds of events it wants; empty = all.
    kinds: Option<Vec<String>>,
}

/// Where a message is in its life.
#[derive(Serialize, Deserialize, ToSchema, Clone, Copy)]
#[serde(rename_all = "lowercase")]
pub(crate) enum HookMessageStateName {
    /// Waits for its first or next try, or for its webhook to go on.
    Waiting,
    /// It arrived.
    Delivered,
    /// Every try failed, or its webhook was switched off.
    Failed,
}

impl From<MessageState> for HookMessageStateName {
    fn from(state: MessageState) -> Self {
        match state {
            MessageState::Waiting => Self::Waiting,
            MessageState::Delivered => Self::Delivered,
            MessageState::Failed => Self::Failed,
        }
    }
}

impl From<HookMessageStateName> for MessageState {
    fn from(name: HookMessageStateName) -> Self {
        match name {
            HookMessageStateName::Waiting => Self::Waiting,
            HookMessageStateName::Delivered => Self::Delivered,
            HookMessageStateName::Failed => Self::Failed,
        }
    }
}

/// A message of a webhook.
#[derive(Serialize, ToSchema)]
pub(crate) struct HookMessageView {
    /// Its id here.
    id: i64,
    /// Its id as the receiver knows it: the header `webhook-id`.
    webhook_id: String,
    /// The kind of event.
    kind: String,
    /// Where it is in its life.
    state: HookMessageStateName,
    /// Tries so far.
    attempts: u32,
    /// When it is tried next, while it waits.
    due_at: Option<Moment>,
    /// The status of the last answer.
    status: Option<u16>,
    /// Why there was none: `forbidden`, `not_found`, `not_connected`, `timed_out` or `broken`.
    trouble: Option<String>,
    /// When it happened.
    created_at: Moment,
    /// When it arrived or failed.
    finished_at: Option<Moment>,
}

impl From<&Message> for HookMessageView {
    fn from(message: &Message) -> Self {
        Self {
            id: message.id.0,
            webhook_id: message.public_id.clone(),
            kind: message.kind.clone(),
            state: message.state.into(),
            attempts: message.attempts,
            due_at: message.due_at.map(Moment::from),
            status: message.status,
            trouble: message.trouble.map(|error| error.as_str().to_owned()),
            created_at: message.created_at.into(),
            finished_at: message.finished_at.map(Moment::from),
        }
    }
}

/// One try.
#[derive(Serialize, ToSchema)]
pub(crate) struct HookTryView {
    /// Which, from 1.
    n: u32,
    /// When the call began.
    begun_at: Moment,
    /// How long it took, in milliseconds.
    took_ms: u32,
    /// The status of the answer.
    status: Option<u16>,
    /// Why there was none.
    trouble: Option<String>,
    /// The beginning of the answer, at most 1 KiB.
    excerpt: String,
}

impl From<Attempt> for HookTryView {
    fn from(attempt: Attempt) -> Self {
        Self {
            n: attempt.n,
            begun_at: attempt.begun_at.into(),
            took_ms: attempt.took_ms,
            status: attempt.status,
            trouble: attempt.trouble.map(|error| error.as_str().to_owned()),
            excerpt: attempt.excerpt,
        }
    }
}

/// A message with its body and its tries.
#[derive(Serialize, ToSchema)]
pub(crate) struct TriedHookMessageView {
    /// The message.
    #[serde(flatten)]
    message: HookMessageView,
    /// The body exactly as it is sent; empty once somebody in it was erased.
    body: String,
    /// Its tries, newest first, at most 50.
    tries: Vec<HookTryView>,
}

impl From<Message> for TriedHookMessageView {
    fn from(message: Message) -> Self {
        Self {
            message: HookMessageView::from(&message),
            body: message.body,
            tries: message.tries.into_iter().map(HookTryView::from).collect(),
        }
    }
}

/// Which messages.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct HookMessageFilter {
    /// Only those in this state.
    state: Option<HookMessageStateName>,
}

/// How far back.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Since {
    /// Of how many hours until now, 1 to 720.
    #[schema(minimum = 1, maximum = 720)]
    hours: u32,
}

/// What is sent again.
#[derive(Serialize, ToSchema)]
pub(crate) struct Replayed {
    /// How many messages.
    messages: u64,
}

/// The webhook of the address, if it is this community's.
async fn find(face: &Face, actor: &Actor, (community, id): (i32, i32)) -> Result<Webhook, Problem> {
    let found = face.app.webhooks.webhook(actor, WebhookId(id)).await?;
    found
        .filter(|webhook| webhook.community == CommunityId(community))
        .ok_or_else(Problem::not_found)
}

/// A community's webhooks, the oldest first. For its administrators.
#[utoipa::path(get, path = "/communities/{community}/webhooks", tag = "webhooks", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = List<WebhookView>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<List<WebhookView>>, Problem> {
    let webhooks = &face.app.webhooks;
    let found = webhooks
        .webhooks(&who.actor, CommunityId(community))
        .await?;
    Ok(List::whole(
        found.into_iter().map(WebhookView::from).collect(),
    ))
}

/// Makes a webhook, at most ten, each with an address of its own. For administrators of the community.
#[utoipa::path(post, path = "/communities/{community}/webhooks", tag = "webhooks", params(("community" = i32, Path, description = "The community's id.")), request_body = WebhookToMake, responses((status = 201, body = MadeWebhookView)))]
pub(crate) async fn create(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    Body(wanted): Body<WebhookToMake>,
) -> Result<(StatusCode, Json<MadeWebhookView>), Problem> {
    let new = NewWebhook {
        url: wanted.url,
        description: wanted.description,
        kinds: wanted.kinds,
    };
    let webhooks = &face.app.webhooks;
    let made = webhooks
        .create(&who.actor, CommunityId(community), &new)
        .await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

/// A webhook.
#[utoipa::path(get, path = "/communities/{community}/webhooks/{id}", tag = "webhooks", params(("community" = i32, Path, description = "The community's id."), ("id" = i32, Path, description = "The webhook's id.")), responses((status = 200, body = WebhookView)))]
pub(crate) async fn show(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(place): Path<(i32, i32)>,
) -> Result<Json<WebhookView>, Problem> {
    Ok(Json(find(&face, &who.actor, place).await?.into()))
}

/// Changes a webhook; what waits goes to the new address. With `If-Match` only what has not changed
/// since.
#[utoipa::path(patch, path = "/communities/{community}/webhooks/{id}", tag = "webhooks", params(("community" = i32, Path, description = "The community's id."), ("id" = i32, Path, description = "The webhook's id."), ("If-Match" = Option<String>, Header, description = "The `ETag` of what was read.")), request_body = WebhookPatch, responses((status = 200, body = WebhookView)))]
pub(crate) async fn change(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(place): Path<(i32, i32)>,
    headers: HeaderMap,
    Body(patch): Body<WebhookPatch>,
) -> Result<Json<WebhookView>, Problem> {
    let held = find(&face, &who.actor, place).await?;
    let id = held.id;
    tag::unchanged(&headers, &WebhookView::from(held))?;
    let change = WebhookChange {
        url: patch.url,
        description: patch.description,
        kinds: patch.kinds,
    };
    let changed = face.app.webhooks.change(&who.actor, id, &change).await?;
    Ok(Json(changed.into()))
}

/// Removes a webhook: nothing is sent to it any more, and its messages go soon.
#[utoipa::path(delete, path = "/communities/{community}/webhooks/{id}", tag = "webhooks", params(("community" = i32, Path, description = "The community's id."), ("id" = i32, Path, description = "The webhook's id.")), responses((status = 204)))]
pub(crate) async fn remove(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(place): Path<(i32, i32)>,
) -> Result<StatusCode, Problem> {
    let webhook = find(&face, &who.actor, place).await?;
    face.app.webhooks.remove(&who.actor, webhook.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Gives a webhook another secret; the one before signs too for a day.
#[utoipa::path(post, path = "/communities/{community}/webhooks/{id}/secret", tag = "webhooks", params(("community" = i32, Path, description = "The community's id."), ("id" = i32, Path, description = "The webhook's id.")), responses((status = 200, body = MadeWebhookView)))]
pub(crate) async fn rotate(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(place): Path<(i32, i32)>,
) -> Result<Json<MadeWebhookView>, Problem> {
    let webhook = find(&face, &who.actor, place).await?;
    let made = face.app.webhooks.rotate(&who.actor, webhook.id).await?;
    Ok(Json(made.into()))
}

/// Pauses a webhook: its events wait until it goes on, for thirty days at most.
#[utoipa::path(post, path = "/communities/{community}/webhooks/{id}/pause", tag = "webhooks", params(("community" = i32, Path, description = "The community's id."), ("id" = i32, Path, description = "The webhook's id.")), responses((status = 200, body = WebhookView)))]
pub(crate) async fn pause(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(place): Path<(i32, i32)>,
) -> Result<Json<WebhookView>, Problem> {
    let webhook = find(&face, &who.actor, place).await?;
    let paused = face.app.webhooks.pause(&who.actor, webhook.id).await?;
    Ok(Json(paused.into()))
}

/// Lets a paused or switched off webhook go on, and sends what waits.
#[utoipa::path(post, path = "/communities/{community}/webhooks/{id}/resume", tag = "webhooks", params(("community" = i32, Path, description = "The community's id."), ("id" = i32, Path, description = "The webhook's id.")), responses((status = 200, body = WebhookView)))]
pub(crate) async fn resume(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(place): Path<(i32, i32)>,
) -> Result<Json<WebhookView>, Problem> {
    let webhook = find(&face, &who.actor, place).await?;
    let resumed = face.app.webhooks.resume(&who.actor, webhook.id).await?;
    Ok(Json(resumed.into()))
}

/// Sends a message of the kind `webhook.ping` to a webhook, to try it out.
#[utoipa::path(post, path = "/communities/{community}/webhooks/{id}/ping", tag = "webhooks", params(("community" = i32, Path, description = "The community's id."), ("id" = i32, Path, description = "The webhook's id.")), responses((status = 202, body = TriedHookMessageView)))]
pub(crate) async fn ping(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(place): Path<(i32, i32)>,
) -> Result<(StatusCode, Json<TriedHookMessageView>), Problem> {
    let webhook = find(&face, &who.actor, place).await?;
    let webhooks = &face.app.webhooks;
    let id = webhooks.ping(&who.actor, webhook.id).await?;
    let sent = webhooks.message(&who.actor, id).await?;
    let sent = sent.ok_or_else(Problem::not_found)?;
    Ok((StatusCode::ACCEPTED, Json(sent.into())))
}

/// Sends everything again that failed within some hours, the oldest first, at most 1,000 at once.
#[utoipa::path(post, path = "/communities/{community}/webhooks/{id}/replay", tag = "webhooks", params(("community" = i32, Path, description = "The community's id."), ("id" = i32, Path, description = "The webhook's id.")), request_body = Since, responses((status = 202, body = Replayed)))]
pub(crate) async fn replay_failed(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(place): Path<(i32, i32)>,
    Body(since): Body<Since>,
) -> Result<(StatusCode, Json<Replayed>), Problem> {
    if !(1..=720).contains(&since.hours) {
        return Err(Problem::field("hours", "use 1 to 720 hours"));
    }
    let webhook = find(&face, &who.actor, place).await?;
    let back = Duration::from_hours(since.hours.into());
    let at = face.app.clock.now().minus(back);
    let webhooks = &face.app.webhooks;
    let messages = webhooks.replay_failed(&who.actor, webhook.id, at).await?;
    Ok((StatusCode::ACCEPTED, Json(Replayed { messages })))
}

/// A webhook's messages, newest first, kept for thirty days.
#[utoipa::path(get, path = "/communities/{community}/webhooks/{id}/messages", tag = "webhooks", params(("community" = i32, Path, description = "The community's id."), ("id" = i32, Path, description = "The webhook's id."), HookMessageFilter, PageParams), responses((status = 200, body = List<HookMessageView>)))]
pub(crate) async fn messages(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(place): Path<(i32, i32)>,
    Query(filter): Query<HookMessageFilter>,
    paging: Paging,
) -> Result<Listed<HookMessageView>, Problem> {
    let webhook = find(&face, &who.actor, place).await?;
    let filter = MessageFilter {
        state: filter.state.map(MessageState::from),
    };
    let webhooks = &face.app.webhooks;
    let page = webhooks
        .messages(&who.actor, webhook.id, filter, &paging.request)
        .await?;
    Ok(paging.answer(page, |message| HookMessageView::from(&message)))
}

/// The message of the address, if it is this webhook's.
async fn find_message(
    face: &Face,
    actor: &Actor,
    (community, id, message): (i32, i32, i64),
) -> Result<Message, Problem> {
    let webhook = find(face, actor, (community, id)).await?;
    let webhooks = &face.app.webhooks;
    let found = webhooks.message(actor, HookMessageId(message)).await?;
    found
        .filter(|message| message.webhook == webhook.id)
        .ok_or_else(Problem::not_found)
}

/// A message with its body and its tries.
#[utoipa::path(get, path = "/communities/{community}/webhooks/{id}/messages/{message}", tag = "webhooks", params(("community" = i32, Path, description = "The community's id."), ("id" = i32, Path, description = "The webhook's id."), ("message" = i64, Path, description = "The message's id.")), responses((status = 200, body = TriedHookMessageView)))]
pub(crate) async fn message(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(place): Path<(i32, i32, i64)>,
) -> Result<Json<TriedHookMessageView>, Problem> {
    Ok(Json(find_message(&face, &who.actor, place).await?.into()))
}

/// Sends a message again, under its old id; one that waits is left as it is.
#[utoipa::path(post, path = "/communities/{community}/webhooks/{id}/messages/{message}/replay", tag = "webhooks", params(("community" = i32, Path, description = "The community's id."), ("id" = i32, Path, description = "The webhook's id."), ("message" = i64, Path, description = "The message's id.")), responses((status = 202, body = TriedHookMessageView)))]
pub(crate) async fn replay(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(place): Path<(i32, i32, i64)>,
) -> Result<(StatusCode, Json<TriedHookMessageView>), Problem> {
    let message = find_message(&face, &who.actor, place).await?;
    face.app.webhooks.replay(&who.actor, message.id).await?;
    let again = find_message(&face, &who.actor, place).await?;
    Ok((StatusCode::ACCEPTED, Json(again.into())))
}
