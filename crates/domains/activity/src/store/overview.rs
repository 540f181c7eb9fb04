//! What an overview needs, read from the roll-ups. No query here touches messages.

use std::collections::{BTreeMap, HashMap};

use ::store::{StoreError, sql};
use kernel::{CommunityId, Day, Platform, Timestamp, event::EventTag};
use sea_orm::{ConnectionTrait, TryGetable, Value};

use super::{count, platform, tag};
use crate::{
    Period,
    cohort::{COHORTS_MAX, week_number},
};

/// The answers of the queries.
#[derive(Debug, Default)]
pub(crate) struct Facts {
    pub(crate) first_day: Option<Day>,
    pub(crate) last_day: Option<Day>,
    pub(crate) members: u64,
    /// Over the period, the one before, and 30 days before its end.
    pub(crate) messages: BTreeMap<(Day, Platform), u64>,
    /// Over the same span.
    pub(crate) active: BTreeMap<Day, u64>,
    pub(crate) newcomers: BTreeMap<Day, u64>,
    pub(crate) kinds: Vec<(Day, EventTag, u64, i64)>,
    pub(crate) weekly_active: Vec<u64>,
    pub(crate) wau: u64,
    pub(crate) wau_before: u64,
    pub(crate) mau: u64,
    pub(crate) mau_before: u64,
    pub(crate) heat: Vec<[u64; 24]>,
    pub(crate) active_on: HashMap<Platform, u64>,
    pub(crate) newcomers_on: HashMap<Platform, u64>,
    pub(crate) cohorts: BTreeMap<(i32, i32), u64>,
    pub(crate) cohort_first: i32,
    pub(crate) cohort_last: i32,
    pub(crate) retained: u64,
    pub(crate) retainable: u64,
}

/// The facts of several communities, with a statement for each kind.
pub(crate) async fn facts(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
    period: Period,
) -> Result<HashMap<CommunityId, Facts>, StoreError> {
    // Wide enough for the comparison and for the 30 days of stickiness at both ends.
    let wide = Period {
        from: period.previous().from.min(period.from.plus(-30)),
        until: period.until,
    };
    let back = |until: Day, days: i32| Period {
        from: until.plus(-days),
        until,
    };
    let cohort_last = week_number(period.until.plus(-1));
    let cohort_first = week_number(period.from).max(cohort_last - (COHORTS_MAX - 1));
    let blank = || Facts {
        heat: vec![[0; 24]; 7],
        cohort_first,
        cohort_last,
        ..Facts::default()
    };
    let mut reader = Reader {
        conn,
        communities,
        found: communities.iter().map(|id| (*id, blank())).collect(),
    };
    reader.extent().await?;
    reader.retention(period.until).await?;
    reader.members().await?;
    reader.messages(wide).await?;
    reader.active(wide).await?;
    reader.newcomers(wide).await?;
    reader.kinds(wide).await?;
    reader.weekly_active(period).await?;
    reader
        .people(back(period.until, 7), |facts| &mut facts.wau)
        .await?;
    reader
        .people(back(period.from, 7), |facts| &mut facts.wau_before)
        .await?;
    reader
        .people(back(period.until, 30), |facts| &mut facts.mau)
        .await?;
    reader
        .people(back(period.from, 30), |facts| &mut facts.mau_before)
        .await?;
    reader.heat(period).await?;
    reader.active_on(period).await?;
    reader.newcomers_on(period).await?;
    reader.cohorts(cohort_first, period.until).await?;
    Ok(reader.found)
}

/// Reads for all communities at once and gives each its own.
struct Reader<'a, C> {
    conn: &'a C,
    communities: &'a [CommunityId],
    found: HashMap<CommunityId, Facts>,
}

/// A row without its first column, which is the community.
struct Cells(sea_orm::QueryResult);

impl Cells {
    fn get<T: TryGetable>(&self, index: usize) -> Result<T, StoreError> {
        Ok(self.0.try_get_by_index(index + 1)?)
    }

    fn day(&self, index: usize) -> Result<Day, StoreError> {
        Ok(Day(self.get(index)?))
    }

    fn count(&self, index: usize) -> Result<u64, StoreError> {
        Ok(count(self.get(index)?))
    }
}

impl<C: ConnectionTrait> Reader<'_, C> {
    /// Runs a query whose first values are the span of days and whose `{}` is the list of communities.
    /// The first column says whose row it is.
    async fn read(
        &mut self,
        query: &str,
        span: Period,
        put: impl Fn(&mut Facts, &Cells) -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let query = query.replace("{}", &sql::in_list(3, self.communities.len()));
        let mut values: Vec<Value> = vec![span.from.0.into(), span.until.0.into()];
        values.extend(self.communities.iter().map(|id| Value::from(id.0)));
        for row in sql::rows(self.conn, &query, values).await? {
            let community = CommunityId(row.try_get_by_index(0)?);
            if let Some(facts) = self.found.get_mut(&community) {
                put(facts, &Cells(row))?;
            }
        }
        Ok(())
    }

    /// The first and last day with messages.
    async fn extent(&mut self) -> Result<(), StoreError> {
        let query = sql::union(self.communities.len(), |n| {
            format!(
                "SELECT CAST(${n} AS integer) AS community_id, \
                 (SELECT MIN(day) FROM activity_hour WHERE community_id = ${n}) AS first_day, \
                 (SELECT MAX(day) FROM activity_hour WHERE community_id = ${n}) AS last_day"
            )
        });
        let values = self.communities.iter().map(|id| id.0.into()).collect();
        for row in sql::rows(self.conn, &query, values).await? {
            let (first, last): (Option<i32>, Option<i32>) =
                (row.try_get_by_index(1)?, row.try_get_by_index(2)?);
            if let Some(facts) = self.found.get_mut(&CommunityId(row.try_get_by_index(0)?)) {
                (facts.first_day, facts.last_day) = (first.map(Day), last.map(Day));
            }
        }
        Ok(())
    }

    async fn members(&mut self) -> Result<(), StoreError> {
        let query = format!(
            "SELECT community_id, COUNT(*) FROM member WHERE community_id IN ({}) GROUP BY community_id",
            sql::in_list(1, self.communities.len())
        );
        let values = self.communities.iter().map(|id| id.0.into()).collect();
        for row in sql::rows(self.conn, &query, values).await? {
            if let Some(facts) = self.found.get_mut(&CommunityId(row.try_get_by_index(0)?)) {
                facts.members = count(row.try_get_by_index(1)?);
            }
        }
        Ok(())
    }

    async fn messages(&mut self, span: Period) -> Result<(), StoreError> {
        self.read(
            "SELECT community_id, day, platform, CAST(SUM(messages) AS bigint) FROM activity_hour \
             WHERE community_id IN ({}) AND day >= $1 AND day < $2 GROUP BY community_id, day, platform",
            span,
            |facts, row| {
                let key = (row.day(0)?, platform(row.get(1)?)?);
                facts.messages.insert(key, row.count(2)?);
                Ok(())
            },
        )
        .await
    }

    async fn active(&mut self, span: Period) -> Result<(), StoreError> {
        self.read(
            "SELECT community_id, day, COUNT(DISTINCT user_id) FROM activity_day \
             WHERE community_id IN ({}) AND day >= $1 AND day < $2 GROUP BY community_id, day",
            span,
            |facts, row| {
                facts.active.insert(row.day(0)?, row.count(1)?);
                Ok(())
            },
        )
        .await
    }

    async fn newcomers(&mut self, span: Period) -> Result<(), StoreError> {
        self.read(
            "SELECT community_id, first_message_day, COUNT(*) FROM member \
             WHERE community_id IN ({}) AND first_message_day >= $1 AND first_message_day < $2 \
             GROUP BY community_id, first_message_day",
            span,
            |facts, row| {
                facts.newcomers.insert(row.day(0)?, row.count(1)?);
                Ok(())
            },
        )
        .await
    }

    async fn kinds(&mut self, span: Period) -> Result<(), StoreError> {
        self.read(
            "SELECT community_id, day, kind, CAST(SUM(events) AS bigint), CAST(SUM(amount) AS bigint) \
             FROM activity_kind WHERE community_id IN ({}) AND day >= $1 AND day < $2 \
             GROUP BY community_id, day, kind ORDER BY community_id, day, kind",
            span,
            |facts, row| {
                let kind = tag(row.get(1)?)?;
                facts.kinds.push((row.day(0)?, kind, row.count(2)?, row.get(3)?));
                Ok(())
            },
        )
        .await
    }

    async fn people(
        &mut self,
        span: Period,
        place: impl Fn(&mut Facts) -> &mut u64,
    ) -> Result<(), StoreError> {
        self.read(
            "SELECT community_id, COUNT(DISTINCT user_id) FROM activity_day \
             WHERE community_id IN ({}) AND day >= $1 AND day < $2 GROUP BY community_id",
            span,
            |facts, row| {
                *place(facts) = row.count(0)?;
                Ok(())
            },
        )
        .await
    }

    /// People per seven days, counted back from the end of the period, oldest first.
    async fn weekly_active(&mut self, period: Period) -> Result<(), StoreError> {
        let n = usize::try_from(period.days() / 7).unwrap_or(0);
        for facts in self.found.values_mut() {
            facts.weekly_active = vec![0; n];
        }
        self.read(
            "SELECT community_id, ($2 - 1 - day) / 7, COUNT(DISTINCT user_id) FROM activity_day \
             WHERE community_id IN ({}) AND day >= $1 AND day < $2 GROUP BY 1, 2",
            period,
            |facts, row| {
                let week: i32 = row.get(0)?;
                let place = usize::try_from(week).ok();
                let place = place.and_then(|week| n.checked_sub(week + 1));
                if let Some(people) = place.and_then(|place| facts.weekly_active.get_mut(place)) {
                    *people = row.count(1)?;
                }
                Ok(())
            },
        )
        .await
    }

    async fn heat(&mut self, period: Period) -> Result<(), StoreError> {
        self.read(
            "SELECT community_id, (day + 3) % 7, hour, CAST(SUM(messages) AS bigint) FROM activity_hour \
             WHERE community_id IN ({}) AND day >= $1 AND day < $2 GROUP BY 1, 2, 3",
            period,
            |facts, row| {
                let (weekday, hour): (i32, i16) = (row.get(0)?, row.get(1)?);
                let cell = usize::try_from(weekday)
                    .ok()
                    .and_then(|weekday| facts.heat.get_mut(weekday))
                    .and_then(|hours| hours.get_mut(usize::try_from(hour).ok()?));
                if let Some(cell) = cell {
                    *cell = row.count(2)?;
                }
                Ok(())
            },
        )
        .await
    }

    async fn active_on(&mut self, period: Period) -> Result<(), StoreError> {
        self.read(
            "SELECT community_id, platform, COUNT(DISTINCT user_id) FROM activity_day \
             WHERE community_id IN ({}) AND day >= $1 AND day < $2 GROUP BY community_id, platform",
            period,
            |facts, row| {
                facts
                    .active_on
                    .insert(platform(row.get(0)?)?, row.count(1)?);
                Ok(())
            },
        )
        .await
    }

    async fn newcomers_on(&mut self, period: Period) -> Result<(), StoreError> {
        self.read(
            "SELECT community_id, platforms, COUNT(*) FROM member \
             WHERE community_id IN ({}) AND first_message_day >= $1 AND first_message_day < $2 \
             GROUP BY community_id, platforms",
            period,
            |facts, row| {
                let bits: i32 = row.get(0)?;
                for platform in Platform::ALL
                    .into_iter()
                    .filter(|p| bits & (1_i32 << p.code()) != 0)
                {
                    *facts.newcomers_on.entry(platform).or_default() += row.count(1)?;
                }
                Ok(())
            },
        )
        .await
    }

    async fn cohorts(&mut self, first_week: i32, until: Day) -> Result<(), StoreError> {
        let from = Day(first_week.saturating_mul(7).saturating_sub(3));
        self.read(
            "SELECT m.community_id, (m.first_message_day + 3) / 7, (d.day + 3) / 7, COUNT(DISTINCT d.user_id) \
             FROM member m JOIN activity_day d ON d.community_id = m.community_id AND d.user_id = m.user_id \
             WHERE m.community_id IN ({}) AND m.first_message_day >= $1 AND m.first_message_day < $2 \
             AND d.day >= $1 AND d.day < $2 GROUP BY 1, 2, 3",
            Period { from, until },
            |facts, row| {
                facts.cohorts.insert((row.get(0)?, row.get(1)?), row.count(2)?);
                Ok(())
            },
        )
        .await
    }

    /// Those who first wrote 31 to 60 days before the end, and how many of them wrote in the last 30.
    async fn retention(&mut self, until: Day) -> Result<(), StoreError> {
        let newcomers = Period {
            from: until.plus(-60),
            until: until.plus(-30),
        };
        self.read(
            "SELECT community_id, COUNT(*) FROM member WHERE community_id IN ({}) \
             AND first_message_day >= $1 AND first_message_day < $2 GROUP BY community_id",
            newcomers,
            |facts, row| {
                facts.retainable = row.count(0)?;
                Ok(())
            },
        )
        .await?;
        self.read(
            "SELECT m.community_id, COUNT(*) FROM member m WHERE m.community_id IN ({}) \
             AND m.first_message_day >= $1 AND m.first_message_day < $2 AND EXISTS (SELECT 1 FROM activity_day d \
             WHERE d.community_id = m.community_id AND d.user_id = m.user_id AND d.day >= $2 AND d.day < $2 + 30) \
             GROUP BY m.community_id",
            newcomers,
            |facts, row| {
                facts.retained = row.count(0)?;
                Ok(())
            },
        )
        .await
    }
}

/// What a summary needs.
#[derive(Default)]
pub(crate) struct SummaryFacts {
    pub(crate) members: u64,
    pub(crate) messages: BTreeMap<Day, u64>,
    pub(crate) active_7d: u64,
    pub(crate) last_at: Option<Timestamp>,
}

/// The facts of several communities, with a statement for each kind.
pub(crate) async fn summaries(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
    month: Period,
) -> Result<HashMap<CommunityId, SummaryFacts>, StoreError> {
    let list = sql::in_list(3, communities.len());
    let ask = |query: String, from: Day| {
        let days = [from.0.into(), month.until.0.into()];
        let ids = communities.iter().map(|id| id.0.into());
        let values: Vec<Value> = days.into_iter().chain(ids).collect();
        async move { sql::rows(conn, &query, values).await }
    };
    let mut found: HashMap<CommunityId, SummaryFacts> = communities
        .iter()
        .map(|id| (*id, SummaryFacts::default()))
        .collect();
    let messages = format!(
        "SELECT community_id, day, CAST(SUM(messages) AS bigint) FROM activity_hour \
         WHERE day >= $1 AND day < $2 AND community_id IN ({list}) GROUP BY community_id, day"
    );
    for row in ask(messages, month.from).await? {
        let facts = found
            .entry(CommunityId(row.try_get_by_index(0)?))
            .or_default();
        let day = Day(row.try_get_by_index(1)?);
        facts.messages.insert(day, count(row.try_get_by_index(2)?));
    }
    let active = format!(
        "SELECT community_id, COUNT(DISTINCT user_id) FROM activity_day \
         WHERE day >= $1 AND day < $2 AND community_id IN ({list}) GROUP BY community_id"
    );
    for row in ask(active, month.until.plus(-7)).await? {
        let facts = found
            .entry(CommunityId(row.try_get_by_index(0)?))
            .or_default();
        facts.active_7d = count(row.try_get_by_index(1)?);
    }
    let members = format!(
        "SELECT community_id, COUNT(*), MAX(last_at) FROM member \
         WHERE community_id IN ({}) GROUP BY community_id",
        sql::in_list(1, communities.len())
    );
    let ids = communities.iter().map(|id| id.0.into()).collect();
    for row in sql::rows(conn, &members, ids).await? {
        let facts = found
            .entry(CommunityId(row.try_get_by_index(0)?))
            .or_default();
        facts.members = count(row.try_get_by_index(1)?);
        let last_at: Option<i64> = row.try_get_by_index(2)?;
        facts.last_at = last_at.map(Timestamp);
    }
    Ok(found)
}
