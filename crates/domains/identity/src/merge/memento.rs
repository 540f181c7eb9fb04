//! Reading mementos: JSON that this program wrote.

use serde_json::Value;
use store::StoreError;

fn broken(key: &str) -> StoreError {
    StoreError::Data(format!("a memento lacks «{key}»"))
}

pub(crate) fn text(value: &Value, key: &str) -> Result<String, StoreError> {
    maybe_text(value, key).ok_or_else(|| broken(key))
}

pub(crate) fn maybe_text(value: &Value, key: &str) -> Option<String> {
    value.get(key).and_then(Value::as_str).map(str::to_owned)
}

pub(crate) fn maybe_number(value: &Value, key: &str) -> Option<i64> {
    value.get(key).and_then(Value::as_i64)
}

/// A number that fits the type it is wanted in.
pub(crate) fn number<T: TryFrom<i64>>(value: &Value, key: &str) -> Result<T, StoreError> {
    let number = maybe_number(value, key).ok_or_else(|| broken(key))?;
    T::try_from(number).map_err(|_too_large| broken(key))
}

pub(crate) fn list<'a>(value: &'a Value, key: &str) -> Result<&'a [Value], StoreError> {
    let list = value.get(key).and_then(Value::as_array);
    list.map(Vec::as_slice).ok_or_else(|| broken(key))
}

pub(crate) fn numbers(value: &Value, key: &str) -> Result<Vec<i64>, StoreError> {
    let all = list(value, key)?.iter().map(Value::as_i64);
    all.collect::<Option<_>>().ok_or_else(|| broken(key))
}
