//! Rows of `connection` and `install_state`. The only place where a token goes from open to sealed
//! and back.

use std::collections::HashSet;

use ::store::{KeyRing, StoreError, seal::Place, sql};
use kernel::{
    ChannelChoice, CommunityId, ConnectionId, Entropy, Grant, Platform, Secret, ServerId,
    SessionId, Timestamp, UserId,
};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{IN_MAX, community::platform, placeholders};
use crate::{Connection, ConnectionStatus};

const TABLE: &str = "connection";
const ACCESS: &str = "access_sealed";
const REFRESH: &str = "refresh_sealed";

/// What seals and opens tokens.
#[derive(Clone, Copy)]
pub(crate) struct Tokens<'a> {
    pub(crate) keys: &'a KeyRing,
    pub(crate) entropy: &'a dyn Entropy,
}

impl Tokens<'_> {
    pub(crate) fn seal(&self, place: &Place, token: &Secret<String>) -> Result<String, StoreError> {
        let sealed = self.keys.seal(self.entropy, place, token.expose());
        sealed.map_err(|error| StoreError::Data(error.to_string()))
    }
}

fn place(id: i32, community: i32, column: &'static str) -> Place {
    Place {
        table: TABLE,
        column,
        row: id.into(),
        community: CommunityId(community),
    }
}

#[derive(FromQueryResult)]
struct Row {
    id: i32,
    community_id: i32,
    platform: i16,
    platform_server_id: String,
    server_id: i32,
    server_name: String,
    account: String,
    scopes: String,
    expires_at: Option<i64>,
    announce_channel_id: Option<String>,
    announce_channel_name: Option<String>,
    status: i16,
    trouble: Option<String>,
    checked_at: Option<i64>,
    installed_by: Option<i32>,
    installed_by_name: Option<String>,
    created_at: i64,
}

impl TryFrom<Row> for Connection {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        let status = ConnectionStatus::from_code(row.status)
            .ok_or_else(|| StoreError::Data(format!("unknown connection status {}", row.status)))?;
        let channel = row.announce_channel_id.map(|id| ChannelChoice {
            id,
            name: row.announce_channel_name.unwrap_or_default(),
        });
        Ok(Self {
            id: ConnectionId(row.id),
            community: CommunityId(row.community_id),
            platform: platform(row.platform)?,
            server: ServerId(row.server_id),
            platform_server_id: row.platform_server_id,
            server_name: row.server_name,
            account: row.account,
            scopes: split(&row.scopes),
            expires_at: row.expires_at.map(Timestamp),
            channel,
            status,
            trouble: row.trouble,
            checked_at: row.checked_at.map(Timestamp),
            installed_by: row.installed_by.map(UserId),
            installed_by_name: row.installed_by_name,
            connected_at: Timestamp(row.created_at),
        })
    }
}

pub(super) fn split(scopes: &str) -> Vec<String> {
    scopes.split_whitespace().map(str::to_owned).collect()
}

const SELECT: &str = "SELECT c.id, c.community_id, c.platform, c.platform_server_id, c.server_id, \
     s.name AS server_name, c.account, c.scopes, c.expires_at, c.announce_channel_id, \
     c.announce_channel_name, c.status, c.trouble, c.checked_at, c.installed_by, \
     u.display_name AS installed_by_name, c.created_at \
     FROM connection c JOIN community_server s ON s.id = c.server_id \
     LEFT JOIN users u ON u.id = c.installed_by";

pub(crate) async fn by_id(
    conn: &impl ConnectionTrait,
    id: ConnectionId,
) -> Result<Option<Connection>, StoreError> {
    let row: Option<Row> = sql::one(
        conn,
        &format!("{SELECT} WHERE c.id = $1"),
        vec![id.0.into()],
    )
    .await?;
    row.map(Connection::try_from).transpose()
}

/// Those of some communities that have not ended, in the mean at most 1,000 of each.
pub(crate) async fn of_communities(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
) -> Result<Vec<Connection>, StoreError> {
    let mut found = Vec::new();
    for part in communities.chunks(IN_MAX) {
        let limit = i64::try_from(part.len() * 1_000).unwrap_or(i64::MAX);
        let mut values = vec![ConnectionStatus::Revoked.code().into(), limit.into()];
        values.extend(part.iter().map(|id| id.0.into()));
        let query = format!(
            "{SELECT} WHERE c.community_id IN ({}) AND c.status <> $1 \
             ORDER BY c.community_id, c.platform, LOWER(s.name), c.id LIMIT $2",
            placeholders(3, part.len())
        );
        let rows: Vec<Row> = sql::all(conn, &query, values).await?;
        for row in rows {
            found.push(Connection::try_from(row)?);
        }
    }
    Ok(found)
}

/// Those of some communities that have a connection to one of some platforms that has not ended.
pub(crate) async fn connected_to(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
    platforms: &[Platform],
) -> Result<HashSet<CommunityId>, StoreError> {
    let mut found = HashSet::new();
    for part in communities.chunks(IN_MAX) {
        let mut values = vec![ConnectionStatus::Revoked.code().into()];
        values.extend(platforms.iter().map(|one| one.code().into()));
        values.extend(part.iter().map(|id| id.0.into()));
        let query = format!(
            "SELECT DISTINCT community_id FROM connection WHERE status <> $1 AND platform IN ({}) \
             AND community_id IN ({})",
            placeholders(2, platforms.len()),
            placeholders(platforms.len() + 2, part.len())
        );
        for row in sql::rows(conn, &query, values).await? {
            found.insert(CommunityId(row.try_get_by_index(0)?));
        }
    }
    Ok(found)
}

/// A connection to write down.
pub(crate) struct New<'a> {
    pub(crate) community: CommunityId,
    pub(crate) server: ServerId,
    pub(crate) installed_by: Option<UserId>,
    pub(crate) grant: &'a Grant,
}

/// Inserts a connection or renews the same one. The caller has made sure that the server is the
/// community's. In two steps, because a token is sealed for its row.
pub(crate) async fn put(
    conn: &impl ConnectionTrait,
    tokens: &Tokens<'_>,
    new: &New<'_>,
    now: Timestamp,
) -> Result<ConnectionId, StoreError> {
    let grant = new.grant;
    let id: i32 = sql::scalar(
        conn,
        "INSERT INTO connection (community_id, platform, platform_server_id, server_id, account, \
           scopes, status, installed_by, created_at, updated_at) \
         VALUES ($1, $2, $3, $4, $5, '', $6, $7, $8, $8) \
         ON CONFLICT (platform, platform_server_id) DO UPDATE SET community_id = $1, server_id = $4, \
           account = $5, status = $6, trouble = NULL, checked_at = NULL, installed_by = $7, \
           created_at = CASE WHEN connection.status = $9 THEN $8 ELSE connection.created_at END, \
           updated_at = $8 \
         RETURNING id",
        vec![
            new.community.0.into(),
            grant.platform.code().into(),
            grant.server.clone().into(),
            new.server.0.into(),
            grant.account.clone().into(),
            ConnectionStatus::Ok.code().into(),
            new.installed_by.map(|user| user.0).into(),
            now.0.into(),
            ConnectionStatus::Revoked.code().into(),
        ],
    )
    .await?;
    write_tokens(conn, tokens, id, new.community.0, grant, now).await?;
    Ok(ConnectionId(id))
}

async fn write_tokens(
    conn: &impl ConnectionTrait,
    tokens: &Tokens<'_>,
    id: i32,
    community: i32,
    grant: &Grant,
    now: Timestamp,
) -> Result<u64, StoreError> {
    // No token is kept as null, not as a sealed nothing.
    let sealed = |column, token: Option<&Secret<String>>| {
        token
            .filter(|token| !token.expose().is_empty())
            .map(|token| tokens.seal(&place(id, community, column), token))
            .transpose()
    };
    let access = sealed(ACCESS, Some(&grant.access))?;
    let refresh = sealed(REFRESH, grant.refresh.as_ref())?;
    sql::execute(
        conn,
        "UPDATE connection SET access_sealed = $2, refresh_sealed = $3, expires_at = $4, \
         scopes = $5, updated_at = $6 WHERE id = $1 AND community_id = $7 AND status <> $8",
        vec![
            id.into(),
            access.into(),
            refresh.into(),
            grant.expires_at.map(|at| at.0).into(),
            grant.scopes.join(" ").into(),
            now.0.into(),
            community.into(),
            ConnectionStatus::Revoked.code().into(),
        ],
    )
    .await
}

/// Fresh tokens for a live connection; whether there is one.
pub(crate) async fn renew(
    conn: &impl ConnectionTrait,
    tokens: &Tokens<'_>,
    grant: &Grant,
    now: Timestamp,
) -> Result<bool, StoreError> {
    let Some(row) = sealed(conn, grant.platform, &grant.server).await? else {
        return Ok(false);
    };
    let n = write_tokens(conn, tokens, row.id, row.community_id, grant, now).await?;
    Ok(n == 1)
}

pub(crate) async fn report(
    conn: &impl ConnectionTrait,
    platform: Platform,
    server: &str,
    trouble: Option<&str>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let status = match trouble {
        Some(_) => ConnectionStatus::Trouble,
        None => ConnectionStatus::Ok,
    };
    sql::execute(
        conn,
        "UPDATE connection SET status = $3, trouble = $4, checked_at = $5 \
         WHERE platform = $1 AND platform_server_id = $2 AND status <> $6",
        vec![
            platform.code().into(),
            server.into(),
            status.code().into(),
            trouble.map(str::to_owned).into(),
            now.0.into(),
            ConnectionStatus::Revoked.code().into(),
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn set_channel(
    conn: &impl ConnectionTrait,
    id: ConnectionId,
    channel: Option<&ChannelChoice>,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE connection SET announce_channel_id = $2, announce_channel_name = $3, updated_at = $4 \
         WHERE id = $1",
        vec![
            id.0.into(),
            channel.map(|channel| channel.id.clone()).into(),
            channel.map(|channel| channel.name.clone()).into(),
            now.0.into(),
        ],
    )
    .await?;
    Ok(())
}

/// Ends a connection and erases its tokens.
pub(crate) async fn revoke(
    conn: &impl ConnectionTrait,
    id: ConnectionId,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE connection SET access_sealed = NULL, refresh_sealed = NULL, expires_at = NULL, \
         status = $2, trouble = NULL, updated_at = $3 WHERE id = $1",
        vec![
            id.0.into(),
            ConnectionStatus::Revoked.code().into(),
            now.0.into(),
        ],
    )
    .await?;
    Ok(())
}

/// A row with its tokens, sealed.
#[derive(FromQueryResult)]
pub(crate) struct Sealed {
    pub(crate) id: i32,
    community_id: i32,
    platform: i16,
    platform_server_id: String,
    account: String,
    access: Option<String>,
    refresh: Option<String>,
    expires_at: Option<i64>,
    scopes: String,
}

impl Sealed {
    /// The sealed texts with their places.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (Place, &str)> {
        let at = |column| place(self.id, self.community_id, column);
        [
            (at(ACCESS), self.access.as_deref()),
            (at(REFRESH), self.refresh.as_deref()),
        ]
        .into_iter()
        .filter_map(|(place, text)| Some((place, text?)))
    }

    /// The grant, open.
    pub(crate) fn open(self, tokens: &Tokens<'_>) -> Result<Grant, StoreError> {
        let open = |column, text: Option<&String>| {
            let place = place(self.id, self.community_id, column);
            text.map(|text| tokens.keys.open(&place, text))
                .transpose()
                .map_err(|error| StoreError::Data(format!("connection {}: {error}", self.id)))
        };
        let access = open(ACCESS, self.access.as_ref())?;
        let refresh = open(REFRESH, self.refresh.as_ref())?;
        Ok(Grant {
            platform: platform(self.platform)?,
            access: access.unwrap_or_default(),
            refresh,
            server: self.platform_server_id,
            account: self.account,
            expires_at: self.expires_at.map(Timestamp),
            scopes: split(&self.scopes),
        })
    }
}

const SEALED: &str = "SELECT id, community_id, platform, platform_server_id, account, \
     access_sealed AS access, refresh_sealed AS refresh, expires_at, scopes FROM connection";

/// The live connection to a server.
pub(crate) async fn sealed(
    conn: &impl ConnectionTrait,
    platform: Platform,
    server: &str,
) -> Result<Option<Sealed>, StoreError> {
    sql::one(
        conn,
        &format!("{SEALED} WHERE platform = $1 AND platform_server_id = $2 AND status <> $3"),
        vec![
            platform.code().into(),
            server.into(),
            ConnectionStatus::Revoked.code().into(),
        ],
    )
    .await
}

/// The live connections of a platform.
pub(crate) async fn sealed_of(
    conn: &impl ConnectionTrait,
    platform: Platform,
) -> Result<Vec<Sealed>, StoreError> {
    sql::all(
        conn,
        &format!("{SEALED} WHERE platform = $1 AND status <> $2 ORDER BY id"),
        vec![
            platform.code().into(),
            ConnectionStatus::Revoked.code().into(),
        ],
    )
    .await
}

/// Rows that have a sealed token, in order of id.
pub(crate) async fn sealed_after(
    conn: &impl ConnectionTrait,
    after: i32,
    limit: u64,
) -> Result<Vec<Sealed>, StoreError> {
    sql::all(
        conn,
        &format!(
            "{SEALED} WHERE id > $1 AND (access_sealed IS NOT NULL OR refresh_sealed IS NOT NULL) \
             ORDER BY id LIMIT $2"
        ),
        vec![
            after.into(),
            i64::try_from(limit).unwrap_or(i64::MAX).into(),
        ],
    )
    .await
}

/// An install that was begun.
pub(crate) struct State {
    pub(crate) digest: String,
    pub(crate) platform: Platform,
    pub(crate) community: CommunityId,
    pub(crate) user: UserId,
    pub(crate) session: SessionId,
    pub(crate) redirect: String,
    pub(crate) expires_at: Timestamp,
}

pub(crate) async fn put_state(
    conn: &impl ConnectionTrait,
    state: &State,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO install_state \
         (state_hash, platform, community_id, user_id, session_id, redirect, expires_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7)",
        vec![
            state.digest.clone().into(),
            state.platform.code().into(),
            state.community.0.into(),
            state.user.0.into(),
            state.session.0.into(),
            state.redirect.clone().into(),
            state.expires_at.0.into(),
        ],
    )
    .await?;
    Ok(())
}

/// How many installs a person has begun that can still be finished.
pub(crate) async fn open_states(
    conn: &impl ConnectionTrait,
    user: UserId,
    now: Timestamp,
) -> Result<i64, StoreError> {
    sql::scalar(
        conn,
        "SELECT COUNT(*) FROM install_state WHERE user_id = $1 AND used_at IS NULL AND expires_at > $2",
        vec![user.0.into(), now.0.into()],
    )
    .await
}

/// Marks a state used and answers what it was for: `None` if it was not usable by this person in
/// this session on this platform; of several parallel uses exactly one succeeds. The state is
/// compared by its hash, so the time that takes tells nothing about it.
pub(crate) async fn use_state(
    conn: &impl ConnectionTrait,
    digest: &str,
    platform: Platform,
    user: UserId,
    session: SessionId,
    now: Timestamp,
) -> Result<Option<(CommunityId, String)>, StoreError> {
    let rows = sql::rows(
        conn,
        "UPDATE install_state SET used_at = $5 \
         WHERE state_hash = $1 AND platform = $2 AND user_id = $3 AND session_id = $4 \
           AND used_at IS NULL AND expires_at > $5 RETURNING community_id, redirect",
        vec![
            digest.into(),
            platform.code().into(),
            user.0.into(),
            session.0.into(),
            now.0.into(),
        ],
    )
    .await?;
    let Some(row) = rows.first() else {
        return Ok(None);
    };
    Ok(Some((
        CommunityId(row.try_get_by_index(0)?),
        row.try_get_by_index(1)?,
    )))
}

/// Removes states that have expired.
pub(crate) async fn sweep(conn: &impl ConnectionTrait, now: Timestamp) -> Result<u64, StoreError> {
    sql::execute(
        conn,
        "DELETE FROM install_state WHERE expires_at <= $1",
        vec![now.0.into()],
    )
    .await
}
