//! Rows of `activity_day` and `member` that go from one person to another.

use std::collections::BTreeMap;

use ::store::{StoreError, sql};
use kernel::{UserId, event::EventTag};
use sea_orm::{ConnectionTrait, FromQueryResult, Value};

use super::placeholders;

/// How many accounts one statement asks about.
const PART: usize = 500;

/// A row of `member`.
#[derive(FromQueryResult)]
pub(crate) struct Row {
    pub(crate) community_id: i32,
    pub(crate) name: String,
    pub(crate) name_folded: String,
    pub(crate) platforms: i32,
    pub(crate) first_at: i64,
    pub(crate) last_at: i64,
    pub(crate) first_message_day: Option<i32>,
    pub(crate) messages: i64,
}

/// What is stored of an account in a community.
#[derive(FromQueryResult)]
pub(crate) struct Seen {
    pub(crate) community_id: i32,
    pub(crate) account_id: i64,
    pub(crate) platform: i16,
    pub(crate) messages: i64,
    pub(crate) first_at: i64,
    pub(crate) last_at: i64,
    /// Of the messages.
    pub(crate) first_day: Option<i32>,
}

/// A person's rows.
pub(crate) async fn of_user(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<Vec<Row>, StoreError> {
    sql::all(
        conn,
        "SELECT community_id, name, name_folded, platforms, first_at, last_at, first_message_day, \
           messages FROM member WHERE user_id = $1 ORDER BY community_id",
        vec![user.0.into()],
    )
    .await
}

/// Writes all rows of a person anew.
pub(crate) async fn replace(
    conn: &impl ConnectionTrait,
    user: UserId,
    rows: impl Iterator<Item = Row>,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "DELETE FROM member WHERE user_id = $1",
        vec![user.0.into()],
    )
    .await?;
    let rows = rows.map(|row| {
        vec![
            row.community_id.into(),
            user.0.into(),
            row.name.into(),
            row.name_folded.into(),
            row.platforms.into(),
            row.first_at.into(),
            row.last_at.into(),
            row.first_message_day.into(),
            row.messages.into(),
        ]
    });
    sql::insert(
        conn,
        "INSERT INTO member (community_id, user_id, name, name_folded, platforms, first_at, \
         last_at, first_message_day, messages)",
        rows.collect(),
        "",
    )
    .await
}

/// How many messages accounts have in communities.
pub(crate) async fn counts(
    conn: &impl ConnectionTrait,
    accounts: &[i64],
) -> Result<BTreeMap<(i32, i64), i64>, StoreError> {
    let seen = spoken(conn, accounts).await?;
    Ok(seen
        .into_iter()
        .map(|seen| ((seen.community_id, seen.account_id), seen.messages))
        .collect())
}

/// What is stored of accounts, by community: messages, then what else they did.
pub(crate) async fn seen(
    conn: &impl ConnectionTrait,
    accounts: &[i64],
) -> Result<Vec<Seen>, StoreError> {
    let mut all = spoken(conn, accounts).await?;
    // Other events have no count; a message count of theirs is that of nothing, so it is joined to
    // the account's own row, where there is one.
    for done in acted(conn, accounts).await? {
        let same = |seen: &&mut Seen| {
            (seen.community_id, seen.account_id) == (done.community_id, done.account_id)
        };
        match all.iter_mut().find(same) {
            Some(seen) => {
                seen.first_at = seen.first_at.min(done.first_at);
                seen.last_at = seen.last_at.max(done.last_at);
            }
            None => all.push(done),
        }
    }
    Ok(all)
}

async fn spoken(conn: &impl ConnectionTrait, accounts: &[i64]) -> Result<Vec<Seen>, StoreError> {
    let mut all = Vec::new();
    for part in accounts.chunks(PART) {
        let query = format!(
            "SELECT community_id, account_id, MIN(platform) AS platform, \
               CAST(SUM(messages) AS bigint) AS messages, MIN(first_at) AS first_at, \
               MAX(last_at) AS last_at, MIN(day) AS first_day \
             FROM activity_day WHERE account_id IN ({}) GROUP BY community_id, account_id",
            placeholders(1, part.len())
        );
        let values = part.iter().map(|id| Value::from(*id)).collect();
        all.extend(sql::all::<Seen>(conn, &query, values).await?);
    }
    Ok(all)
}

/// The stream going on and off is the channel's doing, not a member's.
async fn acted(conn: &impl ConnectionTrait, accounts: &[i64]) -> Result<Vec<Seen>, StoreError> {
    let mut all = Vec::new();
    for part in accounts.chunks(PART) {
        let query = format!(
            "SELECT community_id, account_id, MIN(platform) AS platform, \
               CAST(0 AS bigint) AS messages, MIN(at) AS first_at, MAX(at) AS last_at, \
               CAST(NULL AS integer) AS first_day \
             FROM chat_event WHERE kind NOT IN ($1, $2) AND account_id IN ({}) \
             GROUP BY community_id, account_id",
            placeholders(3, part.len())
        );
        let mut values: Vec<Value> = vec![
            EventTag::StreamOnline.code().into(),
            EventTag::StreamOffline.code().into(),
        ];
        values.extend(part.iter().map(|id| Value::from(*id)));
        all.extend(sql::all::<Seen>(conn, &query, values).await?);
    }
    Ok(all)
}

/// Gives the days of some accounts to another person.
pub(crate) async fn days_of(
    conn: &impl ConnectionTrait,
    accounts: &[i64],
    from: UserId,
    to: UserId,
) -> Result<(), StoreError> {
    for part in accounts.chunks(PART) {
        let query = format!(
            "UPDATE activity_day SET user_id = $2 WHERE user_id = $1 AND account_id IN ({})",
            placeholders(3, part.len())
        );
        let mut values: Vec<Value> = vec![from.0.into(), to.0.into()];
        values.extend(part.iter().map(|id| Value::from(*id)));
        sql::execute(conn, &query, values).await?;
    }
    Ok(())
}

/// A day belongs to an account, so no two rows meet.
pub(crate) async fn days(
    conn: &impl ConnectionTrait,
    from: UserId,
    to: UserId,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE activity_day SET user_id = $2 WHERE user_id = $1",
        vec![from.0.into(), to.0.into()],
    )
    .await?;
    Ok(())
}

/// A member's row is added to the one the other person has in the same community, as if everything
/// had been recorded for them.
pub(crate) async fn members(
    conn: &impl ConnectionTrait,
    from: UserId,
    to: UserId,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "INSERT INTO member (community_id, user_id, name, name_folded, platforms, first_at, last_at, \
           first_message_day, messages) \
         SELECT community_id, CAST($2 AS integer), name, name_folded, platforms, first_at, last_at, \
           first_message_day, messages FROM member WHERE user_id = $1 \
         ON CONFLICT (community_id, user_id) DO UPDATE SET \
         name = CASE WHEN excluded.last_at >= member.last_at THEN excluded.name ELSE member.name END, \
         name_folded = CASE WHEN excluded.last_at >= member.last_at THEN excluded.name_folded ELSE member.name_folded END, \
         platforms = member.platforms | excluded.platforms, \
         first_at = CASE WHEN excluded.first_at < member.first_at THEN excluded.first_at ELSE member.first_at END, \
         last_at = CASE WHEN excluded.last_at > member.last_at THEN excluded.last_at ELSE member.last_at END, \
         first_message_day = CASE \
           WHEN member.first_message_day IS NULL THEN excluded.first_message_day \
           WHEN excluded.first_message_day < member.first_message_day THEN excluded.first_message_day \
           ELSE member.first_message_day END, \
         messages = member.messages + excluded.messages",
        vec![from.0.into(), to.0.into()],
    )
    .await?;
    sql::execute(
        conn,
        "DELETE FROM member WHERE user_id = $1",
        vec![from.0.into()],
    )
    .await?;
    Ok(())
}

/// Counts anew on how many days a person wrote, in each community: days of several accounts fall together.
pub(crate) async fn count_days(
    conn: &impl ConnectionTrait,
    user: UserId,
) -> Result<(), StoreError> {
    sql::execute(
        conn,
        "UPDATE member SET active_days = (SELECT COUNT(DISTINCT d.day) FROM activity_day d \
           WHERE d.community_id = member.community_id AND d.user_id = member.user_id) WHERE user_id = $1",
        vec![user.0.into()],
    )
    .await?;
    Ok(())
}
