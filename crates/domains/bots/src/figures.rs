//! What is told of a judge: figures with intervals, curves and counts, as JSON that the registry keeps beside a model.
//!
//! Must never be fed rows that the judge learned from: it cannot know.

use ml::{
    Model,
    metrics::{
        Bootstrap, CALIBRATION_RANGES, Confusion, Curve, auc_pr, auc_roc, brier, calibration_curve,
        expected_calibration_error, intervals, precision_recall_curve, roc_curve,
    },
};
use serde_json::{Map, Value, json};

use crate::ErrorCurve;

/// Draws of the bootstrap: enough for two digits, little enough for a job.
const DRAWS: usize = 200;
/// The most points of a curve.
const POINTS: usize = 60;
/// So many signals are told with their shares.
const IMPORTANT: usize = 20;

/// What a judge said of some rows.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Judged {
    /// Probabilities.
    pub(crate) scores: Vec<f64>,
    pub(crate) labels: Vec<bool>,
    pub(crate) groups: Vec<u64>,
    /// From which probability on it says "a bot".
    pub(crate) threshold: f64,
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
    pub(crate) fn confusion(&self) -> Confusion {
        Confusion::at(&self.scores, &self.labels, self.threshold)
    }

    /// All figures with the ends of their intervals; null where rows of a class are missing.
    pub(crate) fn figures(&self) -> Value {
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

    /// What is drawn of it: how often it was right and wrong, its curves, what goes wrong at each threshold, and how what was said was.
    pub(crate) fn drawings(&self) -> Map<String, Value> {
        let counts = self.confusion();
        let confusion = json!({
            "true_positives": counts.true_positives,
            "false_positives": counts.false_positives,
            "true_negatives": counts.true_negatives,
            "false_negatives": counts.false_negatives,
        });
        let drawings = [
            ("confusion", confusion),
            // False-positive rate and recall at many thresholds, and recall and precision.
            (
                "roc",
                points(&roc_curve(&self.scores, &self.labels, POINTS)),
            ),
            (
                "pr",
                points(&precision_recall_curve(&self.scores, &self.labels, POINTS)),
            ),
            ("errors", self.errors()),
            ("reliability", self.reliability()),
        ];
        let named = |(name, value): (&str, Value)| (name.to_owned(), value);
        drawings.into_iter().map(named).collect()
    }

    /// What goes wrong at each threshold; null where rows of a class are missing.
    fn errors(&self) -> Value {
        let curve = ErrorCurve::of(&self.scores, &self.labels);
        curve.map_or(Value::Null, |curve| curve.to_json())
    }

    /// What was said, what was, and of how many, in ranges.
    fn reliability(&self) -> Value {
        let ranges = calibration_curve(&self.scores, &self.labels, CALIBRATION_RANGES);
        let range = |range: &ml::metrics::Range| {
            json!([rounded(range.said), rounded(range.was), range.rows])
        };
        Value::Array(ranges.iter().map(range).collect())
    }
}

/// The signals that count most in a model, with their shares.
pub(crate) fn importances(model: &Model) -> Value {
    let mut list: Vec<(&String, f64)> = model.names().iter().zip(model.importances()).collect();
    list.sort_by(|a, b| b.1.total_cmp(&a.1));
    let share = |(name, share): &(&String, f64)| json!([name, rounded(*share)]);
    Value::Array(list.iter().take(IMPORTANT).map(share).collect())
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
