//! Reading rows of `member`.

use std::{
    collections::{BTreeSet, HashMap},
    fmt::Write,
};

use ::store::{StoreError, sql};
use kernel::{CommunityId, Platform, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::{count as unsigned, placeholders};
use crate::{Member, MemberQuery, MemberSort, member::COUNT_MAX};

#[derive(FromQueryResult)]
pub(crate) struct Row {
    pub(crate) user_id: i32,
    name: String,
    name_folded: String,
    platforms: i32,
    first_at: i64,
    last_at: i64,
    messages: i64,
}

impl Row {
    /// The sort key of a cursor.
    pub(crate) fn key(&self, sort: MemberSort) -> String {
        match sort {
            MemberSort::Name => self.name_folded.clone(),
            MemberSort::FirstSeen => self.first_at.to_string(),
            MemberSort::LastSeen => self.last_at.to_string(),
            MemberSort::Messages => self.messages.to_string(),
        }
    }

    pub(crate) fn into_member(self, active_days: u32) -> Member {
        let on = |platform: &Platform| self.platforms & (1_i32 << platform.code()) != 0;
        Member {
            user_id: UserId(self.user_id),
            platforms: Platform::ALL.into_iter().filter(on).collect(),
            name: self.name,
            first_at: Timestamp(self.first_at),
            last_at: Timestamp(self.last_at),
            messages: unsigned(self.messages),
            active_days,
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

/// The condition that all pages of a query share.
fn filter(community: CommunityId, query: &MemberQuery) -> (String, Vec<Value>) {
    let mut values: Vec<Value> = vec![community.0.into()];
    let mut text = "community_id = $1".to_owned();
    if let Some(platform) = query.platform {
        values.push((1_i32 << platform.code()).into());
        text.push_str(" AND (platforms & $2) <> 0");
    }
    let search = query.search.trim().to_lowercase();
    if !search.is_empty() {
        let escaped = search
            .replace('\\', "\\\\")
            .replace('%', "\\%")
            .replace('_', "\\_");
        values.push(format!("%{escaped}%").into());
        // Writing to a String cannot fail.
        let _ = write!(text, " AND name_folded LIKE ${} ESCAPE '\\'", values.len());
    }
    (text, values)
}

pub(crate) async fn page(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    query: &MemberQuery,
) -> Result<Vec<Row>, StoreError> {
    let (mut condition, mut values) = filter(community, query);
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
    sql::all(
        conn,
        &format!(
            "SELECT user_id, name, name_folded, platforms, first_at, last_at, messages FROM member \
             WHERE {condition} ORDER BY {column} {order}, user_id {order} LIMIT ${}",
            values.len()
        ),
        values,
    )
    .await
}

pub(crate) async fn count(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    query: &MemberQuery,
) -> Result<u64, StoreError> {
    let (condition, values) = filter(community, query);
    let query = format!(
        "SELECT COUNT(*) FROM (SELECT 1 AS one FROM member WHERE {condition} LIMIT {COUNT_MAX}) AS few"
    );
    Ok(unsigned(sql::scalar(conn, &query, values).await?))
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

/// Days with messages of some members.
pub(crate) async fn active_days(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    users: &[i32],
) -> Result<HashMap<i32, u32>, StoreError> {
    if users.is_empty() {
        return Ok(HashMap::new());
    }
    let mut values: Vec<Value> = vec![community.0.into()];
    values.extend(users.iter().map(|user| Value::from(*user)));
    let query = format!(
        "SELECT user_id, COUNT(DISTINCT day) FROM activity_day WHERE community_id = $1 AND user_id IN ({}) \
         GROUP BY user_id",
        placeholders(2, users.len())
    );
    let mut days = HashMap::with_capacity(users.len());
    for row in sql::rows(conn, &query, values).await? {
        let n: i64 = row.try_get_by_index(1)?;
        days.insert(row.try_get_by_index(0)?, u32::try_from(n).unwrap_or(0));
    }
    Ok(days)
}

/// Those of some people who were seen in a community.
pub(crate) async fn among(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    users: &[UserId],
) -> Result<Vec<UserId>, StoreError> {
    let mut found = Vec::with_capacity(users.len());
    for part in users.chunks(500) {
        let mut values: Vec<Value> = vec![community.0.into()];
        values.extend(part.iter().map(|user| Value::from(user.0)));
        let query = format!(
            "SELECT user_id FROM member WHERE community_id = $1 AND user_id IN ({})",
            placeholders(2, part.len())
        );
        for row in sql::rows(conn, &query, values).await? {
            found.push(UserId(row.try_get_by_index(0)?));
        }
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
