//! How good detection is while it works, over all communities: precision and recall by week, how far signals moved, how
//! long a score takes, and the alerts. What too few reviews say is a gap, not a number.

use std::sync::Arc;

use ::bots::{Alert, AlertKind, Drift, Week};
use askama::Template;
use axum::{
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use kernel::Timestamp;

use super::{
    models::{Names, id_of},
    overview::bins,
    rollouts::latency,
};
use crate::{
    admin,
    charts::{
        Column, Svg,
        histogram::histogram,
        line::{Line, LineChart, lines},
    },
    display::{self, When},
    error::PageError,
    layout::{self, Section, Shell},
    router::Face,
    viewer::SignedIn,
};

/// Fewer accounts than these draw no point: of two or three a share is chance.
const DRAWN_FROM: u64 = 10;

/// Precision, where enough accused accounts were reviewed to draw it.
fn drawn_precision(week: &Week) -> Option<f64> {
    week.precision
        .filter(|_| week.n_right + week.n_wrong >= DRAWN_FROM)
}

/// Recall, where enough bots were in the sample to draw it.
fn drawn_recall(week: &Week) -> Option<f64> {
    week.recall.filter(|_| week.n_sampled_bots >= DRAWN_FROM)
}

/// F1, where both that it is of are drawn.
fn drawn_f1(week: &Week) -> Option<f64> {
    drawn_precision(week).and(drawn_recall(week)).and(week.f1)
}

/// A share with where it lies in 95 of 100 cases: `50 % (24 to 76)`.
fn with_ends(share: Option<f64>, ends: Option<(f64, f64)>) -> String {
    let Some(share) = share else {
        return "–".to_owned();
    };
    let said = display::percent(share);
    let Some((low, high)) = ends else {
        return said;
    };
    let [low, high] = [low, high].map(display::percent);
    format!("{said} ({} to {high})", low.trim_end_matches(" %"))
}

/// A week as it is shown.
pub(crate) struct WeekRow {
    /// Its Monday.
    pub(crate) from: String,
    /// Predictions that were written down.
    pub(crate) predictions: String,
    /// Reviews that say what somebody is.
    pub(crate) reviewed: String,
    /// Accused, and a bot.
    pub(crate) right: String,
    /// Accused, and a person.
    pub(crate) wrong: String,
    /// Reviews of accounts that were drawn by chance.
    pub(crate) sampled: String,
    /// Precision, with its interval.
    pub(crate) precision: String,
    /// Recall, with its interval.
    pub(crate) recall: String,
    /// Of the people in the sample, the share that was accused.
    pub(crate) false_positives: String,
    /// Precision and recall in one.
    pub(crate) f1: String,
    /// Of the cases that accused somebody and were opened in the week, the share about which people said something by now.
    pub(crate) feedback: String,
    /// From looking to deciding, the median.
    pub(crate) took: String,
}

impl From<&Week> for WeekRow {
    fn from(week: &Week) -> Self {
        let share = |share: Option<f64>| share.map_or_else(|| "–".to_owned(), display::percent);
        Self {
            from: display::date(week.from),
            predictions: display::count(week.n_predictions),
            reviewed: display::count(week.n_reviewed),
            right: display::count(week.n_right),
            wrong: display::count(week.n_wrong),
            sampled: display::count(week.n_sampled),
            precision: with_ends(week.precision, week.precision_ends),
            recall: with_ends(week.recall, week.recall_ends),
            false_positives: share(week.false_positive_rate),
            f1: share(week.f1),
            feedback: share(week.feedback_rate),
            took: week.review_secs_median.map_or_else(
                || "–".to_owned(),
                |secs| format!("{} s", display::count(secs.into())),
            ),
        }
    }
}

/// What people's reviews say week by week, drawn and as a table.
pub(crate) struct Weeks {
    /// Drawn, where enough is known of any of them.
    pub(crate) chart: Option<Svg>,
    /// The newest first.
    pub(crate) rows: Vec<WeekRow>,
}

impl Weeks {
    /// Of weeks, the oldest first.
    pub(crate) fn of(weeks: &[Week]) -> Self {
        Self {
            chart: chart(weeks),
            rows: weeks.iter().rev().map(WeekRow::from).collect(),
        }
    }
}

struct DriftRow {
    signal: String,
    psi: String,
    word: &'static str,
    mood: &'static str,
    n: String,
    at: When,
}

impl DriftRow {
    fn of(drift: Drift, now: Timestamp) -> Self {
        let (word, mood) = if drift.is_large() {
            ("moved far", " bad")
        } else if drift.is_moderate() {
            ("worth a look", "")
        } else {
            ("as before", " good")
        };
        Self {
            signal: drift.signal,
            psi: format!("{:.3}", drift.psi),
            word,
            mood,
            n: display::count(drift.n),
            at: display::when(now, drift.at),
        }
    }
}

struct AlertRow {
    id: i32,
    kind: &'static str,
    community: String,
    words: String,
    at: When,
    cleared: Option<When>,
    by_hand: bool,
}

impl AlertRow {
    fn of(alert: &Alert, names: &Names, now: Timestamp) -> Self {
        Self {
            id: alert.id,
            kind: kind(alert.kind),
            community: names.of(alert.community),
            words: crate::error::sentence(&alert.words),
            at: display::when(now, alert.at),
            cleared: alert.cleared_at.map(|at| display::when(now, at)),
            by_hand: alert.cleared_by.is_some(),
        }
    }
}

const fn kind(kind: AlertKind) -> &'static str {
    match kind {
        AlertKind::Precision => "Worse than before",
        AlertKind::Extraction => "Nobody is scored",
        AlertKind::Latency => "Slow",
        AlertKind::Training => "Training failed",
        AlertKind::Drift => "Chat has changed",
        AlertKind::Rollout => "Rollout halted",
        AlertKind::Tracking => "Not at the tracking server",
    }
}

#[derive(Template)]
#[template(path = "models_monitoring.html")]
struct Page {
    shell: Shell,
    current: &'static str,
    alerts: Vec<AlertRow>,
    weeks: Weeks,
    drift: Vec<DriftRow>,
    /// The model whose training rows the last days were held against; `None` = they were held against the month before.
    against: Option<i32>,
    latency: String,
    /// How many accounts of all communities were scored.
    n_scored: u64,
    chart: Svg,
    bins: Vec<(String, String)>,
}

/// `GET /admin/models/monitoring`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
) -> Result<Response, PageError> {
    let shell = admin::shell(&face, &viewer, "Monitoring", Section::Models).await?;
    let bots = &face.app.bots;
    let found = bots.instance_monitoring(&viewer.actor).await?;
    let alerts = bots.alerts(&viewer.actor).await?;
    let names = Names::read(&face, &viewer, alerts.iter().map(|alert| alert.community)).await?;
    let now = face.app.clock.now();
    layout::page(&Page {
        shell,
        current: "monitoring",
        alerts: alerts
            .iter()
            .map(|alert| AlertRow::of(alert, &names, now))
            .collect(),
        weeks: Weeks::of(&found.weeks),
        against: found.drift.first().and_then(|drift| drift.against),
        drift: found
            .drift
            .into_iter()
            .map(|drift| DriftRow::of(drift, now))
            .collect(),
        latency: latency(found.latency_p99_ms),
        n_scored: found.spread.iter().sum(),
        chart: histogram("Accounts by probability", &found.spread, &[]),
        bins: bins(&found.spread),
    })
}

/// `POST /admin/models/alerts/{id}`
pub(crate) async fn clear_alert(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(id): Path<String>,
) -> Result<Response, PageError> {
    let id = id_of(&id)?;
    face.app.bots.clear_alert(&viewer.actor, id).await?;
    Ok(Redirect::to("/admin/models/monitoring?done=alert-cleared").into_response())
}

/// Precision, recall, F1 and feedback by week; `None` while nothing is known of enough accounts.
fn chart(weeks: &[Week]) -> Option<Svg> {
    let is_known = |week: &Week| drawn_precision(week).is_some() || drawn_recall(week).is_some();
    if !weeks.iter().any(is_known) {
        return None;
    }
    let columns: Vec<Column> = weeks
        .iter()
        .map(|week| Column {
            label: display::day_month(week.from),
            title: format!("Week of {}", display::date(week.from)),
        })
        .collect();
    let percents = |value: fn(&Week) -> Option<f64>| -> Vec<Option<f64>> {
        weeks
            .iter()
            .map(|week| value(week).map(|share| share * 100.0))
            .collect()
    };
    Some(lines(&LineChart {
        title: "Precision, recall, F1 and feedback by week, in percent; the table below holds the same numbers",
        columns: &columns,
        lines: &[
            Line {
                key: "precision",
                label: "Precision, %:",
                values: percents(drawn_precision),
            },
            Line {
                key: "recall",
                label: "Recall, %:",
                values: percents(drawn_recall),
            },
            Line {
                key: "f1",
                label: "F1, %:",
                values: percents(drawn_f1),
            },
            Line {
                key: "feedback",
                label: "Feedback, %:",
                values: percents(|week| week.feedback_rate),
            },
        ],
    }))
}
