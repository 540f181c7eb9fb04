//! Rows that go from one person to another and back.

use ::store::{StoreError, sql};
use kernel::{CommunityId, Role, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};
use serde_json::json;

use super::{IN_MAX, placeholders};
use crate::memento;

/// What a person signs in with and is called.
#[derive(FromQueryResult)]
struct Person {
    display_name: String,
    email: Option<String>,
    email_folded: Option<String>,
    password_hash: Option<String>,
    is_instance_admin: bool,
    claimed_at: Option<i64>,
}

/// Empties a person's row; answers what it held.
pub(crate) async fn vacate(
    conn: &impl ConnectionTrait,
    id: UserId,
) -> Result<serde_json::Value, StoreError> {
    let person: Option<Person> = sql::one(
        conn,
        "SELECT display_name, email, email_folded, password_hash, is_instance_admin, claimed_at \
         FROM users WHERE id = $1",
        vec![id.0.into()],
    )
    .await?;
    let person = person.ok_or_else(|| StoreError::Data(format!("user {id} is not there")))?;
    sql::execute(
        conn,
        "UPDATE users SET display_name = 'moved', email = NULL, email_folded = NULL, \
         password_hash = NULL, is_instance_admin = FALSE WHERE id = $1",
        vec![id.0.into()],
    )
    .await?;
    Ok(json!({
        "display_name": person.display_name,
        "email": person.email,
        "email_folded": person.email_folded,
        "password_hash": person.password_hash,
        "is_instance_admin": person.is_instance_admin,
        "claimed_at": person.claimed_at,
    }))
}

/// Nobody signs in as this person any more.
pub(crate) async fn unclaim(conn: &impl ConnectionTrait, id: UserId) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE users SET claimed_at = NULL WHERE id = $1",
        vec![id.0.into()],
    )
    .await?;
    Ok(())
}

/// Fills an emptied row again.
pub(crate) async fn refill(
    conn: &impl ConnectionTrait,
    id: UserId,
    person: &serde_json::Value,
) -> Result<(), StoreError> {
    let text = |key: &str| memento::maybe_text(person, key);
    sql::execute(
        conn,
        "UPDATE users SET display_name = $2, email = $3, email_folded = $4, password_hash = $5, \
         is_instance_admin = $6, claimed_at = $7 WHERE id = $1",
        vec![
            id.0.into(),
            memento::text(person, "display_name")?.into(),
            text("email").into(),
            text("email_folded").into(),
            text("password_hash").into(),
            (person.get("is_instance_admin") == Some(&json!(true))).into(),
            memento::maybe_number(person, "claimed_at").into(),
        ],
    )
    .await?;
    Ok(())
}

/// Whether somebody signs in with an address.
pub(crate) async fn has_email(
    conn: &impl ConnectionTrait,
    folded: &str,
) -> Result<bool, StoreError> {
    let n: i64 = sql::scalar(
        conn,
        "SELECT COUNT(*) FROM users WHERE email_folded = $1",
        vec![folded.into()],
    )
    .await?;
    Ok(n > 0)
}

/// Rows with an owner that have an id of their own.
#[derive(Clone, Copy)]
pub(crate) enum Owned {
    Accounts,
    Links,
    Passkeys,
}

impl Owned {
    const fn table(self) -> &'static str {
        match self {
            Self::Accounts => "platform_account",
            Self::Links => "identity_link",
            Self::Passkeys => "passkey",
        }
    }
}

/// Gives all rows of one person to another; answers their ids, ascending.
pub(crate) async fn give_all(
    conn: &impl ConnectionTrait,
    what: Owned,
    from: UserId,
    to: UserId,
) -> Result<Vec<i64>, StoreError> {
    let query = format!(
        "UPDATE {} SET user_id = $2 WHERE user_id = $1 RETURNING CAST(id AS bigint)",
        what.table()
    );
    let rows = sql::rows(conn, &query, vec![from.0.into(), to.0.into()]).await?;
    let ids: Result<Vec<i64>, _> = rows.iter().map(|row| row.try_get_by_index(0)).collect();
    let mut ids = ids?;
    ids.sort_unstable();
    Ok(ids)
}

/// Gives those rows of one person that are named, by `column`, to another.
pub(crate) async fn give(
    conn: &impl ConnectionTrait,
    (what, column): (Owned, &'static str),
    ids: &[i64],
    from: UserId,
    to: UserId,
) -> Result<u64, StoreError> {
    let mut given = 0;
    for part in ids.chunks(IN_MAX) {
        let mut values: Vec<Value> = vec![from.0.into(), to.0.into()];
        values.extend(part.iter().map(|id| Value::from(*id)));
        let query = format!(
            "UPDATE {} SET user_id = $2 WHERE user_id = $1 AND {column} IN ({})",
            what.table(),
            placeholders(3, part.len())
        );
        given += sql::execute(conn, &query, values).await?;
    }
    Ok(given)
}

/// A role and since when.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Held {
    pub(crate) community: CommunityId,
    pub(crate) role: Role,
    pub(crate) joined_at: Timestamp,
}

#[derive(FromQueryResult)]
struct HeldRow {
    community_id: i32,
    role: i16,
    joined_at: i64,
}

/// A person's memberships, in the order in which communities are locked.
pub(crate) async fn held(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Vec<Held>, StoreError> {
    let rows: Vec<HeldRow> = sql::all(
        conn,
        "SELECT community_id, role, joined_at FROM membership WHERE user_id = $1 \
         ORDER BY community_id",
        vec![user.0.into()],
    )
    .await?;
    let held = |row: HeldRow| {
        let role = Role::from_code(row.role);
        let unknown = || StoreError::Data(format!("unknown role {}", row.role));
        Ok(Held {
            community: CommunityId(row.community_id),
            role: role.ok_or_else(unknown)?,
            joined_at: Timestamp(row.joined_at),
        })
    };
    rows.into_iter().map(held).collect()
}

/// Removes an undecided cell again.
pub(crate) async fn undecide(
    conn: &impl ConnectionTrait,
    user: UserId,
    platform: i16,
    facet: i16,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM visibility WHERE user_id = $1 AND platform = $2 AND facet = $3",
        vec![user.0.into(), platform.into(), facet.into()],
    )
    .await?;
    Ok(())
}

/// How many sessions a person has.
pub(crate) async fn sessions(conn: &impl ConnectionTrait, user: UserId) -> Result<u64, StoreError> {
    let n: i64 = sql::scalar(
        conn,
        "SELECT COUNT(*) FROM session WHERE user_id = $1",
        vec![user.0.into()],
    )
    .await?;
    Ok(u64::try_from(n).unwrap_or(0))
}

/// Ends a person's sessions, API keys, codes and links that were sent.
pub(crate) async fn shut_out(
    conn: &impl ConnectionTrait,
    user: UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    for statement in [
        "DELETE FROM session WHERE user_id = $1",
        "DELETE FROM api_key WHERE user_id = $1",
        "DELETE FROM sign_in_state WHERE user_id = $1",
        "DELETE FROM install_state WHERE user_id = $1",
        "DELETE FROM passkey_ceremony WHERE user_id = $1",
    ] {
        sql::execute(conn, statement, vec![user.0.into()]).await?;
    }
    for statement in [
        "UPDATE one_time_token SET used_at = $2 WHERE user_id = $1 AND used_at IS NULL",
        "UPDATE email_code SET used_at = $2 WHERE user_id = $1 AND used_at IS NULL",
    ] {
        sql::execute(conn, statement, vec![user.0.into(), now.0.into()]).await?;
    }
    Ok(())
}
