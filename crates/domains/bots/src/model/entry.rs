//! What stands in the list of models without being registered: the model that ships, and trainings that will become one.
//!
//! Must never be written down: the one is in the program, the others are rows of trainings.

use std::sync::LazyLock;

use engines::Sha256;
use kernel::Timestamp;
use serde_json::json;

use super::{Model, ModelKind, ModelState, Read, read};
use crate::{ErrorCurve, SHIPPED_MODEL, Training, prior};

/// The name of the model that ships.
const SHIPPED_NAME: &str = "shipped";
/// The name of a model that is being made, which is numbered by its training.
const LEARNING_NAME: &str = "training";

/// What the file says, and its hash, read once.
static SHIPPED: LazyLock<Option<(Read, String)>> = LazyLock::new(|| {
    let found = read(prior::BYTES).ok()?;
    Some((found, Sha256::of(prior::BYTES).to_string()))
});

/// The model that ships; `None` if it cannot be read. It scores where nothing else was promoted.
pub(super) fn shipped(scores: bool) -> Option<Model> {
    let (read, sha256) = SHIPPED.as_ref()?;
    let curve = ErrorCurve::shipped();
    let metrics = prior::metrics().cloned().unwrap_or_else(|| json!({}));
    let accounts = curve.map(|curve| {
        let on = curve.measured_on();
        on.people.saturating_add(on.bots)
    });
    Some(Model {
        id: SHIPPED_MODEL,
        name: SHIPPED_NAME.to_owned(),
        version: 1,
        community: None,
        kind: read.kind,
        state: if scores {
            ModelState::Deployed
        } else {
            ModelState::Retired
        },
        sha256: sha256.clone(),
        size_bytes: u64::try_from(prior::BYTES.len()).unwrap_or(u64::MAX),
        schema_hash: read.schema_hash.clone(),
        threshold: read.threshold,
        metrics,
        card: json!({
            "data": { "accounts": accounts, "from": "labelled chat of several communities, of which none is in the program" },
            "use": "It comes with the program and judges where nothing else was promoted.",
            "limits": ["It says automated, not harmful.", "Few service bots were in what it learned from."],
            "more": "docs/reference/model-card.md",
        }),
        replaced: None,
        added_by: None,
        added_at: Timestamp::default(),
        deployed_at: None,
        retired_at: None,
    })
}

/// The model that a training which goes on will become; `None` if nothing will come of it any more.
pub(super) fn learning(training: &Training) -> Option<Model> {
    if training.state.is_over() {
        return None;
    }
    Some(Model {
        id: training.id.checked_neg()?,
        name: LEARNING_NAME.to_owned(),
        version: u32::try_from(training.id).ok()?,
        community: training.community,
        kind: ModelKind::Trees,
        state: ModelState::Training,
        sha256: String::new(),
        size_bytes: 0,
        schema_hash: crate::features::SCHEMA.hash().to_owned(),
        threshold: None,
        metrics: json!({}),
        card: json!({
            "training": training.id, "state": training.state.as_str(), "progress": training.progress,
        }),
        replaced: None,
        added_by: training.asked_by,
        added_at: training.asked_at,
        deployed_at: None,
        retired_at: None,
    })
}

#[cfg(test)]
mod tests {
    use super::{learning, shipped};
    use crate::{ModelState, Training, TrainingState};

    #[test]
    fn the_model_that_ships_has_figures_that_agree_with_its_errors_and_can_be_neither_rolled_out_nor_tried()
     {
        let model = shipped(false).unwrap();
        let of = |name: &str| {
            model.metrics["cross_validation"][name]["value"]
                .as_f64()
                .unwrap()
        };
        assert!((0.9..=1.0).contains(&of("precision")), "{}", model.metrics);
        assert!((0.7..=1.0).contains(&of("recall")), "{}", model.metrics);
        let (p, r) = (of("precision"), of("recall"));
        assert!((of("f1") - 2.0 * p * r / (p + r)).abs() < 1e-3);
        for drawn in ["roc", "pr", "reliability", "importances"] {
            let n = model.metrics[drawn].as_array().map_or(0, Vec::len);
            assert!(n > 1, "{drawn}: {}", model.metrics);
        }
        let counts = &model.metrics["confusion"];
        let errors = &model.metrics["errors"];
        let sum = |one: &str, other: &str| {
            counts[one].as_u64().unwrap() + counts[other].as_u64().unwrap()
        };
        assert_eq!(errors["people"], sum("false_positives", "true_negatives"));
        assert_eq!(errors["bots"], sum("true_positives", "false_negatives"));
        assert_eq!((model.id, model.state), (0, ModelState::Retired));
        assert!(!model.may_roll_out() && !model.may_be_tried());
        assert_eq!(shipped(true).unwrap().state, ModelState::Deployed);
    }

    #[test]
    fn a_training_is_a_model_to_be_until_it_is_over() {
        let of = |state| Training {
            id: 7,
            community: None,
            state,
            trigger: None,
            asked_by: None,
            asked_at: kernel::Timestamp(5),
            started_at: None,
            finished_at: None,
            progress: 40,
            n_rows: 0,
            n_bots: 0,
            n_people: 0,
            n_new: 0,
            snapshot: None,
            model: None,
            log: Vec::new(),
            error: None,
        };
        let model = learning(&of(TrainingState::Running)).unwrap();
        assert_eq!((model.id, model.state), (-7, ModelState::Training));
        assert!(!model.may_roll_out() && !model.may_be_tried());
        for state in [
            TrainingState::Done,
            TrainingState::Skipped,
            TrainingState::Failed,
        ] {
            assert_eq!(learning(&of(state)), None);
        }
    }
}
