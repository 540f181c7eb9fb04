//! What a person sees of the messages of a webhook and of the tries of each.

use kernel::{
    Actor, CommunityId, Cursor, HookError, HookMessageId, Page, PageRequest, Timestamp, WebhookId,
};

use crate::{WebhookError, Webhooks, change::found, endpoint::may_manage, store as tables};

/// Where a message is in its life.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MessageState {
    /// Waits for its first or next try, or for its webhook to go on.
    Waiting,
    /// It arrived.
    Delivered,
    /// Every try failed, or its webhook was switched off.
    Failed,
}

impl MessageState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Waiting, Self::Delivered, Self::Failed];

    /// The number stored in the database, which statements spell out. Never renumber.
    pub const fn code(self) -> i16 {
        match self {
            Self::Waiting => 0,
            Self::Delivered => 1,
            Self::Failed => 2,
        }
    }

    /// The state of a stored number.
    pub fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delivered => "delivered",
            Self::Failed => "failed",
        }
    }

    /// The state of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }
}

/// One try.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attempt {
    /// Which, from 1.
    pub n: u32,
    /// When the call began.
    pub begun_at: Timestamp,
    /// How long it took, in milliseconds.
    pub took_ms: u32,
    /// The status of the answer.
    pub status: Option<u16>,
    /// Why there was none.
    pub trouble: Option<HookError>,
    /// The beginning of the answer, at most 1 KiB.
    pub excerpt: String,
}

/// A message.
#[derive(Clone, PartialEq, Eq)]
pub struct Message {
    /// Its id here.
    pub id: HookMessageId,
    /// Whose it is.
    pub webhook: WebhookId,
    /// Of which community.
    pub community: CommunityId,
    /// Its id as the receiver knows it: the header `webhook-id`.
    pub public_id: String,
    /// The kind of event.
    pub kind: String,
    /// The body as it is sent; empty once somebody in it was erased.
    pub body: String,
    /// Where it is in its life.
    pub state: MessageState,
    /// Tries so far.
    pub attempts: u32,
    /// When it is tried next, while it waits.
    pub due_at: Option<Timestamp>,
    /// The status of the last answer.
    pub status: Option<u16>,
    /// Why there was none.
    pub trouble: Option<HookError>,
    /// When it happened.
    pub created_at: Timestamp,
    /// When it arrived or failed.
    pub finished_at: Option<Timestamp>,
    /// Its tries, newest first, at most 50; empty in lists.
    pub tries: Vec<Attempt>,
}

impl std::fmt::Debug for Message {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Message")
            .field("id", &self.id)
            .field("kind", &self.kind)
            .field("state", &self.state)
            .field("attempts", &self.attempts)
            .finish_non_exhaustive()
    }
}

/// Which messages to list.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct MessageFilter {
    /// Only those in this state.
    pub state: Option<MessageState>,
}

impl Webhooks {
    /// A webhook's messages, newest first.
    pub async fn messages(
        &self,
        actor: &Actor,
        webhook: WebhookId,
        filter: MessageFilter,
        page: &PageRequest,
    ) -> Result<Page<Message>, WebhookError> {
        found(self.webhook(actor, webhook).await?)?;
        let before = page.cursor().map_or(i64::MAX, |cursor| cursor.id);
        let rows =
            tables::message::list(self.db.read(), webhook, filter, before, page.fetch()).await?;
        Ok(Page::from_rows(rows, page, |row: &Message| Cursor {
            key: String::new(),
            id: row.id.0,
        }))
    }

    /// A message with its tries; `None` if absent or not to be known of.
    pub async fn message(
        &self,
        actor: &Actor,
        id: HookMessageId,
    ) -> Result<Option<Message>, WebhookError> {
        let Some(mut message) = tables::message::by_id(self.db.read(), id).await? else {
            return Ok(None);
        };
        let webhook = tables::webhook::by_id(self.db.read(), message.webhook).await?;
        if !webhook.is_some_and(|webhook| may_manage(actor, &webhook)) {
            return Ok(None);
        }
        message.tries = tables::attempt::of_message(self.db.read(), id).await?;
        Ok(Some(message))
    }
}
