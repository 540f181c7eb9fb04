//! How good detection is while it works, and what went wrong with it.
//!
//! Must never name an account: it is about models and numbers.

use ::bots::{Alert, Drift, Monitoring, Week};
use async_graphql::{Enum, Json, SimpleObject};
use serde_json::Value;

use crate::schema::scalar::{Date, DateTime, count};

/// What people's reviews say of a week.
#[derive(SimpleObject)]
pub(crate) struct BotWeek {
    /// Its Monday.
    monday: Date,
    /// How many predictions were written down.
    prediction_count: i32,
    /// How many reviews say what somebody is.
    reviewed_count: i32,
    /// Accused, and a bot.
    right_count: i32,
    /// Accused, and a person.
    wrong_count: i32,
    /// How many reviews are of accounts that were drawn by chance.
    sampled_count: i32,
    /// How many of those are bots.
    sampled_bot_count: i32,
    /// The share of bots among the accused, 0 to 1.
    precision: Option<f64>,
    /// Where the interval begins in which precision lies in 95 of 100 cases.
    precision_low: Option<f64>,
    /// Where it ends.
    precision_high: Option<f64>,
    /// The share of the bots in the random sample that was accused, 0 to 1.
    recall: Option<f64>,
    /// Where the interval begins in which recall lies in 95 of 100 cases.
    recall_low: Option<f64>,
    /// Where it ends.
    recall_high: Option<f64>,
    /// The share of the people in the random sample that was accused, 0 to 1.
    false_positive_rate: Option<f64>,
    /// The harmonic mean of precision and recall.
    f1: Option<f64>,
    /// Of the cases that accused somebody and were opened in the week, the share about which people said something by now.
    feedback_rate: Option<f64>,
    /// From looking at a case to saying what somebody is, in seconds: the median.
    review_seconds_median: Option<i32>,
}

impl From<Week> for BotWeek {
    fn from(week: Week) -> Self {
        Self {
            monday: Date(week.from),
            prediction_count: count(week.n_predictions),
            reviewed_count: count(week.n_reviewed),
            right_count: count(week.n_right),
            wrong_count: count(week.n_wrong),
            sampled_count: count(week.n_sampled),
            sampled_bot_count: count(week.n_sampled_bots),
            precision: week.precision,
            precision_low: week.precision_ends.map(|(low, _)| low),
            precision_high: week.precision_ends.map(|(_, high)| high),
            recall: week.recall,
            recall_low: week.recall_ends.map(|(low, _)| low),
            recall_high: week.recall_ends.map(|(_, high)| high),
            false_positive_rate: week.false_positive_rate,
            f1: week.f1,
            feedback_rate: week.feedback_rate,
            review_seconds_median: week.review_secs_median.map(|secs| count(secs.into())),
        }
    }
}

/// How far a signal has moved.
#[derive(SimpleObject)]
pub(crate) struct BotDrift {
    /// The signal.
    signal: String,
    /// Population stability index: from 0.1 on worth a look, from 0.25 on it has moved far.
    psi: f64,
    /// How many accounts of the last seven days were counted.
    counted: i32,
    /// The id of the model whose training rows they were held against; null = the month before.
    against_model_id: Option<i32>,
    /// Whether it is worth a look.
    is_moderate: bool,
    /// Whether it has moved far.
    is_large: bool,
    /// When it was measured.
    measured_at: DateTime,
}

impl From<Drift> for BotDrift {
    fn from(drift: Drift) -> Self {
        Self {
            is_moderate: drift.is_moderate(),
            is_large: drift.is_large(),
            signal: drift.signal,
            psi: drift.psi,
            counted: count(drift.n),
            against_model_id: drift.against,
            measured_at: DateTime(drift.at),
        }
    }
}

/// How good detection is.
#[derive(SimpleObject)]
pub(crate) struct BotMonitoring {
    /// Twelve weeks, the oldest first.
    weeks: Vec<BotWeek>,
    /// The signals that moved most, at most 20: of all communities together, because one alone has too few to say.
    drift: Vec<BotDrift>,
    /// What one score took lately, at worst of a hundred, in milliseconds; null before the first.
    latency_p99_ms: Option<i32>,
    /// How many accounts have a probability in each five per cent; the last has 100 % too.
    spread: Vec<i32>,
}

impl BotMonitoring {
    /// How many items its lists have.
    pub(super) fn n_items(&self) -> usize {
        self.weeks.len() + self.drift.len() + self.spread.len()
    }
}

impl From<Monitoring> for BotMonitoring {
    fn from(seen: Monitoring) -> Self {
        Self {
            weeks: seen.weeks.into_iter().map(BotWeek::from).collect(),
            drift: seen.drift.into_iter().map(BotDrift::from).collect(),
            latency_p99_ms: seen.latency_p99_ms.map(|took| count(took.into())),
            spread: seen.spread.into_iter().map(count).collect(),
        }
    }
}

/// What went wrong.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::bots::AlertKind")]
pub(crate) enum BotAlertKind {
    /// Reviews say that F1 fell by more than five percent.
    Precision,
    /// What was known of a community's accounts did not read any more.
    Extraction,
    /// One in a hundred scores took longer than half a second.
    Latency,
    /// A training failed.
    Training,
    /// Chat is no longer what the model was made for.
    Drift,
    /// A rollout was stopped.
    Rollout,
    /// The operator's tracking server does not know of a training.
    Tracking,
}

/// Something that went wrong with detection.
#[derive(SimpleObject)]
pub(crate) struct BotAlert {
    /// Its id.
    id: i32,
    /// What.
    kind: BotAlertKind,
    /// The community it is about; null = the instance.
    community_id: Option<i32>,
    /// The same in a sentence.
    words: String,
    /// The numbers that raised it, as an object.
    numbers: Json<Value>,
    /// Since when.
    raised_at: DateTime,
    /// When it was over, or somebody had seen to it.
    cleared_at: Option<DateTime>,
    /// Who; null = it was over by itself, or they were erased since.
    cleared_by: Option<i32>,
}

impl From<Alert> for BotAlert {
    fn from(alert: Alert) -> Self {
        Self {
            id: alert.id,
            kind: alert.kind.into(),
            community_id: alert.community.map(|community| community.0),
            words: alert.words,
            numbers: Json(alert.numbers),
            raised_at: DateTime(alert.at),
            cleared_at: alert.cleared_at.map(DateTime),
            cleared_by: alert.cleared_by.map(|user| user.0),
        }
    }
}
