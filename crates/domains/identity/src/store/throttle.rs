//! Rows of `sign_in_throttle`.

use ::store::{StoreError, sql};
use kernel::Timestamp;
use sea_orm::ConnectionTrait;

/// Adds a failure; answers how many there are in a row, and until when the subject is blocked. An old
/// count starts anew.
pub(crate) async fn count(
    conn: &impl ConnectionTrait,
    subject: &str,
    now: Timestamp,
    forget_before: Timestamp,
) -> Result<(i32, i64), StoreError> {
    let rows = sql::rows(
        conn,
        "INSERT INTO sign_in_throttle (subject, failures, blocked_until, updated_at) VALUES ($1, 1, 0, $2) \
         ON CONFLICT (subject) DO UPDATE SET updated_at = $2, failures = \
         CASE WHEN sign_in_throttle.updated_at < $3 THEN 1 ELSE sign_in_throttle.failures + 1 END \
         RETURNING failures, blocked_until",
        vec![subject.into(), now.0.into(), forget_before.0.into()],
    )
    .await?;
    let row = rows
        .first()
        .ok_or_else(|| StoreError::Data("an upsert answered no row".to_owned()))?;
    Ok((row.try_get_by_index(0)?, row.try_get_by_index(1)?))
}

/// How many failures there are in a row, and until when the subject is blocked.
pub(crate) async fn state(
    conn: &impl ConnectionTrait,
    subject: &str,
) -> Result<Option<(i32, i64)>, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT failures, blocked_until FROM sign_in_throttle WHERE subject = $1",
        vec![subject.into()],
    )
    .await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    Ok(Some((row.try_get_by_index(0)?, row.try_get_by_index(1)?)))
}

/// Takes one failure back, and the wait it brought.
pub(crate) async fn take_back(
    conn: &impl ConnectionTrait,
    subject: &str,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE sign_in_throttle SET failures = failures - 1, blocked_until = 0 WHERE subject = $1",
        vec![subject.into()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn block(
    conn: &impl ConnectionTrait,
    subject: &str,
    until: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE sign_in_throttle SET blocked_until = $2 WHERE subject = $1",
        vec![subject.into(), until.0.into()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn forget(conn: &impl ConnectionTrait, subject: &str) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM sign_in_throttle WHERE subject = $1",
        vec![subject.into()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn sweep(conn: &impl ConnectionTrait, now: Timestamp) -> Result<u64, StoreError> {
    let day = std::time::Duration::from_secs(86_400);
    sql::execute(
        conn,
        "DELETE FROM sign_in_throttle WHERE updated_at < $1",
        vec![now.minus(day).0.into()],
    )
    .await
}
