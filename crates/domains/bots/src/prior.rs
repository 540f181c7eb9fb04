//! The model that ships with the program: learned from labelled chat of several communities, so that a community without
//! labels of its own has something to begin with.
//!
//! It says "automated", not "harmful". What it knows and what it does not stands in `docs/reference/model-card.md`. Must
//! never be the last word: a community's own labels count more.

use std::sync::LazyLock;

use ml::{
    Model,
    onnx::{OnnxError, Properties, read},
};
use serde_json::Value;

use crate::features::SCHEMA;

/// The ONNX file: numbers only.
pub const BYTES: &[u8] = include_bytes!("../models/prior.onnx");

/// What was measured of it, as the registry keeps it of others, with the SHA-256 of the file under `model`.
const METRICS: &str = include_str!("../models/metrics.json");

static MEASURED: LazyLock<Option<Value>> = LazyLock::new(|| serde_json::from_str(METRICS).ok());

static PRIOR: LazyLock<Result<(Model, Properties), OnnxError>> = LazyLock::new(|| read(BYTES));

/// The model with how it is calibrated and from which probability on it calls an account a bot. `None` if the features
/// have changed since it was made.
pub fn prior() -> Option<(&'static Model, &'static Properties)> {
    match &*PRIOR {
        Ok((model, properties)) if properties.schema == SCHEMA.hash() => Some((model, properties)),
        _ => None,
    }
}

/// What was measured of it, of accounts of which it had learned nothing: `cross_validation`, `errors` and what is drawn.
pub(crate) fn metrics() -> Option<&'static Value> {
    MEASURED.as_ref()
}

#[cfg(test)]
mod tests {
    use super::{BYTES, metrics, prior};
    use crate::features::SCHEMA;

    #[test]
    fn the_metrics_that_ship_are_those_of_the_model_that_ships() {
        let of = engines::Sha256::of(BYTES).to_string();
        let kept = metrics().unwrap();
        assert_eq!(kept["model"], of, "`waddlebot bots train` writes both");
        for drawn in [
            "cross_validation",
            "confusion",
            "errors",
            "roc",
            "pr",
            "reliability",
            "importances",
        ] {
            assert!(!kept[drawn].is_null(), "{drawn}");
        }
    }

    #[test]
    fn the_shipped_model_fits_the_features_and_is_small() {
        let (model, properties) = prior().expect("made for other features: train it anew");
        for name in model.names() {
            assert!(SCHEMA.position(name).is_some(), "{name}");
        }
        let threshold = properties.threshold.unwrap();
        assert!((0.3..1.0).contains(&threshold), "{threshold}");
        assert!(BYTES.len() < 300 * 1024, "{}", BYTES.len());
    }
}
