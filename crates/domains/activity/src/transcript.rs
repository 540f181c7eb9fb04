//! Messages in the order in which they were recorded, for the domains above that go through all of them, and what is to
//! be known of whoever wrote them. They authorise before they ask.
//!
//! Must never hand out more rows at once than was asked for.

use std::collections::HashMap;

use ::store::StoreError;
use kernel::{AccountId, CommunityId, MessageId, Timestamp, UserId};
use sea_orm::ConnectionTrait;

use crate::store::transcript as table;

/// A message as it was recorded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    /// Its id; ascending in the order of recording.
    pub id: MessageId,
    /// Where it belongs.
    pub community: CommunityId,
    /// The channel: the same number for the same channel.
    pub channel: i64,
    /// Who said it.
    pub account: AccountId,
    /// When, by the platform's clock.
    pub sent_at: Timestamp,
    /// What was said.
    pub text: String,
    /// Accounts it mentions.
    pub n_mentions: u32,
    /// Embeds and attachments.
    pub n_embeds: u32,
    /// Whether it answers another message.
    pub is_reply: bool,
}

/// The message that was recorded last. On a server others may still be recording ones with smaller ids.
pub async fn last_message(conn: &impl ConnectionTrait) -> Result<MessageId, StoreError> {
    table::last(conn).await
}

/// Messages with `after < id <= until`, in their order.
pub async fn messages_after(
    conn: &impl ConnectionTrait,
    after: MessageId,
    until: MessageId,
    limit: u32,
) -> Result<Vec<Said>, StoreError> {
    table::between(conn, None, (after, until), limit).await
}

/// The same of one community.
pub async fn said_in(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    after: MessageId,
    until: MessageId,
    limit: u32,
) -> Result<Vec<Said>, StoreError> {
    table::between(conn, Some(community), (after, until), limit).await
}

/// How often accounts were warned, timed out, kicked or banned, by community; who never was is left out.
pub async fn moderations(
    conn: &impl ConnectionTrait,
    accounts: &[AccountId],
) -> Result<HashMap<(CommunityId, AccountId), u32>, StoreError> {
    table::moderations(conn, accounts).await
}

/// When people were first seen in the community beside them; who never was is left out.
pub async fn first_seen(
    conn: &impl ConnectionTrait,
    seats: &[(CommunityId, UserId)],
) -> Result<HashMap<(CommunityId, UserId), Timestamp>, StoreError> {
    crate::store::member::first_at(conn, seats).await
}
