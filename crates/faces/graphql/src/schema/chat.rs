//! Chat messages, and the subscription that delivers them as they arrive.
//!
//! Must never deliver a message the viewer may not read at that moment: the service checks again
//! while the feed runs.

use std::collections::VecDeque;

use ::activity::{LiveFeed, LiveItem};
use async_graphql::{
    ComplexObject, Context, Error, ErrorExtensions, ID, Result, SimpleObject, Subscription,
};
use futures_util::{Stream, stream};
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

/// What can be followed live.
pub(crate) struct Subscription;

/// What can be followed live.
#[Subscription]
impl Subscription {
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
        let following = Following {
            feed,
            waiting: VecDeque::new(),
            community,
            start: since.map_or(Start::Now, |_| Start::Since),
            is_over: false,
        };
        Ok(stream::unfold(following, |mut following| async move {
            let message = following.next().await?;
            Some((message, following))
        }))
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

/// A feed read one message at a time.
struct Following {
    feed: LiveFeed,
    waiting: VecDeque<::activity::ChatMessage>,
    community: CommunityId,
    start: Start,
    is_over: bool,
}

impl Following {
    async fn next(&mut self) -> Option<Result<ChatMessage>> {
        while !self.is_over {
            if let Some(message) = self.waiting.pop_front() {
                let start = std::mem::replace(&mut self.start, Start::Now);
                return Some(Ok(ChatMessage {
                    after_gap: start == Start::SinceWithGap,
                    ..(&message).into()
                }));
            }
            match self.feed.next().await? {
                LiveItem::Messages(messages) => self.waiting.extend(messages),
                LiveItem::Skipped(_) if self.start != Start::Now => {
                    self.start = Start::SinceWithGap;
                }
                LiveItem::Skipped(n_batches) => {
                    self.is_over = true;
                    metrics::counter!("waddlebot_graphql_slow_consumers_total").increment(1);
                    warn!(community.id = %self.community, n_batches, "a subscriber reads too slowly and is let go: {n_batches} batches of chat behind");
                    return Some(Err(too_slow()));
                }
            }
        }
        None
    }
}

fn too_slow() -> Error {
    let why = "messages came faster than they were read: subscribe again with `since`";
    Error::new(why).extend_with(|_, extensions| extensions.set("code", "SLOW_CONSUMER"))
}
