//! Rows of `session` and `one_time_token`.

use ::store::{StoreError, sql};
use kernel::{SessionId, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::Session;

#[derive(FromQueryResult)]
pub(crate) struct Listed {
    id: i64,
    created_at: i64,
    last_seen_at: i64,
    user_agent: String,
    address_prefix: String,
}

impl From<Listed> for Session {
    fn from(row: Listed) -> Self {
        Self {
            id: SessionId(row.id),
            created_at: Timestamp(row.created_at),
            last_seen_at: Timestamp(row.last_seen_at),
            user_agent: row.user_agent,
            address_prefix: row.address_prefix,
        }
    }
}

pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    digest: &str,
    user: UserId,
    now: Timestamp,
    expires: Timestamp,
    agent: &str,
    prefix: &str,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO session (token_hash, user_id, created_at, last_seen_at, expires_at, user_agent, address_prefix) \
         VALUES ($1, $2, $3, $3, $4, $5, $6)",
        vec![digest.into(), user.0.into(), now.0.into(), expires.0.into(), agent.into(), prefix.into()],
    )
    .await?;
    Ok(())
}

/// The network in which a session of a person began.
pub(crate) async fn network(
    conn: &impl ConnectionTrait,
    user: UserId,
    session: SessionId,
) -> Result<Option<String>, StoreError> {
    sql::optional(
        conn,
        "SELECT address_prefix FROM session WHERE id = $1 AND user_id = $2",
        vec![session.0.into(), user.0.into()],
    )
    .await
}

pub(crate) async fn touch(
    conn: &impl ConnectionTrait,
    id: SessionId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE session SET last_seen_at = $2 WHERE id = $1",
        vec![id.0.into(), now.0.into()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn of_user(
    conn: &impl ConnectionTrait,
    user: UserId,
    now: Timestamp,
    idle_since: Timestamp,
) -> Result<Vec<Listed>, StoreError> {
    sql::all(
        conn,
        "SELECT id, created_at, last_seen_at, user_agent, address_prefix FROM session \
         WHERE user_id = $1 AND expires_at > $2 AND last_seen_at > $3 ORDER BY last_seen_at DESC, id DESC LIMIT 100",
        vec![user.0.into(), now.0.into(), idle_since.0.into()],
    )
    .await
}

pub(crate) async fn delete(
    conn: &impl ConnectionTrait,
    user: UserId,
    id: SessionId,
) -> Result<u64, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM session WHERE id = $1 AND user_id = $2",
        vec![id.0.into(), user.0.into()],
    )
    .await
}

pub(crate) async fn delete_others(
    conn: &impl ConnectionTrait,
    user: UserId,
    keep: SessionId,
) -> Result<u64, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM session WHERE user_id = $1 AND id <> $2",
        vec![user.0.into(), keep.0.into()],
    )
    .await
}

pub(crate) async fn delete_by_digest(
    conn: &impl ConnectionTrait,
    digest: &str,
) -> Result<u64, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM session WHERE token_hash = $1",
        vec![digest.into()],
    )
    .await
}

pub(crate) async fn sweep(
    conn: &impl ConnectionTrait,
    now: Timestamp,
    idle_since: Timestamp,
) -> Result<u64, StoreError> {
    let sessions = sql::execute(
        conn,
        "DELETE FROM session WHERE expires_at <= $1 OR last_seen_at <= $2",
        vec![now.0.into(), idle_since.0.into()],
    )
    .await?;
    let tokens = sql::execute(
        conn,
        "DELETE FROM one_time_token WHERE expires_at <= $1",
        vec![now.0.into()],
    )
    .await?;
    let failures = super::throttle::sweep(conn, now).await?;
    let installs = super::connection::sweep(conn, now).await?;
    let sign_ins = super::oauth_state::sweep(conn, now).await?;
    let questions = super::passkey::sweep(conn, now).await?;
    Ok(sessions + tokens + failures + installs + sign_ins + questions)
}

pub(crate) async fn put_token(
    conn: &impl ConnectionTrait,
    digest: &str,
    purpose: i16,
    user: Option<UserId>,
    expires: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO one_time_token (token_hash, purpose, user_id, expires_at) VALUES ($1, $2, $3, $4)",
        vec![digest.into(), purpose.into(), user.map(|u| u.0).into(), expires.0.into()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn void_tokens(
    conn: &impl ConnectionTrait,
    purpose: i16,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE one_time_token SET used_at = $2 WHERE purpose = $1 AND used_at IS NULL",
        vec![purpose.into(), now.0.into()],
    )
    .await?;
    Ok(())
}

/// Voids a person's unused tokens of one purpose.
pub(crate) async fn void_tokens_for(
    conn: &impl ConnectionTrait,
    purpose: i16,
    user: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE one_time_token SET used_at = $3 WHERE purpose = $1 AND user_id = $2 AND used_at IS NULL",
        vec![purpose.into(), user.0.into(), now.0.into()],
    )
    .await?;
    Ok(())
}

/// Voids every unused token of a person.
pub(crate) async fn void_tokens_of(
    conn: &impl ConnectionTrait,
    user: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE one_time_token SET used_at = $2 WHERE user_id = $1 AND used_at IS NULL",
        vec![user.0.into(), now.0.into()],
    )
    .await?;
    Ok(())
}

/// Whose a token is that can be used, without using it.
pub(crate) async fn token_owner(
    conn: &impl ConnectionTrait,
    digest: &str,
    purpose: i16,
    now: Timestamp,
) -> Result<Option<UserId>, StoreError> {
    let user: Option<i32> = sql::optional(
        conn,
        "SELECT user_id FROM one_time_token WHERE token_hash = $1 AND purpose = $2 \
         AND used_at IS NULL AND expires_at > $3 AND user_id IS NOT NULL",
        vec![digest.into(), purpose.into(), now.0.into()],
    )
    .await?;
    Ok(user.map(UserId))
}

/// Marks a token used and answers whose it is: `None` if it was not usable; of several parallel
/// uses exactly one succeeds.
pub(crate) async fn use_token(
    conn: &impl ConnectionTrait,
    digest: &str,
    purpose: i16,
    now: Timestamp,
) -> Result<Option<Option<UserId>>, StoreError> {
    let user: Option<Option<i32>> = sql::optional(
        conn,
        "UPDATE one_time_token SET used_at = $3 \
         WHERE token_hash = $1 AND purpose = $2 AND used_at IS NULL AND expires_at > $3 RETURNING user_id",
        vec![digest.into(), purpose.into(), now.0.into()],
    )
    .await?;
    Ok(user.map(|user| user.map(UserId)))
}
