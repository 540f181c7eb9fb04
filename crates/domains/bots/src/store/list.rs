//! Rows of `bot_list`, `bot_list_entry` and `bot_list_choice`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ::store::{StoreError, sql};
use kernel::{CommunityId, Platform, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::{IN_MAX, count, placeholders, platform as platform_of, stored};
use crate::{
    List, ListChoice, ListKind, NewList,
    list::{Listing, Said},
};

/// Most lists that are read; there are never as many.
const LISTS_MAX: i64 = 1_000;

#[derive(FromQueryResult)]
struct Row {
    id: i32,
    name: String,
    kind: i16,
    platform: Option<i16>,
    source: String,
    reason: String,
    as_of: i64,
    half_life_days: i32,
    digest: String,
    n_entries: i32,
    imported_by: Option<i32>,
    imported_at: i64,
}

fn kind(code: i16) -> Result<ListKind, StoreError> {
    ListKind::from_code(code)
        .ok_or_else(|| StoreError::Data(format!("unknown kind of a list {code}")))
}

impl TryFrom<Row> for List {
    type Error = StoreError;

    fn try_from(row: Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.id,
            name: row.name,
            kind: kind(row.kind)?,
            platform: row.platform.map(platform_of).transpose()?,
            source: row.source,
            reason: row.reason,
            as_of: Timestamp(row.as_of),
            half_life_days: count(row.half_life_days),
            digest: row.digest,
            n_entries: count(row.n_entries),
            imported_by: row.imported_by.map(UserId),
            imported_at: Timestamp(row.imported_at),
        })
    }
}

const COLUMNS: &str = "id, name, kind, platform, source, reason, as_of, half_life_days, digest, \
                       n_entries, imported_by, imported_at";

/// Every list, by name.
pub(crate) async fn all(conn: &impl ConnectionTrait) -> Result<Vec<List>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM bot_list ORDER BY name LIMIT {LISTS_MAX}");
    let rows: Vec<Row> = sql::all(conn, &query, vec![]).await?;
    rows.into_iter().map(List::try_from).collect()
}

pub(crate) async fn called(
    conn: &impl ConnectionTrait,
    name: &str,
) -> Result<Option<List>, StoreError> {
    let query = format!("SELECT {COLUMNS} FROM bot_list WHERE name = $1");
    let row: Option<Row> = sql::one(conn, &query, vec![name.into()]).await?;
    row.map(List::try_from).transpose()
}

/// Every list, and whether a community uses it: yes, unless it decided otherwise.
pub(crate) async fn of_community(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<Vec<ListChoice>, StoreError> {
    let decided = sql::rows(
        conn,
        &format!(
            "SELECT list_id, is_used FROM bot_list_choice WHERE community_id = $1 LIMIT {LISTS_MAX}"
        ),
        vec![community.0.into()],
    )
    .await?;
    let mut choices: HashMap<i32, bool> = HashMap::new();
    for row in decided {
        choices.insert(row.try_get_by_index(0)?, row.try_get_by_index(1)?);
    }
    let all = all(conn).await?.into_iter().map(|list| ListChoice {
        is_used: choices.get(&list.id).copied().unwrap_or(true),
        list,
    });
    Ok(all.collect())
}

/// What a community decided about a list.
pub(crate) struct Choice {
    pub(crate) community: CommunityId,
    pub(crate) list: i32,
    pub(crate) is_used: bool,
    pub(crate) by: Option<UserId>,
    pub(crate) at: Timestamp,
}

pub(crate) async fn choose(conn: &impl ConnectionTrait, choice: &Choice) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO bot_list_choice (community_id, list_id, is_used, decided_by, decided_at) \
         VALUES ($1, $2, $3, $4, $5) ON CONFLICT (community_id, list_id) DO UPDATE SET \
         is_used = $3, decided_by = $4, decided_at = $5",
        vec![
            choice.community.0.into(),
            choice.list.into(),
            choice.is_used.into(),
            choice.by.map(|user| user.0).into(),
            choice.at.0.into(),
        ],
    )
    .await?;
    Ok(())
}

/// A list to write down.
pub(crate) struct Put<'a> {
    pub(crate) new: &'a NewList,
    pub(crate) digest: &'a str,
    pub(crate) n_entries: u32,
    pub(crate) by: Option<UserId>,
    pub(crate) at: Timestamp,
}

impl Put<'_> {
    fn values(&self) -> Vec<Value> {
        vec![
            self.new.source.clone().into(),
            self.new.reason.clone().into(),
            self.new.as_of.start().0.into(),
            stored(self.new.half_life_days).into(),
            self.digest.into(),
            stored(self.n_entries).into(),
            self.by.map(|user| user.0).into(),
            self.at.0.into(),
        ]
    }
}

pub(crate) async fn insert(conn: &impl ConnectionTrait, put: &Put<'_>) -> Result<i32, StoreError> {
    let mut values = put.values();
    values.extend([
        Value::from(put.new.name.clone()),
        put.new.kind.code().into(),
        put.new.platform.map(Platform::code).into(),
    ]);
    sql::scalar(
        conn,
        "INSERT INTO bot_list (source, reason, as_of, half_life_days, digest, n_entries, imported_by, \
         imported_at, name, kind, platform) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
         RETURNING id",
        values,
    )
    .await
}

pub(crate) async fn renew(
    conn: &impl ConnectionTrait,
    id: i32,
    put: &Put<'_>,
) -> Result<(), StoreError> {
    let mut values = put.values();
    values.push(id.into());
    sql::execute(
        conn,
        "UPDATE bot_list SET source = $1, reason = $2, as_of = $3, half_life_days = $4, digest = $5, \
         n_entries = $6, imported_by = $7, imported_at = $8 WHERE id = $9",
        values,
    )
    .await?;
    Ok(())
}

/// Makes these the entries of a list; answers how many of those before are gone.
pub(crate) async fn replace(
    conn: &impl ConnectionTrait,
    list: i32,
    entries: &BTreeMap<String, Said>,
) -> Result<u32, StoreError> {
    let query = "SELECT value FROM bot_list_entry WHERE list_id = $1";
    let mut gone: Vec<Value> = Vec::new();
    for row in sql::rows(conn, query, vec![list.into()]).await? {
        let value: String = row.try_get_by_index(0)?;
        if !entries.contains_key(&value) {
            gone.push(value.into());
        }
    }
    for part in gone.chunks(IN_MAX) {
        let mut values: Vec<Value> = vec![list.into()];
        values.extend_from_slice(part);
        let query = format!(
            "DELETE FROM bot_list_entry WHERE list_id = $1 AND value IN ({})",
            placeholders(2, part.len())
        );
        sql::execute(conn, &query, values).await?;
    }
    let rows = entries.iter().map(|(value, said)| {
        vec![
            list.into(),
            value.clone().into(),
            said.reason.clone().into(),
            said.listed_at.0.into(),
        ]
    });
    sql::insert(
        conn,
        "INSERT INTO bot_list_entry (list_id, value, reason, listed_at)",
        rows.collect(),
        " ON CONFLICT (list_id, value) DO UPDATE SET reason = excluded.reason, listed_at = \
         CASE WHEN excluded.listed_at < bot_list_entry.listed_at THEN excluded.listed_at \
         ELSE bot_list_entry.listed_at END",
    )
    .await?;
    Ok(u32::try_from(gone.len()).unwrap_or(u32::MAX))
}

pub(crate) async fn delete(conn: &impl ConnectionTrait, id: i32) -> Result<(), StoreError> {
    for query in [
        "DELETE FROM bot_list_entry WHERE list_id = $1",
        "DELETE FROM bot_list_choice WHERE list_id = $1",
        "DELETE FROM bot_list WHERE id = $1",
    ] {
        sql::execute(conn, query, vec![id.into()]).await?;
    }
    Ok(())
}

/// The entries of a list after one, by value; at most so many.
pub(crate) async fn entries_after(
    conn: &impl ConnectionTrait,
    list: i32,
    after: &str,
    limit: usize,
) -> Result<Vec<String>, StoreError> {
    let query = "SELECT value FROM bot_list_entry WHERE list_id = $1 AND value > $2 ORDER BY value LIMIT $3";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let values = vec![list.into(), after.into(), limit.into()];
    let rows = sql::rows(conn, query, values).await?;
    rows.iter()
        .map(|row| Ok(row.try_get_by_index(0)?))
        .collect()
}

/// Which of some values, in lower case, any list or any correction is about.
pub(crate) async fn said_of(
    conn: &impl ConnectionTrait,
    values: &[&str],
) -> Result<BTreeSet<String>, StoreError> {
    let mut found = BTreeSet::new();
    for part in sql::parts(values, IN_MAX) {
        let marks = placeholders(1, part.len());
        let query = format!(
            "SELECT value FROM bot_list_entry WHERE value IN ({marks}) \
             UNION SELECT value FROM bot_list_correction WHERE value IN ({marks})"
        );
        let keys = part.iter().map(|value| Value::from(*value)).collect();
        for row in sql::rows(conn, &query, keys).await? {
            found.insert(row.try_get_by_index(0)?);
        }
    }
    Ok(found)
}

/// A value on a list, with the list's own number.
pub(crate) async fn listings(
    conn: &impl ConnectionTrait,
    lists: &[&List],
    values: &[&str],
) -> Result<Vec<(String, Listing)>, StoreError> {
    let by_id: HashMap<i32, &List> = lists.iter().map(|list| (list.id, *list)).collect();
    let mut found = Vec::new();
    if by_id.is_empty() {
        return Ok(found);
    }
    for part in values.chunks(IN_MAX) {
        let query = format!(
            "SELECT value, list_id, reason, listed_at FROM bot_list_entry WHERE value IN ({})",
            placeholders(1, part.len())
        );
        let keys = part.iter().map(|value| Value::from(*value)).collect();
        for row in sql::rows(conn, &query, keys).await? {
            let Some(list) = by_id.get(&row.try_get_by_index::<i32>(1)?) else {
                continue;
            };
            let reason: Option<String> = row.try_get_by_index(2)?;
            let listing = Listing {
                list: list.name.clone(),
                kind: list.kind,
                platform: list.platform,
                source: list.source.clone(),
                reason: reason.unwrap_or_else(|| list.reason.clone()),
                listed_at: Timestamp(row.try_get_by_index(3)?),
                half_life_days: list.half_life_days,
            };
            found.push((row.try_get_by_index(0)?, listing));
        }
    }
    Ok(found)
}
