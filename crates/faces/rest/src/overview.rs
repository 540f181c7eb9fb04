//! A community's numbers: `/communities/{id}/summary`, `/communities/{id}/overview`.

use std::sync::Arc;

use activity::{Cohort, DayRow, Measure, Overview, Period, PlatformRow};
use axum::{Json, extract::State, http::StatusCode};
use kernel::{CommunityId, Day, event::EventTag};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Face,
    asker::SignedIn,
    input::{Path, Query},
    problem::Problem,
    view::{Moment, PlatformName},
};

/// Longest period of one answer, in days.
const DAYS_MAX: u32 = 1_100;
/// The period of whoever names none, in days.
const DAYS: i32 = 30;

/// A community in a few numbers.
#[derive(Serialize, ToSchema)]
pub(crate) struct SummaryView {
    /// Everybody ever seen.
    members: u64,
    /// Messages of the last 30 days.
    messages_30d: u64,
    /// People who wrote in the last 7 days.
    active_7d: u64,
    /// Messages of each of the last 30 days, oldest first.
    messages_per_day: Vec<u64>,
    /// When somebody was seen last.
    last_at: Option<Moment>,
}

/// A day in UTC.
#[derive(Serialize, ToSchema)]
#[schema(value_type = String, format = Date, examples("2026-11-23"))]
pub(crate) struct DayText(String);

impl From<Day> for DayText {
    fn from(day: Day) -> Self {
        Self(day.to_string())
    }
}

/// Which days.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct Days {
    /// The first day; without it, so that there are 30.
    #[param(format = Date, value_type = Option<String>)]
    from: Option<String>,
    /// The last day; without it, today.
    #[param(format = Date, value_type = Option<String>)]
    until: Option<String>,
}

impl Days {
    fn period(&self, today: Day) -> Result<Period, Problem> {
        let wrong = |detail: String| Problem::http(StatusCode::BAD_REQUEST, detail);
        let day = |name: &str, text: &str| {
            let day: Option<Day> = text.parse().ok();
            day.ok_or_else(|| wrong(format!("`{name}` is a day such as 2026-11-23")))
        };
        let last = match &self.until {
            Some(text) => day("until", text)?,
            None => today,
        };
        let until = last.plus(1);
        let from = match &self.from {
            Some(text) => day("from", text)?,
            None => until.plus(-DAYS),
        };
        let period = Period::new(from, until).map_err(|error| wrong(error.to_string()))?;
        if period.days() > DAYS_MAX {
            return Err(wrong(format!("ask for at most {DAYS_MAX} days at once")));
        }
        Ok(period)
    }
}

/// A number, what it was in the equal period before, and its course.
#[derive(Serialize, ToSchema)]
pub(crate) struct MeasureView {
    /// Its value in the period.
    value: f64,
    /// Its value in the period before; absent if the community's history does not cover it.
    previous: Option<f64>,
    /// Its course over the period; may be empty.
    course: Vec<f64>,
}

impl From<&Measure> for MeasureView {
    fn from(measure: &Measure) -> Self {
        Self {
            value: measure.value,
            previous: measure.previous,
            course: measure.spark.clone(),
        }
    }
}

/// How many of something on one platform.
#[derive(Serialize, ToSchema)]
pub(crate) struct OnPlatform {
    /// Where.
    platform: PlatformName,
    /// How many messages.
    messages: u64,
}

/// A day of a community.
#[derive(Serialize, ToSchema)]
pub(crate) struct DayView {
    /// Which.
    day: DayText,
    /// Messages by platform; those without any are left out.
    messages: Vec<OnPlatform>,
    /// People who wrote.
    active: u64,
    /// People who wrote for the first time.
    newcomers: u64,
    /// Warnings, timeouts, kicks and bans.
    moderation: u64,
}

impl From<&DayRow> for DayView {
    fn from(row: &DayRow) -> Self {
        let on = |(platform, messages): &(kernel::Platform, u64)| OnPlatform {
            platform: (*platform).into(),
            messages: *messages,
        };
        Self {
            day: row.day.into(),
            messages: row.messages.iter().map(on).collect(),
            active: row.active,
            newcomers: row.newcomers,
            moderation: row.moderation,
        }
    }
}

/// A platform of a community.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlatformView {
    /// Which.
    platform: PlatformName,
    /// Messages in the period.
    messages: u64,
    /// People who wrote there.
    active: u64,
    /// Newcomers of the period that were seen there.
    newcomers: u64,
}

impl From<&PlatformRow> for PlatformView {
    fn from(row: &PlatformRow) -> Self {
        Self {
            platform: row.platform.into(),
            messages: row.messages,
            active: row.active,
            newcomers: row.newcomers,
        }
    }
}

/// The people whose first message was in one week.
#[derive(Serialize, ToSchema)]
pub(crate) struct CohortView {
    /// The Monday of the week.
    week: DayText,
    /// How many they are.
    size: u64,
    /// How many of them wrote in each week since, from that week on.
    active: Vec<u64>,
}

impl From<&Cohort> for CohortView {
    fn from(cohort: &Cohort) -> Self {
        Self {
            week: cohort.week.into(),
            size: cohort.size,
            active: cohort.active.clone(),
        }
    }
}

/// How many events of a kind.
#[derive(Serialize, ToSchema)]
pub(crate) struct KindView {
    /// The kind, such as `follow` or `timeout`.
    kind: String,
    /// How many.
    count: u64,
    /// Their amounts added up: bits, cents, raiders.
    amount: i64,
}

fn kind(tag: EventTag, count: u64, amount: i64) -> KindView {
    KindView {
        kind: tag.as_str().to_owned(),
        count,
        amount,
    }
}

/// A community's activity in a period. All days and hours are UTC; somebody who is active on two linked
/// platforms counts once.
#[derive(Serialize, ToSchema)]
pub(crate) struct OverviewView {
    /// The first day of the period.
    from: DayText,
    /// The last day of the period.
    until: DayText,
    /// When this was computed.
    computed_at: Moment,
    /// The first day with any message, ever.
    first_day: Option<DayText>,
    /// The last day with any message.
    last_day: Option<DayText>,
    /// Everybody ever seen.
    members: u64,
    /// People who wrote per day, on average.
    dau: MeasureView,
    /// People who wrote in the last 7 days of the period.
    wau: MeasureView,
    /// People who wrote in the last 30 days of the period.
    mau: MeasureView,
    /// Daily over monthly actives, 0 to 1.
    stickiness: MeasureView,
    /// Messages.
    messages: MeasureView,
    /// People who wrote for the first time.
    newcomers: MeasureView,
    /// The share of newcomers that stayed, 0 to 1; absent without any.
    retention: Option<f64>,
    /// Accounts that joined.
    joins: MeasureView,
    /// Warnings, timeouts, kicks and bans.
    moderation: MeasureView,
    /// Every day of the period.
    daily: Vec<DayView>,
    /// Messages by weekday (7 rows, Monday first) and hour (24 columns).
    heat: Vec<Vec<u64>>,
    /// Up to 12 weekly cohorts that end with the period.
    cohorts: Vec<CohortView>,
    /// Platforms with any activity in the period.
    platforms: Vec<PlatformView>,
    /// Measures taken by moderators, by kind.
    moderation_kinds: Vec<KindView>,
    /// Other events, by kind.
    events: Vec<KindView>,
}

impl From<&Overview> for OverviewView {
    fn from(overview: &Overview) -> Self {
        let measures = overview.moderation_kinds.iter();
        let events = overview.events.iter();
        Self {
            from: overview.period.from.into(),
            until: overview.period.until.plus(-1).into(),
            computed_at: overview.computed_at.into(),
            first_day: overview.first_day.map(DayText::from),
            last_day: overview.last_day.map(DayText::from),
            members: overview.members,
            dau: (&overview.dau).into(),
            wau: (&overview.wau).into(),
            mau: (&overview.mau).into(),
            stickiness: (&overview.stickiness).into(),
            messages: (&overview.messages).into(),
            newcomers: (&overview.newcomers).into(),
            retention: overview.retention,
            joins: (&overview.joins).into(),
            moderation: (&overview.moderation).into(),
            daily: overview.daily.iter().map(DayView::from).collect(),
            heat: overview.heat.iter().map(|row| row.to_vec()).collect(),
            cohorts: overview.cohorts.iter().map(CohortView::from).collect(),
            platforms: overview.platforms.iter().map(PlatformView::from).collect(),
            moderation_kinds: measures.map(|(tag, n)| kind(*tag, *n, 0)).collect(),
            events: events
                .map(|(tag, n, amount)| kind(*tag, *n, *amount))
                .collect(),
        }
    }
}

/// A community in a few numbers. For members.
#[utoipa::path(get, path = "/communities/{community}/summary", tag = "communities", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = SummaryView)))]
pub(crate) async fn summary(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<SummaryView>, Problem> {
    let activity = &face.app.activity;
    let found = activity.summary(&who.actor, CommunityId(community)).await?;
    Ok(Json(SummaryView {
        members: found.members,
        messages_30d: found.messages_30d,
        active_7d: found.active_7d,
        messages_per_day: found.spark,
        last_at: found.last_at.map(Moment::from),
    }))
}

/// A community's activity in a period of at most 1,100 days; without one, in the last 30 days. For
/// members.
#[utoipa::path(get, path = "/communities/{community}/overview", tag = "communities", params(("community" = i32, Path, description = "The community's id."), Days), responses((status = 200, body = OverviewView)))]
pub(crate) async fn overview(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    Query(days): Query<Days>,
) -> Result<Json<OverviewView>, Problem> {
    let period = days.period(face.app.clock.now().day())?;
    let activity = &face.app.activity;
    let found = activity
        .overview(&who.actor, CommunityId(community), period)
        .await?;
    Ok(Json(OverviewView::from(&*found)))
}
