//! Rows of `api_key`.

use ::store::{StoreError, sql};
use kernel::{ApiKeyId, CommunityId, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};

use crate::{ApiKey, KeyScope};

#[derive(FromQueryResult)]
pub(crate) struct Listed {
    id: i32,
    name: String,
    hint: String,
    community_id: Option<i32>,
    created_at: i64,
    expires_at: i64,
    last_used_at: Option<i64>,
}

impl From<Listed> for ApiKey {
    fn from(row: Listed) -> Self {
        Self {
            id: ApiKeyId(row.id),
            name: row.name,
            hint: row.hint,
            scope: scope(row.community_id),
            created_at: Timestamp(row.created_at),
            expires_at: Timestamp(row.expires_at),
            last_used_at: row.last_used_at.map(Timestamp),
        }
    }
}

/// The scope of a stored row.
pub(crate) fn scope(community: Option<i32>) -> KeyScope {
    community.map_or(KeyScope::Everything, |id| {
        KeyScope::Community(CommunityId(id))
    })
}

/// What is stored of a new key.
pub(crate) struct New<'a> {
    pub(crate) user: UserId,
    pub(crate) name: &'a str,
    pub(crate) digest: &'a str,
    pub(crate) hint: &'a str,
    pub(crate) community: Option<CommunityId>,
    pub(crate) now: Timestamp,
    pub(crate) expires_at: Timestamp,
}

pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    new: &New<'_>,
) -> Result<ApiKeyId, StoreError> {
    let id = sql::scalar(
        conn,
        "INSERT INTO api_key (user_id, name, key_hash, hint, community_id, created_at, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7) RETURNING id",
        vec![
            new.user.0.into(),
            new.name.into(),
            new.digest.into(),
            new.hint.into(),
            new.community.map(|id| id.0).into(),
            new.now.0.into(),
            new.expires_at.0.into(),
        ],
    )
    .await?;
    Ok(ApiKeyId(id))
}

/// Keeps others who count or add keys of the person waiting until the transaction ends.
pub(crate) async fn lock_owner(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<u64, StoreError> {
    // An update locks the row on PostgreSQL; SQLite has one writer at a time anyway.
    sql::execute(
        conn,
        "UPDATE users SET display_name = display_name WHERE id = $1",
        vec![user.0.into()],
    )
    .await
}

pub(crate) async fn count_valid(
    conn: &impl ConnectionTrait,
    user: UserId,
    now: Timestamp,
) -> Result<i64, StoreError> {
    sql::scalar(
        conn,
        "SELECT COUNT(*) FROM api_key WHERE user_id = $1 AND expires_at > $2",
        vec![user.0.into(), now.0.into()],
    )
    .await
}

/// Newest first. The rows of a person are few: at most five valid ones, and those that expired
/// within a month.
pub(crate) async fn of_user(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Vec<Listed>, StoreError> {
    sql::all(
        conn,
        "SELECT id, name, hint, community_id, created_at, expires_at, last_used_at FROM api_key \
         WHERE user_id = $1 ORDER BY id DESC LIMIT 100",
        vec![user.0.into()],
    )
    .await
}

pub(crate) async fn touch(
    conn: &impl ConnectionTrait,
    id: i32,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE api_key SET last_used_at = $2 WHERE id = $1",
        vec![id.into(), now.0.into()],
    )
    .await?;
    Ok(())
}

/// Puts another key in the place of one that is still valid; `false` if there is none.
pub(crate) async fn replace(
    conn: &impl ConnectionTrait,
    user: UserId,
    id: ApiKeyId,
    (digest, hint): (&str, &str),
    now: Timestamp,
) -> Result<bool, StoreError> {
    let changed = sql::execute(
        conn,
        "UPDATE api_key SET key_hash = $3, hint = $4, last_used_at = NULL \
         WHERE id = $1 AND user_id = $2 AND expires_at > $5",
        vec![
            id.0.into(),
            user.0.into(),
            digest.into(),
            hint.into(),
            now.0.into(),
        ],
    )
    .await?;
    Ok(changed > 0)
}

pub(crate) async fn delete(
    conn: &impl ConnectionTrait,
    user: UserId,
    id: ApiKeyId,
) -> Result<bool, StoreError> {
    let deleted = sql::execute(
        conn,
        "DELETE FROM api_key WHERE id = $1 AND user_id = $2",
        vec![id.0.into(), user.0.into()],
    )
    .await?;
    Ok(deleted > 0)
}

pub(crate) async fn delete_all(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<u64, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM api_key WHERE user_id = $1",
        vec![user.0.into()],
    )
    .await
}

pub(crate) async fn sweep(
    conn: &impl ConnectionTrait,
    expired_before: Timestamp,
) -> Result<u64, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM api_key WHERE expires_at <= $1",
        vec![expired_before.0.into()],
    )
    .await
}
