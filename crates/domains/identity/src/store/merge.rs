//! Rows of `merge_request` and `merge_memento`.

use ::store::{StoreError, sql};
use kernel::{MergeId, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};
use serde_json::Value;

use crate::{Merge, MergeConsent, MergeOrigin, MergeSide, MergeState};

#[derive(FromQueryResult)]
struct Row {
    id: i32,
    kept_id: i32,
    merged_id: i32,
    origin: i16,
    state: i16,
    requested_by: i32,
    requested_at: i64,
    expires_at: i64,
    kept_by: Option<i32>,
    kept_at: Option<i64>,
    merged_by: Option<i32>,
    merged_at: Option<i64>,
    settled_at: Option<i64>,
}

impl TryFrom<Row> for Merge {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let unknown = || StoreError::Data(format!("merge request {}: unknown code", row.id));
        let consent = |by: Option<i32>, at: Option<i64>| {
            let (by, at) = (UserId(by?), Timestamp(at?));
            Some(MergeConsent { by, at })
        };
        Ok(Self {
            id: MergeId(row.id),
            kept: UserId(row.kept_id),
            merged: UserId(row.merged_id),
            origin: MergeOrigin::from_code(row.origin).ok_or_else(unknown)?,
            state: MergeState::from_code(row.state).ok_or_else(unknown)?,
            requested_by: UserId(row.requested_by),
            requested_at: Timestamp(row.requested_at),
            expires_at: Timestamp(row.expires_at),
            kept_consent: consent(row.kept_by, row.kept_at),
            merged_consent: consent(row.merged_by, row.merged_at),
            settled_at: row.settled_at.map(Timestamp),
        })
    }
}

const SELECT: &str = "SELECT id, kept_id, merged_id, origin, state, requested_by, requested_at, \
     expires_at, kept_by, kept_at, merged_by, merged_at, settled_at FROM merge_request";

/// A request to write down.
pub(crate) struct New {
    pub(crate) kept: UserId,
    pub(crate) merged: UserId,
    pub(crate) origin: MergeOrigin,
    pub(crate) by: UserId,
    pub(crate) expires_at: Timestamp,
}

/// Inserts a request. Fails as a duplicate if the two have an open one.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    new: &New,
    now: Timestamp,
) -> Result<MergeId, StoreError> {
    let id: i32 = sql::scalar(
        conn,
        "INSERT INTO merge_request (kept_id, merged_id, low_id, high_id, origin, state, \
           requested_by, requested_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8) RETURNING id",
        vec![
            new.kept.0.into(),
            new.merged.0.into(),
            new.kept.min(new.merged).0.into(),
            new.kept.max(new.merged).0.into(),
            new.origin.code().into(),
            new.by.0.into(),
            now.0.into(),
            new.expires_at.0.into(),
        ],
    )
    .await?;
    Ok(MergeId(id))
}

pub(crate) async fn by_id(
    conn: &impl ConnectionTrait,
    id: MergeId,
) -> Result<Option<Merge>, StoreError> {
    let row: Option<Row> =
        sql::one(conn, &format!("{SELECT} WHERE id = $1"), vec![id.0.into()]).await?;
    row.map(Merge::try_from).transpose()
}

/// The open request of two people, whoever is kept.
pub(crate) async fn open(
    conn: &impl ConnectionTrait,
    one: UserId,
    other: UserId,
) -> Result<Option<Merge>, StoreError> {
    let row: Option<Row> = sql::one(
        conn,
        &format!("{SELECT} WHERE low_id = $1 AND high_id = $2 AND state = 1"),
        vec![one.min(other).0.into(), one.max(other).0.into()],
    )
    .await?;
    row.map(Merge::try_from).transpose()
}

/// Newest first, at most 100.
pub(crate) async fn of_user(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Vec<Merge>, StoreError> {
    let rows: Vec<Row> = sql::all(
        conn,
        &format!("{SELECT} WHERE kept_id = $1 OR merged_id = $1 ORDER BY id DESC LIMIT 100"),
        vec![user.0.into()],
    )
    .await?;
    rows.into_iter().map(Merge::try_from).collect()
}

/// Everybody's, newest first, at most 200.
pub(crate) async fn all(conn: &impl ConnectionTrait) -> Result<Vec<Merge>, StoreError> {
    let rows: Vec<Row> = sql::all(
        conn,
        &format!("{SELECT} ORDER BY id DESC LIMIT 200"),
        vec![],
    )
    .await?;
    rows.into_iter().map(Merge::try_from).collect()
}

/// Writes down that a side confirmed; whether it had not.
pub(crate) async fn consent(
    conn: &impl ConnectionTrait,
    id: MergeId,
    side: MergeSide,
    by: UserId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let statement = match side {
        MergeSide::Kept => {
            "UPDATE merge_request SET kept_by = $2, kept_at = $3 \
             WHERE id = $1 AND state = 1 AND kept_at IS NULL"
        }
        MergeSide::Merged => {
            "UPDATE merge_request SET merged_by = $2, merged_at = $3 \
             WHERE id = $1 AND state = 1 AND merged_at IS NULL"
        }
    };
    let values = vec![id.0.into(), by.0.into(), now.0.into()];
    Ok(sql::execute(conn, statement, values).await? == 1)
}

/// Brings an open request to its end; of several at once exactly one succeeds.
pub(crate) async fn settle(
    conn: &impl ConnectionTrait,
    id: MergeId,
    state: MergeState,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE merge_request SET state = $2, settled_at = $3 WHERE id = $1 AND state = 1",
        vec![id.0.into(), state.code().into(), now.0.into()],
    )
    .await?;
    Ok(n == 1)
}

/// Marks a done merge undone; of several at once exactly one succeeds.
pub(crate) async fn undo(
    conn: &impl ConnectionTrait,
    id: MergeId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE merge_request SET state = 3, undone_at = $2 WHERE id = $1 AND state = 2",
        vec![id.0.into(), now.0.into()],
    )
    .await?;
    Ok(n == 1)
}

/// Rejects every open request of a person.
pub(crate) async fn reject_of(
    conn: &impl ConnectionTrait,
    user: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE merge_request SET state = 4, settled_at = $2 \
         WHERE state = 1 AND (kept_id = $1 OR merged_id = $1)",
        vec![user.0.into(), now.0.into()],
    )
    .await?;
    Ok(())
}

/// Whether one of two people took part in a merge that was done after another one and still is.
pub(crate) async fn is_followed(
    conn: &impl ConnectionTrait,
    merge: &Merge,
) -> Result<bool, StoreError> {
    let n: i64 = sql::scalar(
        conn,
        "SELECT COUNT(*) FROM merge_request WHERE state = 2 AND id <> $1 AND settled_at >= $4 \
         AND (kept_id IN ($2, $3) OR merged_id IN ($2, $3))",
        vec![
            merge.id.0.into(),
            merge.kept.0.into(),
            merge.merged.0.into(),
            merge.settled_at.map_or(0, |at| at.0).into(),
        ],
    )
    .await?;
    Ok(n > 0)
}

/// Whether the deletion of one of two people was asked for.
pub(crate) async fn is_leaving(
    conn: &impl ConnectionTrait,
    one: UserId,
    other: UserId,
) -> Result<bool, StoreError> {
    let n: i64 = sql::scalar(
        conn,
        "SELECT COUNT(*) FROM erasure WHERE user_id IN ($1, $2)",
        vec![one.0.into(), other.0.into()],
    )
    .await?;
    Ok(n > 0)
}

pub(crate) async fn put_memento(
    conn: &impl ConnectionTrait,
    id: MergeId,
    domain: &str,
    memento: &Value,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO merge_memento (merge_id, domain, memento) VALUES ($1, $2, $3)",
        vec![id.0.into(), domain.into(), memento.to_string().into()],
    )
    .await?;
    Ok(())
}

/// Takes a domain's memento out.
pub(crate) async fn take_memento(
    conn: &impl ConnectionTrait,
    id: MergeId,
    domain: &str,
) -> Result<Value, StoreError> {
    let broken = || StoreError::Data(format!("merge {id}: the memento of {domain} is not there"));
    let memento = take_memento_if_any(conn, id, domain).await?;
    memento.ok_or_else(broken)
}

/// The same; `None` if the domain was not there yet when the two were merged.
pub(crate) async fn take_memento_if_any(
    conn: &impl ConnectionTrait,
    id: MergeId,
    domain: &str,
) -> Result<Option<Value>, StoreError> {
    let text: Option<String> = sql::optional(
        conn,
        "DELETE FROM merge_memento WHERE merge_id = $1 AND domain = $2 RETURNING memento",
        vec![id.0.into(), domain.into()],
    )
    .await?;
    let broken = || StoreError::Data(format!("merge {id}: the memento of {domain} does not read"));
    let read = |text: String| serde_json::from_str(&text).map_err(|_unreadable| broken());
    text.map(read).transpose()
}

/// Marks what ran out, and removes the mementos of merges done so long ago that they stay.
pub(crate) async fn sweep(
    conn: &impl ConnectionTrait,
    now: Timestamp,
    undoable_since: Timestamp,
) -> Result<u64, StoreError> {
    let expired = sql::execute(
        conn,
        "UPDATE merge_request SET state = 5 WHERE state = 1 AND expires_at <= $1",
        vec![now.0.into()],
    )
    .await?;
    let removed = sql::execute(
        conn,
        "DELETE FROM merge_memento WHERE merge_id IN \
         (SELECT id FROM merge_request WHERE state = 2 AND settled_at < $1)",
        vec![undoable_since.0.into()],
    )
    .await?;
    Ok(expired + removed)
}

/// Removes every merge of a person, and of those who were merged into them, with the mementos.
pub(crate) async fn forget(conn: &impl ConnectionTrait, user: UserId) -> Result<(), StoreError> {
    let people = "WITH RECURSIVE person (id) AS (SELECT CAST($1 AS integer) \
         UNION SELECT m.merged_id FROM merge_request m JOIN person p ON m.kept_id = p.id \
         WHERE m.state = 2) SELECT id FROM person";
    for row in sql::rows(conn, people, vec![user.0.into()]).await? {
        let id: i32 = row.try_get_by_index(0)?;
        for statement in [
            "DELETE FROM merge_memento WHERE merge_id IN \
             (SELECT id FROM merge_request WHERE kept_id = $1 OR merged_id = $1)",
            "DELETE FROM merge_request WHERE kept_id = $1 OR merged_id = $1",
        ] {
            sql::execute(conn, statement, vec![id.into()]).await?;
        }
    }
    Ok(())
}
