//! Counting what a community's pulse is made of, in the roll-ups.

use ::store::{StoreError, sql};
use kernel::{CommunityId, Day};
use sea_orm::{ConnectionTrait, Value};

use crate::pulse::{COURSE_DAYS, Counts};

/// Most people whose messages of a week are looked at, those with most first.
const PEOPLE_MAX: u32 = 5_000;

async fn numbers(
    conn: &impl ConnectionTrait,
    query: &str,
    values: Vec<Value>,
) -> Result<Vec<u32>, StoreError> {
    let rows = sql::rows(conn, query, values).await?;
    let number = |row: &sea_orm::QueryResult| -> Result<u32, StoreError> {
        let n: i64 = row.try_get_by_index(0)?;
        Ok(u32::try_from(n).unwrap_or(u32::MAX))
    };
    rows.iter().map(number).collect()
}

pub(crate) async fn counts(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    today: Day,
) -> Result<Counts, StoreError> {
    let here = |days: &[i32]| -> Vec<Value> {
        let mut values: Vec<Value> = vec![community.0.into()];
        values.extend(days.iter().map(|days| Value::from(today.plus(-days).0)));
        values
    };
    let people = sql::rows(
        conn,
        "SELECT COUNT(*), \
         CAST(COALESCE(SUM(CASE WHEN p.last_day > $3 THEN 1 ELSE 0 END), 0) AS bigint), \
         CAST(COALESCE(SUM(CASE WHEN p.last_day > $4 THEN 1 ELSE 0 END), 0) AS bigint), \
         CAST(COALESCE(SUM(CASE WHEN p.last_day > $3 AND m.first_message_day <= $3 THEN 1 ELSE 0 END), 0) AS bigint) \
         FROM (SELECT user_id, MAX(day) AS last_day FROM activity_day \
           WHERE community_id = $1 AND day > $2 GROUP BY user_id) AS p \
         JOIN member m ON m.community_id = $1 AND m.user_id = p.user_id",
        here(&[60, 30, 7]),
    )
    .await?;
    let mut all = Counts::default();
    if let Some(row) = people.first() {
        let n = |place: usize| -> Result<u32, StoreError> {
            Ok(u32::try_from(row.try_get_by_index::<i64>(place)?).unwrap_or(u32::MAX))
        };
        all.active = n(1)?;
        all.active_week = n(2)?;
        all.retained = n(3)?;
        all.new = all.active.saturating_sub(all.retained);
        all.churned = n(0)?.saturating_sub(all.active);
    }
    let one = |found: Vec<u32>| found.first().copied().unwrap_or(0);
    all.members = one(numbers(
        conn,
        "SELECT COUNT(*) FROM member WHERE community_id = $1",
        here(&[]),
    )
    .await?);
    all.messages = one(numbers(
        conn,
        "SELECT CAST(COALESCE(SUM(messages), 0) AS bigint) FROM activity_hour WHERE community_id = $1 AND day > $2",
        here(&[30]),
    )
    .await?);
    all.moderations = one(numbers(
        conn,
        "SELECT CAST(COALESCE(SUM(events), 0) AS bigint) FROM activity_kind \
         WHERE community_id = $1 AND day > $2 AND kind IN (10, 11, 12, 13)",
        here(&[30]),
    )
    .await?);
    all.daily = numbers(
        conn,
        "SELECT CAST(SUM(messages) AS bigint) FROM activity_hour WHERE community_id = $1 AND day > $2 \
         GROUP BY day",
        here(&[COURSE_DAYS]),
    )
    .await?;
    let query = format!(
        "SELECT CAST(SUM(messages) AS bigint) AS n FROM activity_day WHERE community_id = $1 AND day > $2 \
         GROUP BY user_id ORDER BY n DESC LIMIT {PEOPLE_MAX}"
    );
    all.per_person = numbers(conn, &query, here(&[7])).await?;
    Ok(all)
}
