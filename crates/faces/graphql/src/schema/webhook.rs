//! Where a community's events go: its webhooks, their messages, and what can be done about them. For
//! those who manage the community.
//!
//! Must never show a secret but in the answer to the change that made it.

use ::webhook::{
    MadeWebhook as Made, Message, MessageFilter, NewWebhook, Webhook as Held, WebhookChange,
    WebhookError, WebhookState as State,
};
use async_graphql::{Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use kernel::{CommunityId, Cursor, HookMessageId, PageRequest, WebhookId};

use super::{
    Viewer,
    community::length,
    cost,
    error::{bad_input, change_refused, lookup, refused, viewer},
    scalar::{DateTime, count},
};

/// Whether events are sent to a webhook.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum WebhookState {
    /// They are.
    On,
    /// Somebody paused it: events wait until it goes on.
    Paused,
    /// The program switched it off: events are not kept for it.
    SwitchedOff,
}

/// An address that a community's events are sent to.
#[derive(SimpleObject)]
pub(crate) struct Webhook {
    /// Its id.
    id: i32,
    /// Whose events.
    community_id: i32,
    /// Where they go.
    url: String,
    /// What it is for.
    description: String,
    /// The kinds of events it wants; empty = all there are and will be.
    kinds: Vec<String>,
    /// Whether events are sent.
    state: WebhookState,
    /// Why the program switched it off: `gone` or `failing`.
    reason: Option<&'static str>,
    /// Until when the secret before signs too.
    old_secret_until: Option<DateTime>,
    /// Tries in a row that failed.
    failures: i32,
    /// Since when they do.
    failing_since: Option<DateTime>,
    /// When something arrived last, within a minute.
    last_success_at: Option<DateTime>,
    /// When it was made.
    created_at: DateTime,
}

impl From<Held> for Webhook {
    fn from(webhook: Held) -> Self {
        Self {
            id: webhook.id.0,
            community_id: webhook.community.0,
            state: match webhook.state {
                State::On => WebhookState::On,
                State::Paused => WebhookState::Paused,
                // One that was removed is never seen.
                State::SwitchedOff | State::Removed => WebhookState::SwitchedOff,
            },
            reason: webhook.reason.map(::webhook::WebhookReason::as_str),
            old_secret_until: webhook.old_secret_until.map(DateTime),
            failures: count(webhook.failures.into()),
            failing_since: webhook.failing_since.map(DateTime),
            last_success_at: webhook.last_success_at.map(DateTime),
            created_at: DateTime(webhook.created_at),
            url: webhook.url,
            description: webhook.description,
            kinds: webhook.kinds,
        }
    }
}

/// A webhook with its secret, which is shown this once.
#[derive(SimpleObject)]
pub(crate) struct MadeWebhook {
    /// The webhook.
    webhook: Webhook,
    /// What signs its messages: `whsec_…`.
    secret: String,
}

impl From<Made> for MadeWebhook {
    fn from(made: Made) -> Self {
        Self {
            secret: made.secret.expose().clone(),
            webhook: made.webhook.into(),
        }
    }
}

/// Where a message of a webhook is in its life.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::webhook::MessageState")]
pub(crate) enum WebhookMessageState {
    /// Waits for its first or next try, or for its webhook to go on.
    Waiting,
    /// It arrived.
    Delivered,
    /// Every try failed, or its webhook was switched off.
    Failed,
}

/// An event on its way to a webhook.
#[derive(SimpleObject)]
pub(crate) struct WebhookMessage {
    /// Its id here.
    id: ID,
    /// The webhook's id.
    webhook_id: i32,
    /// Its id as the receiver knows it: the header `webhook-id`.
    public_id: String,
    /// The kind of event.
    kind: String,
    /// The body exactly as it is sent; empty once somebody in it was erased.
    body: String,
    /// Where it is in its life.
    state: WebhookMessageState,
    /// Tries so far.
    attempts: i32,
    /// When it is tried next, while it waits.
    due_at: Option<DateTime>,
    /// The status of the last answer.
    status: Option<i32>,
    /// Why there was none: `forbidden`, `not_found`, `not_connected`, `timed_out` or `broken`.
    trouble: Option<&'static str>,
    /// When it happened.
    created_at: DateTime,
    /// When it arrived or failed.
    finished_at: Option<DateTime>,
    /// Its tries, newest first, at most 50; empty in lists.
    tries: Vec<WebhookTry>,
}

/// One try.
#[derive(SimpleObject)]
pub(crate) struct WebhookTry {
    /// Which, from 1.
    n: i32,
    /// When the call began.
    begun_at: DateTime,
    /// How long it took, in milliseconds.
    took_ms: i32,
    /// The status of the answer.
    status: Option<i32>,
    /// Why there was none.
    trouble: Option<&'static str>,
    /// The beginning of the answer, at most 1 KiB.
    excerpt: String,
}

impl From<Message> for WebhookMessage {
    fn from(message: Message) -> Self {
        let one = |attempt: ::webhook::Attempt| WebhookTry {
            n: count(attempt.n.into()),
            begun_at: DateTime(attempt.begun_at),
            took_ms: count(attempt.took_ms.into()),
            status: attempt.status.map(i32::from),
            trouble: attempt.trouble.map(kernel::HookError::as_str),
            excerpt: attempt.excerpt,
        };
        Self {
            id: ID::from(message.id.0),
            webhook_id: message.webhook.0,
            public_id: message.public_id,
            kind: message.kind,
            body: message.body,
            state: message.state.into(),
            attempts: count(message.attempts.into()),
            due_at: message.due_at.map(DateTime),
            status: message.status.map(i32::from),
            trouble: message.trouble.map(kernel::HookError::as_str),
            created_at: DateTime(message.created_at),
            finished_at: message.finished_at.map(DateTime),
            tries: message.tries.into_iter().map(one).collect(),
        }
    }
}

/// A page of messages.
#[derive(SimpleObject)]
pub(crate) struct WebhookMessagePage {
    /// The messages, newest first, without their tries.
    nodes: Vec<WebhookMessage>,
    /// Pass it as `after` for the next page; null on the last one.
    next: Option<String>,
}

/// A webhook to make.
#[derive(InputObject)]
pub(crate) struct WebhookInput {
    /// Where events go: an address of the public internet that begins with `https://`.
    url: String,
    /// What it is for, at most 200 characters.
    description: Option<String>,
    /// The kinds of events it wants; none = all.
    kinds: Option<Vec<String>>,
}

/// What is to change of a webhook; what is left out or null stays.
#[derive(InputObject)]
pub(crate) struct WebhookChanges {
    /// Where events go.
    url: Option<String>,
    /// What it is for, at most 200 characters.
    description: Option<String>,
    /// The kinds of events it wants; empty = all.
    kinds: Option<Vec<String>>,
}

fn denied(viewer: &Viewer, cause: WebhookError) -> async_graphql::Error {
    change_refused(viewer, &cause.into())
}

/// What can be asked about webhooks.
#[derive(Default)]
pub(crate) struct WebhookQuery;

#[Object]
impl WebhookQuery {
    /// A community's webhooks, the oldest first. Needs the role of an admin.
    #[graphql(complexity = "cost::list(10, child_complexity)")]
    async fn webhooks(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
    ) -> Result<Vec<Webhook>> {
        let viewer = viewer(ctx)?;
        let webhooks = &viewer.app().webhooks;
        let found = webhooks
            .webhooks(viewer.actor(), CommunityId(community_id))
            .await;
        let found = found.map_err(|cause| refused(viewer, &app::AppError::from(cause)))?;
        viewer.spend(ctx, found.len())?;
        Ok(found.into_iter().map(Webhook::from).collect())
    }

    /// A webhook. Null if there is none or the viewer does not manage its community.
    #[graphql(complexity = "cost::LOOKUP + child_complexity")]
    async fn webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The webhook's id.")] id: i32,
    ) -> Result<Option<Webhook>> {
        let viewer = viewer(ctx)?;
        let found = viewer.app().webhooks.webhook(viewer.actor(), WebhookId(id));
        let found = lookup(viewer, found.await.map_err(app::AppError::from))?;
        Ok(found.flatten().map(Webhook::from))
    }

    /// A webhook's messages, newest first, kept for thirty days.
    #[graphql(complexity = "cost::PAGE + cost::list(first.unwrap_or(25), child_complexity)")]
    async fn webhook_messages(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The webhook's id.")] webhook_id: i32,
        #[graphql(desc = "Only those in this state.")] state: Option<WebhookMessageState>,
        #[graphql(desc = "How many, 1 to 100.", default = 25)] first: Option<i32>,
        #[graphql(desc = "`next` of the page before.")] after: Option<String>,
    ) -> Result<Option<WebhookMessagePage>> {
        let viewer = viewer(ctx)?;
        let limit = length("first", first.unwrap_or(25))?;
        let page = match after.as_deref().map(Cursor::decode) {
            None => PageRequest::first(limit),
            Some(Ok(cursor)) => PageRequest::after(cursor, limit),
            Some(Err(error)) => return Err(bad_input(error.to_string())),
        };
        let filter = MessageFilter {
            state: state.map(Into::into),
        };
        let webhooks = &viewer.app().webhooks;
        let found = webhooks
            .messages(viewer.actor(), WebhookId(webhook_id), filter, &page)
            .await;
        let Some(found) = lookup(viewer, found.map_err(app::AppError::from))? else {
            return Ok(None);
        };
        viewer.spend(ctx, found.items.len())?;
        Ok(Some(WebhookMessagePage {
            next: found.next.as_ref().map(Cursor::encode),
            nodes: found.items.into_iter().map(WebhookMessage::from).collect(),
        }))
    }

    /// A message with its tries. Null if there is none or the viewer does not manage its community.
    #[graphql(complexity = "cost::LOOKUP + child_complexity")]
    async fn webhook_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The message's id.")] id: ID,
    ) -> Result<Option<WebhookMessage>> {
        message(viewer(ctx)?, message_id(&id)?).await
    }
}

fn message_id(id: &ID) -> Result<HookMessageId> {
    id.parse()
        .map_err(|_not_a_number| bad_input("`id` is not the id of a message"))
}

async fn message(viewer: &Viewer, id: HookMessageId) -> Result<Option<WebhookMessage>> {
    let webhooks = &viewer.app().webhooks;
    let found = webhooks.message(viewer.actor(), id).await;
    let found = lookup(viewer, found.map_err(app::AppError::from))?;
    Ok(found.flatten().map(WebhookMessage::from))
}

/// Changes to webhooks. For those who manage the community; an API key is enough.
#[derive(Default)]
pub(crate) struct WebhookMutation;

#[Object]
impl WebhookMutation {
    /// Makes a webhook, at most ten in a community, each with an address of its own.
    async fn create_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The webhook.")] input: WebhookInput,
    ) -> Result<MadeWebhook> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let new = NewWebhook {
            url: input.url,
            description: input.description.unwrap_or_default(),
            kinds: input.kinds.unwrap_or_default(),
        };
        let webhooks = &viewer.app().webhooks;
        let made = webhooks
            .create(viewer.actor(), CommunityId(community_id), &new)
            .await;
        made.map(MadeWebhook::from)
            .map_err(|cause| denied(viewer, cause))
    }

    /// Changes a webhook; what waits goes to the new address.
    async fn change_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The webhook's id.")] id: i32,
        #[graphql(desc = "What is to change.")] input: WebhookChanges,
    ) -> Result<Webhook> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let change = WebhookChange {
            url: input.url,
            description: input.description,
            kinds: input.kinds,
        };
        let webhooks = &viewer.app().webhooks;
        let done = webhooks.change(viewer.actor(), WebhookId(id), &change);
        done.await
            .map(Webhook::from)
            .map_err(|cause| denied(viewer, cause))
    }

    /// Gives a webhook another secret; the one before signs too for a day.
    async fn rotate_webhook_secret(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The webhook's id.")] id: i32,
    ) -> Result<MadeWebhook> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let done = viewer.app().webhooks.rotate(viewer.actor(), WebhookId(id));
        done.await
            .map(MadeWebhook::from)
            .map_err(|cause| denied(viewer, cause))
    }

    /// Pauses a webhook: its events wait until it goes on, for thirty days at most.
    async fn pause_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The webhook's id.")] id: i32,
    ) -> Result<Webhook> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let done = viewer.app().webhooks.pause(viewer.actor(), WebhookId(id));
        done.await
            .map(Webhook::from)
            .map_err(|cause| denied(viewer, cause))
    }

    /// Lets a paused or switched off webhook go on, and sends what waits.
    async fn resume_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The webhook's id.")] id: i32,
    ) -> Result<Webhook> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let done = viewer.app().webhooks.resume(viewer.actor(), WebhookId(id));
        done.await
            .map(Webhook::from)
            .map_err(|cause| denied(viewer, cause))
    }

    /// Removes a webhook: nothing is sent to it any more, and its messages go soon.
    async fn remove_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The webhook's id.")] id: i32,
    ) -> Result<bool> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let done = viewer.app().webhooks.remove(viewer.actor(), WebhookId(id));
        done.await.map_err(|cause| denied(viewer, cause))?;
        Ok(true)
    }

    /// Sends a message of the kind `webhook.ping` to a webhook, to try it out.
    async fn ping_webhook(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The webhook's id.")] id: i32,
    ) -> Result<Option<WebhookMessage>> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let sent = viewer.app().webhooks.ping(viewer.actor(), WebhookId(id));
        let sent = sent.await.map_err(|cause| denied(viewer, cause))?;
        message(viewer, sent).await
    }

    /// Sends a message again, under its old id; one that waits is left as it is.
    async fn replay_webhook_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The message's id.")] id: ID,
    ) -> Result<Option<WebhookMessage>> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let id = message_id(&id)?;
        let webhooks = &viewer.app().webhooks;
        let done = webhooks.replay(viewer.actor(), id).await;
        done.map_err(|cause| denied(viewer, cause))?;
        message(viewer, id).await
    }

    /// Sends everything again that failed and happened since an instant, the oldest first, at most
    /// 1,000 at once; answers how many.
    async fn replay_failed_webhook_messages(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The webhook's id.")] webhook_id: i32,
        #[graphql(desc = "Since when.")] since: DateTime,
    ) -> Result<i32> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let webhooks = &viewer.app().webhooks;
        let done = webhooks
            .replay_failed(viewer.actor(), WebhookId(webhook_id), since.0)
            .await;
        done.map(count).map_err(|cause| denied(viewer, cause))
    }
}
