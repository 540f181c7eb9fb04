//! What was predicted about an account, by what, and from which values. Predictions are added, never
//! changed: what was said at the time can be looked up.

use kernel::Timestamp;
use serde_json::{Value, json};

use crate::Probability;

/// What counted for or against somebody.
#[derive(Clone, PartialEq, Debug)]
pub struct Cause {
    /// The signal's name.
    pub signal: String,
    /// Its value for the account; `None` where there is nothing to measure.
    pub value: Option<f64>,
    /// The same of the median member, where that is known.
    pub median: Option<f64>,
    /// How much it moved the score, in log-odds: above 0 towards a bot. Of a rule: how sure it is, 0 to 1.
    pub share: f64,
    /// The same in a sentence.
    pub sentence: String,
}

/// What was predicted about an account.
#[derive(Clone, PartialEq, Debug)]
pub struct Prediction {
    /// Its id; later ones are larger.
    pub id: i64,
    /// The model that said so; `None` = the rules, [`SHIPPED_MODEL`](crate::SHIPPED_MODEL) = the one that ships.
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
        json!({
            "signal": self.signal, "value": self.value, "median": self.median, "share": self.share,
            "sentence": self.sentence,
        })
    }

    pub(crate) fn from_json(value: &Value) -> Option<Self> {
        let text = |key: &str| value.get(key).and_then(Value::as_str).map(str::to_owned);
        Some(Self {
            signal: text("signal")?,
            value: value.get("value").and_then(Value::as_f64),
            median: value.get("median").and_then(Value::as_f64),
            share: value.get("share").and_then(Value::as_f64)?,
            sentence: text("sentence")?,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::Cause;
    use serde_json::json;

    #[test]
    fn a_cause_is_read_whole_or_not_at_all() {
        let whole =
            json!({ "signal": "pace", "value": null, "share": -0.25, "sentence": "posts slowly" });
        let cause = Cause {
            signal: "pace".to_owned(),
            value: None,
            median: None,
            share: -0.25,
            sentence: "posts slowly".to_owned(),
        };
        assert_eq!(Cause::from_json(&whole), Some(cause.clone()));
        assert_eq!(Cause::from_json(&cause.to_json()), Some(cause));
        for part in [
            json!({}),
            json!([]),
            json!({ "signal": "pace", "share": 1 }),
        ] {
            assert_eq!(Cause::from_json(&part), None, "{part}");
        }
    }
}
