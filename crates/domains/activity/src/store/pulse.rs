//! Counting what the pulse of communities is made of, in the roll-ups: of all that are asked for at once.

use std::collections::{BTreeSet, HashMap};

use ::store::{StoreError, sql};
use kernel::{AccountId, CommunityId, Day, UserId};
use sea_orm::{ConnectionTrait, QueryResult, Value};

use crate::pulse::{COURSE_DAYS, Counts};

/// Most people of a community whose messages of a week are looked at, those with most first.
const PEOPLE_MAX: u32 = 5_000;

/// Accounts in one list.
const ACCOUNTS_MAX: usize = 256;

/// Communities that are asked about together.
struct Asked<'a, C> {
    conn: &'a C,
    communities: &'a [CommunityId],
    today: Day,
}

impl<C: ConnectionTrait> Asked<'_, C> {
    /// The rows of a query whose parameters are days, so many before today each, and then the communities as `{here}`.
    async fn rows(&self, query: &str, days: &[i32]) -> Result<Vec<QueryResult>, StoreError> {
        let mut values: Vec<Value> = days
            .iter()
            .map(|days| self.today.plus(-days).0.into())
            .collect();
        values.extend(self.communities.iter().map(|id| Value::from(id.0)));
        let here = sql::in_list(days.len() + 1, self.communities.len());
        sql::rows(self.conn, &query.replace("{here}", &here), values).await
    }

    /// One number of each community or several, as rows of a community and a number.
    async fn numbers(
        &self,
        query: &str,
        days: &[i32],
        mut put: impl FnMut(CommunityId, u32),
    ) -> Result<(), StoreError> {
        for row in self.rows(query, days).await? {
            put(CommunityId(row.try_get_by_index(0)?), number(&row, 1)?);
        }
        Ok(())
    }
}

fn number(row: &QueryResult, place: usize) -> Result<u32, StoreError> {
    let n: i64 = row.try_get_by_index(place)?;
    Ok(u32::try_from(n).unwrap_or(u32::MAX))
}

/// A community, an account in it, whose it is, and how many messages it wrote.
type Written = ((CommunityId, AccountId), UserId, u32);

/// What accounts wrote after a day, in any of the communities that are beside one of them.
pub(crate) async fn wrote(
    conn: &impl ConnectionTrait,
    seats: &[(CommunityId, AccountId)],
    after: Day,
) -> Result<Vec<Written>, StoreError> {
    let communities: BTreeSet<CommunityId> = seats.iter().map(|seat| seat.0).collect();
    let accounts: BTreeSet<AccountId> = seats.iter().map(|seat| seat.1).collect();
    let accounts: Vec<AccountId> = accounts.into_iter().collect();
    let mut found = Vec::new();
    for part in sql::parts(&accounts, ACCOUNTS_MAX) {
        let query = format!(
            "SELECT community_id, account_id, user_id, CAST(SUM(messages) AS bigint) FROM activity_day \
             WHERE account_id IN ({}) AND community_id IN ({}) AND day > {} \
             GROUP BY community_id, account_id, user_id",
            sql::in_list(1, part.len()),
            sql::in_list(part.len() + 1, communities.len()),
            sql::in_list(part.len() + communities.len() + 1, 1)
        );
        let mut values: Vec<Value> = part.iter().map(|account| account.0.into()).collect();
        values.extend(communities.iter().map(|id| Value::from(id.0)));
        values.push(after.0.into());
        for row in sql::rows(conn, &query, values).await? {
            let seat = (
                CommunityId(row.try_get_by_index(0)?),
                AccountId(row.try_get_by_index(1)?),
            );
            found.push((seat, UserId(row.try_get_by_index(2)?), number(&row, 3)?));
        }
    }
    Ok(found)
}

/// What was counted of each community up to a day.
pub(crate) async fn counts(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
    today: Day,
) -> Result<HashMap<CommunityId, Counts>, StoreError> {
    let nothing = Counts::default;
    let mut all: HashMap<CommunityId, Counts> =
        communities.iter().map(|id| (*id, nothing())).collect();
    if communities.is_empty() {
        return Ok(all);
    }
    let asked = Asked {
        conn,
        communities,
        today,
    };
    let people = asked
        .rows(
            "SELECT p.community_id, COUNT(*), \
             CAST(COALESCE(SUM(CASE WHEN p.last_day > $2 THEN 1 ELSE 0 END), 0) AS bigint), \
             CAST(COALESCE(SUM(CASE WHEN p.last_day > $3 THEN 1 ELSE 0 END), 0) AS bigint), \
             CAST(COALESCE(SUM(CASE WHEN p.last_day > $2 AND m.first_message_day <= $2 THEN 1 ELSE 0 END), 0) AS bigint) \
             FROM (SELECT community_id, user_id, MAX(day) AS last_day FROM activity_day \
               WHERE community_id IN ({here}) AND day > $1 GROUP BY community_id, user_id) AS p \
             JOIN member m ON m.community_id = p.community_id AND m.user_id = p.user_id \
             GROUP BY p.community_id",
            &[60, 30, 7],
        )
        .await?;
    for row in people {
        let counts = all
            .entry(CommunityId(row.try_get_by_index(0)?))
            .or_default();
        counts.active = number(&row, 2)?;
        counts.active_week = number(&row, 3)?;
        counts.retained = number(&row, 4)?;
        counts.new = counts.active.saturating_sub(counts.retained);
        counts.churned = number(&row, 1)?.saturating_sub(counts.active);
    }
    asked
        .numbers(
            "SELECT community_id, COUNT(*) FROM member WHERE community_id IN ({here}) GROUP BY community_id",
            &[],
            |id, n| all.entry(id).or_default().members = n,
        )
        .await?;
    asked
        .numbers(
            "SELECT community_id, CAST(COALESCE(SUM(messages), 0) AS bigint) FROM activity_hour \
             WHERE community_id IN ({here}) AND day > $1 GROUP BY community_id",
            &[30],
            |id, n| all.entry(id).or_default().messages = n,
        )
        .await?;
    asked
        .numbers(
            "SELECT community_id, CAST(SUM(CASE WHEN day > $1 THEN events ELSE 0 END) AS bigint) FROM activity_kind \
             WHERE community_id IN ({here}) AND kind IN (10, 11, 12, 13) GROUP BY community_id",
            &[30],
            |id, n| all.entry(id).or_default().moderations = Some(n),
        )
        .await?;
    asked
        .numbers(
            "SELECT community_id, CAST(SUM(messages) AS bigint) FROM activity_hour \
             WHERE community_id IN ({here}) AND day > $1 GROUP BY community_id, day",
            &[COURSE_DAYS],
            |id, n| all.entry(id).or_default().daily.push(n),
        )
        .await?;
    let query = format!(
        "SELECT community_id, n FROM (SELECT community_id, n, \
           ROW_NUMBER() OVER (PARTITION BY community_id ORDER BY n DESC) AS nth FROM \
           (SELECT community_id, CAST(SUM(messages) AS bigint) AS n FROM activity_day \
             WHERE community_id IN ({{here}}) AND day > $1 GROUP BY community_id, user_id) AS people) AS ranked \
         WHERE nth <= {PEOPLE_MAX}"
    );
    asked
        .numbers(&query, &[7], |id, n| {
            all.entry(id).or_default().per_person.push(n);
        })
        .await?;
    Ok(all)
}
