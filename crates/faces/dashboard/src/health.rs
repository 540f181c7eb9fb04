//! A community's health: tiles, charts and tables of a period that the address names; and each
//! table as a CSV.

use std::sync::Arc;

use activity::{Overview, Period};
use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use identity::Community;
use kernel::{Day, Permission};

use crate::{
    charts::{Svg, heat::Shade},
    community, display,
    error::PageError,
    layout::{self, Place, Section, Shell},
    router::Face,
    viewer::{SignedIn, Viewer},
};

mod bots;
mod panel;
mod period;
mod report;
mod tile;

use panel::{EventRow, KindRow, Legend, PlatformRow, Retention, Table};
use period::{Choice, Preset, Wanted};
use tile::Tile;

#[derive(Template)]
#[template(path = "health.html")]
struct Page {
    shell: Shell,
    slug: String,
    presets: Vec<Preset>,
    from: String,
    until: String,
    mistake: Option<String>,
    span: String,
    query: String,
    computed: String,
    computed_at: String,
    state: Content,
    tiles: Vec<Tile>,
    bots: Option<bots::Bots>,
    interval: &'static str,
    messages: Svg,
    legend: Vec<Legend>,
    messages_table: Table,
    active: Svg,
    active_table: Table,
    newcomers: Svg,
    newcomers_table: Table,
    heat: Svg,
    shades: Vec<Shade>,
    heat_rows: Vec<(&'static str, Vec<String>)>,
    retention: Retention,
    platforms: Vec<PlatformRow>,
    moderation: Vec<KindRow>,
    events: Vec<EventRow>,
    may_import: bool,
    may_connect: bool,
}

/// What there is to see.
enum Content {
    /// The community has no history at all.
    Nothing,
    /// Nothing in this period, but something elsewhere.
    Elsewhere {
        /// From when to when there is history.
        extent: String,
        /// The 30 days that end with the newest history.
        newest_href: String,
    },
    /// Charts.
    Charts,
}

/// `GET /c/{slug}/health`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewActivity).await?;
    let (choice, mistake) = match wanted.choice() {
        Ok(choice) => (choice, None),
        Err(mistake) => (Choice::default(), Some(mistake)),
    };
    let overview = overview(&face, &viewer, &community, choice).await?;
    let place = Place {
        title: "Health",
        section: Section::Health,
        community: Some(&community),
    };
    let shell = Shell::new(&face, &viewer, place).await?;
    let may_import = viewer
        .actor
        .require(Permission::ImportHistory, community.id)
        .is_ok();
    let now = face.app.clock.now();
    let score = face.app.bots.recent_score(&viewer.actor, community.id);
    let bots = bots::Bots::of(&score.await?);
    let mut page = build(&overview, choice, &community.slug, shell);
    page.mistake = mistake;
    page.bots = Some(bots);
    page.may_import = may_import;
    page.may_connect = viewer
        .actor
        .require(Permission::ManageCommunity, community.id)
        .is_ok();
    page.computed = display::ago(now, overview.computed_at);
    layout::page(&page)
}

/// `GET /c/{slug}/health/{report}.csv`
pub(crate) async fn download(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, file)): Path<(String, String)>,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ViewActivity).await?;
    let choice = wanted.choice().map_err(PageError::bad_input)?;
    let report = file.strip_suffix(".csv").ok_or_else(PageError::not_found)?;
    let overview = overview(&face, &viewer, &community, choice).await?;
    let csv = report::csv(report, &overview).ok_or_else(PageError::not_found)?;
    let span = overview.period;
    let last = span.until.plus(-1);
    Ok(csv.download(&format!(
        "{}-{report}-{}-to-{last}",
        community.slug, span.from
    )))
}

/// The overview of the period chosen. «All» asks twice: first for the extent of the history.
async fn overview(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    choice: Choice,
) -> Result<Arc<Overview>, PageError> {
    let today = face.app.clock.now().day();
    let activity = &face.app.activity;
    let first = activity
        .overview(&viewer.actor, community.id, choice.period(today))
        .await?;
    match (choice, first.first_day, first.last_day) {
        (Choice::All, Some(from), Some(last)) => {
            let all = Period::new(from, last.plus(1)).unwrap_or(first.period);
            Ok(activity.overview(&viewer.actor, community.id, all).await?)
        }
        _ => Ok(first),
    }
}

/// Everything the template shows. Pure.
fn build(overview: &Overview, choice: Choice, slug: &str, shell: Shell) -> Page {
    let span = overview.period;
    let last = span.until.plus(-1);
    let buckets = period::buckets(span);
    let columns = period::columns(&buckets);
    let messages = panel::messages(overview, &buckets, &columns);
    let active = panel::active(overview, &buckets, &columns);
    let newcomers = panel::newcomers(overview, &buckets, &columns);
    Page {
        shell,
        slug: slug.to_owned(),
        presets: period::presets(&format!("/c/{slug}/health"), choice),
        from: span.from.to_string(),
        until: last.to_string(),
        mistake: None,
        span: span_text(span.from, last),
        query: choice.query(),
        computed: String::new(),
        computed_at: overview.computed_at.to_string(),
        state: content(overview, slug),
        tiles: tile::tiles(overview),
        bots: None,
        interval: period::interval(span).noun(),
        messages: messages.svg,
        legend: messages.legend,
        messages_table: messages.table,
        active: active.svg,
        active_table: active.table,
        newcomers: newcomers.svg,
        newcomers_table: newcomers.table,
        heat: panel::heat(overview),
        shades: crate::charts::heat::shades(&overview.heat),
        heat_rows: panel::heat_rows(overview),
        retention: panel::retention(overview),
        platforms: panel::platforms(overview),
        moderation: panel::moderation(overview),
        events: panel::events(overview),
        may_import: false,
        may_connect: false,
    }
}

fn span_text(first: Day, last: Day) -> String {
    if first == last {
        return display::date(first);
    }
    format!("{} – {}", display::date(first), display::date(last))
}

fn content(overview: &Overview, slug: &str) -> Content {
    let (Some(first), Some(last)) = (overview.first_day, overview.last_day) else {
        return Content::Nothing;
    };
    let has_data = overview.messages.value > 0.0
        || overview.joins.value > 0.0
        || overview.moderation.value > 0.0
        || !overview.events.is_empty();
    if has_data {
        return Content::Charts;
    }
    let from = last.plus(-29).max(first);
    Content::Elsewhere {
        extent: span_text(first, last),
        newest_href: format!("/c/{slug}/health?from={from}&until={last}"),
    }
}

#[cfg(test)]
mod tests;
