//! What was measured of a model, read out of the JSON that the registry keeps beside it: figures with the ends of their
//! intervals, curves, counts, importances. Models that were brought along may have any of it, or none.
//!
//! Must never fail: what is not there, or is something else, is left out.

use serde_json::Value;

use crate::display;

/// A figure, with the ends of its interval where they are known.
#[derive(Clone, Copy, PartialEq, Debug)]
pub(crate) struct Figure {
    pub(crate) value: f64,
    pub(crate) ends: Option<(f64, f64)>,
}

impl Figure {
    /// `0.93`, or `0.93 (0.88 to 0.97)`.
    pub(crate) fn words(self) -> String {
        let value = digits(self.value);
        match self.ends {
            Some((low, high)) => format!("{value} ({} to {})", digits(low), digits(high)),
            None => value,
        }
    }
}

/// Two digits after the point, and four where two would say none or all; a dash for what is not finite.
pub(crate) fn digits(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    let is_nearly = |end: f64| value.to_bits() != end.to_bits() && (value - end).abs() < 0.01;
    if (0.0..=1.0).contains(&value) && (is_nearly(0.0) || is_nearly(1.0)) {
        return format!("{value:.4}");
    }
    format!("{value:.2}")
}

/// The same, or a dash for nothing.
pub(crate) fn shown(figure: Option<Figure>) -> String {
    figure.map_or_else(|| "–".to_owned(), |figure| digits(figure.value))
}

/// Who was judged, and what it is called.
pub(crate) const PARTS: [(&str, &str); 5] = [
    ("test", "On the newest people, whom it never saw"),
    ("validation", "On the people it was chosen by"),
    ("cross_validation", "On parts it had not seen, in turn"),
    ("before", "The shipped model, on the newest people"),
    ("rules", "The rules, on the newest people"),
];

/// The figures, and what they are called.
pub(crate) const FIGURES: [(&str, &str); 8] = [
    ("precision", "Precision"),
    ("recall", "Recall"),
    ("f1", "F1"),
    ("auc_roc", "AUC (ROC)"),
    ("auc_pr", "AUC (PR)"),
    ("false_positive_rate", "False positives"),
    ("ece", "Calibration error"),
    ("brier", "Brier score"),
];

/// A figure of one who was judged: a number, or an object with `value`, `low` and `high`.
pub(crate) fn figure(metrics: &Value, part: &str, name: &str) -> Option<Figure> {
    let found = metrics.get(part)?.get(name)?;
    if let Some(value) = found.as_f64() {
        return Some(Figure { value, ends: None });
    }
    let number = |name: &str| found.get(name).and_then(Value::as_f64);
    Some(Figure {
        value: number("value")?,
        ends: number("low").zip(number("high")),
    })
}

/// The area under the curve, by either of its names.
pub(crate) fn auc(metrics: &Value, part: &str) -> Option<Figure> {
    figure(metrics, part, "auc_roc").or_else(|| figure(metrics, part, "auc"))
}

/// The judgement that a line about a model tells: that of the newest people, or of parts it had not seen where there were none, as of
/// the model that ships.
pub(crate) fn told(metrics: &Value) -> &'static str {
    let is_known = |(name, _): (&str, &str)| figure(metrics, "test", name).is_some();
    if FIGURES.into_iter().any(is_known) || auc(metrics, "test").is_some() {
        "test"
    } else {
        "cross_validation"
    }
}

/// How many were judged.
pub(crate) fn rows(metrics: &Value, part: &str) -> Option<u64> {
    metrics.get(part)?.get("rows")?.as_u64()
}

/// The points of a curve, `roc` or `pr`.
pub(crate) fn points(metrics: &Value, curve: &str) -> Vec<(f64, f64)> {
    let found = metrics.get(curve).and_then(Value::as_array);
    let point = |point: &Value| {
        let at = |place: usize| point.get(place).and_then(Value::as_f64);
        at(0).zip(at(1))
    };
    found.into_iter().flatten().filter_map(point).collect()
}

/// A share of fewer accounts says nothing.
const RANGE_MIN: u64 = 10;

/// What was said, what was, and of how many: ranges with fewer than ten accounts are put together with the next, and the last with the
/// one before.
pub(crate) fn reliability(metrics: &Value) -> Vec<(f64, f64, u64)> {
    let mut together: Vec<(f64, f64, u64)> = Vec::new();
    for range in ranges(metrics) {
        match together.last_mut() {
            Some(last) if last.2 < RANGE_MIN => *last = joined(*last, range),
            _ => together.push(range),
        }
    }
    if together.len() > 1
        && let Some(last) = together.pop_if(|last| last.2 < RANGE_MIN)
        && let Some(before) = together.last_mut()
    {
        *before = joined(*before, last);
    }
    together
}

/// Two ranges as one.
fn joined(one: (f64, f64, u64), other: (f64, f64, u64)) -> (f64, f64, u64) {
    let n = one.2.saturating_add(other.2);
    let [a, b, all] = [one.2, other.2, n.max(1)].map(display::float);
    let mean = |x: f64, y: f64| (x * a + y * b) / all;
    (mean(one.0, other.0), mean(one.1, other.1), n)
}

/// What was said, what was, and of how many, in ranges of equal width.
fn ranges(metrics: &Value) -> Vec<(f64, f64, u64)> {
    let found = metrics.get("reliability").and_then(Value::as_array);
    let range = |range: &Value| {
        let said = range.get(0).and_then(Value::as_f64)?;
        let was = range.get(1).and_then(Value::as_f64)?;
        Some((said, was, range.get(2).and_then(Value::as_u64)?))
    };
    found.into_iter().flatten().filter_map(range).collect()
}

/// The signals that count most, with their shares.
pub(crate) fn importances(metrics: &Value) -> Vec<(String, f64)> {
    let found = metrics.get("importances").and_then(Value::as_array);
    let one = |one: &Value| {
        let name = one.get(0).and_then(Value::as_str)?;
        Some((name.to_owned(), one.get(1).and_then(Value::as_f64)?))
    };
    found.into_iter().flatten().filter_map(one).collect()
}

/// How often it was right and wrong: bots found, people accused, people left alone, bots missed.
pub(crate) fn confusion(metrics: &Value) -> Option<[u64; 4]> {
    let counts = metrics.get("confusion")?;
    let count = |name: &str| counts.get(name).and_then(Value::as_u64);
    Some([
        count("true_positives")?,
        count("false_positives")?,
        count("true_negatives")?,
        count("false_negatives")?,
    ])
}

/// An object's entries by their paths, texts and numbers as they are, lists with commas.
pub(crate) fn entries(value: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    gather(value, "", 0, &mut found);
    found
}

/// How deep an object is looked into.
const DEPTH_MAX: usize = 4;
/// How many entries are shown.
const ENTRIES_MAX: usize = 60;

fn gather(value: &Value, path: &str, depth: usize, found: &mut Vec<(String, String)>) {
    if found.len() >= ENTRIES_MAX {
        return;
    }
    match value {
        Value::Object(object) if depth < DEPTH_MAX => {
            for (name, value) in object {
                let path = match path {
                    "" => name.replace('_', " "),
                    path => format!("{path}: {}", name.replace('_', " ")),
                };
                gather(value, &path, depth + 1, found);
            }
        }
        Value::Array(list) => {
            let words: Vec<String> = list.iter().map(plain).collect();
            found.push((path.to_owned(), words.join(" · ")));
        }
        Value::Null => {}
        other => found.push((path.to_owned(), plain(other))),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::{
        auc, confusion, digits, entries, figure, importances, points, reliability, shown, told,
    };

    #[test]
    fn a_figure_is_a_number_or_has_ends() {
        let metrics = json!({ "test": {
            "f1": 0.9, "precision": { "value": 0.8, "low": 0.7, "high": 0.9 },
            "recall": { "value": null, "low": null, "high": null }, "auc": 0.99,
        } });
        let words = |name: &str| figure(&metrics, "test", name).map(super::Figure::words);
        assert_eq!(words("f1"), Some("0.90".to_owned()));
        assert_eq!(words("precision"), Some("0.80 (0.70 to 0.90)".to_owned()));
        assert_eq!(words("recall"), None);
        assert_eq!(shown(figure(&metrics, "rules", "f1")), "–");
        assert_eq!(shown(auc(&metrics, "test")), "0.99");
        assert_eq!(told(&metrics), "test");
        let in_turn = json!({ "cross_validation": { "f1": { "value": 0.9 } } });
        assert_eq!(told(&in_turn), "cross_validation");
    }

    #[test]
    fn what_is_something_else_is_left_out() {
        let odd = json!({ "roc": [[0, 1], ["a", 1], [1]], "importances": [["x", 0.5], [1, 2]],
            "reliability": 3, "confusion": { "true_positives": 1 } });
        assert_eq!(points(&odd, "roc"), [(0.0, 1.0)]);
        assert_eq!(importances(&odd), [("x".to_owned(), 0.5)]);
        assert!(reliability(&odd).is_empty() && confusion(&odd).is_none());
        assert!(points(&json!(null), "pr").is_empty());
    }

    #[test]
    fn ranges_with_few_accounts_are_put_together() {
        let of = |ranges: Value| reliability(&json!({ "reliability": ranges }));
        let close = |found: Vec<(f64, f64, u64)>, wanted: &[(f64, f64, u64)]| {
            let is_close = |(a, b): (&(f64, f64, u64), &(f64, f64, u64))| {
                (a.0 - b.0).abs() < 1e-9 && (a.1 - b.1).abs() < 1e-9 && a.2 == b.2
            };
            assert!(
                found.len() == wanted.len() && found.iter().zip(wanted).all(is_close),
                "{found:?}"
            );
        };
        close(
            of(json!([
                [0.1, 0.0, 500],
                [0.3, 1.0, 4],
                [0.5, 0.5, 6],
                [0.8, 1.0, 20],
                [0.9, 0.0, 5]
            ])),
            &[(0.1, 0.0, 500), (0.42, 0.7, 10), (0.82, 0.8, 25)],
        );
        // Fewer than ten in all are one range.
        close(
            of(json!([[0.2, 0.0, 3], [0.8, 1.0, 1]])),
            &[(0.35, 0.25, 4)],
        );
        close(of(json!([])), &[]);
    }

    #[test]
    fn what_two_digits_would_call_none_or_all_has_four() {
        let of = |values: [f64; 7]| values.map(digits);
        assert_eq!(
            of([0.0, 0.0004, 0.01, 0.5, 0.99, 0.9997, 1.0]),
            ["0.00", "0.0004", "0.01", "0.50", "0.99", "0.9997", "1.00"]
        );
        assert_eq!(digits(f64::NAN), "–");
    }

    #[test]
    fn entries_are_named_by_their_paths() {
        let card = json!({ "data": { "n_rows": 3, "day": "2026-06-01", "none": null }, "limits": ["a", "b"] });
        let pair = |name: &str, value: &str| (name.to_owned(), value.to_owned());
        assert_eq!(
            entries(&card),
            [
                pair("data: day", "2026-06-01"),
                pair("data: n rows", "3"),
                pair("limits", "a · b")
            ]
        );
    }
}
