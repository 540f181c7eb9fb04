//! Reading and removing rows of `message`.

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, MessageId, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::platform as platform_of;
use crate::{ChatMessage, message::MessageQuery};

#[derive(FromQueryResult)]
pub(crate) struct Row {
    id: i64,
    community_id: i32,
    platform: i16,
    channel: String,
    account_id: i64,
    sent_at: i64,
    text: String,
}

impl Row {
    pub(crate) const fn id(&self) -> MessageId {
        MessageId(self.id)
    }

    pub(crate) const fn community(&self) -> CommunityId {
        CommunityId(self.community_id)
    }
}

const COLUMNS: &str = "SELECT m.id, m.community_id, m.platform, c.name AS channel, m.account_id, m.sent_at, m.text \
                       FROM message m JOIN channel c ON c.id = m.channel_id";

pub(crate) async fn by_ids(
    conn: &impl ConnectionTrait,
    ids: &[MessageId],
) -> Result<Vec<Row>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for part in ids.chunks(500) {
        let query = format!("{COLUMNS} WHERE m.id IN ({})", sql::in_list(1, part.len()));
        let values = part.iter().map(|id| id.0.into()).collect();
        found.extend(sql::all::<Row>(conn, &query, values).await?);
    }
    Ok(found)
}

/// What an account said last in a community, the newest first.
pub(crate) async fn of_account(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    account: AccountId,
    limit: u32,
) -> Result<Vec<Row>, StoreError> {
    let query = format!(
        "{COLUMNS} WHERE m.account_id = $1 AND m.community_id = $2 \
         ORDER BY m.sent_at DESC, m.id DESC LIMIT {limit}"
    );
    sql::all(conn, &query, vec![account.0.into(), community.0.into()]).await
}

/// The newest of each of some communities, oldest first.
pub(crate) async fn before(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
    query: MessageQuery,
) -> Result<Vec<Row>, StoreError> {
    let mut values: Vec<Value> = communities.iter().map(|id| id.0.into()).collect();
    let n = values.len();
    values.push(query.before.map_or(i64::MAX, |id| id.0).into());
    values.push(i64::from(query.limit.clamp(1, 200)).into());
    let (before, limit) = (n + 1, n + 2);
    let platform = match query.platform {
        Some(platform) => {
            values.push(platform.code().into());
            format!(" AND m.platform = ${}", n + 3)
        }
        None => String::new(),
    };
    let newest = sql::union(n, |community| {
        format!(
            "{COLUMNS} WHERE m.community_id = ${community} AND m.id < ${before}{platform} \
             ORDER BY m.id DESC LIMIT ${limit}"
        )
    });
    sql::all(
        conn,
        &format!("SELECT p.* FROM ({newest}) AS p ORDER BY p.id"),
        values,
    )
    .await
}

/// Live messages after an id, oldest first.
pub(crate) async fn live_after(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    after: MessageId,
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    sql::all(
        conn,
        &format!("{COLUMNS} WHERE m.community_id = $1 AND m.id > $2 AND NOT m.imported ORDER BY m.id LIMIT $3"),
        vec![community.0.into(), after.0.into(), limit.into()],
    )
    .await
}

/// The newest live messages after an id, oldest first, at most `limit`.
pub(crate) async fn newest_live_after(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    after: MessageId,
    limit: i64,
) -> Result<Vec<Row>, StoreError> {
    let mut rows: Vec<Row> = sql::all(
        conn,
        &format!("{COLUMNS} WHERE m.community_id = $1 AND m.id > $2 AND NOT m.imported ORDER BY m.id DESC LIMIT $3"),
        vec![community.0.into(), after.0.into(), limit.into()],
    )
    .await?;
    rows.reverse();
    Ok(rows)
}

/// The newest id of a community; 0 without messages.
pub(crate) async fn last_id(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<MessageId, StoreError> {
    let id: Option<i64> = sql::optional(
        conn,
        "SELECT id FROM message WHERE community_id = $1 ORDER BY id DESC LIMIT 1",
        vec![community.0.into()],
    )
    .await?;
    Ok(MessageId(id.unwrap_or(0)))
}

/// Adds the authors' names to rows.
pub(crate) async fn with_authors(
    conn: &impl ConnectionTrait,
    rows: Vec<Row>,
) -> Result<Vec<ChatMessage>, StoreError> {
    let mut ids: Vec<AccountId> = rows.iter().map(|row| AccountId(row.account_id)).collect();
    ids.sort_unstable();
    ids.dedup();
    let authors = identity::accounts_by_id(conn, &ids).await?;
    rows.into_iter()
        .map(|row| {
            let author = authors.get(&AccountId(row.account_id));
            Ok(ChatMessage {
                id: MessageId(row.id),
                community: CommunityId(row.community_id),
                platform: platform_of(row.platform)?,
                channel: row.channel,
                user_id: author.map_or(UserId(0), |a| a.user),
                account_id: AccountId(row.account_id),
                username: author.map_or_else(|| "?".to_owned(), |a| a.username.clone()),
                is_bot: author.is_some_and(|a| a.is_bot),
                text: row.text,
                sent_at: Timestamp(row.sent_at),
            })
        })
        .collect()
}

/// Removes up to `limit` messages older than a cutoff; answers how many.
pub(crate) async fn purge(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    cutoff: Timestamp,
    include_imported: bool,
    limit: i64,
) -> Result<u64, StoreError> {
    // A literal predicate: a bound one would not match the partial index.
    let live_only = if include_imported {
        ""
    } else {
        "AND NOT imported"
    };
    sql::execute(
        conn,
        &format!(
            "DELETE FROM message WHERE id IN (SELECT id FROM message \
             WHERE community_id = $1 AND sent_at < $2 {live_only} LIMIT $3)"
        ),
        vec![community.0.into(), cutoff.0.into(), limit.into()],
    )
    .await
}

/// How many live messages are older than a cutoff, counted up to `limit`.
pub(crate) async fn count_before(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    cutoff: Timestamp,
    limit: i64,
) -> Result<u64, StoreError> {
    let n: i64 = sql::scalar(
        conn,
        "SELECT COUNT(*) FROM (SELECT id FROM message \
         WHERE community_id = $1 AND sent_at < $2 AND NOT imported LIMIT $3) AS old",
        vec![community.0.into(), cutoff.0.into(), limit.into()],
    )
    .await?;
    Ok(super::count(n))
}
