//! Who holds a credential, with their roles: one statement, because every request asks.

use std::collections::BTreeMap;

use ::store::{StoreError, sql};
use kernel::{Actor, CommunityId, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::community::role;
use crate::User;

/// A row for each role of the holder, or one without a role.
#[derive(FromQueryResult)]
struct Row {
    credential: i64,
    expires_at: i64,
    last_used_at: Option<i64>,
    scope: Option<i32>,
    user_id: i32,
    display_name: String,
    email: Option<String>,
    is_instance_admin: bool,
    claimed_at: Option<i64>,
    created_at: i64,
    community_id: Option<i32>,
    role: Option<i16>,
}

/// A credential that exists, and who holds it. Whether it still counts is for the caller to say.
pub(crate) struct Holder {
    /// The id of the session or key.
    pub(crate) credential: i64,
    pub(crate) expires_at: Timestamp,
    pub(crate) last_used_at: Option<Timestamp>,
    /// The one community that a key is good for.
    pub(crate) only: Option<CommunityId>,
    pub(crate) user: User,
    roles: BTreeMap<CommunityId, kernel::Role>,
}

impl Holder {
    /// The holder as an actor, with the roles of this moment.
    pub(crate) fn actor(&self) -> Actor {
        let actor = Actor::User {
            id: self.user.id,
            is_instance_admin: self.user.is_instance_admin,
            roles: self.roles.clone(),
            only: None,
        };
        match self.only {
            Some(only) => actor.within(only),
            None => actor,
        }
    }
}

/// The holder of a session by the digest of its token.
pub(crate) async fn of_session(
    conn: &impl ConnectionTrait,
    digest: &str,
) -> Result<Option<Holder>, StoreError> {
    let columns = "c.id AS credential, c.expires_at, c.last_seen_at AS last_used_at, CAST(NULL AS integer) AS scope";
    find(conn, &query(columns, "session", "token_hash"), digest).await
}

/// The holder of an API key by its digest.
pub(crate) async fn of_key(
    conn: &impl ConnectionTrait,
    digest: &str,
) -> Result<Option<Holder>, StoreError> {
    let columns =
        "CAST(c.id AS bigint) AS credential, c.expires_at, c.last_used_at, c.community_id AS scope";
    find(conn, &query(columns, "api_key", "key_hash"), digest).await
}

/// A person as an actor, with the roles of this moment.
pub(crate) async fn of_person(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Option<Actor>, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT u.is_instance_admin, m.community_id, m.role \
         FROM users u LEFT JOIN membership m ON m.user_id = u.id WHERE u.id = $1",
        vec![user.0.into()],
    )
    .await?;
    let Some(first) = rows.first() else {
        return Ok(None);
    };
    let is_instance_admin = first.try_get_by_index(0)?;
    let mut roles = BTreeMap::new();
    for row in &rows {
        let (community, code): (Option<i32>, Option<i16>) =
            (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
        if let (Some(community), Some(code)) = (community, code) {
            roles.insert(CommunityId(community), role(code)?);
        }
    }
    Ok(Some(Actor::User {
        id: user,
        is_instance_admin,
        roles,
        only: None,
    }))
}

/// Who runs the instance.
pub(crate) async fn admins(
    conn: &impl ConnectionTrait,
    limit: i64,
) -> Result<Vec<UserId>, StoreError> {
    let query =
        format!("SELECT id FROM users WHERE is_instance_admin = TRUE ORDER BY id LIMIT {limit}");
    let rows = sql::rows(conn, &query, vec![]).await?;
    rows.iter()
        .map(|row| Ok(UserId(row.try_get_by_index(0)?)))
        .collect()
}

fn query(columns: &str, table: &str, digest: &str) -> String {
    format!(
        "SELECT {columns}, u.id AS user_id, u.display_name, u.email, u.is_instance_admin, u.claimed_at, u.created_at, \
           m.community_id, m.role \
         FROM {table} c JOIN users u ON u.id = c.user_id LEFT JOIN membership m ON m.user_id = u.id \
         WHERE c.{digest} = $1"
    )
}

async fn find(
    conn: &impl ConnectionTrait,
    query: &str,
    digest: &str,
) -> Result<Option<Holder>, StoreError> {
    let rows: Vec<Row> = sql::all(conn, query, vec![digest.into()]).await?;
    let mut roles = BTreeMap::new();
    for row in &rows {
        if let (Some(community), Some(code)) = (row.community_id, row.role) {
            roles.insert(CommunityId(community), role(code)?);
        }
    }
    Ok(rows.into_iter().next().map(|row| Holder {
        credential: row.credential,
        expires_at: Timestamp(row.expires_at),
        last_used_at: row.last_used_at.map(Timestamp),
        only: row.scope.map(CommunityId),
        user: User {
            id: UserId(row.user_id),
            display_name: row.display_name,
            email: row.email,
            is_instance_admin: row.is_instance_admin,
            claimed: row.claimed_at.is_some(),
            created_at: Timestamp(row.created_at),
        },
        roles,
    }))
}
