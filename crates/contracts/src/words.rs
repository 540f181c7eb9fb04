//! Values that travel as text (in a path, a query, a form): what they may mean as JSON. Never validates.

use serde_json::Value;
use url::form_urlencoded;

/// The pairs of a query or a form, values of one name together, in the order of their first appearance.
pub(crate) fn pairs(text: &[u8]) -> Vec<(String, Vec<String>)> {
    let mut pairs: Vec<(String, Vec<String>)> = Vec::new();
    for (name, value) in form_urlencoded::parse(text) {
        match pairs.iter_mut().find(|(known, _)| *known == name) {
            Some((_, values)) => values.push(value.into_owned()),
            None => pairs.push((name.into_owned(), vec![value.into_owned()])),
        }
    }
    pairs
}

/// Everything that the words may stand for; the first is the words themselves.
pub(crate) fn meanings(words: &[String]) -> Vec<Value> {
    let mut meanings = Vec::new();
    if let [word] = words {
        meanings.push(Value::String(word.clone()));
        meanings.extend(scalar(word));
    }
    meanings.push(words.iter().cloned().map(Value::String).collect());
    let scalars: Option<Vec<Value>> = words.iter().map(|word| scalar(word)).collect();
    meanings.extend(scalars.map(Value::Array));
    meanings
}

/// A number or a truth value.
pub(crate) fn scalar(word: &str) -> Option<Value> {
    let value = serde_json::from_str::<Value>(word).ok()?;
    (value.is_number() || value.is_boolean()).then_some(value)
}
