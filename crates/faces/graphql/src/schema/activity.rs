//! A community's activity in a period, as the service computed it.
//!
//! Must never compute a number: faces that compute disagree.

#![expect(
    clippy::unused_async,
    reason = "the engine's resolvers are async, also those that have all they need"
)]

use std::sync::Arc;

use async_graphql::{ComplexObject, Context, Enum, Object, Result, SimpleObject};
use kernel::event::EventTag;

use super::{
    Viewer,
    cache_control::cache_control,
    error::{bad_input, viewer},
    scalar::{Date, DateTime, Platform, count},
};

/// The days up to and including today, in UTC.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Period {
    /// A week.
    #[graphql(name = "LAST_7_DAYS")]
    Week,
    /// A month.
    #[graphql(name = "LAST_30_DAYS")]
    Month,
    /// A quarter.
    #[graphql(name = "LAST_90_DAYS")]
    Quarter,
    /// A year.
    #[graphql(name = "LAST_365_DAYS")]
    Year,
}

impl Period {
    const fn days(self) -> u32 {
        match self {
            Self::Week => 7,
            Self::Month => 30,
            Self::Quarter => 90,
            Self::Year => 365,
        }
    }
}

/// The period that the arguments mean.
pub(crate) fn period(
    viewer: &Viewer,
    period: Period,
    from: Option<Date>,
    until: Option<Date>,
) -> Result<::activity::Period> {
    match (from, until) {
        (None, None) => {
            let today = viewer.app().clock.now().day();
            Ok(::activity::Period::last_days(today, period.days()))
        }
        (Some(from), Some(until)) => {
            ::activity::Period::new(from.0, until.0).map_err(|cause| bad_input(cause.to_string()))
        }
        _ => Err(bad_input("`from` and `until` need each other")),
    }
}

/// What happened in a community in a period. Days and hours are UTC; people are counted once,
/// however many platforms they are on.
pub(crate) struct Activity(pub(crate) Arc<::activity::Overview>);

/// What happened in a community in a period. Days and hours are UTC; people are counted once,
/// however many platforms they are on.
#[Object]
impl Activity {
    /// The first day of the period.
    async fn from(&self) -> Date {
        Date(self.0.period.from)
    }

    /// The day after the last day of the period.
    async fn until(&self) -> Date {
        Date(self.0.period.until)
    }

    /// When these numbers were computed.
    async fn computed_at(&self) -> DateTime {
        DateTime(self.0.computed_at)
    }

    /// The first day with any message, ever.
    async fn first_day(&self) -> Option<Date> {
        self.0.first_day.map(Date)
    }

    /// The last day with any message.
    async fn last_day(&self) -> Option<Date> {
        self.0.last_day.map(Date)
    }

    /// Everybody ever seen.
    async fn members(&self) -> i32 {
        count(self.0.members)
    }

    /// People who wrote per day, mean over the period.
    async fn dau(&self) -> Measure<'_> {
        Measure(&self.0.dau)
    }

    /// People who wrote in the last 7 days of the period.
    async fn wau(&self) -> Measure<'_> {
        Measure(&self.0.wau)
    }

    /// People who wrote in the last 30 days of the period.
    async fn mau(&self) -> Measure<'_> {
        Measure(&self.0.mau)
    }

    /// Daily actives over monthly actives, 0 to 1.
    async fn stickiness(&self) -> Measure<'_> {
        Measure(&self.0.stickiness)
    }

    /// Messages.
    async fn messages(&self) -> Measure<'_> {
        Measure(&self.0.messages)
    }

    /// People who wrote for the first time.
    async fn newcomers(&self) -> Measure<'_> {
        Measure(&self.0.newcomers)
    }

    /// The share of those who first wrote 31 to 60 days before the period's end and wrote again in
    /// its last 30 days, 0 to 1; null without such people.
    async fn retention(&self) -> Option<f64> {
        self.0.retention
    }

    /// Accounts that joined.
    async fn joins(&self) -> Measure<'_> {
        Measure(&self.0.joins)
    }

    /// Warnings, timeouts, kicks and bans.
    async fn moderation(&self) -> Measure<'_> {
        Measure(&self.0.moderation)
    }

    /// Every day of the period.
    async fn daily(&self, ctx: &Context<'_>) -> Result<Vec<DayActivity>> {
        viewer(ctx)?.spend(ctx, self.0.daily.len())?;
        Ok(self.0.daily.iter().map(DayActivity::from).collect())
    }

    /// Messages by weekday (seven rows, Monday first) and hour (24 columns).
    async fn heat_map(&self, ctx: &Context<'_>) -> Result<Vec<Vec<i32>>> {
        viewer(ctx)?.spend(ctx, self.0.heat.len() * 24)?;
        let rows = self.0.heat.iter();
        Ok(rows
            .map(|row| row.iter().copied().map(count).collect())
            .collect())
    }

    /// How many of the people who first wrote in a week wrote again later, week by week.
    async fn cohorts(&self, ctx: &Context<'_>) -> Result<Vec<Cohort>> {
        let n_values = self
            .0
            .cohorts
            .iter()
            .map(|cohort| cohort.active.len())
            .sum();
        viewer(ctx)?.spend(ctx, n_values)?;
        let cohorts = self.0.cohorts.iter().map(|cohort| Cohort {
            week: Date(cohort.week),
            size: count(cohort.size),
            active: cohort.active.iter().copied().map(count).collect(),
        });
        Ok(cohorts.collect())
    }

    /// The platforms with any activity in the period.
    async fn platforms(&self) -> Vec<PlatformActivity> {
        let rows = self.0.platforms.iter().map(|row| PlatformActivity {
            platform: row.platform.into(),
            messages: count(row.messages),
            active_members: count(row.active),
            newcomers: count(row.newcomers),
        });
        rows.collect()
    }

    /// What moderators did, by kind.
    async fn moderation_kinds(&self) -> Vec<EventCount> {
        let kinds = self.0.moderation_kinds.iter();
        kinds.map(|(tag, n)| EventCount::new(*tag, *n, 0)).collect()
    }

    /// Other events by kind, such as follows and subscriptions.
    async fn events(&self) -> Vec<EventCount> {
        let kinds = self.0.events.iter();
        kinds
            .map(|(tag, n, amount)| EventCount::new(*tag, *n, *amount))
            .collect()
    }
}

/// A number, what it was in the period before, and its course.
pub(crate) struct Measure<'a>(&'a ::activity::Measure);

/// A number, what it was in the period before, and its course.
#[Object(directive = cache_control::apply(None, None, Some(true)))]
impl Measure<'_> {
    /// Its value in the period.
    async fn value(&self) -> f64 {
        self.0.value
    }

    /// Its value in the equally long period before; null if there was no data then.
    async fn previous(&self) -> Option<f64> {
        self.0.previous
    }

    /// Its course over the period; may be empty.
    async fn spark(&self, ctx: &Context<'_>) -> Result<&[f64]> {
        viewer(ctx)?.spend(ctx, self.0.spark.len())?;
        Ok(&self.0.spark)
    }
}

/// One day.
#[derive(SimpleObject)]
#[graphql(complex, directive = cache_control::apply(None, None, Some(true)))]
pub(crate) struct DayActivity {
    /// The day.
    day: Date,
    /// Messages on all platforms.
    messages: i32,
    /// People who wrote.
    active_members: i32,
    /// People who wrote for the first time.
    newcomers: i32,
    /// Warnings, timeouts, kicks and bans.
    moderation: i32,
    #[graphql(skip)]
    on_platforms: Vec<(kernel::Platform, u64)>,
}

impl From<&::activity::DayRow> for DayActivity {
    fn from(row: &::activity::DayRow) -> Self {
        Self {
            day: Date(row.day),
            messages: count(row.messages.iter().map(|(_, n)| n).sum()),
            active_members: count(row.active),
            newcomers: count(row.newcomers),
            moderation: count(row.moderation),
            on_platforms: row.messages.clone(),
        }
    }
}

/// Messages on one platform.
#[derive(SimpleObject)]
#[graphql(directive = cache_control::apply(None, None, Some(true)))]
pub(crate) struct PlatformMessages {
    /// Which.
    platform: Platform,
    /// How many.
    messages: i32,
}

#[ComplexObject]
impl DayActivity {
    /// Messages per platform; those without any are left out.
    async fn platforms(&self, ctx: &Context<'_>) -> Result<Vec<PlatformMessages>> {
        viewer(ctx)?.spend(ctx, self.on_platforms.len())?;
        let rows = self
            .on_platforms
            .iter()
            .map(|(platform, n)| PlatformMessages {
                platform: (*platform).into(),
                messages: count(*n),
            });
        Ok(rows.collect())
    }
}

/// The people who first wrote in one week.
#[derive(SimpleObject)]
#[graphql(directive = cache_control::apply(None, None, Some(true)))]
pub(crate) struct Cohort {
    /// The Monday of that week.
    week: Date,
    /// How many they are.
    size: i32,
    /// How many wrote in the k-th week after, beginning with the week itself.
    active: Vec<i32>,
}

/// One platform in the period.
#[derive(SimpleObject)]
#[graphql(directive = cache_control::apply(None, None, Some(true)))]
pub(crate) struct PlatformActivity {
    /// Which.
    platform: Platform,
    /// Messages.
    messages: i32,
    /// People who wrote there.
    active_members: i32,
    /// Newcomers seen there.
    newcomers: i32,
}

/// Events of one kind.
#[derive(SimpleObject)]
#[graphql(directive = cache_control::apply(None, None, Some(true)))]
pub(crate) struct EventCount {
    /// The kind, such as `follow`, `subscription` or `ban`.
    kind: &'static str,
    /// How many.
    count: i32,
    /// What they add up to (bits, viewers, minor units of money); 0 where that means nothing.
    amount: f64,
}

impl EventCount {
    fn new(tag: EventTag, n: u64, amount: i64) -> Self {
        Self {
            kind: tag.as_str(),
            count: count(n),
            amount: real(amount),
        }
    }
}

/// `Int` has 32 bits, which sums outgrow; a `Float` is exact to 2^53.
#[expect(
    clippy::as_conversions,
    clippy::cast_precision_loss,
    reason = "sums stay far below 2^53"
)]
const fn real(n: i64) -> f64 {
    n as f64
}
