//! Rows of `repeatable`.

use ::store::{StoreError, sql};
use kernel::{Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};

/// A request that begins.
pub(crate) struct Row {
    pub(crate) id: String,
    pub(crate) user: UserId,
    pub(crate) content_hash: String,
    pub(crate) begun_at: Timestamp,
}

/// A request that is known.
#[derive(FromQueryResult)]
pub(crate) struct Known {
    pub(crate) content_hash: String,
    pub(crate) begun_at: i64,
    pub(crate) status: Option<i16>,
    pub(crate) answer: Option<String>,
}

/// Writes a request down; `false` if it is known and not older than `before`.
pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    row: &Row,
    before: Timestamp,
) -> Result<bool, StoreError> {
    let written = sql::execute(
        conn,
        "INSERT INTO repeatable (id, user_id, content_hash, begun_at) VALUES ($1, $2, $3, $4)
         ON CONFLICT (id) DO UPDATE SET content_hash = excluded.content_hash,
             begun_at = excluded.begun_at, status = NULL, answer = NULL
         WHERE repeatable.begun_at <= $5",
        vec![
            row.id.as_str().into(),
            row.user.0.into(),
            row.content_hash.as_str().into(),
            row.begun_at.0.into(),
            before.0.into(),
        ],
    )
    .await?;
    Ok(written > 0)
}

/// Removes all but the newest of a person.
pub(crate) async fn make_room(
    conn: &impl ConnectionTrait,
    user: UserId,
    most: i64,
) -> Result<u64, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM repeatable WHERE user_id = $1 AND begun_at <=
             (SELECT begun_at FROM repeatable WHERE user_id = $1
              ORDER BY begun_at DESC LIMIT 1 OFFSET $2)",
        vec![user.0.into(), most.into()],
    )
    .await
}

pub(crate) async fn by_id(
    conn: &impl ConnectionTrait,
    id: &str,
) -> Result<Option<Known>, StoreError> {
    sql::one(
        conn,
        "SELECT content_hash, begun_at, status, answer FROM repeatable WHERE id = $1",
        vec![id.into()],
    )
    .await
}

/// Writes an answer down, if the request is still the same one.
pub(crate) async fn finish(
    conn: &impl ConnectionTrait,
    (id, begun_at): (&str, Timestamp),
    status: i16,
    answer: Option<&str>,
) -> Result<u64, StoreError> {
    sql::execute(
        conn,
        "UPDATE repeatable SET status = $3, answer = $4
         WHERE id = $1 AND begun_at = $2 AND status IS NULL",
        vec![
            id.into(),
            begun_at.0.into(),
            status.into(),
            answer.map(str::to_owned).into(),
        ],
    )
    .await
}

/// Removes a request that is still under way.
pub(crate) async fn forget(
    conn: &impl ConnectionTrait,
    (id, begun_at): (&str, Timestamp),
) -> Result<u64, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM repeatable WHERE id = $1 AND begun_at = $2 AND status IS NULL",
        vec![id.into(), begun_at.0.into()],
    )
    .await
}

/// Removes what began before an instant.
pub(crate) async fn sweep(
    conn: &impl ConnectionTrait,
    before: Timestamp,
) -> Result<u64, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM repeatable WHERE begun_at <= $1",
        vec![before.0.into()],
    )
    .await
}
