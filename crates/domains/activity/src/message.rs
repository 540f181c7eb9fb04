//! Chat messages as people read them.

use kernel::{AccountId, Actor, CommunityId, MessageId, Permission, Platform, Timestamp, UserId};

use crate::{Activity, ActivityError, store as tables};

/// A stored message with its author's name of today.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// Its id; ascending in order of recording.
    pub id: MessageId,
    /// Where it belongs.
    pub community: CommunityId,
    /// Where it was said.
    pub platform: Platform,
    /// The channel's name.
    pub channel: String,
    /// The person.
    pub user_id: UserId,
    /// The account.
    pub account_id: AccountId,
    /// The account's name.
    pub username: String,
    /// Whether the platform marks the account as automated.
    pub is_bot: bool,
    /// What was said.
    pub text: String,
    /// When, by the platform's clock.
    pub sent_at: Timestamp,
}

impl Activity {
    /// The messages recorded last, oldest first, at most `limit` (1..=200): those before a message,
    /// or the newest. Imported history is included.
    pub async fn recent_messages(
        &self,
        actor: &Actor,
        community: CommunityId,
        platform: Option<Platform>,
        before: Option<MessageId>,
        limit: u32,
    ) -> Result<Vec<ChatMessage>, ActivityError> {
        Self::require(actor, Permission::ViewActivity, community)?;
        let limit = limit.clamp(1, 200);
        let mut rows =
            tables::message::before(self.db.read(), community, platform, before, limit).await?;
        rows.reverse();
        Ok(tables::message::with_authors(self.db.read(), rows).await?)
    }
}
