//! Compares a value with a sample that has every key there can be: each key of ours must be in the sample, with a value
//! of the same kind. A sample says nothing about what is required.

use serde_json::{Map, Value};

/// What does not fit, as pointer and reason.
pub(super) fn compare(ours: &Value, sample: &Value) -> Vec<(String, String)> {
    let mut found = Vec::new();
    walk(ours, sample, "", &mut found);
    found
}

fn walk(ours: &Value, sample: &Value, at: &str, found: &mut Vec<(String, String)>) {
    match (ours, sample) {
        // What is unset is `null`, and a sample with nothing in it stands for anything.
        (Value::Null, _) | (_, Value::Null) => {}
        (Value::Object(ours), Value::Object(sample)) => objects(ours, sample, at, found),
        (Value::Array(ours), Value::Array(samples)) => {
            for (number, ours) in ours.iter().enumerate() {
                let at = format!("{at}/{number}");
                match nearest(ours, samples) {
                    Some(sample) => walk(ours, sample, &at, found),
                    None if samples.is_empty() => {}
                    None => found.push((at, "the sample has none of this type".to_owned())),
                }
            }
        }
        (ours, sample) if kind(ours) != kind(sample) => {
            let reason = format!("is {}, the sample has {}", kind(ours), kind(sample));
            found.push((at.to_owned(), reason));
        }
        _ => {}
    }
}

fn objects(
    ours: &Map<String, Value>,
    sample: &Map<String, Value>,
    at: &str,
    found: &mut Vec<(String, String)>,
) {
    if sample.is_empty() {
        return;
    }
    for (key, value) in ours {
        let at = format!("{at}/{key}");
        match sample.get(key) {
            Some(sample) => walk(value, sample, &at, found),
            None => found.push((at, "the sample has no such key".to_owned())),
        }
    }
}

/// The sample with the same `type`, or the first where the samples' type says nothing.
fn nearest<'s>(ours: &Value, samples: &'s [Value]) -> Option<&'s Value> {
    let kind = |value: &'s Value| value.get("type").filter(|kind| *kind != "");
    match ours.get("type") {
        Some(ours) if samples.iter().any(|sample| kind(sample).is_some()) => {
            samples.iter().find(|sample| kind(sample) == Some(ours))
        }
        _ => samples.first(),
    }
}

fn kind(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "a truth value",
        Value::Number(_) => "a number",
        Value::String(_) => "a text",
        Value::Array(_) => "a list",
        Value::Object(_) => "an object",
    }
}
