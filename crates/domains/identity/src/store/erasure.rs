//! Rows of `erasure` and `tombstone`, and what is done to a person's rows when they are erased.

use std::collections::HashMap;

use ::store::{StoreError, sql};
use kernel::{AccountId, Platform, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::community::platform as platform_of;
use crate::{ConnectionStatus, Erasure};

/// Tombstones looked for at once, a power of two.
const HASHES_MAX: usize = 512;
/// What somebody is called who was erased.
const NAME: &str = "deleted user";

#[derive(FromQueryResult)]
struct Row {
    user_id: i32,
    requested_at: i64,
    due_at: i64,
}

pub(crate) async fn of_user(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Option<Erasure>, StoreError> {
    let row: Option<Row> = sql::one(
        conn,
        "SELECT user_id, requested_at, due_at FROM erasure WHERE user_id = $1",
        vec![user.0.into()],
    )
    .await?;
    Ok(row.map(|row| Erasure {
        user: UserId(row.user_id),
        requested_at: Timestamp(row.requested_at),
        due_at: Timestamp(row.due_at),
    }))
}

pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    erasure: &Erasure,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO erasure (user_id, requested_at, due_at) VALUES ($1, $2, $3)",
        vec![
            erasure.user.0.into(),
            erasure.requested_at.0.into(),
            erasure.due_at.0.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Removes a wish; whether there was one.
pub(crate) async fn delete(conn: &impl ConnectionTrait, user: UserId) -> Result<bool, StoreError> {
    let n = sql::execute(
        conn,
        "DELETE FROM erasure WHERE user_id = $1",
        vec![user.0.into()],
    )
    .await?;
    Ok(n == 1)
}

pub(crate) async fn due(
    conn: &impl ConnectionTrait,
    now: Timestamp,
    limit: i64,
) -> Result<Vec<UserId>, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT user_id FROM erasure WHERE due_at <= $1 ORDER BY due_at, user_id LIMIT $2",
        vec![now.0.into(), limit.into()],
    )
    .await?;
    rows.iter()
        .map(|row| Ok(UserId(row.try_get_by_index(0)?)))
        .collect()
}

/// An account with the platform's id of it.
pub(crate) struct Account {
    pub(crate) id: AccountId,
    pub(crate) platform: Platform,
    pub(crate) platform_user_id: String,
    pub(crate) username: String,
}

pub(crate) async fn accounts(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Vec<Account>, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT id, platform, platform_user_id, username FROM platform_account \
         WHERE user_id = $1 ORDER BY id",
        vec![user.0.into()],
    )
    .await?;
    rows.iter()
        .map(|row| {
            Ok(Account {
                id: AccountId(row.try_get_by_index(0)?),
                platform: platform_of(row.try_get_by_index(1)?)?,
                platform_user_id: row.try_get_by_index(2)?,
                username: row.try_get_by_index(3)?,
            })
        })
        .collect()
}

/// Removes what somebody could get in or go on with.
pub(crate) async fn delete_secrets(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<(), StoreError> {
    for query in [
        "DELETE FROM one_time_token WHERE user_id = $1",
        "DELETE FROM sign_in_state WHERE user_id = $1",
        "DELETE FROM install_state WHERE user_id = $1",
        "DELETE FROM email_code WHERE user_id = $1",
        "DELETE FROM recovery_code WHERE user_id = $1",
        "DELETE FROM totp WHERE user_id = $1",
        "DELETE FROM passkey_ceremony WHERE user_id = $1",
        "DELETE FROM repeatable WHERE user_id = $1",
        "DELETE FROM passkey WHERE user_id = $1",
        "UPDATE users SET password_hash = NULL, is_instance_admin = FALSE WHERE id = $1",
    ] {
        sql::execute(conn, query, vec![user.0.into()]).await?;
    }
    Ok(())
}

/// Puts a tombstone up under its new name and takes the one under its old name away; the later instant
/// holds.
pub(crate) async fn bury_anew(
    conn: &impl ConnectionTrait,
    (old, new): (&str, &str),
    at: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO tombstone (account_hash, erased_at) VALUES ($1, $2) \
         ON CONFLICT (account_hash) DO UPDATE SET erased_at = CASE \
         WHEN tombstone.erased_at > excluded.erased_at THEN tombstone.erased_at \
         ELSE excluded.erased_at END",
        vec![new.into(), at.0.into()],
    )
    .await?;
    sql::execute(
        conn,
        "DELETE FROM tombstone WHERE account_hash = $1",
        vec![old.into()],
    )
    .await?;
    Ok(())
}

pub(crate) async fn any_tombstone(conn: &impl ConnectionTrait) -> Result<bool, StoreError> {
    let found: Option<i64> =
        sql::optional(conn, "SELECT erased_at FROM tombstone LIMIT 1", vec![]).await?;
    Ok(found.is_some())
}

pub(crate) async fn tombstones(
    conn: &impl ConnectionTrait,
    hashes: &[String],
) -> Result<HashMap<String, Timestamp>, StoreError> {
    let mut found = HashMap::new();
    for part in sql::parts(hashes, HASHES_MAX) {
        let query = format!(
            "SELECT account_hash, erased_at FROM tombstone WHERE account_hash IN ({})",
            sql::marks(conn, 1, part.len())
        );
        let values: Vec<Value> = part.iter().map(|hash| hash.clone().into()).collect();
        for row in sql::rows(conn, &query, values).await? {
            found.insert(
                row.try_get_by_index(0)?,
                Timestamp(row.try_get_by_index(1)?),
            );
        }
    }
    Ok(found)
}

/// Removes codes that were sent to an address, whoever asked for them.
pub(crate) async fn delete_codes_to(
    conn: &impl ConnectionTrait,
    address: &str,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM email_code WHERE address_folded = $1",
        vec![address.into()],
    )
    .await?;
    Ok(())
}

/// Ends the connections that act with an erased account.
pub(crate) async fn end_connections(
    conn: &impl ConnectionTrait,
    platform: Platform,
    account: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE connection SET account = '', access_sealed = NULL, refresh_sealed = NULL, \
         expires_at = NULL, status = $3, trouble = NULL, updated_at = $4 \
         WHERE platform = $1 AND account = $2",
        vec![
            platform.code().into(),
            account.into(),
            ConnectionStatus::Revoked.code().into(),
            now.0.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Removes what is a person's alone; of themselves and their accounts only the ids stay.
pub(crate) async fn delete_person(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<(), StoreError> {
    super::merge::forget(conn, user).await?;
    super::reputation::delete_person(conn, user).await?;
    super::suggestion::delete_person(conn, user).await?;
    super::linked_role::delete_person(conn, user).await?;
    super::link_refresh::delete_person(conn, user).await?;
    // Every table of this domain that is about a person, those added later included; the newest
    // first, because it may refer to an older one.
    for table in ::store::personal::tables().into_iter().rev() {
        let is_theirs = table.owner == "identity"
            && table.name != "platform_account"
            && table
                .columns()
                .iter()
                .any(|column| column.name == "user_id");
        if is_theirs {
            let query = format!("DELETE FROM {} WHERE user_id = $1", table.name);
            sql::execute(conn, &query, vec![user.0.into()]).await?;
        }
    }
    sql::execute(
        conn,
        "UPDATE platform_account SET platform_user_id = 'erased:' || CAST(id AS text), \
         username = $2, is_bot = FALSE, account_created_at = NULL, first_seen_at = 0 \
         WHERE user_id = $1",
        vec![user.0.into(), NAME.into()],
    )
    .await?;
    sql::execute(
        conn,
        "UPDATE users SET display_name = $2, email = NULL, email_folded = NULL, \
         password_hash = NULL, is_instance_admin = FALSE, claimed_at = NULL WHERE id = $1",
        vec![user.0.into(), NAME.into()],
    )
    .await?;
    Ok(())
}
