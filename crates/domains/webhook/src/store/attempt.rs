//! Rows of `webhook_attempt`.

use std::time::Duration;

use ::store::{
    StoreError,
    sea_orm::{ConnectionTrait, FromQueryResult},
    sql,
};
use kernel::{HookMessageId, Timestamp};

use super::{Answer, clean, count, status, trouble};
use crate::Attempt;

/// Tries that are shown of a message.
const SHOWN: i64 = 50;
/// The longest part of an answer that is kept, in bytes.
const EXCERPT_MAX: usize = 1_024;

/// A try to write down.
pub(crate) struct New<'a> {
    pub(crate) message: HookMessageId,
    pub(crate) n: i32,
    pub(crate) begun_at: Timestamp,
    pub(crate) took: Duration,
    pub(crate) answer: Answer,
    pub(crate) excerpt: &'a str,
}

pub(crate) async fn insert(conn: &impl ConnectionTrait, new: &New<'_>) -> Result<(), StoreError> {
    let (status, trouble) = new.answer;
    let end = new.excerpt.floor_char_boundary(EXCERPT_MAX);
    let excerpt = clean(new.excerpt.get(..end).unwrap_or_default());
    sql::execute(
        conn,
        "INSERT INTO webhook_attempt (message_id, n, begun_at, took_ms, status, trouble, excerpt) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        vec![
            new.message.0.into(),
            new.n.into(),
            new.begun_at.0.into(),
            i32::try_from(new.took.as_millis())
                .unwrap_or(i32::MAX)
                .into(),
            status.map(i32::from).into(),
            trouble.map(kernel::HookError::code).into(),
            excerpt.into(),
        ],
    )
    .await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct Row {
    n: i32,
    begun_at: i64,
    took_ms: i32,
    status: Option<i32>,
    trouble: Option<i16>,
    excerpt: String,
}

/// The tries of a message, newest first.
pub(crate) async fn of_message(
    conn: &impl ConnectionTrait,
    message: HookMessageId,
) -> Result<Vec<Attempt>, StoreError> {
    let rows: Vec<Row> = sql::all(
        conn,
        "SELECT n, begun_at, took_ms, status, trouble, excerpt FROM webhook_attempt WHERE message_id = $1 \
         ORDER BY n DESC LIMIT $2",
        vec![message.0.into(), SHOWN.into()],
    )
    .await?;
    Ok(rows
        .into_iter()
        .map(|row| Attempt {
            n: count(row.n),
            begun_at: Timestamp(row.begun_at),
            took_ms: count(row.took_ms),
            status: status(row.status),
            trouble: trouble(row.trouble),
            excerpt: row.excerpt,
        })
        .collect())
}
