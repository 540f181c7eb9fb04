//! Messages on their way out, and what became of them.
//!
//! Must never show a mail address, nor the token of an interaction.

use std::time::Duration;

use ::delivery::{AttemptView, DeliveryFilter, DeliveryView};
use app::Saying;
use async_graphql::{ComplexObject, Context, Enum, ID, InputObject, Object, Result, SimpleObject};
use kernel::{Address, CommunityId, Cursor, DeliveryId, Draft, PageRequest, ServerId};

use super::{
    cost,
    error::{bad_input, fault, refused, viewer},
    paged::{self, Connection},
    scalar::{DateTime, count},
};

/// How a message travels.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "kernel::Medium")]
pub(crate) enum Medium {
    /// Discord.
    Discord,
    /// Twitch.
    Twitch,
    /// Slack.
    Slack,
    /// E-mail.
    Email,
}

/// Where a message is in its life.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::delivery::State")]
pub(crate) enum DeliveryState {
    /// Waits: for its time, its turn, or the next try.
    Pending,
    /// A call is under way.
    Sending,
    /// The platform took it.
    Sent,
    /// It was refused, or every try failed.
    Failed,
    /// It was useless before it could be sent.
    Expired,
    /// The answer was lost: perhaps it arrived. Not tried again unless a person says so.
    Unknown,
    /// A person took it back before it was sent.
    Cancelled,
}

/// A message on its way out.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct Delivery {
    #[graphql(skip)]
    number: DeliveryId,
    /// Its tries, where they were read with it.
    #[graphql(skip)]
    read: Option<Vec<AttemptView>>,
    /// Its id.
    id: ID,
    /// In whose name: the community's id.
    community_id: i32,
    /// How it travels.
    medium: Medium,
    /// The platform's id of the server, workspace or broadcaster it goes to; null for a mail.
    server: Option<String>,
    /// The platform's id of the channel it goes to; null for what goes to one person.
    channel: Option<String>,
    /// What it was posted under.
    key: String,
    /// The words, while they are still to be sent.
    text: Option<String>,
    /// Where it is in its life.
    state: DeliveryState,
    /// Not before.
    due_at: DateTime,
    /// Useless after.
    not_after: Option<DateTime>,
    /// Calls made so far.
    attempts: i32,
    /// The platform's id of the message.
    message_id: Option<String>,
    /// Whether something was cut to fit.
    was_cut: bool,
    /// Whether the platform says that it arrived.
    is_confirmed: bool,
    /// Why it is not sent, in the platform's words.
    trouble: Option<String>,
    /// Who asked for it, such as `user:7` or `system:reminders`.
    requested_by: String,
    /// When it was posted.
    created_at: DateTime,
    /// When it came to its end.
    finished_at: Option<DateTime>,
}

/// One try to send a message.
#[derive(SimpleObject)]
pub(crate) struct DeliveryAttempt {
    /// Which, from 1.
    n: i32,
    /// When the call began.
    begun_at: DateTime,
    /// When it ended; null while it is under way.
    ended_at: Option<DateTime>,
    /// How it ended, such as `done`, `rate limited` or `refused`; null while it is under way.
    outcome: Option<&'static str>,
    /// Why, in the platform's words.
    trouble: Option<String>,
}

impl From<AttemptView> for DeliveryAttempt {
    fn from(attempt: AttemptView) -> Self {
        Self {
            n: count(attempt.n.into()),
            begun_at: DateTime(attempt.begun_at),
            ended_at: attempt.ended_at.map(DateTime),
            outcome: attempt.outcome.map(::delivery::AttemptOutcome::as_str),
            trouble: attempt.error,
        }
    }
}

/// The server and the channel of an address, as far as everybody who sees the message may know them.
fn place(address: Address) -> (Option<String>, Option<String>) {
    match address {
        Address::Channel { server, channel }
        | Address::Answer {
            server, channel, ..
        } => (Some(server), Some(channel)),
        Address::Direct { server, .. } => (Some(server), None),
        Address::Mailbox { .. } => (None, None),
    }
}

impl From<DeliveryView> for Delivery {
    fn from(view: DeliveryView) -> Self {
        let (server, channel) = place(view.address);
        Self {
            number: view.id,
            read: None,
            id: ID(view.id.to_string()),
            community_id: view.community.0,
            medium: view.medium.into(),
            server,
            channel,
            key: view.key,
            text: view.draft.map(|draft| draft.body),
            state: view.state.into(),
            due_at: DateTime(view.due_at),
            not_after: view.not_after.map(DateTime),
            attempts: count(view.attempts.into()),
            message_id: view.message_id,
            was_cut: view.was_cut,
            is_confirmed: view.is_confirmed,
            trouble: view.last_error,
            requested_by: view.requested_by,
            created_at: DateTime(view.created_at),
            finished_at: view.finished_at.map(DateTime),
        }
    }
}

#[ComplexObject]
impl Delivery {
    /// Its tries, newest first, at most 50.
    #[graphql(complexity = "cost::list(10, child_complexity)")]
    async fn tries(&self, ctx: &Context<'_>) -> Result<Vec<DeliveryAttempt>> {
        let viewer = viewer(ctx)?;
        let found = if let Some(tries) = &self.read {
            tries.clone()
        } else {
            let found = viewer.loaders().tries.load_one(self.number).await;
            found
                .map_err(|cause| refused(viewer, &cause))?
                .unwrap_or_default()
        };
        viewer.spend(ctx, found.len())?;
        Ok(found.into_iter().map(DeliveryAttempt::from).collect())
    }
}

/// A page of a community's messages on their way out, newest first.
pub(crate) async fn page(
    ctx: &Context<'_>,
    community: CommunityId,
    filter: DeliveryFilter,
    request: &PageRequest,
) -> Result<Connection<Delivery>> {
    let viewer = viewer(ctx)?;
    let deliveries = &viewer.app().deliveries;
    let found = deliveries
        .list(viewer.actor(), community, filter, request)
        .await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    let cursor = |view: &DeliveryView| Cursor {
        key: String::new(),
        id: view.id.0,
    };
    paged::connect(ctx, request, found, cursor, Delivery::from)
}

/// A delivery that the viewer may know of.
pub(crate) async fn find(ctx: &Context<'_>, id: &ID) -> Result<Option<Delivery>> {
    let viewer = viewer(ctx)?;
    let id = delivery_id(id)?;
    let found = viewer.app().deliveries.get(viewer.actor(), id).await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    Ok(found.map(|mut view| {
        let tries = std::mem::take(&mut view.tries);
        Delivery {
            read: Some(tries),
            ..view.into()
        }
    }))
}

fn delivery_id(id: &ID) -> Result<DeliveryId> {
    id.parse()
        .map_err(|_not_a_number| bad_input("`id` is not the id of a delivery"))
}

/// Something to say in a community's name.
#[derive(InputObject)]
pub(crate) struct SayInput {
    /// The id of one of the community's servers.
    server_id: i32,
    /// In which of its channels, by the platform's id; without it, in the one chosen for announcements.
    channel: Option<String>,
    /// The words.
    text: String,
    /// Chosen by the caller, 1 to 100 bytes: the same key says it once.
    key: String,
    /// How many seconds to wait before it is said, at most a year.
    #[graphql(default = 0)]
    wait_secs: i32,
    /// For how many seconds from now it is worth saying; without it, for ever.
    worth_secs: Option<i32>,
}

impl SayInput {
    fn saying(self) -> Result<Saying> {
        Ok(Saying {
            server: ServerId(self.server_id),
            channel: self.channel,
            draft: Draft::text(self.text),
            key: self.key,
            wait: span("waitSecs", self.wait_secs)?,
            worth_for: self
                .worth_secs
                .map(|secs| span("worthSecs", secs))
                .transpose()?,
        })
    }
}

fn span(field: &str, secs: i32) -> Result<Duration> {
    let secs = u64::try_from(secs);
    secs.map(Duration::from_secs)
        .map_err(|_negative| bad_input(format!("`{field}` must not be negative")))
}

/// Changes to messages on their way out.
#[derive(Default)]
pub(crate) struct DeliveryMutation;

#[Object]
impl DeliveryMutation {
    /// Says something in a channel of a connected server, in the community's name. It notifies nobody.
    /// Needs the role of a moderator.
    async fn say(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "What to say, and where.")] input: SayInput,
    ) -> Result<Delivery> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let saying = input.saying()?;
        let community = CommunityId(community_id);
        let posted = viewer.app().say(viewer.actor(), community, saying).await;
        known(ctx, posted.map_err(|cause| fault(viewer, &cause))?).await
    }

    /// Tries again what failed, or what perhaps did not arrive: it may then arrive twice. Needs the role
    /// of a moderator.
    async fn retry_delivery(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The delivery's id.")] id: ID,
    ) -> Result<Delivery> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let id = delivery_id(&id)?;
        let done = viewer.app().deliveries.retry(viewer.actor(), id).await;
        done.map_err(|cause| fault(viewer, &cause))?;
        known(ctx, id).await
    }

    /// Takes a message back before it is sent. Needs the role of a moderator.
    async fn cancel_delivery(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The delivery's id.")] id: ID,
    ) -> Result<Delivery> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let id = delivery_id(&id)?;
        let done = viewer.app().deliveries.cancel(viewer.actor(), id).await;
        done.map_err(|cause| fault(viewer, &cause))?;
        known(ctx, id).await
    }

    /// Replaces the words of what was sent. Answers the message that carries the change. Needs the role
    /// of a moderator.
    async fn edit_delivery(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The delivery's id.")] id: ID,
        #[graphql(desc = "The new words.")] text: String,
        #[graphql(desc = "Chosen by the caller, 1 to 200 bytes: the same key changes it once.")]
        key: String,
    ) -> Result<Delivery> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let id = delivery_id(&id)?;
        let deliveries = &viewer.app().deliveries;
        let draft = Draft::text(text);
        let done = deliveries.edit(viewer.actor(), id, &key, draft).await;
        known(ctx, done.map_err(|cause| fault(viewer, &cause))?).await
    }

    /// Deletes what was sent. Answers the message that carries the deletion; twice is once. Needs the
    /// role of a moderator.
    async fn take_back_delivery(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The delivery's id.")] id: ID,
    ) -> Result<Delivery> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let id = delivery_id(&id)?;
        let done = viewer.app().deliveries.take_back(viewer.actor(), id).await;
        known(ctx, done.map_err(|cause| fault(viewer, &cause))?).await
    }
}

/// A delivery after a change to it.
async fn known(ctx: &Context<'_>, id: DeliveryId) -> Result<Delivery> {
    let viewer = viewer(ctx)?;
    let found = viewer.app().deliveries.get(viewer.actor(), id).await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    let found = found.ok_or_else(|| refused(viewer, &::delivery::DeliveryError::NotFound))?;
    Ok(found.into())
}
