//! What was predicted about an account, by what, and from which values. Predictions are added, never
//! changed: what was said at the time can be looked up.

use kernel::Timestamp;
use serde_json::Value;

use crate::Probability;

/// How long predictions are kept; the one a decision was made on stays as long as the decision.
pub(crate) const KEEP: std::time::Duration = std::time::Duration::from_secs(90 * 86_400);

/// What counted for or against somebody.
#[derive(Clone, PartialEq, Debug)]
pub struct Cause {
    /// The signal's name.
    pub signal: String,
    /// Its value for the account; `None` where there is nothing to measure.
    pub value: Option<f64>,
    /// How much it moved the score, in log-odds: above 0 towards a bot.
    pub share: f64,
    /// The same in a sentence.
    pub sentence: String,
}

impl Eq for Cause {}

/// What was predicted about an account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Prediction {
    /// Its id; later ones are larger.
    pub id: i64,
    /// The model that said so; `None` = the rules.
    pub model: Option<i32>,
    /// How sure it was.
    pub probability: Probability,
    /// What the rules said of the same.
    pub by_rules: Probability,
    /// What counted most, the strongest first.
    pub why: Vec<Cause>,
    /// How many messages it had seen.
    pub n_messages: u32,
    /// When.
    pub at: Timestamp,
}

impl Cause {
    pub(crate) fn to_json(&self) -> Value {
        serde_json::json!({
            "signal": self.signal, "value": self.value, "share": self.share,
            "sentence": self.sentence,
        })
    }

    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            signal: text("signal")?,
            value: value.get("value").and_then(Value::as_f64),
            share: value.get("share").and_then(Value::as_f64)?,
            sentence: text("sentence")?,
        })
    }
}

/// A prediction to write down.
#[derive(Clone, PartialEq, Debug)]
pub(crate) struct NewPrediction {
    pub(crate) model: Option<i32>,
    pub(crate) probability: Probability,
    pub(crate) by_rules: Probability,
    pub(crate) schema_hash: String,
    pub(crate) features: Vec<f32>,
    pub(crate) why: Vec<Cause>,
    pub(crate) n_messages: u32,
}

/// The values as stored: JSON, null where there is nothing to measure.
pub(crate) fn features_to_text(features: &[f32]) -> String {
    let value = |value: &f32| match value.is_finite() {
        true => Value::from(f64::from(*value)),
        false => Value::Null,
    };
    Value::Array(features.iter().map(value).collect()).to_string()
}

/// The values of a stored text; `None` if it is none.
pub(crate) fn features_from_text(text: &str) -> Option<Vec<f32>> {
    let Ok(Value::Array(values)) = serde_json::from_str(text) else {
        return None;
    };
    let value = |value: &Value| match value {
        Value::Null => Some(f32::NAN),
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            reason = "it was a single before it was written, so that nothing is lost"
        )]
        number => number.as_f64().map(|number| number as f32),
    };
    values.iter().map(value).collect()
}

#[cfg(test)]
mod tests {
    use super::{Cause, features_from_text, features_to_text};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn values_come_back_bit_for_bit(values in prop::collection::vec(any::<f32>(), 0..90)) {
            let back = features_from_text(&features_to_text(&values)).unwrap();
            prop_assert_eq!(back.len(), values.len());
            for (a, b) in values.iter().zip(&back) {
                let alike = if a.is_finite() { a.to_bits() == b.to_bits() } else { b.is_nan() };
                prop_assert!(alike, "{a} {b}");
            }
        }
    }

    #[test]
    fn what_is_no_list_of_numbers_is_refused() {
        for text in ["", "{}", "[\"a\"]", "[1", "null"] {
            assert_eq!(features_from_text(text), None, "{text}");
        }
    }

    #[test]
    fn a_cause_survives_its_json() {
        let cause = Cause {
            signal: "pace".to_owned(),
            value: None,
            share: -0.25,
            sentence: "posts slowly".to_owned(),
        };
        assert_eq!(Cause::from_json(&cause.to_json()), Some(cause));
        assert_eq!(Cause::from_json(&serde_json::json!({})), None);
    }
}
