//! Reading messages one after the other.

use std::collections::HashMap;

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, MessageId, Timestamp, event::EventTag};
use sea_orm::{ConnectionTrait, Value};

use crate::Said;

/// Accounts in one list.
const IN_MAX: usize = 512;

/// What moderators do to somebody.
const MODERATION: [EventTag; 4] = [
    EventTag::Warn,
    EventTag::Timeout,
    EventTag::Kick,
    EventTag::Ban,
];

pub(crate) async fn last(conn: &impl ConnectionTrait) -> Result<MessageId, StoreError> {
    let id: i64 = sql::scalar(
        conn,
        "SELECT COALESCE((SELECT id FROM message ORDER BY id DESC LIMIT 1), CAST(0 AS bigint))",
        vec![],
    )
    .await?;
    Ok(MessageId(id))
}

/// Messages after one and up to another, in their order.
pub(crate) async fn between(
    conn: &impl ConnectionTrait,
    community: Option<CommunityId>,
    (after, until): (MessageId, MessageId),
    limit: u32,
) -> Result<Vec<Said>, StoreError> {
    let mut values: Vec<Value> = vec![after.0.into(), until.0.into(), i64::from(limit).into()];
    let here = match community {
        Some(community) => {
            values.push(community.0.into());
            "AND community_id = $4"
        }
        None => "",
    };
    let query = format!(
        "SELECT id, community_id, channel_id, account_id, sent_at, text, n_mentions, n_embeds, \
         reply_to IS NOT NULL FROM message WHERE id > $1 AND id <= $2 {here} ORDER BY id LIMIT $3"
    );
    let rows = sql::rows(conn, &query, values).await?;
    let mut found = Vec::with_capacity(rows.len());
    let count = |n: i32| u32::try_from(n).unwrap_or(0);
    for row in rows {
        found.push(Said {
            id: MessageId(row.try_get_by_index(0)?),
            community: CommunityId(row.try_get_by_index(1)?),
            channel: row.try_get_by_index(2)?,
            account: AccountId(row.try_get_by_index(3)?),
            sent_at: Timestamp(row.try_get_by_index(4)?),
            text: row.try_get_by_index(5)?,
            n_mentions: count(row.try_get_by_index(6)?),
            n_embeds: count(row.try_get_by_index(7)?),
            is_reply: row.try_get_by_index(8)?,
        });
    }
    Ok(found)
}

pub(crate) async fn moderations(
    conn: &impl ConnectionTrait,
    accounts: &[AccountId],
) -> Result<HashMap<(CommunityId, AccountId), u32>, StoreError> {
    let kinds = MODERATION.map(|tag| tag.code().to_string()).join(", ");
    let mut found = HashMap::new();
    for part in sql::parts(accounts, IN_MAX) {
        let query = format!(
            "SELECT community_id, account_id, COUNT(*) FROM chat_event WHERE account_id IN ({}) \
             AND kind IN ({kinds}) GROUP BY community_id, account_id",
            sql::marks(conn, 1, part.len())
        );
        let values = part.iter().map(|account| account.0.into()).collect();
        for row in sql::rows(conn, &query, values).await? {
            let seat = (
                CommunityId(row.try_get_by_index(0)?),
                AccountId(row.try_get_by_index(1)?),
            );
            let n: i64 = row.try_get_by_index(2)?;
            found.insert(seat, u32::try_from(n).unwrap_or(u32::MAX));
        }
    }
    Ok(found)
}
