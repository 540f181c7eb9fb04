//! The queries of delivery's tables. Nothing else may touch them.

pub(crate) mod attempt;
pub(crate) mod delivery;
pub(crate) mod personal;

use ::store::{StoreError, sea_orm::Value};

/// The longest reason kept, in characters.
const REASON_MAX: usize = 500;

/// Text as both engines store it, bounded.
pub(crate) fn clean(text: &str) -> String {
    // PostgreSQL refuses the character NUL in text.
    text.chars()
        .filter(|c| *c != '\0')
        .take(REASON_MAX)
        .collect()
}

/// The body of a `VALUES` list and its values, filled up to a power of two with the last row, which
/// keeps the number of statement texts small; the statements that use it do the same with a row
/// whether it is there once or twice.
pub(crate) fn values(rows: Vec<Vec<Value>>) -> (String, Vec<Value>) {
    let padding = rows.len().next_power_of_two() - rows.len();
    let last = rows.last().cloned();
    let mut values = Vec::new();
    let mut text = Vec::new();
    for row in rows
        .into_iter()
        .chain(std::iter::repeat_n(last, padding).flatten())
    {
        let places: Vec<String> = (values.len() + 1..=values.len() + row.len())
            .map(|n| format!("${n}"))
            .collect();
        text.push(format!("({})", places.join(", ")));
        values.extend(row);
    }
    (text.join(", "), values)
}

fn strange(what: &str) -> StoreError {
    StoreError::Data(format!("a delivery has an unknown {what}"))
}

fn count(n: i32) -> u32 {
    u32::try_from(n).unwrap_or(0)
}
