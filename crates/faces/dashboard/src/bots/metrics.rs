//! What was measured of a model, read out of the JSON that the registry keeps beside it: figures with the ends of their
//! intervals, curves, counts, importances. Models that were brought along may have any of it, or none.
//!
//! Must never fail: what is not there, or is something else, is left out.

use serde_json::Value;

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

/// Two digits after the point; a dash for what is not finite.
pub(crate) fn digits(value: f64) -> String {
    if !value.is_finite() {
        return "–".to_owned();
    }
    format!("{value:.2}")
}

/// Two digits after the point, or a dash for nothing.
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
pub(crate) fn auc(metrics: &Value) -> Option<Figure> {
    figure(metrics, "test", "auc_roc").or_else(|| figure(metrics, "test", "auc"))
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

/// What was said, what was, and of how many, in ranges.
pub(crate) fn reliability(metrics: &Value) -> Vec<(f64, f64, u64)> {
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
    use serde_json::json;

    use super::{auc, confusion, entries, figure, importances, points, reliability, shown};

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
        assert_eq!(shown(auc(&metrics)), "0.99");
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
