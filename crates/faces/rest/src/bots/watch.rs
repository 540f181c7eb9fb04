//! How good the detection is while it works: `/communities/{id}/bots/monitoring` and `/bots/monitoring`; and what went wrong:
//! `/bots/alerts`.

use std::sync::Arc;

use ::bots::{Alert, Drift, Monitoring, Week};
use axum::{Json, extract::State, http::StatusCode};
use kernel::CommunityId;
use serde::Serialize;
use serde_json::Value;
use utoipa::ToSchema;

use crate::{Face, asker::SignedIn, input::Path, page::List, problem::Problem, view::Moment};

/// What people's reviews say of a week.
#[derive(Serialize, ToSchema)]
pub(crate) struct WeekView {
    /// Its Monday.
    #[schema(format = Date)]
    from: String,
    /// Predictions that were written down.
    n_predictions: u64,
    /// Reviews that say what somebody is.
    n_reviewed: u64,
    /// Accused, and a bot.
    n_right: u64,
    /// Accused, and a person.
    n_wrong: u64,
    /// Reviews of accounts that were drawn by chance.
    n_sampled: u64,
    /// Of those, bots.
    n_sampled_bots: u64,
    /// Of the accused, the share that are bots.
    precision: Option<f64>,
    /// Where the interval begins in which precision lies in 95 of 100 cases.
    precision_low: Option<f64>,
    /// Where it ends.
    precision_high: Option<f64>,
    /// Of the bots in the random sample, the share that was accused.
    recall: Option<f64>,
    /// Where the interval begins in which recall lies in 95 of 100 cases.
    recall_low: Option<f64>,
    /// Where it ends.
    recall_high: Option<f64>,
    /// Of the people in the random sample, the share that was accused.
    false_positive_rate: Option<f64>,
    /// The harmonic mean of precision and recall.
    f1: Option<f64>,
    /// Of the cases that accused somebody and were opened in the week, the share about which people said something by now.
    feedback_rate: Option<f64>,
    /// From looking at a case to saying what somebody is, in seconds: the median.
    review_secs_median: Option<u32>,
}

impl From<Week> for WeekView {
    fn from(week: Week) -> Self {
        Self {
            from: week.from.to_string(),
            n_predictions: week.n_predictions,
            n_reviewed: week.n_reviewed,
            n_right: week.n_right,
            n_wrong: week.n_wrong,
            n_sampled: week.n_sampled,
            n_sampled_bots: week.n_sampled_bots,
            precision: week.precision,
            precision_low: week.precision_ends.map(|(low, _)| low),
            precision_high: week.precision_ends.map(|(_, high)| high),
            recall: week.recall,
            recall_low: week.recall_ends.map(|(low, _)| low),
            recall_high: week.recall_ends.map(|(_, high)| high),
            false_positive_rate: week.false_positive_rate,
            f1: week.f1,
            feedback_rate: week.feedback_rate,
            review_secs_median: week.review_secs_median,
        }
    }
}

/// How far a signal has moved.
#[derive(Serialize, ToSchema)]
pub(crate) struct DriftView {
    /// The signal.
    signal: String,
    /// Population stability index: from .1 on worth a look, from .25 on it has moved far.
    psi: f64,
    /// Vectors of the last seven days that were counted.
    n: u64,
    /// The id of the model whose training rows they were held against; null = they were held against the month before.
    against_model_id: Option<i32>,
    /// When.
    at: Moment,
}

impl From<Drift> for DriftView {
    fn from(drift: Drift) -> Self {
        Self {
            signal: drift.signal,
            psi: drift.psi,
            n: drift.n,
            against_model_id: drift.against,
            at: drift.at.into(),
        }
    }
}

/// How good the detection is.
#[derive(Serialize, ToSchema)]
pub(crate) struct MonitoringView {
    /// Twelve weeks, the oldest first.
    weeks: Vec<WeekView>,
    /// The signals that moved most, at most 20, of all communities together.
    drift: Vec<DriftView>,
    /// What one score took lately, at worst of a hundred, in milliseconds; null before the first.
    latency_p99_ms: Option<u32>,
    /// How many accounts have a probability in each five per cent; the last has 100 % too.
    spread: Vec<u64>,
}

impl From<Monitoring> for MonitoringView {
    fn from(found: Monitoring) -> Self {
        Self {
            weeks: found.weeks.into_iter().map(WeekView::from).collect(),
            drift: found.drift.into_iter().map(DriftView::from).collect(),
            latency_p99_ms: found.latency_p99_ms,
            spread: found.spread.to_vec(),
        }
    }
}

/// Something that went wrong.
#[derive(Serialize, ToSchema)]
pub(crate) struct AlertView {
    /// Its id.
    id: i32,
    /// What: `precision`, `extraction`, `latency`, `training`, `drift`, `rollout` or `tracking`.
    kind: String,
    /// The community it is about; null = the instance.
    community_id: Option<i32>,
    /// The same in a sentence.
    words: String,
    /// The numbers that raised it.
    #[schema(value_type = Object)]
    numbers: Value,
    /// Since when.
    at: Moment,
    /// When it was over, or somebody had seen to it.
    cleared_at: Option<Moment>,
    /// Who; null = it was over by itself, or they were erased since.
    cleared_by: Option<i32>,
}

impl From<Alert> for AlertView {
    fn from(alert: Alert) -> Self {
        Self {
            id: alert.id,
            kind: alert.kind.as_str().to_owned(),
            community_id: alert.community.map(|community| community.0),
            words: alert.words,
            numbers: alert.numbers,
            at: alert.at.into(),
            cleared_at: alert.cleared_at.map(Moment::from),
            cleared_by: alert.cleared_by.map(|user| user.0),
        }
    }
}

/// How good the detection is in a community, by what its moderators said. For them.
#[utoipa::path(get, path = "/communities/{community}/bots/monitoring", tag = "bots", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = MonitoringView)))]
pub(crate) async fn of_community(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<MonitoringView>, Problem> {
    let bots = &face.app.bots;
    let found = bots.monitoring(&who.actor, CommunityId(community)).await?;
    Ok(Json(found.into()))
}

/// How good the detection is in all communities together. For those who run the instance.
#[utoipa::path(get, path = "/bots/monitoring", tag = "bots", responses((status = 200, body = MonitoringView)))]
pub(crate) async fn of_instance(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<MonitoringView>, Problem> {
    let found = face.app.bots.instance_monitoring(&who.actor).await?;
    Ok(Json(found.into()))
}

/// What went wrong: what is open first, then the newest, at most 100. For those who run the instance.
#[utoipa::path(get, path = "/bots/alerts", tag = "bots", responses((status = 200, body = List<AlertView>)))]
pub(crate) async fn alerts(
    State(face): State<Arc<Face>>,
    who: SignedIn,
) -> Result<Json<List<AlertView>>, Problem> {
    let all = face.app.bots.alerts(&who.actor).await?;
    Ok(List::whole(all.into_iter().map(AlertView::from).collect()))
}

/// Says that an alert was seen to. Saying it again changes nothing. For those who run the instance.
#[utoipa::path(post, path = "/bots/alerts/{alert}/clear", tag = "bots", params(("alert" = i32, Path, description = "The alert's id.")), responses((status = 204)))]
pub(crate) async fn clear(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(alert): Path<i32>,
) -> Result<StatusCode, Problem> {
    face.app.bots.clear_alert(&who.actor, alert).await?;
    Ok(StatusCode::NO_CONTENT)
}
