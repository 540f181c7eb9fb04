//! Rows of `data_export`.

use ::store::{StoreError, sql};
use kernel::{Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::{DataExport, ExportState};

#[derive(FromQueryResult)]
struct Row {
    id: i32,
    user_id: i32,
    state: i16,
    done: i32,
    total: i32,
    blob: Option<String>,
    size_bytes: i64,
    requested_at: i64,
    expires_at: Option<i64>,
}

impl TryFrom<Row> for DataExport {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let state = ExportState::from_code(row.state);
        Ok(Self {
            id: row.id,
            user: UserId(row.user_id),
            state: state.ok_or_else(|| StoreError::Data("an unknown state".to_owned()))?,
            done: u32::try_from(row.done).unwrap_or(0),
            total: u32::try_from(row.total).unwrap_or(0),
            size_bytes: u64::try_from(row.size_bytes).unwrap_or(0),
            requested_at: Timestamp(row.requested_at),
            expires_at: row.expires_at.map(Timestamp),
            blob: row.blob,
        })
    }
}

pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    user: UserId,
    now: Timestamp,
) -> Result<i32, StoreError> {
    sql::scalar(
        conn,
        "INSERT INTO data_export (user_id, state, done, total, size_bytes, requested_at) \
         VALUES ($1, 0, 0, 0, 0, $2) RETURNING id",
        vec![user.0.into(), now.0.into()],
    )
    .await
}

pub(crate) async fn of_user(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Vec<DataExport>, StoreError> {
    let rows: Vec<Row> = sql::all(
        conn,
        "SELECT id, user_id, state, done, total, blob, size_bytes, requested_at, expires_at \
         FROM data_export WHERE user_id = $1 ORDER BY id DESC LIMIT 20",
        vec![user.0.into()],
    )
    .await?;
    rows.into_iter().map(DataExport::try_from).collect()
}

/// Marks a ready export fetched; answers its file if it was.
pub(crate) async fn take(
    conn: &impl ConnectionTrait,
    user: UserId,
    id: i32,
    now: Timestamp,
) -> Result<Option<String>, StoreError> {
    sql::optional(
        conn,
        "UPDATE data_export SET state = 3 \
         WHERE id = $1 AND user_id = $2 AND state = 1 AND expires_at > $3 AND blob IS NOT NULL \
         RETURNING blob",
        vec![id.into(), user.0.into(), now.0.into()],
    )
    .await
}

pub(crate) async fn asked(
    conn: &impl ConnectionTrait,
    id: i32,
) -> Result<Option<UserId>, StoreError> {
    let user: Option<i32> = sql::optional(
        conn,
        "SELECT user_id FROM data_export WHERE id = $1 AND state = 0",
        vec![id.into()],
    )
    .await?;
    Ok(user.map(UserId))
}

pub(crate) async fn progress(
    conn: &impl ConnectionTrait,
    id: i32,
    done: u32,
    total: u32,
) -> Result<(), StoreError> {
    let small = |n: u32| i32::try_from(n).unwrap_or(i32::MAX);
    sql::execute(
        conn,
        "UPDATE data_export SET done = $2, total = $3 WHERE id = $1 AND state = 0",
        vec![id.into(), small(done).into(), small(total).into()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn ready(
    conn: &impl ConnectionTrait,
    id: i32,
    (blob, size): (&str, u64),
    expires_at: Timestamp,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE data_export SET state = 1, done = total, blob = $2, size_bytes = $3, expires_at = $4 \
         WHERE id = $1 AND state = 0",
        vec![
            id.into(),
            blob.into(),
            i64::try_from(size).unwrap_or(i64::MAX).into(),
            expires_at.0.into(),
        ],
    )
    .await?;
    Ok(n == 1)
}

pub(crate) async fn failed(conn: &impl ConnectionTrait, id: i32) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE data_export SET state = 2 WHERE id = $1 AND state = 0",
        vec![id.into()],
    )
    .await?;
    Ok(())
}

/// Gives up what should have been made long ago.
pub(crate) async fn give_up(
    conn: &impl ConnectionTrait,
    before: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE data_export SET state = 2 WHERE state = 0 AND requested_at < $1",
        vec![before.0.into()],
    )
    .await?;
    Ok(())
}

/// Files past their time. A fetched one stays as long, because its fetching may be under way.
pub(crate) async fn stale(
    conn: &impl ConnectionTrait,
    now: Timestamp,
) -> Result<Vec<(i32, String)>, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT id, blob FROM data_export WHERE expires_at <= $1 AND blob IS NOT NULL \
         ORDER BY id LIMIT 500",
        vec![now.0.into()],
    )
    .await?;
    rows.iter()
        .map(|row| Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
        .collect()
}

pub(crate) async fn removed(conn: &impl ConnectionTrait, id: i32) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE data_export SET blob = NULL, state = CASE WHEN state = 1 THEN 4 ELSE state END \
         WHERE id = $1",
        vec![id.into()],
    )
    .await?;
    Ok(())
}
