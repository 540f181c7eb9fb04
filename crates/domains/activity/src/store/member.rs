//! Reading rows of `member`.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write,
};

use ::store::{StoreError, sql};
use kernel::{CommunityId, Platform, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::{count as unsigned, placeholders};
use crate::{Member, MemberQuery, MemberSort, Presence, member::COUNT_MAX};

#[derive(FromQueryResult)]
pub(crate) struct Row {
    community_id: i32,
    pub(crate) user_id: i32,
    name: String,
    name_folded: String,
    platforms: i32,
    first_at: i64,
    last_at: i64,
    messages: i64,
    active_days: i32,
}

impl Row {
    pub(crate) const fn community(&self) -> CommunityId {
        CommunityId(self.community_id)
    }

    /// The sort key of a cursor.
    pub(crate) fn key(&self, sort: MemberSort) -> String {
        match sort {
            MemberSort::Name => self.name_folded.clone(),
            MemberSort::FirstSeen => self.first_at.to_string(),
            MemberSort::LastSeen => self.last_at.to_string(),
            MemberSort::Messages => self.messages.to_string(),
        }
    }

    pub(crate) fn into_member(self) -> Member {
        let on = |platform: &Platform| self.platforms & (1_i32 << platform.code()) != 0;
        Member {
            user_id: UserId(self.user_id),
            presence: Presence::new(self.community(), UserId(self.user_id)),
            platforms: Platform::ALL.into_iter().filter(on).collect(),
            name: self.name,
            first_at: Timestamp(self.first_at),
            last_at: Timestamp(self.last_at),
            messages: unsigned(self.messages),
            active_days: u32::try_from(self.active_days).unwrap_or(0),
        }
    }
}

const fn column(sort: MemberSort) -> &'static str {
    match sort {
        MemberSort::Name => "name_folded",
        MemberSort::FirstSeen => "first_at",
        MemberSort::LastSeen => "last_at",
        MemberSort::Messages => "messages",
    }
}

/// The condition that all pages of a query share, for a branch of a union, and its values after `values`.
fn filter(query: &MemberQuery, values: &mut Vec<Value>) -> String {
    let mut text = String::new();
    if let Some(platform) = query.platform {
        values.push((1_i32 << platform.code()).into());
        // Writing to a String cannot fail.
        let _ = write!(text, " AND (platforms & ${}) <> 0", values.len());
    }
    let search = query.search.trim().to_lowercase();
    if !search.is_empty() {
        let escaped = search
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_");
        values.push(format!("%{escaped}%").into());
        let _ = write!(text, " AND name_folded LIKE ${} ESCAPE '\\'", values.len());
    }
    text
}

fn ids(communities: &[CommunityId]) -> Vec<Value> {
    communities.iter().map(|id| id.0.into()).collect()
}

/// A page of each of some communities, in order.
pub(crate) async fn pages(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
    query: &MemberQuery,
) -> Result<Vec<Row>, StoreError> {
    let mut values = ids(communities);
    let mut condition = filter(query, &mut values);
    let column = column(query.sort);
    let (compare, order) = if query.descending {
        ("<", "DESC")
    } else {
        (">", "ASC")
    };
    if let Some(cursor) = query.page.cursor() {
        let key: Value = match query.sort {
            MemberSort::Name => cursor.key.clone().into(),
            // A cursor of another sort order starts from the beginning.
            _ => cursor
                .key
                .parse::<i64>()
                .unwrap_or(if query.descending { i64::MAX } else { i64::MIN })
                .into(),
        };
        values.push(key);
        values.push(i32::try_from(cursor.id).unwrap_or(0).into());
        let n = values.len();
        let _ = write!(
            condition,
            " AND ({column}, user_id) {compare} (${}, ${n})",
            n - 1
        );
    }
    values.push(i64::try_from(query.page.fetch()).unwrap_or(101).into());
    let limit = values.len();
    let page = sql::union(communities.len(), |n| {
        format!(
            "SELECT community_id, user_id, name, name_folded, platforms, first_at, last_at, messages, \
             active_days FROM member WHERE community_id = ${n}{condition} ORDER BY {column} {order}, user_id {order} LIMIT ${limit}"
        )
    });
    sql::all(
        conn,
        &format!(
            "SELECT p.* FROM ({page}) AS p ORDER BY p.community_id, p.{column} {order}, p.user_id {order}"
        ),
        values,
    )
    .await
}

/// How many rows each of some communities has; those without any are left out.
pub(crate) async fn counts(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
    query: &MemberQuery,
) -> Result<HashMap<CommunityId, u64>, StoreError> {
    let mut values = ids(communities);
    let condition = filter(query, &mut values);
    let few = sql::union(communities.len(), |n| {
        format!(
            "SELECT community_id FROM member WHERE community_id = ${n}{condition} LIMIT {COUNT_MAX}"
        )
    });
    let query = format!("SELECT community_id, COUNT(*) FROM ({few}) AS few GROUP BY community_id");
    let mut counts = HashMap::with_capacity(communities.len());
    for row in sql::rows(conn, &query, values).await? {
        let community = CommunityId(row.try_get_by_index(0)?);
        counts.insert(community, unsigned(row.try_get_by_index(1)?));
    }
    Ok(counts)
}

/// When a member was last seen.
pub(crate) async fn last_seen(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    user: UserId,
) -> Result<Option<Timestamp>, StoreError> {
    let at: Option<i64> = sql::optional(
        conn,
        "SELECT last_at FROM member WHERE community_id = $1 AND user_id = $2",
        vec![community.0.into(), user.0.into()],
    )
    .await?;
    Ok(at.map(Timestamp))
}

/// The rows of people in the communities beside them.
pub(crate) async fn at(
    conn: &impl ConnectionTrait,
    seats: &[(CommunityId, UserId)],
) -> Result<Vec<Row>, StoreError> {
    let mut found = Vec::with_capacity(seats.len());
    for part in seats.chunks(500) {
        let query = format!(
            "SELECT p.community_id, p.user_id, p.name, p.name_folded, p.platforms, p.first_at, p.last_at, \
               p.messages, p.active_days \
             FROM (VALUES {}) AS w CROSS JOIN member p \
             WHERE p.community_id = w.column1 AND p.user_id = w.column2",
            sql::pairs(1, part.len())
        );
        let values = part
            .iter()
            .flat_map(|(id, user)| [id.0.into(), user.0.into()]);
        found.extend(sql::all::<Row>(conn, &query, values.collect()).await?);
    }
    Ok(found)
}

/// When people were seen first in the community beside them; who never was is left out.
pub(crate) async fn first_at(
    conn: &impl ConnectionTrait,
    seats: &[(CommunityId, UserId)],
) -> Result<HashMap<(CommunityId, UserId), Timestamp>, StoreError> {
    let mut found = HashMap::with_capacity(seats.len());
    for part in seats.chunks(500) {
        let query = format!(
            "SELECT m.community_id, m.user_id, m.first_at FROM (VALUES {}) AS w CROSS JOIN member m \
             WHERE m.community_id = w.column1 AND m.user_id = w.column2",
            sql::pairs(1, part.len())
        );
        let values = part
            .iter()
            .flat_map(|(id, user)| [id.0.into(), user.0.into()]);
        for row in sql::rows(conn, &query, values.collect()).await? {
            let seat = (
                CommunityId(row.try_get_by_index(0)?),
                UserId(row.try_get_by_index(1)?),
            );
            found.insert(seat, Timestamp(row.try_get_by_index(2)?));
        }
    }
    Ok(found)
}

/// Those of some people who were seen in the community beside them, each once.
pub(crate) async fn among(
    conn: &impl ConnectionTrait,
    seats: &[(CommunityId, UserId)],
) -> Result<Vec<Presence>, StoreError> {
    let seen = first_at(conn, seats).await?.into_keys();
    Ok(seen
        .map(|(community, user)| Presence::new(community, user))
        .collect())
}

/// Those of a community whose name in lower case is this one.
pub(crate) async fn called(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    name: &str,
) -> Result<Vec<UserId>, StoreError> {
    let query = "SELECT user_id FROM member WHERE community_id = $1 AND name_folded = $2 \
                 ORDER BY user_id LIMIT 20";
    let values = vec![community.0.into(), name.into()];
    let mut found = Vec::new();
    for row in sql::rows(conn, query, values).await? {
        found.push(UserId(row.try_get_by_index(0)?));
    }
    Ok(found)
}

/// In which communities people were seen.
pub(crate) async fn places(
    conn: &impl ConnectionTrait,
    users: &[UserId],
) -> Result<HashMap<UserId, BTreeSet<CommunityId>>, StoreError> {
    let mut found: HashMap<UserId, BTreeSet<CommunityId>> = HashMap::new();
    for part in users.chunks(500) {
        let query = format!(
            "SELECT user_id, community_id FROM member WHERE user_id IN ({})",
            placeholders(1, part.len())
        );
        let values = part.iter().map(|user| user.0.into()).collect();
        for row in sql::rows(conn, &query, values).await? {
            let places = found.entry(UserId(row.try_get_by_index(0)?)).or_default();
            places.insert(CommunityId(row.try_get_by_index(1)?));
        }
    }
    Ok(found)
}
