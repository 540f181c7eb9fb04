//! Rows of `users`.

use ::store::{StoreError, sql};
use kernel::{Secret, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{IN_MAX, placeholders};
use crate::{NewAccount, User};

#[derive(FromQueryResult)]
struct Row {
    id: i32,
    display_name: String,
    email: Option<String>,
    is_instance_admin: bool,
    claimed_at: Option<i64>,
    created_at: i64,
}

#[derive(FromQueryResult)]
pub(crate) struct Credentials {
    pub(crate) id: i32,
    pub(crate) email_folded: Option<String>,
    pub(crate) password_hash: Option<String>,
}

pub(crate) async fn by_id(
    conn: &impl ConnectionTrait,
    id: UserId,
) -> Result<Option<User>, StoreError> {
    Ok(by_ids(conn, &[id]).await?.pop())
}

/// In no order.
pub(crate) async fn by_ids(
    conn: &impl ConnectionTrait,
    ids: &[UserId],
) -> Result<Vec<User>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for part in ids.chunks(IN_MAX) {
        let query = format!(
            "SELECT id, display_name, email, is_instance_admin, claimed_at, created_at FROM users WHERE id IN ({})",
            placeholders(1, part.len())
        );
        let values = part.iter().map(|id| id.0.into()).collect();
        let rows: Vec<Row> = sql::all(conn, &query, values).await?;
        found.extend(rows.into_iter().map(|row| User {
            id: UserId(row.id),
            display_name: row.display_name,
            email: row.email,
            is_instance_admin: row.is_instance_admin,
            claimed: row.claimed_at.is_some(),
            created_at: Timestamp(row.created_at),
        }));
    }
    Ok(found)
}

pub(crate) async fn credentials_by_email(
    conn: &impl ConnectionTrait,
    folded: &str,
) -> Result<Option<Credentials>, StoreError> {
    sql::one(
        conn,
        "SELECT id, email_folded, password_hash FROM users WHERE email_folded = $1",
        vec![folded.into()],
    )
    .await
}

pub(crate) async fn credentials_by_id(
    conn: &impl ConnectionTrait,
    id: UserId,
) -> Result<Option<Credentials>, StoreError> {
    sql::one(
        conn,
        "SELECT id, email_folded, password_hash FROM users WHERE id = $1",
        vec![id.0.into()],
    )
    .await
}

pub(crate) async fn count_instance_admins(conn: &impl ConnectionTrait) -> Result<i64, StoreError> {
    sql::scalar(
        conn,
        "SELECT COUNT(*) FROM users WHERE is_instance_admin",
        vec![],
    )
    .await
}

pub(crate) async fn insert_claimed(
    conn: &impl ConnectionTrait,
    name: &str,
    email: &str,
    folded: &str,
    hash: &Secret<String>,
    now: Timestamp,
) -> Result<UserId, StoreError> {
    let id: i32 = sql::scalar(
        conn,
        "INSERT INTO users (display_name, email, email_folded, password_hash, is_instance_admin, claimed_at, created_at) \
         VALUES ($1, $2, $3, $4, TRUE, $5, $5) RETURNING id",
        vec![name.into(), email.into(), folded.into(), hash.expose().clone().into(), now.0.into()],
    )
    .await?;
    Ok(UserId(id))
}

pub(crate) async fn set_password(
    conn: &impl ConnectionTrait,
    id: UserId,
    hash: &Secret<String>,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE users SET password_hash = $2 WHERE id = $1",
        vec![id.0.into(), hash.expose().clone().into()],
    )
    .await?;
    Ok(())
}

/// A claimed user with a password who is no administrator.
pub(crate) async fn insert_registered(
    conn: &impl ConnectionTrait,
    account: &NewAccount,
    folded: &str,
    hash: &Secret<String>,
    now: Timestamp,
) -> Result<UserId, StoreError> {
    let id: i32 = sql::scalar(
        conn,
        "INSERT INTO users (display_name, email, email_folded, password_hash, is_instance_admin, claimed_at, created_at) \
         VALUES ($1, $2, $3, $4, FALSE, $5, $5) RETURNING id",
        vec![
            account.display_name.as_str().into(),
            account.email.as_str().into(),
            folded.into(),
            hash.expose().clone().into(),
            now.0.into(),
        ],
    )
    .await?;
    Ok(UserId(id))
}

pub(crate) async fn set_email(
    conn: &impl ConnectionTrait,
    id: UserId,
    email: &str,
    folded: &str,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE users SET email = $2, email_folded = $3 WHERE id = $1",
        vec![id.0.into(), email.into(), folded.into()],
    )
    .await?;
    Ok(())
}

/// A claimed user without a password.
pub(crate) async fn insert_linked(
    conn: &impl ConnectionTrait,
    name: &str,
    now: Timestamp,
) -> Result<UserId, StoreError> {
    let id: i32 = sql::scalar(
        conn,
        "INSERT INTO users (display_name, is_instance_admin, claimed_at, created_at) \
         VALUES ($1, FALSE, $2, $2) RETURNING id",
        vec![name.into(), now.0.into()],
    )
    .await?;
    Ok(UserId(id))
}

/// Marks somebody claimed; whether they were not. Of several at once exactly one succeeds.
pub(crate) async fn claim(
    conn: &impl ConnectionTrait,
    id: UserId,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE users SET claimed_at = $2 WHERE id = $1 AND claimed_at IS NULL",
        vec![id.0.into(), now.0.into()],
    )
    .await?;
    Ok(n == 1)
}

/// Locks a person's row until the unit of work ends; whether there is one.
pub(crate) async fn lock(conn: &impl ConnectionTrait, id: UserId) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "UPDATE users SET display_name = display_name WHERE id = $1",
        vec![id.0.into()],
    )
    .await?;
    Ok(n == 1)
}

/// Changes the name shown.
pub(crate) async fn rename(
    conn: &impl ConnectionTrait,
    id: UserId,
    name: &str,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE users SET display_name = $2 WHERE id = $1",
        vec![id.0.into(), name.into()],
    )
    .await?;
    Ok(())
}

/// Locks two people's rows, in one order for all, so that two units of work wait for each other
/// instead of for ever; whether there are both.
pub(crate) async fn lock_both(
    conn: &impl ConnectionTrait,
    one: UserId,
    other: UserId,
) -> Result<bool, StoreError> {
    Ok(lock(conn, one.min(other)).await? && lock(conn, one.max(other)).await?)
}
