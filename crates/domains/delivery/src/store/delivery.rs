//! Rows of `delivery`. States are spelled out: see [`State::code`].

use ::store::{
    DomainEvent, StoreError,
    job::Priority,
    sea_orm::{ConnectionTrait, FromQueryResult, Value},
    sql,
};
use kernel::{CommunityId, DeliveryId, Medium, Order, Receipt, Timestamp};

use super::{clean, count, strange, values};
use crate::{DeliveryFilter, DeliveryView, FAILED, State};

/// A row to insert.
pub(crate) struct New {
    pub(crate) community: CommunityId,
    pub(crate) medium: Medium,
    pub(crate) address: String,
    pub(crate) body: String,
    pub(crate) key: String,
    pub(crate) state: State,
    pub(crate) priority: Priority,
    pub(crate) due_at: Timestamp,
    pub(crate) not_after: Option<Timestamp>,
    pub(crate) requested_by: String,
    pub(crate) created_at: Timestamp,
}

/// What a worker saw of a delivery: it writes only if it is still so.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(crate) state: State,
    pub(crate) attempts: i32,
}

/// What a worker needs of a delivery.
pub(crate) struct Task {
    pub(crate) id: DeliveryId,
    pub(crate) seen: Seen,
    pub(crate) priority: Priority,
    pub(crate) due_at: Timestamp,
    pub(crate) not_after: Option<Timestamp>,
    pub(crate) body: String,
}

/// What becomes of a delivery.
pub(crate) struct Change {
    pub(crate) id: DeliveryId,
    pub(crate) seen: Seen,
    pub(crate) state: State,
    pub(crate) error: Option<String>,
    pub(crate) receipt: Receipt,
}

/// Inserts what is not there yet; answers id, community and key of what was inserted.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    rows: Vec<New>,
) -> Result<Vec<(DeliveryId, CommunityId, String)>, StoreError> {
    let rows = rows
        .into_iter()
        .map(|row| {
            vec![
                row.community.0.into(),
                row.medium.code().into(),
                row.address.into(),
                row.body.into(),
                row.key.into(),
                row.state.code().into(),
                row.priority.code().into(),
                row.due_at.0.into(),
                row.not_after.map(|at| at.0).into(),
                0_i32.into(),
                false.into(),
                false.into(),
                row.requested_by.into(),
                row.created_at.0.into(),
            ]
        })
        .collect();
    let inserted = sql::insert_returning(
        conn,
        "INSERT INTO delivery (community_id, medium, address, body, idem_key, state, priority, due_at, not_after, \
         attempts, was_cut, is_confirmed, requested_by, created_at)",
        rows,
        " ON CONFLICT (community_id, idem_key) DO NOTHING RETURNING id, community_id, idem_key",
    )
    .await?;
    inserted
        .iter()
        .map(|row| {
            Ok((
                DeliveryId(row.try_get_by_index(0)?),
                CommunityId(row.try_get_by_index(1)?),
                row.try_get_by_index(2)?,
            ))
        })
        .collect()
}

/// The delivery of a key.
pub(crate) async fn by_key(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    key: &str,
) -> Result<Option<DeliveryId>, StoreError> {
    let id: Option<i64> = sql::optional(
        conn,
        "SELECT id FROM delivery WHERE community_id = $1 AND idem_key = $2",
        vec![community.0.into(), key.into()],
    )
    .await?;
    Ok(id.map(DeliveryId))
}

#[derive(FromQueryResult)]
struct TaskRow {
    state: i16,
    attempts: i32,
    priority: i16,
    due_at: i64,
    not_after: Option<i64>,
    body: String,
}

/// What a worker needs.
pub(crate) async fn task(
    conn: &impl ConnectionTrait,
    id: DeliveryId,
) -> Result<Option<Task>, StoreError> {
    let row: Option<TaskRow> = sql::one(
        conn,
        "SELECT state, attempts, priority, due_at, not_after, body FROM delivery WHERE id = $1",
        vec![id.0.into()],
    )
    .await?;
    row.map(|row| {
        Ok(Task {
            id,
            seen: Seen {
                state: State::from_code(row.state).ok_or_else(|| strange("state"))?,
                attempts: row.attempts,
            },
            priority: Priority::from_code(row.priority),
            due_at: Timestamp(row.due_at),
            not_after: row.not_after.map(Timestamp),
            body: row.body,
        })
    })
    .transpose()
}

/// Begins the next try of each that is still as it was seen; answers the numbers of the tries.
pub(crate) async fn begin(
    conn: &impl ConnectionTrait,
    tasks: &[(DeliveryId, Seen)],
) -> Result<Vec<(DeliveryId, i32)>, StoreError> {
    let rows = tasks
        .iter()
        .map(|(id, seen)| {
            vec![
                Value::from(id.0),
                seen.state.code().into(),
                seen.attempts.into(),
            ]
        })
        .collect();
    let (text, values) = values(rows);
    let begun = sql::rows(
        conn,
        &format!(
            "WITH item(item_id, seen_state, seen_attempts) AS (VALUES {text}) \
             UPDATE delivery SET state = 1, attempts = delivery.attempts + 1, finished_at = NULL FROM item \
             WHERE delivery.id = item.item_id AND delivery.state = item.seen_state \
             AND delivery.attempts = item.seen_attempts RETURNING id, attempts"
        ),
        values,
    )
    .await?;
    begun
        .iter()
        .map(|row| {
            Ok((
                DeliveryId(row.try_get_by_index(0)?),
                row.try_get_by_index(1)?,
            ))
        })
        .collect()
}

/// Writes what became of each that is still as it was seen. That a message was sent is written also
/// if another worker gave the try up meanwhile, unless that one began a new try.
pub(crate) async fn change(
    conn: &impl ConnectionTrait,
    changes: &[&Change],
    now: Timestamp,
) -> Result<(), StoreError> {
    let rows = changes
        .iter()
        .map(|change| {
            vec![
                Value::from(change.id.0),
                change.seen.state.code().into(),
                change.seen.attempts.into(),
                change.state.code().into(),
                change.error.as_deref().map(clean).into(),
                change.receipt.message_id.as_deref().map(clean).into(),
                change.receipt.was_cut.into(),
                change.receipt.is_confirmed.into(),
                change.state.is_final().then_some(now.0).into(),
            ]
        })
        .collect();
    let (text, values) = values(rows);
    sql::execute(
        conn,
        &format!(
            "WITH item(item_id, seen_state, seen_attempts, next_state, new_error, new_message, new_cut, \
             new_confirmed, new_end) AS (VALUES {text}) \
             UPDATE delivery SET state = item.next_state, last_error = item.new_error, \
             message_id = COALESCE(item.new_message, delivery.message_id), was_cut = item.new_cut, \
             is_confirmed = item.new_confirmed, finished_at = item.new_end, \
             body = CASE WHEN item.next_state IN (2, 4, 6) THEN '' ELSE delivery.body END FROM item \
             WHERE delivery.id = item.item_id AND delivery.attempts = item.seen_attempts \
             AND (delivery.state = item.seen_state OR (item.next_state = 2 AND delivery.state IN (0, 5)))"
        ),
        values,
    )
    .await?;
    Ok(())
}

/// What is told of those that are about to end badly.
pub(crate) async fn ending_badly(
    conn: &impl ConnectionTrait,
    changes: &[&Change],
) -> Result<Vec<DomainEvent>, StoreError> {
    let is_bad = |change: &&&Change| {
        matches!(
            change.state,
            State::Failed | State::Expired | State::Unknown
        )
    };
    let bad: Vec<&&Change> = changes.iter().filter(is_bad).collect();
    if bad.is_empty() {
        return Ok(Vec::new());
    }
    let query = format!(
        "SELECT id, community_id, medium, state, attempts FROM delivery WHERE id IN ({})",
        sql::in_list(1, bad.len())
    );
    let values = bad.iter().map(|change| change.id.0.into()).collect();
    let mut events = Vec::with_capacity(bad.len());
    for row in sql::rows(conn, &query, values).await? {
        let id: i64 = row.try_get_by_index(0)?;
        let (community, medium): (i32, i16) = (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        let (state, attempts): (i16, i32) = (row.try_get_by_index(3)?, row.try_get_by_index(4)?);
        let is_seen = |change: &&&&Change| {
            change.id.0 == id
                && change.seen.state.code() == state
                && change.seen.attempts == attempts
        };
        let (Some(change), Some(medium)) = (bad.iter().find(is_seen), Medium::from_code(medium))
        else {
            continue;
        };
        events.push(DomainEvent {
            kind: FAILED,
            community: Some(CommunityId(community)),
            payload: serde_json::json!({
                "community": community, "delivery": id, "medium": medium.as_str(),
                "state": change.state.as_str(),
            }),
        });
    }
    Ok(events)
}

/// Cancels what waits; `false` if it does not wait.
pub(crate) async fn cancel(
    conn: &impl ConnectionTrait,
    id: DeliveryId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = sql::execute(
        conn,
        "UPDATE delivery SET state = 6, body = '', finished_at = $1 WHERE id = $2 AND state = 0",
        vec![now.0.into(), id.0.into()],
    )
    .await?;
    Ok(changed == 1)
}

/// Makes what failed or is unknown wait again; `false` if it is neither.
pub(crate) async fn reopen(
    conn: &impl ConnectionTrait,
    id: DeliveryId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = sql::execute(
        conn,
        "UPDATE delivery SET state = 0, due_at = $1, finished_at = NULL WHERE id = $2 AND state IN (3, 5) \
         AND body <> ''",
        vec![now.0.into(), id.0.into()],
    )
    .await?;
    Ok(changed == 1)
}

/// Ends those that still wait, which have failed, or are under way, whose fate is unknown; answers
/// how many.
pub(crate) async fn abandon(
    conn: &impl ConnectionTrait,
    ids: &[DeliveryId],
    reason: &str,
    now: Timestamp,
) -> Result<u64, StoreError> {
    if ids.is_empty() {
        return Ok(0);
    }
    let mut values: Vec<Value> = vec![clean(reason).into(), now.0.into()];
    values.extend(ids.iter().map(|id| Value::from(id.0)));
    sql::execute(
        conn,
        &format!(
            "UPDATE delivery SET state = CASE WHEN state = 1 THEN 5 ELSE 3 END, last_error = $1, finished_at = $2 \
             WHERE state IN (0, 1) AND id IN ({})",
            sql::in_list(3, ids.len())
        ),
        values,
    )
    .await
}

/// Removes up to `limit` that came to their end before an instant, with their tries; answers how
/// many.
pub(crate) async fn remove(
    conn: &impl ConnectionTrait,
    before: Timestamp,
    limit: i64,
) -> Result<u64, StoreError> {
    let old = "SELECT id FROM delivery WHERE finished_at IS NOT NULL AND finished_at < $1 \
               ORDER BY finished_at, id LIMIT $2";
    let values = || vec![before.0.into(), limit.into()];
    let tries = format!("DELETE FROM delivery_attempt WHERE delivery_id IN ({old})");
    sql::execute(conn, &tries, values()).await?;
    let removed = format!("DELETE FROM delivery WHERE id IN ({old})");
    sql::execute(conn, &removed, values()).await
}

#[derive(FromQueryResult)]
struct ViewRow {
    id: i64,
    community_id: i32,
    medium: i16,
    address: String,
    body: String,
    idem_key: String,
    state: i16,
    priority: i16,
    due_at: i64,
    not_after: Option<i64>,
    attempts: i32,
    message_id: Option<String>,
    was_cut: bool,
    is_confirmed: bool,
    last_error: Option<String>,
    requested_by: String,
    created_at: i64,
    finished_at: Option<i64>,
}

const COLUMNS: &str = "id, community_id, medium, address, body, idem_key, state, priority, due_at, not_after, attempts, \
                       message_id, was_cut, is_confirmed, last_error, requested_by, created_at, finished_at";

impl TryFrom<ViewRow> for DeliveryView {
    type Error = StoreError;

    fn try_from(row: ViewRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: DeliveryId(row.id),
            community: CommunityId(row.community_id),
            medium: Medium::from_code(row.medium).ok_or_else(|| strange("medium"))?,
            address: serde_json::from_str(&row.address)
                .ok()
                .ok_or_else(|| strange("address"))?,
            key: row.idem_key,
            draft: serde_json::from_str::<Order>(&row.body)
                .ok()
                .map(|order| order.draft),
            state: State::from_code(row.state).ok_or_else(|| strange("state"))?,
            priority: Priority::from_code(row.priority),
            due_at: Timestamp(row.due_at),
            not_after: row.not_after.map(Timestamp),
            attempts: count(row.attempts),
            message_id: row.message_id,
            was_cut: row.was_cut,
            is_confirmed: row.is_confirmed,
            last_error: row.last_error,
            requested_by: row.requested_by,
            created_at: Timestamp(row.created_at),
            finished_at: row.finished_at.map(Timestamp),
            tries: Vec::new(),
        })
    }
}

/// One as people see it.
pub(crate) async fn view(
    conn: &impl ConnectionTrait,
    id: DeliveryId,
) -> Result<Option<DeliveryView>, StoreError> {
    let row: Option<ViewRow> = sql::one(
        conn,
        &format!("SELECT {COLUMNS} FROM delivery WHERE id = $1"),
        vec![id.0.into()],
    )
    .await?;
    row.map(DeliveryView::try_from).transpose()
}

/// Whose some deliveries are.
pub(crate) async fn communities(
    conn: &impl ConnectionTrait,
    ids: &[DeliveryId],
) -> Result<Vec<(DeliveryId, CommunityId)>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for part in ids.chunks(500) {
        let query = format!(
            "SELECT id, community_id FROM delivery WHERE id IN ({})",
            sql::in_list(1, part.len())
        );
        for row in sql::rows(conn, &query, part.iter().map(|id| id.0.into()).collect()).await? {
            let community = CommunityId(row.try_get_by_index(1)?);
            found.push((DeliveryId(row.try_get_by_index(0)?), community));
        }
    }
    Ok(found)
}

/// A community's, newest first.
pub(crate) async fn list(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    filter: DeliveryFilter,
    before: i64,
    limit: u64,
) -> Result<Vec<DeliveryView>, StoreError> {
    let mut values: Vec<Value> = vec![
        community.0.into(),
        before.into(),
        i64::try_from(limit).unwrap_or(i64::MAX).into(),
    ];
    // Each condition only where it is asked for, so that each text has its index.
    let mut condition = |column: &str, code: Option<i16>| {
        code.map_or_else(String::new, |code| {
            values.push(code.into());
            format!(" AND {column} = ${}", values.len())
        })
    };
    let state = condition("state", filter.state.map(State::code));
    let medium = condition("medium", filter.medium.map(Medium::code));
    let rows: Vec<ViewRow> = sql::all(
        conn,
        &format!(
            "SELECT {COLUMNS} FROM delivery WHERE community_id = $1 AND id < $2{state}{medium} ORDER BY id DESC LIMIT $3"
        ),
        values,
    )
    .await?;
    rows.into_iter().map(DeliveryView::try_from).collect()
}
