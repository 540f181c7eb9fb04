//! Rows of `verification_attempt`.

use ::store::{StoreError, sql};
use kernel::{Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::Verification;

#[derive(FromQueryResult)]
struct Row {
    id: i64,
    method: String,
    result: i16,
    at: i64,
    address_prefix: String,
}

impl From<Row> for Verification {
    fn from(row: Row) -> Self {
        Self {
            id: row.id,
            method: row.method,
            succeeded: row.result == 1,
            at: Timestamp(row.at),
            network: row.address_prefix,
        }
    }
}

pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    user: UserId,
    (method, succeeded): (&str, bool),
    prefix: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    let result: i16 = if succeeded { 1 } else { 2 };
    sql::execute(
        conn,
        "INSERT INTO verification_attempt (user_id, method, result, at, address_prefix) \
         VALUES ($1, $2, $3, $4, $5)",
        vec![
            user.0.into(),
            method.into(),
            result.into(),
            now.0.into(),
            prefix.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Newest first, older than an id.
pub(crate) async fn of_user(
    conn: &impl ConnectionTrait,
    user: UserId,
    before: Option<i64>,
    limit: u64,
) -> Result<Vec<Verification>, StoreError> {
    let rows: Vec<Row> = sql::all(
        conn,
        "SELECT id, method, result, at, address_prefix FROM verification_attempt \
         WHERE user_id = $1 AND id < $2 ORDER BY id DESC LIMIT $3",
        vec![
            user.0.into(),
            before.unwrap_or(i64::MAX).into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
    )
    .await?;
    Ok(rows.into_iter().map(Verification::from).collect())
}

pub(crate) async fn sweep(
    conn: &impl ConnectionTrait,
    before: Timestamp,
) -> Result<u64, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM verification_attempt WHERE at <= $1",
        vec![before.0.into()],
    )
    .await
}
