//! The community's activity in a period, answered from roll-ups: tiles, daily rows, heat map,
//! cohorts, platforms.

use std::{
    collections::{BTreeMap, HashMap},
    sync::{Arc, PoisonError},
};

use kernel::{Actor, CommunityId, Day, Permission, Platform, Timestamp, event::EventTag};

use crate::{
    Activity, ActivityError, OfEach, Period, UNION_MAX,
    cohort::{self, Cohort},
    store as tables,
    store::overview::Facts,
};

/// A number, what it was in the equal period before, and its course.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Measure {
    /// Its value in the period.
    pub value: f64,
    /// Its value in the period before; `None` if the community's history does not cover it.
    pub previous: Option<f64>,
    /// Its course over the period: per day, or per week for weekly actives; may be empty.
    pub spark: Vec<f64>,
}

/// One day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DayRow {
    /// The UTC day.
    pub day: Day,
    /// Messages per platform; platforms without messages are left out.
    pub messages: Vec<(Platform, u64)>,
    /// People who wrote.
    pub active: u64,
    /// People who wrote for the first time.
    pub newcomers: u64,
    /// Warnings, timeouts, kicks and bans.
    pub moderation: u64,
}

/// One platform.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformRow {
    /// Which.
    pub platform: Platform,
    /// Messages in the period.
    pub messages: u64,
    /// People who wrote there.
    pub active: u64,
    /// Newcomers of the period that were seen there.
    pub newcomers: u64,
}

/// A community's activity in a period. All days and hours are UTC; «people» are users, so that
/// somebody active on two linked platforms counts once.
#[derive(Debug, Clone, PartialEq)]
pub struct Overview {
    /// The period asked for.
    pub period: Period,
    /// The equal period before, which changes compare with.
    pub previous: Period,
    /// When this was computed.
    pub computed_at: Timestamp,
    /// The first day with any message, ever.
    pub first_day: Option<Day>,
    /// The last day with any message.
    pub last_day: Option<Day>,
    /// Everybody ever seen.
    pub members: u64,
    /// People who wrote per day, mean over the days of the period.
    pub dau: Measure,
    /// People who wrote in the last 7 days of the period.
    pub wau: Measure,
    /// People who wrote in the last 30 days of the period.
    pub mau: Measure,
    /// Mean daily actives of the last 30 days over monthly actives, 0..=1.
    pub stickiness: Measure,
    /// Messages.
    pub messages: Measure,
    /// People who wrote for the first time.
    pub newcomers: Measure,
    /// Of those who first wrote 31 to 60 days before the period's end, the share that wrote in its
    /// last 30 days; `None` without such people.
    pub retention: Option<f64>,
    /// Accounts that joined.
    pub joins: Measure,
    /// Warnings, timeouts, kicks and bans.
    pub moderation: Measure,
    /// Every day of the period, also those without activity.
    pub daily: Vec<DayRow>,
    /// Messages by weekday (7 rows, Monday first) and hour.
    pub heat: Vec<[u64; 24]>,
    /// Up to 12 weekly cohorts that end with the period.
    pub cohorts: Vec<Cohort>,
    /// Platforms with any activity in the period.
    pub platforms: Vec<PlatformRow>,
    /// Measures taken by moderators, by kind.
    pub moderation_kinds: Vec<(EventTag, u64)>,
    /// Other events by kind: how many, and their amounts added up.
    pub events: Vec<(EventTag, u64, i64)>,
}

impl Activity {
    /// The overview of a community. Computed at most once in the configured time and shared by all
    /// who ask meanwhile. Who asks after that time gets the last one at once, and a newer one is
    /// computed in the background for those who ask next. As long as nobody ever wrote, it is
    /// computed for everybody who asks.
    pub async fn overview(
        &self,
        actor: &Actor,
        community: CommunityId,
        period: Period,
    ) -> Result<Arc<Overview>, ActivityError> {
        Self::require(actor, Permission::ViewActivity, community)?;
        if let Some(known) = self.overviews.get(&(community, period)).await {
            // Whoever waits for the first messages of a community sees them when they are there.
            if known.first_day.is_none() {
                let anew = self.compute(community, period).await?;
                self.overviews
                    .insert((community, period), Arc::clone(&anew))
                    .await;
                return Ok(anew);
            }
            if self.clock.now().since(known.computed_at) >= self.overview_ttl {
                self.refresh(community, period);
            }
            return Ok(known);
        }
        self.overviews
            .try_get_with((community, period), self.compute(community, period))
            .await
            .map_err(|error| ActivityError::clone(&error))
    }

    /// The overviews of several communities, asked for at once; those that are not known are computed
    /// together.
    pub async fn overviews(
        &self,
        actor: &Actor,
        communities: &[CommunityId],
        period: Period,
    ) -> Result<OfEach<Arc<Overview>>, ActivityError> {
        let (allowed, denied) = actor.sort_out(Permission::ViewActivity, communities);
        let mut found: OfEach<_> = denied.into_iter().map(|(id, why)| (id, Err(why))).collect();
        let mut missing = Vec::new();
        for community in allowed {
            match self.overviews.get(&(community, period)).await {
                Some(known) if known.first_day.is_some() => {
                    if self.clock.now().since(known.computed_at) >= self.overview_ttl {
                        self.refresh(community, period);
                    }
                    found.insert(community, Ok(known));
                }
                _ => missing.push(community),
            }
        }
        // Whoever else asks for a single one waits for the same computation.
        if let [one] = missing.as_slice() {
            found.insert(*one, Ok(self.overview(actor, *one, period).await?));
            return Ok(found);
        }
        for part in missing.chunks(UNION_MAX) {
            for (community, overview) in self.compute_all(part, period).await? {
                let overview = Arc::new(overview);
                self.overviews
                    .insert((community, period), Arc::clone(&overview))
                    .await;
                found.insert(community, Ok(overview));
            }
        }
        Ok(found)
    }

    /// Computes an overview in the background, unless that is being done.
    fn refresh(&self, community: CommunityId, period: Period) {
        let key = (community, period);
        let is_first = self
            .refreshing
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(key);
        if !is_first {
            return;
        }
        let this = self.clone();
        tokio::spawn(async move {
            match this.compute(community, period).await {
                Ok(overview) => this.overviews.insert(key, overview).await,
                Err(error) => tracing::warn!(
                    community.id = %community, error = %error,
                    "an overview could not be computed anew; the last one is shown until it is too old"
                ),
            }
            this.refreshing
                .lock()
                .unwrap_or_else(PoisonError::into_inner)
                .remove(&key);
        });
    }

    async fn compute(
        &self,
        community: CommunityId,
        period: Period,
    ) -> Result<Arc<Overview>, ActivityError> {
        let mut computed = self.compute_all(&[community], period).await?;
        Ok(Arc::new(
            computed.remove(&community).ok_or(ActivityError::NotFound)?,
        ))
    }

    async fn compute_all(
        &self,
        communities: &[CommunityId],
        period: Period,
    ) -> Result<HashMap<CommunityId, Overview>, ActivityError> {
        let facts = tables::overview::facts(self.db.read(), communities, period).await?;
        let now = self.clock.now();
        Ok(facts
            .into_iter()
            .map(|(community, facts)| (community, assemble(period, now, &facts)))
            .collect())
    }
}

/// Exact for every count a community can have: f64 holds integers up to 2^53.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "counts stay far below 2^53"
)]
pub(crate) const fn real(n: u64) -> f64 {
    n as f64
}

fn ratio(part: f64, whole: f64) -> Option<f64> {
    (whole > 0.0).then(|| part / whole)
}

/// Builds the overview from what the queries answered. Pure.
fn assemble(period: Period, computed_at: Timestamp, facts: &Facts) -> Overview {
    let previous = period.previous();
    let had_before = facts.first_day.is_some_and(|first| first <= previous.from);
    let before = |value: u64| had_before.then(|| real(value));
    let sum = |counts: &BTreeMap<Day, u64>, span: Period| {
        counts
            .range(span.from..span.until)
            .map(|(_, n)| n)
            .sum::<u64>()
    };
    let course = |counts: &BTreeMap<Day, u64>| {
        period
            .each()
            .map(|day| real(counts.get(&day).copied().unwrap_or(0)))
            .collect()
    };

    let messages_by_day = total_by_day(&facts.messages);
    let moderation_by_day = kinds_by_day(facts, EventTag::is_moderation);
    let joins_by_day = kinds_by_day(facts, |tag| tag == EventTag::Join);
    let count = |by_day: &BTreeMap<Day, u64>| Measure {
        value: real(sum(by_day, period)),
        previous: before(sum(by_day, previous)),
        spark: course(by_day),
    };
    let mean = |span: Period| real(sum(&facts.active, span)) / f64::from(span.days());
    let sticky = |until: Day, mau: u64| {
        let month = Period {
            from: until.plus(-30),
            until,
        };
        ratio(real(sum(&facts.active, month)) / 30.0, real(mau))
    };

    Overview {
        period,
        previous,
        computed_at,
        first_day: facts.first_day,
        last_day: facts.last_day,
        members: facts.members,
        dau: Measure {
            value: mean(period),
            previous: had_before.then(|| mean(previous)),
            spark: course(&facts.active),
        },
        wau: Measure {
            value: real(facts.wau),
            previous: before(facts.wau_before),
            spark: facts.weekly_active.iter().map(|n| real(*n)).collect(),
        },
        mau: Measure {
            value: real(facts.mau),
            previous: before(facts.mau_before),
            spark: Vec::new(),
        },
        stickiness: Measure {
            value: sticky(period.until, facts.mau).unwrap_or(0.0),
            previous: if had_before {
                sticky(period.from, facts.mau_before)
            } else {
                None
            },
            spark: Vec::new(),
        },
        messages: count(&messages_by_day),
        newcomers: count(&facts.newcomers),
        retention: ratio(real(facts.retained), real(facts.retainable)),
        joins: count(&joins_by_day),
        moderation: count(&moderation_by_day),
        daily: daily(period, facts, &moderation_by_day),
        heat: facts.heat.clone(),
        cohorts: cohort::triangle(&facts.cohorts, facts.cohort_first, facts.cohort_last),
        platforms: platforms(period, facts),
        moderation_kinds: kinds(period, facts)
            .into_iter()
            .filter(|(tag, _, _)| tag.is_moderation())
            .map(|(tag, n, _)| (tag, n))
            .collect(),
        events: kinds(period, facts)
            .into_iter()
            .filter(|(tag, _, _)| !tag.is_moderation())
            .collect(),
    }
}

fn total_by_day(messages: &BTreeMap<(Day, Platform), u64>) -> BTreeMap<Day, u64> {
    let mut by_day = BTreeMap::new();
    for ((day, _), n) in messages {
        *by_day.entry(*day).or_default() += n;
    }
    by_day
}

fn kinds_by_day(facts: &Facts, wanted: impl Fn(EventTag) -> bool) -> BTreeMap<Day, u64> {
    let mut by_day = BTreeMap::new();
    for (day, tag, events, _) in facts.kinds.iter().filter(|(_, tag, _, _)| wanted(*tag)) {
        let _ = tag;
        *by_day.entry(*day).or_default() += events;
    }
    by_day
}

fn kinds(period: Period, facts: &Facts) -> Vec<(EventTag, u64, i64)> {
    let mut sums: BTreeMap<EventTag, (u64, i64)> = BTreeMap::new();
    for (_, tag, events, amount) in facts
        .kinds
        .iter()
        .filter(|(day, _, _, _)| period.contains(*day))
    {
        let entry = sums.entry(*tag).or_default();
        entry.0 += events;
        entry.1 = entry.1.saturating_add(*amount);
    }
    sums.into_iter()
        .map(|(tag, (events, amount))| (tag, events, amount))
        .collect()
}

fn daily(period: Period, facts: &Facts, moderation: &BTreeMap<Day, u64>) -> Vec<DayRow> {
    let on = |counts: &BTreeMap<Day, u64>, day: Day| counts.get(&day).copied().unwrap_or(0);
    period
        .each()
        .map(|day| DayRow {
            day,
            messages: Platform::ALL
                .into_iter()
                .filter_map(|platform| facts.messages.get(&(day, platform)).map(|n| (platform, *n)))
                .collect(),
            active: on(&facts.active, day),
            newcomers: on(&facts.newcomers, day),
            moderation: on(moderation, day),
        })
        .collect()
}

fn platforms(period: Period, facts: &Facts) -> Vec<PlatformRow> {
    let mut messages: HashMap<Platform, u64> = HashMap::new();
    for ((day, platform), n) in &facts.messages {
        if period.contains(*day) {
            *messages.entry(*platform).or_default() += n;
        }
    }
    let of =
        |counts: &HashMap<Platform, u64>, platform| counts.get(&platform).copied().unwrap_or(0);
    Platform::ALL
        .into_iter()
        .map(|platform| PlatformRow {
            platform,
            messages: of(&messages, platform),
            active: of(&facts.active_on, platform),
            newcomers: of(&facts.newcomers_on, platform),
        })
        .filter(|row| row.messages > 0 || row.active > 0)
        .collect()
}

#[cfg(test)]
mod tests;
