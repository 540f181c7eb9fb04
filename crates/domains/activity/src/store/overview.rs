//! What an overview needs, read from the roll-ups. No query here touches messages.

use std::collections::{BTreeMap, HashMap};

use ::store::{StoreError, sql};
use kernel::{CommunityId, Day, Platform, Timestamp, event::EventTag};
use sea_orm::{ConnectionTrait, Value};

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

pub(crate) async fn facts(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    period: Period,
) -> Result<Facts, StoreError> {
    let (first_day, last_day) = extent(conn, community).await?;
    let reader = Reader { conn, community };
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
    let (retainable, retained) = reader.retention(period.until).await?;
    Ok(Facts {
        first_day,
        last_day,
        members: reader.members().await?,
        messages: reader.messages(wide).await?,
        active: reader.active(wide).await?,
        newcomers: reader.newcomers(wide).await?,
        kinds: reader.kinds(wide).await?,
        weekly_active: reader.weekly_active(period).await?,
        wau: reader.people(back(period.until, 7)).await?,
        wau_before: reader.people(back(period.from, 7)).await?,
        mau: reader.people(back(period.until, 30)).await?,
        mau_before: reader.people(back(period.from, 30)).await?,
        heat: reader.heat(period).await?,
        active_on: reader.active_on(period).await?,
        newcomers_on: reader.newcomers_on(period).await?,
        cohorts: reader.cohorts(cohort_first, period.until).await?,
        cohort_first,
        cohort_last,
        retained,
        retainable,
    })
}

/// The first and last day with messages.
pub(crate) async fn extent(
    conn: &impl ConnectionTrait,
    community: CommunityId,
) -> Result<(Option<Day>, Option<Day>), StoreError> {
    let end = |order: &'static str| {
        sql::optional::<i32>(
            conn,
            match order {
                "ASC" => {
                    "SELECT day FROM activity_hour WHERE community_id = $1 ORDER BY day ASC LIMIT 1"
                }
                _ => {
                    "SELECT day FROM activity_hour WHERE community_id = $1 ORDER BY day DESC LIMIT 1"
                }
            },
            vec![community.0.into()],
        )
    };
    Ok((end("ASC").await?.map(Day), end("DESC").await?.map(Day)))
}

struct Reader<'a, C> {
    conn: &'a C,
    community: CommunityId,
}

impl<C: ConnectionTrait> Reader<'_, C> {
    /// Runs a query whose first three values are the community and the span of days.
    async fn rows(
        &self,
        query: &str,
        span: Period,
    ) -> Result<Vec<sea_orm::QueryResult>, StoreError> {
        let values: Vec<Value> = vec![
            self.community.0.into(),
            span.from.0.into(),
            span.until.0.into(),
        ];
        sql::rows(self.conn, query, values).await
    }

    async fn single(&self, query: &str, span: Period) -> Result<u64, StoreError> {
        let values: Vec<Value> = vec![
            self.community.0.into(),
            span.from.0.into(),
            span.until.0.into(),
        ];
        Ok(count(sql::scalar(self.conn, query, values).await?))
    }

    async fn by_day(&self, query: &str, span: Period) -> Result<BTreeMap<Day, u64>, StoreError> {
        let rows = self.rows(query, span).await?;
        rows.iter()
            .map(|row| {
                Ok((
                    Day(row.try_get_by_index(0)?),
                    count(row.try_get_by_index(1)?),
                ))
            })
            .collect()
    }

    async fn members(&self) -> Result<u64, StoreError> {
        let n = sql::scalar(
            self.conn,
            "SELECT COUNT(*) FROM member WHERE community_id = $1",
            vec![self.community.0.into()],
        );
        Ok(count(n.await?))
    }

    async fn messages(&self, span: Period) -> Result<BTreeMap<(Day, Platform), u64>, StoreError> {
        let rows = self
            .rows(
                "SELECT day, platform, CAST(SUM(messages) AS bigint) FROM activity_hour \
                 WHERE community_id = $1 AND day >= $2 AND day < $3 GROUP BY day, platform",
                span,
            )
            .await?;
        rows.iter()
            .map(|row| {
                let key = (
                    Day(row.try_get_by_index(0)?),
                    platform(row.try_get_by_index(1)?)?,
                );
                Ok((key, count(row.try_get_by_index(2)?)))
            })
            .collect()
    }

    async fn active(&self, span: Period) -> Result<BTreeMap<Day, u64>, StoreError> {
        self.by_day(
            "SELECT day, COUNT(DISTINCT user_id) FROM activity_day \
             WHERE community_id = $1 AND day >= $2 AND day < $3 GROUP BY day",
            span,
        )
        .await
    }

    async fn newcomers(&self, span: Period) -> Result<BTreeMap<Day, u64>, StoreError> {
        self.by_day(
            "SELECT first_message_day, COUNT(*) FROM member \
             WHERE community_id = $1 AND first_message_day >= $2 AND first_message_day < $3 GROUP BY first_message_day",
            span,
        )
        .await
    }

    async fn kinds(&self, span: Period) -> Result<Vec<(Day, EventTag, u64, i64)>, StoreError> {
        let rows = self
            .rows(
                "SELECT day, kind, CAST(SUM(events) AS bigint), CAST(SUM(amount) AS bigint) FROM activity_kind \
                 WHERE community_id = $1 AND day >= $2 AND day < $3 GROUP BY day, kind ORDER BY day, kind",
                span,
            )
            .await?;
        rows.iter()
            .map(|row| {
                let kind = tag(row.try_get_by_index(1)?)?;
                Ok((
                    Day(row.try_get_by_index(0)?),
                    kind,
                    count(row.try_get_by_index(2)?),
                    row.try_get_by_index(3)?,
                ))
            })
            .collect()
    }

    async fn people(&self, span: Period) -> Result<u64, StoreError> {
        self.single(
            "SELECT COUNT(DISTINCT user_id) FROM activity_day WHERE community_id = $1 AND day >= $2 AND day < $3",
            span,
        )
        .await
    }

    /// People per seven days, counted back from the end of the period, oldest first.
    async fn weekly_active(&self, period: Period) -> Result<Vec<u64>, StoreError> {
        let weeks = self
            .by_day(
                "SELECT ($3 - 1 - day) / 7, COUNT(DISTINCT user_id) FROM activity_day \
                 WHERE community_id = $1 AND day >= $2 AND day < $3 GROUP BY 1",
                period,
            )
            .await?;
        let n = i32::try_from(period.days() / 7).unwrap_or(0);
        Ok((0..n)
            .rev()
            .map(|week| weeks.get(&Day(week)).copied().unwrap_or(0))
            .collect())
    }

    async fn heat(&self, period: Period) -> Result<Vec<[u64; 24]>, StoreError> {
        let rows = self
            .rows(
                "SELECT (day + 3) % 7, hour, CAST(SUM(messages) AS bigint) FROM activity_hour \
                 WHERE community_id = $1 AND day >= $2 AND day < $3 GROUP BY 1, 2",
                period,
            )
            .await?;
        let mut heat = vec![[0; 24]; 7];
        for row in rows {
            let (weekday, hour): (i32, i16) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            let cell = usize::try_from(weekday)
                .ok()
                .and_then(|weekday| heat.get_mut(weekday))
                .and_then(|hours| hours.get_mut(usize::try_from(hour).ok()?));
            if let Some(cell) = cell {
                *cell = count(row.try_get_by_index(2)?);
            }
        }
        Ok(heat)
    }

    async fn active_on(&self, period: Period) -> Result<HashMap<Platform, u64>, StoreError> {
        let rows = self
            .rows(
                "SELECT platform, COUNT(DISTINCT user_id) FROM activity_day \
                 WHERE community_id = $1 AND day >= $2 AND day < $3 GROUP BY platform",
                period,
            )
            .await?;
        rows.iter()
            .map(|row| {
                Ok((
                    platform(row.try_get_by_index(0)?)?,
                    count(row.try_get_by_index(1)?),
                ))
            })
            .collect()
    }

    async fn newcomers_on(&self, period: Period) -> Result<HashMap<Platform, u64>, StoreError> {
        let rows = self
            .rows(
                "SELECT platforms, COUNT(*) FROM member \
                 WHERE community_id = $1 AND first_message_day >= $2 AND first_message_day < $3 GROUP BY platforms",
                period,
            )
            .await?;
        let mut found = HashMap::new();
        for row in rows {
            let (bits, n): (i32, i64) = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
            for platform in Platform::ALL
                .into_iter()
                .filter(|p| bits & (1_i32 << p.code()) != 0)
            {
                *found.entry(platform).or_default() += count(n);
            }
        }
        Ok(found)
    }

    async fn cohorts(
        &self,
        first_week: i32,
        until: Day,
    ) -> Result<BTreeMap<(i32, i32), u64>, StoreError> {
        let from = Day(first_week.saturating_mul(7).saturating_sub(3));
        let rows = self
            .rows(
                "SELECT (m.first_message_day + 3) / 7, (d.day + 3) / 7, COUNT(DISTINCT d.user_id) \
                 FROM member m JOIN activity_day d ON d.community_id = m.community_id AND d.user_id = m.user_id \
                 WHERE m.community_id = $1 AND m.first_message_day >= $2 AND m.first_message_day < $3 \
                 AND d.day >= $2 AND d.day < $3 GROUP BY 1, 2",
                Period { from, until },
            )
            .await?;
        rows.iter()
            .map(|row| {
                let key = (row.try_get_by_index(0)?, row.try_get_by_index(1)?);
                Ok((key, count(row.try_get_by_index(2)?)))
            })
            .collect()
    }

    /// Those who first wrote 31 to 60 days before the end, and how many of them wrote in the last 30.
    async fn retention(&self, until: Day) -> Result<(u64, u64), StoreError> {
        let newcomers = Period {
            from: until.plus(-60),
            until: until.plus(-30),
        };
        let all = self
            .single(
                "SELECT COUNT(*) FROM member \
                 WHERE community_id = $1 AND first_message_day >= $2 AND first_message_day < $3",
                newcomers,
            )
            .await?;
        let back = self
            .single(
                "SELECT COUNT(*) FROM member m WHERE m.community_id = $1 \
                 AND m.first_message_day >= $2 AND m.first_message_day < $3 AND EXISTS (SELECT 1 FROM activity_day d \
                 WHERE d.community_id = m.community_id AND d.user_id = m.user_id AND d.day >= $3 AND d.day < $3 + 30)",
                newcomers,
            )
            .await?;
        Ok((all, back))
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
