//! Rows of `webhook_message`.

use ::store::{
    StoreError,
    sea_orm::{ConnectionTrait, FromQueryResult, Value},
    sql,
};
use kernel::{CommunityId, HookMessageId, Timestamp, WebhookId};

use super::{Answer, count, status, strange, trouble};
use crate::{Message, MessageFilter, MessageState};

/// A row to insert.
pub(crate) struct New {
    pub(crate) webhook: WebhookId,
    pub(crate) community: CommunityId,
    pub(crate) public_id: String,
    pub(crate) kind: &'static str,
    pub(crate) event: Option<i64>,
    pub(crate) body: String,
    pub(crate) at: Timestamp,
}

/// What a worker needs of a message.
pub(crate) struct Task {
    pub(crate) id: HookMessageId,
    pub(crate) public_id: String,
    pub(crate) body: String,
    pub(crate) state: MessageState,
    pub(crate) attempts: i32,
    pub(crate) round: u32,
}

/// What becomes of a message.
pub(crate) struct Settled {
    pub(crate) state: MessageState,
    pub(crate) finished_at: Option<Timestamp>,
    pub(crate) due_at: Timestamp,
}

/// Inserts what is not there yet; answers id, webhook and community of what was inserted.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    rows: Vec<New>,
) -> Result<Vec<(HookMessageId, WebhookId, CommunityId)>, StoreError> {
    let rows = rows
        .into_iter()
        .map(|row| {
            vec![
                row.webhook.0.into(),
                row.community.0.into(),
                row.public_id.into(),
                row.kind.into(),
                row.event.into(),
                row.body.into(),
                MessageState::Waiting.code().into(),
                0_i32.into(),
                0_i32.into(),
                row.at.0.into(),
                row.at.0.into(),
            ]
        })
        .collect();
    let inserted = sql::insert_returning(
        conn,
        "INSERT INTO webhook_message (webhook_id, community_id, public_id, kind, event_id, body, state, attempts, \
         round, due_at, created_at)",
        rows,
        " ON CONFLICT (webhook_id, event_id) DO NOTHING RETURNING id, webhook_id, community_id",
    )
    .await?;
    inserted
        .iter()
        .map(|row| {
            Ok((
                HookMessageId(row.try_get_by_index(0)?),
                WebhookId(row.try_get_by_index(1)?),
                CommunityId(row.try_get_by_index(2)?),
            ))
        })
        .collect()
}

#[derive(FromQueryResult)]
struct TaskRow {
    id: i64,
    public_id: String,
    body: String,
    state: i16,
    attempts: i32,
    round: i32,
}

/// What a worker needs.
pub(crate) async fn task(
    conn: &impl ConnectionTrait,
    id: HookMessageId,
) -> Result<Option<Task>, StoreError> {
    let row: Option<TaskRow> = sql::one(
        conn,
        "SELECT id, public_id, body, state, attempts, round FROM webhook_message WHERE id = $1",
        vec![id.0.into()],
    )
    .await?;
    row.map(|row| {
        Ok(Task {
            id: HookMessageId(row.id),
            public_id: row.public_id,
            body: row.body,
            state: MessageState::from_code(row.state).ok_or_else(|| strange("message state"))?,
            attempts: row.attempts,
            round: count(row.round),
        })
    })
    .transpose()
}

/// Writes what a try made of a message, if it is still as the worker saw it; answers the number of
/// the try.
pub(crate) async fn settle(
    conn: &impl ConnectionTrait,
    task: &Task,
    settled: &Settled,
    (status, trouble): Answer,
) -> Result<Option<i32>, StoreError> {
    sql::optional(
        conn,
        "UPDATE webhook_message SET state = $3, attempts = attempts + 1, round = round + 1, due_at = $4, status = $5, \
         trouble = $6, finished_at = $7 WHERE id = $1 AND attempts = $2 AND state = 0 RETURNING attempts",
        vec![
            task.id.0.into(),
            task.attempts.into(),
            settled.state.code().into(),
            settled.due_at.0.into(),
            status.map(i32::from).into(),
            trouble.map(kernel::HookError::code).into(),
            settled.finished_at.map(|at| at.0).into(),
        ],
    )
    .await
}

/// Ends a message that waits without a try.
pub(crate) async fn close(
    conn: &impl ConnectionTrait,
    id: HookMessageId,
    settled: &Settled,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE webhook_message SET state = $2, finished_at = $3 WHERE id = $1 AND state = 0",
        vec![
            id.0.into(),
            settled.state.code().into(),
            settled.finished_at.map(|at| at.0).into(),
        ],
    )
    .await?;
    Ok(())
}

/// Makes what came to its end wait again; `false` if it waits.
pub(crate) async fn reopen(
    conn: &impl ConnectionTrait,
    id: HookMessageId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = sql::execute(
        conn,
        "UPDATE webhook_message SET state = 0, round = 0, due_at = $2, finished_at = NULL \
         WHERE id = $1 AND state > 0 AND body <> ''",
        vec![id.0.into(), now.0.into()],
    )
    .await?;
    Ok(changed == 1)
}

/// The same for all that failed and happened since an instant, the oldest first.
pub(crate) async fn reopen_failed(
    conn: &impl ConnectionTrait,
    webhook: WebhookId,
    (since, now): (Timestamp, Timestamp),
    limit: u32,
) -> Result<Vec<HookMessageId>, StoreError> {
    let rows = sql::rows(
        conn,
        "UPDATE webhook_message SET state = 0, round = 0, due_at = $3, finished_at = NULL WHERE state = 2 AND id IN \
         (SELECT id FROM webhook_message WHERE webhook_id = $1 AND state = 2 AND body <> '' AND created_at >= $2 \
         ORDER BY id LIMIT $4) RETURNING id",
        vec![
            webhook.0.into(),
            since.0.into(),
            now.0.into(),
            i64::from(limit).into(),
        ],
    )
    .await?;
    ids(&rows)
}

fn ids(rows: &[::store::sea_orm::QueryResult]) -> Result<Vec<HookMessageId>, StoreError> {
    rows.iter()
        .map(|row| Ok(HookMessageId(row.try_get_by_index(0)?)))
        .collect()
}

/// Those of a webhook that wait, with when they are due, the oldest first.
pub(crate) async fn waiting(
    conn: &impl ConnectionTrait,
    webhook: WebhookId,
    limit: i64,
) -> Result<Vec<(HookMessageId, Timestamp)>, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT id, due_at FROM webhook_message WHERE webhook_id = $1 AND state = 0 ORDER BY id LIMIT $2",
        vec![webhook.0.into(), limit.into()],
    )
    .await?;
    rows.iter()
        .map(|row| {
            Ok((
                HookMessageId(row.try_get_by_index(0)?),
                Timestamp(row.try_get_by_index(1)?),
            ))
        })
        .collect()
}

/// Those that wait past an instant for webhooks that are not paused.
pub(crate) async fn overdue(
    conn: &impl ConnectionTrait,
    before: Timestamp,
    limit: i64,
) -> Result<Vec<(HookMessageId, WebhookId, CommunityId)>, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT m.id, m.webhook_id, m.community_id FROM webhook_message m JOIN webhook w ON w.id = m.webhook_id \
         WHERE m.state = 0 AND m.due_at < $1 AND w.state <> 1 ORDER BY m.due_at, m.id LIMIT $2",
        vec![before.0.into(), limit.into()],
    )
    .await?;
    rows.iter()
        .map(|row| {
            Ok((
                HookMessageId(row.try_get_by_index(0)?),
                WebhookId(row.try_get_by_index(1)?),
                CommunityId(row.try_get_by_index(2)?),
            ))
        })
        .collect()
}

/// Ends those whose job is dead; answers how many.
pub(crate) async fn abandon(
    conn: &impl ConnectionTrait,
    ids: &[HookMessageId],
    now: Timestamp,
) -> Result<u64, StoreError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let mut values: Vec<Value> = vec![now.0.into()];
    values.extend(ids.iter().map(|id| Value::from(id.0)));
    sql::execute(
        conn,
        &format!(
            "UPDATE webhook_message SET state = 2, finished_at = $1 WHERE state = 0 AND id IN ({})",
            sql::in_list(2, ids.len())
        ),
        values,
    )
    .await
}

/// How many pings of a webhook are in a state.
pub(crate) async fn pings(
    conn: &impl ConnectionTrait,
    webhook: WebhookId,
    state: MessageState,
) -> Result<i64, StoreError> {
    sql::scalar(
        conn,
        "SELECT COUNT(*) FROM webhook_message WHERE webhook_id = $1 AND state = $2 AND event_id IS NULL",
        vec![webhook.0.into(), state.code().into()],
    )
    .await
}

/// Removes up to `limit` from before an instant or of removed webhooks, with their tries; answers
/// how many.
pub(crate) async fn remove(
    conn: &impl ConnectionTrait,
    before: Timestamp,
    limit: i64,
) -> Result<u64, StoreError> {
    let aged = sql::rows(
        conn,
        "SELECT id FROM webhook_message WHERE created_at < $1 ORDER BY created_at, id LIMIT $2",
        vec![before.0.into(), limit.into()],
    )
    .await?;
    let mut old = ids(&aged)?;
    if old.is_empty() {
        let orphaned = sql::rows(
            conn,
            "SELECT id FROM webhook_message WHERE webhook_id IN (SELECT id FROM webhook WHERE state = 3) LIMIT $1",
            vec![limit.into()],
        )
        .await?;
        old = ids(&orphaned)?;
    }
    for part in old.chunks(500) {
        for query in [
            "DELETE FROM webhook_attempt WHERE message_id IN",
            "DELETE FROM webhook_message WHERE id IN",
        ] {
            let values = part.iter().map(|id| Value::from(id.0)).collect();
            let query = format!("{query} ({})", sql::in_list(1, part.len()));
            sql::execute(conn, &query, values).await?;
        }
    }
    Ok(u64::try_from(old.len()).unwrap_or(u64::MAX))
}

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    webhook_id: i32,
    community_id: i32,
    public_id: String,
    kind: String,
    body: String,
    state: i16,
    attempts: i32,
    due_at: i64,
    status: Option<i32>,
    trouble: Option<i16>,
    created_at: i64,
    finished_at: Option<i64>,
}

const COLUMNS: &str = "id, webhook_id, community_id, public_id, kind, body, state, attempts, due_at, status, trouble, \
                       created_at, finished_at";

impl TryFrom<Row> for Message {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let state = MessageState::from_code(row.state).ok_or_else(|| strange("message state"))?;
        Ok(Self {
            id: HookMessageId(row.id),
            webhook: WebhookId(row.webhook_id),
            community: CommunityId(row.community_id),
            public_id: row.public_id,
            kind: row.kind,
            body: row.body,
            state,
            attempts: count(row.attempts),
            due_at: (state == MessageState::Waiting).then_some(Timestamp(row.due_at)),
            status: status(row.status),
            trouble: trouble(row.trouble),
            created_at: Timestamp(row.created_at),
            finished_at: row.finished_at.map(Timestamp),
            tries: Vec::new(),
        })
    }
}

pub(crate) async fn by_id(
    conn: &impl ConnectionTrait,
    id: HookMessageId,
) -> Result<Option<Message>, StoreError> {
    let row: Option<Row> = sql::one(
        conn,
        &format!("SELECT {COLUMNS} FROM webhook_message WHERE id = $1"),
        vec![id.0.into()],
    )
    .await?;
    row.map(Message::try_from).transpose()
}

/// A webhook's, newest first.
pub(crate) async fn list(
    conn: &impl ConnectionTrait,
    webhook: WebhookId,
    filter: MessageFilter,
    before: i64,
    limit: u64,
) -> Result<Vec<Message>, StoreError> {
    let mut values: Vec<Value> = vec![
        webhook.0.into(),
        before.into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ];
    let state = filter.state.map_or_else(String::new, |state| {
        values.push(state.code().into());
        " AND state = $4".to_owned()
    });
    let rows: Vec<Row> = sql::all(
        conn,
        &format!(
            "SELECT {COLUMNS} FROM webhook_message WHERE webhook_id = $1 AND id < $2{state} ORDER BY id DESC LIMIT $3"
        ),
        values,
    )
    .await?;
    rows.into_iter().map(Message::try_from).collect()
}
