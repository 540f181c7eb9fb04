//! Rows of `reputation` and `reputation_event`.

use std::collections::{BTreeMap, HashMap};

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, PageRequest, Platform, Timestamp, UserId};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::{IN_MAX, community::platform as platform_of, placeholders};
use crate::{History, Reason, Score, Standing};

/// Community and account.
pub(crate) type Key = (CommunityId, AccountId);

const ADD: &str = "INSERT INTO reputation (community_id, account_id, change, updated_at)";
/// The same where community and time are those of all.
const ADD_SAME: &str = "INSERT INTO reputation (community_id, updated_at, account_id, change) \
     SELECT $1, $2, v.column1, v.column2";
/// The sum stays within the range.
const TO_WHAT_IS_THERE: &str = " ON CONFLICT (community_id, account_id) DO UPDATE SET change = CASE \
       WHEN reputation.change + excluded.change < -300000 THEN -300000 \
       WHEN reputation.change + excluded.change > 250000 THEN 250000 \
       ELSE reputation.change + excluded.change END, \
     updated_at = excluded.updated_at";

fn rows(changes: Vec<(Key, i64)>, now: Timestamp) -> Vec<Vec<Value>> {
    let changes = changes.into_iter();
    let row = |((community, account), change): (Key, i64)| {
        vec![
            community.0.into(),
            account.0.into(),
            change.into(),
            now.0.into(),
        ]
    };
    changes.map(row).collect()
}

/// Adds to scores like [`add`], without saying what they are now.
pub(crate) async fn add_blindly(
    conn: &impl ConnectionTrait,
    changes: Vec<(Key, i64)>,
    now: Timestamp,
) -> Result<(), StoreError> {
    for of_one in changes.chunk_by(|((one, _), _), ((other, _), _)| one == other) {
        let Some(((community, _), _)) = of_one.first() else {
            continue;
        };
        let shared = [community.0.into(), now.0.into()];
        let pairs = of_one.iter();
        let pairs = pairs.map(|((_, account), change)| [account.0.into(), (*change).into()]);
        let pairs: Vec<[Value; 2]> = pairs.collect();
        sql::insert_pairs(conn, ADD_SAME, &shared, &pairs, TO_WHAT_IS_THERE).await?;
    }
    Ok(())
}

/// Adds to scores and answers the changes as they are now; the rows stay held until the end of the
/// unit of work. `changes` is in order of key and names each once; for a row that is not there yet
/// it is within the range, for the others the sum is brought into it.
pub(crate) async fn add(
    conn: &impl ConnectionTrait,
    changes: Vec<(Key, i64)>,
    now: Timestamp,
) -> Result<BTreeMap<Key, i64>, StoreError> {
    let tail = format!("{TO_WHAT_IS_THERE} RETURNING community_id, account_id, change");
    let stored = sql::insert_returning(conn, ADD, rows(changes, now), &tail).await?;
    let mut found = BTreeMap::new();
    for row in stored {
        let key = (
            CommunityId(row.try_get_by_index(0)?),
            AccountId(row.try_get_by_index(1)?),
        );
        found.insert(key, row.try_get_by_index(2)?);
    }
    Ok(found)
}

/// An entry to write down.
pub(crate) struct NewEntry<'a> {
    pub(crate) community: CommunityId,
    pub(crate) account: AccountId,
    pub(crate) reason: Reason,
    pub(crate) before: Score,
    pub(crate) after: Score,
    pub(crate) at: Timestamp,
    pub(crate) note: &'a str,
    pub(crate) moderator: Option<UserId>,
    pub(crate) key: Option<&'a str>,
}

pub(crate) async fn insert(
    conn: &impl ConnectionTrait,
    entries: &[NewEntry<'_>],
) -> Result<(), StoreError> {
    let rows = entries.iter().map(|entry| {
        vec![
            entry.community.0.into(),
            entry.account.0.into(),
            entry.reason.code().into(),
            entry.before.thousandths().into(),
            entry.after.thousandths().into(),
            entry.at.0.into(),
            entry.note.into(),
            entry.moderator.map(|user| user.0).into(),
            entry.key.into(),
        ]
    });
    sql::insert(
        conn,
        "INSERT INTO reputation_event (community_id, account_id, reason, score_before, \
         score_after, at, note, moderator_id, idem_key)",
        rows.collect(),
        "",
    )
    .await
}

pub(crate) async fn knows_key(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    key: &str,
) -> Result<bool, StoreError> {
    let found: Option<i64> = sql::optional(
        conn,
        "SELECT id FROM reputation_event WHERE community_id = $1 AND idem_key = $2",
        vec![community.0.into(), key.into()],
    )
    .await?;
    Ok(found.is_some())
}

/// A person's accounts in chat, without automated ones, in order.
pub(crate) async fn accounts_of(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Vec<AccountId>, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT id FROM platform_account WHERE user_id = $1 AND NOT is_bot ORDER BY id LIMIT 100",
        vec![user.0.into()],
    )
    .await?;
    rows.iter()
        .map(|row| Ok(AccountId(row.try_get_by_index(0)?)))
        .collect()
}

/// The sums of people's changes in a community; people without any are left out.
pub(crate) async fn changes(
    conn: &impl ConnectionTrait,
    seats: &[(CommunityId, UserId)],
) -> Result<HashMap<(CommunityId, UserId), i64>, StoreError> {
    let mut found = HashMap::with_capacity(seats.len());
    for part in seats.chunks(IN_MAX) {
        // In this order: from the people to their accounts to what changed in the community.
        let query = format!(
            "SELECT r.community_id, a.user_id, CAST(SUM(r.change) AS bigint) FROM (VALUES {}) AS w \
             CROSS JOIN platform_account a CROSS JOIN reputation r \
             WHERE a.user_id = w.column2 AND r.account_id = a.id AND r.community_id = w.column1 \
             GROUP BY r.community_id, a.user_id",
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
            found.insert(seat, row.try_get_by_index(2)?);
        }
    }
    Ok(found)
}

/// The sum of a person's changes in each community.
pub(crate) async fn of_person(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Vec<(CommunityId, i64)>, StoreError> {
    let rows = sql::rows(
        conn,
        "SELECT r.community_id, CAST(SUM(r.change) AS bigint) FROM platform_account a \
         JOIN reputation r ON r.account_id = a.id \
         WHERE a.user_id = $1 GROUP BY r.community_id ORDER BY r.community_id",
        vec![user.0.into()],
    )
    .await?;
    rows.iter()
        .map(|row| {
            Ok((
                CommunityId(row.try_get_by_index(0)?),
                row.try_get_by_index(1)?,
            ))
        })
        .collect()
}

/// For each account of a person: the sum of its changes, and since when it exists as far as we know.
pub(crate) async fn shares(
    conn: &impl ConnectionTrait,
    users: &[UserId],
) -> Result<Vec<(UserId, Platform, i64, i64)>, StoreError> {
    let mut found = Vec::new();
    for part in users.chunks(IN_MAX) {
        let query = format!(
            "SELECT a.user_id, a.platform, CAST(SUM(r.change) AS bigint), \
               COALESCE(a.account_created_at, a.first_seen_at) \
             FROM platform_account a JOIN reputation r ON r.account_id = a.id WHERE a.user_id IN ({}) \
             GROUP BY a.id, a.user_id, a.platform, a.account_created_at, a.first_seen_at",
            placeholders(1, part.len())
        );
        let values = part.iter().map(|user| user.0.into()).collect();
        for row in sql::rows(conn, &query, values).await? {
            found.push((
                UserId(row.try_get_by_index(0)?),
                platform_of(row.try_get_by_index(1)?)?,
                row.try_get_by_index(2)?,
                row.try_get_by_index(3)?,
            ));
        }
    }
    Ok(found)
}

/// How many accounts elsewhere a person has proved, and since when the oldest in chat exists.
pub(crate) async fn trust(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<(i64, Option<i64>), StoreError> {
    let links = sql::scalar(
        conn,
        "SELECT COUNT(*) FROM identity_link WHERE user_id = $1",
        vec![user.0.into()],
    )
    .await?;
    let since = sql::scalar(
        conn,
        "SELECT MIN(COALESCE(account_created_at, first_seen_at)) FROM platform_account \
         WHERE user_id = $1",
        vec![user.0.into()],
    )
    .await?;
    Ok((links, since))
}

#[derive(FromQueryResult)]
struct Row {
    user_id: i32,
    name: String,
    total: i64,
}

impl From<Row> for Standing {
    fn from(row: Row) -> Self {
        Self {
            user: UserId(row.user_id),
            name: row.name,
            score: Score::of(row.total),
        }
    }
}

const STANDINGS: &str = "SELECT u.id AS user_id, u.display_name AS name, \
     CAST(SUM(r.change) AS bigint) AS total \
     FROM reputation r JOIN platform_account a ON a.id = r.account_id \
     JOIN users u ON u.id = a.user_id \
     WHERE r.community_id = $1 AND NOT a.is_bot GROUP BY u.id, u.display_name";

pub(crate) async fn leaders(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    limit: i64,
) -> Result<Vec<Standing>, StoreError> {
    let rows: Vec<Row> = sql::all(
        conn,
        &format!("{STANDINGS} ORDER BY total DESC, u.id LIMIT $2"),
        vec![community.0.into(), limit.into()],
    )
    .await?;
    Ok(rows.into_iter().map(Standing::from).collect())
}

pub(crate) async fn at_risk(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    most: i64,
    limit: i64,
) -> Result<Vec<Standing>, StoreError> {
    let rows: Vec<Row> = sql::all(
        conn,
        &format!("{STANDINGS} HAVING SUM(r.change) <= $2 ORDER BY total, u.id LIMIT $3"),
        vec![community.0.into(), most.into(), limit.into()],
    )
    .await?;
    Ok(rows.into_iter().map(Standing::from).collect())
}

#[derive(FromQueryResult)]
struct Entry {
    id: i64,
    platform: i16,
    username: String,
    reason: i16,
    score_before: i64,
    score_after: i64,
    at: i64,
    note: String,
}

pub(crate) async fn history(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    user: UserId,
    page: &PageRequest,
) -> Result<Vec<History>, StoreError> {
    let before = page.cursor().map_or(i64::MAX, |cursor| cursor.id);
    let rows: Vec<Entry> = sql::all(
        conn,
        "SELECT e.id, a.platform, a.username, e.reason, e.score_before, e.score_after, e.at, e.note \
         FROM platform_account a \
         JOIN reputation_event e ON e.account_id = a.id AND e.community_id = $1 \
         WHERE a.user_id = $2 AND e.id < $3 ORDER BY e.id DESC LIMIT $4",
        vec![
            community.0.into(),
            user.0.into(),
            before.into(),
            i64::try_from(page.fetch()).unwrap_or(101).into(),
        ],
    )
    .await?;
    rows.into_iter()
        .map(|row| {
            let reason = Reason::from_code(row.reason)
                .ok_or_else(|| StoreError::Data(format!("unknown reason {}", row.reason)))?;
            Ok(History {
                id: row.id,
                platform: platform_of(row.platform)?,
                account: row.username,
                reason,
                before: Score::stored(row.score_before),
                after: Score::stored(row.score_after),
                at: Timestamp(row.at),
                note: row.note,
            })
        })
        .collect()
}

/// Removes what a person's accounts earned and lost.
pub(crate) async fn delete_person(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<(), StoreError> {
    for table in ["reputation_event", "reputation"] {
        let query = format!(
            "DELETE FROM {table} WHERE account_id IN \
             (SELECT id FROM platform_account WHERE user_id = $1)"
        );
        sql::execute(conn, &query, vec![user.0.into()]).await?;
    }
    Ok(())
}
