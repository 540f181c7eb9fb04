//! Chat messages, and the subscription that delivers them as they arrive.
//!
//! Must never deliver a message the viewer may not read at that moment: the service checks again
//! while the feed runs.

use std::sync::{Arc, Mutex, PoisonError};

use ::activity::{Heard, LiveBatch, LiveFeed};
use async_graphql::{
    ComplexObject, Context, Error, ErrorExtensions, ID, Result, SimpleObject, Subscription,
};
use futures_util::{Stream, StreamExt, stream};
use kernel::{CommunityId, ErrorCode, MessageId};
use tracing::warn;

use super::{
    community::message_id,
    cost,
    error::{bad_input, coded, lookup, refused, viewer},
    node::NodeId,
    scalar::DateTime,
};

/// A chat message.
#[derive(SimpleObject)]
#[graphql(complex)]
pub(crate) struct ChatMessage {
    #[graphql(skip)]
    message: MessageId,
    /// Its id; ascending in order of recording, and so its number in the sequence: `since` and
    /// `before` take it.
    id: ID,
    /// The community it belongs to.
    community_id: i32,
    /// Where it was said, in lower case: `discord`, `twitch`, `slack`, `irc` or `import`.
    platform: &'static str,
    /// The channel's name.
    channel: String,
    /// The person's id.
    user_id: i32,
    /// The name of the account.
    username: String,
    /// Whether the platform marks the account as automated.
    is_bot: bool,
    /// What was said.
    text: String,
    /// When, by the platform's clock.
    sent_at: DateTime,
    /// In a subscription: whether messages between the one before (or `since`) and this one were left
    /// out, because more than 500 were missed; `messages` has them. False everywhere else.
    after_gap: bool,
}

impl From<&::activity::ChatMessage> for ChatMessage {
    fn from(message: &::activity::ChatMessage) -> Self {
        Self {
            message: message.id,
            id: ID(message.id.to_string()),
            community_id: message.community.0,
            platform: message.platform.as_str(),
            channel: message.channel.clone(),
            user_id: message.user_id.0,
            username: message.username.clone(),
            is_bot: message.is_bot,
            text: message.text.clone(),
            sent_at: DateTime(message.sent_at),
            after_gap: false,
        }
    }
}

#[ComplexObject]
impl ChatMessage {
    /// Its id among everything.
    pub(crate) async fn node_id(&self) -> ID {
        NodeId::Message(self.message).encode()
    }
}

/// What can be followed live of the chat.
#[derive(Default)]
pub(crate) struct ChatSubscription;

/// What can be followed live.
#[Subscription]
impl ChatSubscription {
    /// Chat messages of a community as they are recorded. Completes when the viewer may no longer read
    /// them; ends with the code `SLOW_CONSUMER` when they are read so slowly that some would be left out:
    /// subscribe again with `since`.
    #[graphql(complexity = "cost::PAGE + child_complexity")]
    async fn chat_message(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "Only this platform: discord, twitch, slack, irc or import.")]
        platform: Option<String>,
        #[graphql(desc = "Continue right after this message, up to 500 messages back.")]
        since: Option<ID>,
    ) -> Result<impl Stream<Item = Result<ChatMessage>> + use<>> {
        if let Some(given) = ctx.data_opt::<Given>() {
            return Ok(stream::iter(given.take()).left_stream());
        }
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let platform = platform
            .map(|name| {
                name.parse()
                    .map_err(|cause: kernel::platform::UnknownPlatform| {
                        bad_input(cause.to_string())
                    })
            })
            .transpose()?;
        let since = since.map(|id| message_id("since", &id)).transpose()?;
        let community = CommunityId(community_id);
        let services = viewer.app();
        let found = services.identity.community(viewer.actor(), community).await;
        if lookup(viewer, found)?.flatten().is_none() {
            return Err(coded(ErrorCode::NotFound, "there is no such community"));
        }
        let feed = services
            .activity
            .live(viewer.actor(), community, platform, since)
            .await
            .map_err(|cause| refused(viewer, &cause))?;
        let handover = ctx.data_opt::<Handover>();
        let following = Following {
            feed,
            community,
            start: since.map_or(Start::Now, |_| Start::Since),
            enough: handover.map_or(1, |handover| handover.enough),
            is_over: false,
        };
        let following = match handover {
            Some(handover) => {
                handover.put(following);
                None
            }
            None => Some(following.each()),
        };
        Ok(stream::iter(following).flatten().right_stream())
    }
}

/// Messages to answer with instead of following the chat: whether somebody may hear them was decided before, for each
/// who does.
pub(crate) struct Given(Mutex<Vec<Result<ChatMessage>>>);

impl Given {
    /// These, in order.
    pub(crate) fn new(messages: Vec<Result<ChatMessage>>) -> Self {
        Self(Mutex::new(messages))
    }

    fn take(&self) -> Vec<Result<ChatMessage>> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Where a subscription that has begun is taken over by whoever makes its events for all that ask the same. The
/// subscription itself then ends without any.
#[derive(Clone)]
pub(crate) struct Handover {
    place: Arc<Mutex<Option<Following>>>,
    enough: usize,
}

impl Handover {
    /// For somebody who takes so many messages at once, if they wait.
    pub(crate) fn new(enough: usize) -> Self {
        Self {
            place: Arc::default(),
            enough,
        }
    }

    fn put(&self, following: Following) {
        *self.place.lock().unwrap_or_else(PoisonError::into_inner) = Some(following);
    }

    /// What was begun; `None` if nothing was, or somebody took it.
    pub(crate) fn take(&self) -> Option<Following> {
        let mut place = self.place.lock().unwrap_or_else(PoisonError::into_inner);
        place.take()
    }
}

/// Where a feed begins, until its first message.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Start {
    /// After a message that was seen.
    Since,
    /// The same, with messages left out.
    SinceWithGap,
    /// Here, or it has begun.
    Now,
}

/// What a subscriber is told next.
pub(crate) enum Next {
    /// This, as nobody else is.
    Own(Vec<Result<ChatMessage>>),
    /// What all are told of these that it [wants](Following::wants).
    Batches(Vec<Arc<LiveBatch>>),
}

/// A subscription that has begun.
pub(crate) struct Following {
    feed: LiveFeed,
    community: CommunityId,
    start: Start,
    enough: usize,
    is_over: bool,
}

impl Following {
    /// Waits for what comes next. `None` when it is over.
    pub(crate) async fn next(&mut self) -> Option<Next> {
        while !self.is_over {
            match self.feed.hear(self.enough).await? {
                Heard::Missed(messages) => return Some(Next::Own(self.own(&messages))),
                Heard::Batches(batches) if self.start == Start::Now => {
                    return Some(Next::Batches(batches));
                }
                Heard::Batches(batches) => {
                    let all = batches.iter().flat_map(|batch| &batch.messages);
                    let wanted: Vec<_> = all.filter(|m| self.wants(m)).cloned().collect();
                    return Some(Next::Own(self.own(&wanted)));
                }
                Heard::Skipped(_) if self.start != Start::Now => {
                    self.start = Start::SinceWithGap;
                }
                Heard::Skipped(n_batches) => {
                    self.is_over = true;
                    metrics::counter!("waddlebot_graphql_slow_consumers_total").increment(1);
                    warn!(community.id = %self.community, n_batches, "a subscriber reads too slowly and is let go: {n_batches} batches of chat behind");
                    return Some(Next::Own(vec![Err(too_slow())]));
                }
            }
        }
        None
    }

    /// Whether a message of a batch is for this subscriber.
    pub(crate) fn wants(&self, message: &::activity::ChatMessage) -> bool {
        self.feed.wants(message)
    }

    /// The first messages it is told.
    fn own(&mut self, messages: &[::activity::ChatMessage]) -> Vec<Result<ChatMessage>> {
        let mut own: Vec<ChatMessage> = messages.iter().map(ChatMessage::from).collect();
        let start = std::mem::replace(&mut self.start, Start::Now);
        if let Some(first) = own.first_mut() {
            first.after_gap = start == Start::SinceWithGap;
        }
        own.into_iter().map(Ok).collect()
    }

    /// One message at a time.
    fn each(self) -> impl Stream<Item = Result<ChatMessage>> {
        let more = stream::unfold(self, |mut following| async move {
            let messages = match following.next().await? {
                Next::Own(messages) => messages,
                Next::Batches(batches) => {
                    let all = batches.iter().flat_map(|batch| &batch.messages);
                    let wanted = all.filter(|m| following.wants(m));
                    wanted.map(|message| Ok(message.into())).collect()
                }
            };
            Some((stream::iter(messages), following))
        });
        more.flatten()
    }
}

fn too_slow() -> Error {
    let why = "messages came faster than they were read: subscribe again with `since`";
    Error::new(why).extend_with(|_, extensions| extensions.set("code", "SLOW_CONSUMER"))
}
