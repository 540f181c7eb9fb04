//! What is told of a judge: figures with intervals, curves and counts, as JSON that the registry keeps beside a model.
//!
//! Must never be fed rows that the judge learned from: it cannot know.

use ml::metrics::{
    Bootstrap, CALIBRATION_RANGES, Confusion, Curve, auc_pr, auc_roc, brier, calibration_curve,
    expected_calibration_error, intervals, precision_recall_curve, roc_curve,
};
use serde_json::{Map, Value, json};

use crate::ErrorCurve;

/// Draws of the bootstrap: enough for two digits, little enough for a job.
const DRAWS: usize = 200;
/// The most points of a curve.
const POINTS: usize = 60;

/// What a judge said of some rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Judged {
    /// Probabilities.
    pub(super) scores: Vec<f64>,
    pub(super) labels: Vec<bool>,
    pub(super) groups: Vec<u64>,
    /// From which probability on it says "a bot".
    pub(super) threshold: f64,
}

const NAMES: [&str; 8] = [
    "auc_roc",
    "auc_pr",
    "ece",
    "brier",
    "precision",
    "recall",
    "f1",
    "false_positive_rate",
];

impl Judged {
    pub(super) fn confusion(&self) -> Confusion {
        Confusion::at(&self.scores, &self.labels, self.threshold)
    }

    /// All figures with the ends of their intervals; null where rows of a class are missing.
    pub(super) fn figures(&self) -> Value {
        let values = figures(&self.scores, &self.labels, self.threshold);
        let bootstrap = Bootstrap {
            rounds: DRAWS,
            ..Bootstrap::default()
        };
        let ends = intervals(&self.groups, &bootstrap, |rows| {
            let scores: Vec<f64> = picked(&self.scores, rows);
            let labels: Vec<bool> = picked(&self.labels, rows);
            figures(&scores, &labels, self.threshold)
        });
        let mut all = Map::new();
        for ((name, value), ends) in NAMES.into_iter().zip(values).zip(ends) {
            let figure = json!({
                "value": value.map(rounded),
                "low": ends.map(|ends| rounded(ends.low)),
                "high": ends.map(|ends| rounded(ends.high)),
            });
            all.insert(name.to_owned(), figure);
        }
        let bots = self.labels.iter().filter(|label| **label).count();
        all.insert("rows".to_owned(), json!(self.labels.len()));
        all.insert("bots".to_owned(), json!(bots));
        all.insert("threshold".to_owned(), json!(rounded(self.threshold)));
        Value::Object(all)
    }

    pub(super) fn confusion_json(&self) -> Value {
        let counts = self.confusion();
        json!({
            "true_positives": counts.true_positives,
            "false_positives": counts.false_positives,
            "true_negatives": counts.true_negatives,
            "false_negatives": counts.false_negatives,
        })
    }

    /// False-positive rate and recall at many thresholds.
    pub(super) fn roc(&self) -> Value {
        points(&roc_curve(&self.scores, &self.labels, POINTS))
    }

    /// Recall and precision at many thresholds.
    pub(super) fn pr(&self) -> Value {
        points(&precision_recall_curve(&self.scores, &self.labels, POINTS))
    }

    /// What goes wrong at each threshold; null where rows of a class are missing.
    pub(super) fn errors(&self) -> Value {
        let curve = ErrorCurve::of(&self.scores, &self.labels);
        curve.map_or(Value::Null, |curve| curve.to_json())
    }

    /// What was said, what was, and of how many, in ranges.
    pub(super) fn reliability(&self) -> Value {
        let ranges = calibration_curve(&self.scores, &self.labels, CALIBRATION_RANGES);
        let range = |range: &ml::metrics::Range| {
            json!([rounded(range.said), rounded(range.was), range.rows])
        };
        Value::Array(ranges.iter().map(range).collect())
    }
}

fn points(curve: &Curve) -> Value {
    let point = |point: &ml::metrics::Point| json!([rounded(point.x), rounded(point.y)]);
    Value::Array(curve.iter().map(point).collect())
}

fn figures(scores: &[f64], labels: &[bool], threshold: f64) -> [Option<f64>; 8] {
    let counts = Confusion::at(scores, labels, threshold);
    let bots = counts.true_positives + counts.false_negatives;
    let found = counts.true_positives + counts.false_positives;
    let people = counts.false_positives + counts.true_negatives;
    [
        auc_roc(scores, labels),
        auc_pr(scores, labels),
        expected_calibration_error(scores, labels, CALIBRATION_RANGES),
        brier(scores, labels),
        (found > 0).then(|| counts.precision()),
        (bots > 0).then(|| counts.recall()),
        (bots > 0).then(|| counts.f1()),
        (people > 0).then(|| counts.false_positive_rate()),
    ]
}

fn picked<T: Copy>(list: &[T], rows: &[usize]) -> Vec<T> {
    let at = |row: &usize| list.get(*row).copied();
    rows.iter().filter_map(at).collect()
}

/// To four digits: more are noise and make files longer.
fn rounded(value: f64) -> f64 {
    (value * 10_000.0).round() / 10_000.0
}
