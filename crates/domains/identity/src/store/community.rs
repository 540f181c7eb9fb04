//! Rows of `community`, `community_server` and `membership`.

use std::collections::HashMap;

use ::store::{StoreError, sql};
use kernel::{CommunityId, Platform, Role, ServerId, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult};

use super::{IN_MAX, placeholders};
use crate::{Community, LiveRules, NewServer, Server, Weights, community::RETENTION_DAYS};

#[derive(FromQueryResult)]
struct Row {
    id: i32,
    slug: String,
    name: String,
    description: String,
    retention_days: i32,
    created_at: i64,
}

impl From<Row> for Community {
    fn from(row: Row) -> Self {
        Self {
            id: CommunityId(row.id),
            slug: row.slug,
            name: row.name,
            description: row.description,
            retention_days: u32::try_from(row.retention_days).unwrap_or(RETENTION_DAYS),
            created_at: Timestamp(row.created_at),
        }
    }
}

#[derive(FromQueryResult)]
struct ServerRow {
    id: i32,
    platform: i16,
    platform_server_id: String,
    name: String,
    is_primary: bool,
}

#[derive(FromQueryResult)]
struct ServerOfRow {
    community_id: i32,
    #[sea_orm(nested)]
    server: ServerRow,
}

impl TryFrom<ServerRow> for Server {
    type Error = StoreError;

    fn try_from(row: ServerRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: ServerId(row.id),
            platform: platform(row.platform)?,
            platform_server_id: row.platform_server_id,
            name: row.name,
            is_primary: row.is_primary,
        })
    }
}

pub(super) fn platform(code: i16) -> Result<Platform, StoreError> {
    Platform::from_code(code).ok_or_else(|| StoreError::Data(format!("unknown platform {code}")))
}

pub(super) fn role(code: i16) -> Result<Role, StoreError> {
    Role::from_code(code).ok_or_else(|| StoreError::Data(format!("unknown role {code}")))
}

const COLUMNS: &str = "id, slug, name, description, retention_days, created_at";

pub(crate) async fn all(conn: &impl ConnectionTrait) -> Result<Vec<Community>, StoreError> {
    let rows: Vec<Row> = sql::all(
        conn,
        &format!("SELECT {COLUMNS} FROM community ORDER BY LOWER(name), id"),
        vec![],
    )
    .await?;
    Ok(rows.into_iter().map(Community::from).collect())
}

pub(crate) async fn by_id(
    conn: &impl ConnectionTrait,
    id: CommunityId,
) -> Result<Option<Community>, StoreError> {
    let row: Option<Row> = sql::one(
        conn,
        &format!("SELECT {COLUMNS} FROM community WHERE id = $1"),
        vec![id.0.into()],
    )
    .await?;
    Ok(row.map(Community::from))
}

/// By name, like [`all`].
pub(crate) async fn by_ids(
    conn: &impl ConnectionTrait,
    ids: &[CommunityId],
) -> Result<Vec<Community>, StoreError> {
    let mut found = Vec::with_capacity(ids.len());
    for part in ids.chunks(IN_MAX) {
        let query = format!(
            "SELECT {COLUMNS} FROM community WHERE id IN ({})",
            placeholders(1, part.len())
        );
        let rows: Vec<Row> =
            sql::all(conn, &query, part.iter().map(|id| id.0.into()).collect()).await?;
        found.extend(rows.into_iter().map(Community::from));
    }
    found.sort_by_cached_key(|community| (community.name.to_lowercase(), community.id));
    Ok(found)
}

/// The oldest community with exactly this name.
pub(crate) async fn by_name(
    conn: &impl ConnectionTrait,
    name: &str,
) -> Result<Option<Community>, StoreError> {
    let row: Option<Row> = sql::one(
        conn,
        &format!("SELECT {COLUMNS} FROM community WHERE name = $1 ORDER BY id LIMIT 1"),
        vec![name.into()],
    )
    .await?;
    Ok(row.map(Community::from))
}

pub(crate) async fn by_slug(
    conn: &impl ConnectionTrait,
    slug: &str,
) -> Result<Option<Community>, StoreError> {
    let row: Option<Row> = sql::one(
        conn,
        &format!("SELECT {COLUMNS} FROM community WHERE slug = $1"),
        vec![slug.into()],
    )
    .await?;
    Ok(row.map(Community::from))
}

pub(crate) async fn lock(conn: &impl ConnectionTrait, id: CommunityId) -> Result<bool, StoreError> {
    Ok(sql::execute(
        conn,
        "UPDATE community SET slug = slug WHERE id = $1",
        vec![id.0.into()],
    )
    .await?
        == 1)
}

pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    slug: &str,
    name: &str,
    description: &str,
    now: Timestamp,
) -> Result<Community, StoreError> {
    let id: i32 = sql::scalar(
        conn,
        "INSERT INTO community (slug, name, description, retention_days, created_at) \
         VALUES ($1, $2, $3, $4, $5) RETURNING id",
        vec![
            slug.into(),
            name.into(),
            description.into(),
            i32::try_from(RETENTION_DAYS).unwrap_or(i32::MAX).into(),
            now.0.into(),
        ],
    )
    .await?;
    Ok(Community {
        id: CommunityId(id),
        slug: slug.to_owned(),
        name: name.to_owned(),
        description: description.to_owned(),
        retention_days: RETENTION_DAYS,
        created_at: now,
    })
}

pub(crate) async fn update(
    conn: &impl ConnectionTrait,
    community: &Community,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE community SET name = $2, description = $3, retention_days = $4 WHERE id = $1",
        vec![
            community.id.0.into(),
            community.name.clone().into(),
            community.description.clone().into(),
            i32::try_from(community.retention_days)
                .unwrap_or(i32::MAX)
                .into(),
        ],
    )
    .await?;
    Ok(())
}

/// What the recording of live chat needs to know of communities.
pub(crate) async fn live_rules(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
) -> Result<HashMap<CommunityId, LiveRules>, StoreError> {
    let mut found: HashMap<CommunityId, LiveRules> = HashMap::with_capacity(communities.len());
    for part in communities.chunks(IN_MAX) {
        let query = format!(
            "SELECT c.id, c.retention_days, w.reason, w.weight FROM community c \
             LEFT JOIN reputation_weight w ON w.community_id = c.id WHERE c.id IN ({})",
            placeholders(1, part.len())
        );
        for row in sql::rows(conn, &query, part.iter().map(|id| id.0.into()).collect()).await? {
            let days: i32 = row.try_get_by_index(1)?;
            let rules = found
                .entry(CommunityId(row.try_get_by_index(0)?))
                .or_insert_with(|| LiveRules {
                    retention_days: u32::try_from(days).unwrap_or(RETENTION_DAYS),
                    weights: Weights::default(),
                });
            let (reason, weight): (Option<i16>, Option<i64>) =
                (row.try_get_by_index(2)?, row.try_get_by_index(3)?);
            if let (Some(reason), Some(weight)) = (reason, weight) {
                super::reputation_weight::take(&mut rules.weights, reason, weight);
            }
        }
    }
    Ok(found)
}

pub(crate) async fn servers(
    conn: &impl ConnectionTrait,
    id: CommunityId,
) -> Result<Vec<Server>, StoreError> {
    let rows: Vec<ServerRow> = sql::all(
        conn,
        "SELECT id, platform, platform_server_id, name, is_primary FROM community_server \
         WHERE community_id = $1 AND status = 1 ORDER BY platform, LOWER(name), id LIMIT 1000",
        vec![id.0.into()],
    )
    .await?;
    rows.into_iter().map(Server::try_from).collect()
}

/// The servers of several communities, with one statement.
pub(crate) async fn servers_of(
    conn: &impl ConnectionTrait,
    ids: &[CommunityId],
) -> Result<Vec<(CommunityId, Server)>, StoreError> {
    let query = format!(
        "SELECT community_id, id, platform, platform_server_id, name, is_primary FROM community_server \
         WHERE community_id IN ({}) AND status = 1 ORDER BY community_id, platform, LOWER(name), id LIMIT 10000",
        sql::in_list(1, ids.len())
    );
    let ids = ids.iter().map(|id| id.0.into()).collect();
    let rows: Vec<ServerOfRow> = sql::all(conn, &query, ids).await?;
    rows.into_iter()
        .map(|row| Ok((CommunityId(row.community_id), row.server.try_into()?)))
        .collect()
}

pub(crate) async fn server_owner(
    conn: &impl ConnectionTrait,
    platform: Platform,
    server: &str,
) -> Result<Option<CommunityId>, StoreError> {
    let id: Option<i32> = sql::optional(
        conn,
        "SELECT community_id FROM community_server WHERE platform = $1 AND platform_server_id = $2 AND status = 1",
        vec![platform.code().into(), server.into()],
    )
    .await?;
    Ok(id.map(CommunityId))
}

/// Inserts an approved server, or renames the same one. The first on a platform is the primary.
/// `None` if it belongs to another community; one that was disconnected belongs to nobody.
pub(crate) async fn put_server(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    new: &NewServer,
    now: Timestamp,
) -> Result<Option<Server>, StoreError> {
    let row: Option<ServerRow> = sql::one(
        conn,
        "INSERT INTO community_server \
         (community_id, platform, platform_server_id, name, link_type, status, is_primary, created_at) \
         VALUES ($1, $2, $3, $4, 0, 1, \
           NOT EXISTS (SELECT 1 FROM community_server WHERE community_id = $1 AND platform = $2), $5) \
         ON CONFLICT (platform, platform_server_id) DO UPDATE SET name = $4, status = 1, \
           is_primary = CASE WHEN community_server.community_id = $1 \
             THEN community_server.is_primary ELSE excluded.is_primary END, \
           community_id = $1 \
         WHERE community_server.community_id = $1 OR community_server.status = 3 \
         RETURNING id, platform, platform_server_id, name, is_primary",
        vec![
            community.0.into(),
            new.platform.code().into(),
            new.platform_server_id.clone().into(),
            new.name.clone().into(),
            now.0.into(),
        ],
    )
    .await?;
    row.map(Server::try_from).transpose()
}

/// Marks a server as not connected (3): its chat is not recorded any more, its history stays.
pub(crate) async fn disconnect_server(
    conn: &impl ConnectionTrait,
    id: ServerId,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE community_server SET status = 3 WHERE id = $1",
        vec![id.0.into()],
    )
    .await?;
    Ok(())
}

#[derive(FromQueryResult)]
struct RoleOf {
    user_id: i32,
    community_id: i32,
    role: i16,
}

pub(crate) async fn roles_of(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Vec<(CommunityId, Role)>, StoreError> {
    let mut found = roles_of_each(conn, &[user]).await?;
    Ok(found.remove(&user).unwrap_or_default())
}

/// The roles of each of some people; who has none is left out.
pub(crate) async fn roles_of_each(
    conn: &impl ConnectionTrait,
    users: &[UserId],
) -> Result<HashMap<UserId, Vec<(CommunityId, Role)>>, StoreError> {
    let mut found: HashMap<UserId, Vec<(CommunityId, Role)>> = HashMap::new();
    for part in users.chunks(IN_MAX) {
        let query = format!(
            "SELECT user_id, community_id, role FROM membership WHERE user_id IN ({})",
            placeholders(1, part.len())
        );
        let values = part.iter().map(|user| user.0.into()).collect();
        let rows: Vec<RoleOf> = sql::all(conn, &query, values).await?;
        for row in rows {
            let known = (CommunityId(row.community_id), role(row.role)?);
            found.entry(UserId(row.user_id)).or_default().push(known);
        }
    }
    Ok(found)
}

/// The roles of people in the communities beside them; who has none is left out.
pub(crate) async fn roles_at(
    conn: &impl ConnectionTrait,
    seats: &[(CommunityId, UserId)],
) -> Result<HashMap<(CommunityId, UserId), Role>, StoreError> {
    let mut found = HashMap::with_capacity(seats.len());
    for part in seats.chunks(IN_MAX) {
        let query = format!(
            "SELECT m.user_id, m.community_id, m.role FROM (VALUES {}) AS w CROSS JOIN membership m \
             WHERE m.community_id = w.column1 AND m.user_id = w.column2",
            sql::pairs(1, part.len())
        );
        let values = part
            .iter()
            .flat_map(|(id, user)| [id.0.into(), user.0.into()]);
        let rows: Vec<RoleOf> = sql::all(conn, &query, values.collect()).await?;
        for row in rows {
            let seat = (CommunityId(row.community_id), UserId(row.user_id));
            found.insert(seat, role(row.role)?);
        }
    }
    Ok(found)
}

#[derive(FromQueryResult)]
struct RoleIn {
    user_id: i32,
    role: i16,
}

pub(crate) async fn roles_in(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    users: &[UserId],
) -> Result<HashMap<UserId, Role>, StoreError> {
    let mut found = HashMap::new();
    for part in users.chunks(IN_MAX) {
        let mut values = vec![community.0.into()];
        values.extend(part.iter().map(|user| user.0.into()));
        let query = format!(
            "SELECT user_id, role FROM membership WHERE community_id = $1 AND user_id IN ({})",
            placeholders(2, part.len())
        );
        let rows: Vec<RoleIn> = sql::all(conn, &query, values).await?;
        for row in rows {
            found.insert(UserId(row.user_id), role(row.role)?);
        }
    }
    Ok(found)
}

/// Who has a role in a community or a higher one.
pub(crate) async fn from_role(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    least: Role,
) -> Result<Vec<UserId>, StoreError> {
    let query = "SELECT user_id FROM membership WHERE community_id = $1 AND role >= $2";
    let values = vec![community.0.into(), least.code().into()];
    let rows = sql::rows(conn, query, values).await?;
    let ids = rows.iter().map(|row| row.try_get_by_index(0));
    Ok(ids
        .map(|id| id.map(UserId))
        .collect::<Result<_, sea_orm::DbErr>>()?)
}

/// The mailboxes of a community's owners and administrators.
pub(crate) async fn manager_mail(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<Vec<(UserId, String)>, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT u.id, u.email FROM membership m JOIN users u ON u.id = m.user_id \
         WHERE m.community_id = $1 AND m.role >= $2 AND u.email IS NOT NULL ORDER BY u.id LIMIT 100",
        vec![community.0.into(), Role::Admin.code().into()],
    )
    .await?;
    rows.iter()
        .map(|row| Ok((UserId(row.try_get_by_index(0)?), row.try_get_by_index(1)?)))
        .collect()
}

pub(crate) async fn count_owners(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<i64, StoreError> {
    sql::scalar(
        conn,
        "SELECT COUNT(*) FROM membership WHERE community_id = $1 AND role = $2",
        vec![community.0.into(), Role::Owner.code().into()],
    )
    .await
}

pub(crate) async fn put_role(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    user: UserId,
    role: Role,
    now: Timestamp,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO membership (community_id, user_id, role, joined_at) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (community_id, user_id) DO UPDATE SET role = $3",
        vec![
            community.0.into(),
            user.0.into(),
            role.code().into(),
            now.0.into(),
        ],
    )
    .await?;
    Ok(())
}

pub(crate) async fn delete_role(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    user: UserId,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM membership WHERE community_id = $1 AND user_id = $2",
        vec![community.0.into(), user.0.into()],
    )
    .await?;
    Ok(())
}
