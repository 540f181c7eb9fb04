//! Chat messages as people read them.

use std::collections::HashMap;

use kernel::{AccountId, Actor, CommunityId, MessageId, Permission, Platform, Timestamp, UserId};

use crate::{Activity, ActivityError, OfEach, UNION_MAX, store as tables};

/// Which messages of a community are asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct MessageQuery {
    /// Only those of a platform.
    pub platform: Option<Platform>,
    /// Only those before a message.
    pub before: Option<MessageId>,
    /// How many, 1..=200.
    pub limit: u32,
}

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
        let query = MessageQuery {
            platform,
            before,
            limit,
        };
        self.latest(&[community], query).await
    }

    /// The same of several communities, asked for at once.
    pub async fn recent_messages_of(
        &self,
        actor: &Actor,
        communities: &[CommunityId],
        query: MessageQuery,
    ) -> Result<OfEach<Vec<ChatMessage>>, ActivityError> {
        let (allowed, denied) = actor.sort_out(Permission::ViewActivity, communities);
        let mut found: OfEach<Vec<ChatMessage>> =
            denied.into_iter().map(|(id, why)| (id, Err(why))).collect();
        found.extend(allowed.iter().map(|id| (*id, Ok(Vec::new()))));
        for part in allowed.chunks(UNION_MAX) {
            for message in self.latest(part, query).await? {
                if let Some(Ok(messages)) = found.get_mut(&message.community) {
                    messages.push(message);
                }
            }
        }
        Ok(found)
    }

    /// What an account said last in a community, the newest first, at most `limit` (1..=200): for those who decide about it.
    pub async fn messages_of_account(
        &self,
        actor: &Actor,
        community: CommunityId,
        account: AccountId,
        limit: u32,
    ) -> Result<Vec<ChatMessage>, ActivityError> {
        Self::require(actor, Permission::ViewMembers, community)?;
        let limit = limit.clamp(1, 200);
        let rows = tables::message::of_account(self.db.read(), community, account, limit).await?;
        Ok(tables::message::with_authors(self.db.read(), rows).await?)
    }

    /// Several messages by their ids; those that are absent or not to be known of are left out.
    pub async fn messages_by_id(
        &self,
        actor: &Actor,
        ids: &[MessageId],
    ) -> Result<HashMap<MessageId, ChatMessage>, ActivityError> {
        let mut rows = tables::message::by_ids(self.db.read(), ids).await?;
        let may = |id| actor.require(Permission::ViewActivity, id).is_ok();
        rows.retain(|row| may(row.community()));
        let found = tables::message::with_authors(self.db.read(), rows).await?;
        Ok(found
            .into_iter()
            .map(|message| (message.id, message))
            .collect())
    }

    async fn latest(
        &self,
        communities: &[CommunityId],
        query: MessageQuery,
    ) -> Result<Vec<ChatMessage>, ActivityError> {
        let rows = tables::message::before(self.db.read(), communities, query).await?;
        Ok(tables::message::with_authors(self.db.read(), rows).await?)
    }
}
