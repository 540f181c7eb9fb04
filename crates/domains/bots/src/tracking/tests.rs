//! What is told of a training, and what is not.

use kernel::Timestamp;
use serde_json::json;

use super::*;
use crate::{ModelKind, Probability, TrainingState};

fn training() -> Training {
    Training {
        id: 7,
        community: None,
        state: TrainingState::Done,
        trigger: Some(crate::TrainingTrigger::Schedule),
        asked_by: None,
        asked_at: Timestamp(0),
        started_at: Some(Timestamp(1_000_000)),
        finished_at: Some(Timestamp(5_000_000)),
        progress: 100,
        n_rows: 40,
        n_bots: 14,
        n_people: 26,
        n_new: 40,
        snapshot: Some("5a".to_owned()),
        model: Some(3),
        log: vec![],
        error: None,
    }
}

fn model() -> Model {
    let figure = |value: f64| json!({ "value": value, "low": value - 0.1, "high": null });
    Model {
        id: 3,
        name: "learned".to_owned(),
        version: 1,
        community: None,
        kind: ModelKind::Trees,
        state: ModelState::Testing,
        sha256: "ab".repeat(32),
        size_bytes: 1,
        schema_hash: "schema".to_owned(),
        threshold: Some(Probability::percent(90)),
        metrics: json!({
            "test": { "precision": figure(0.9), "recall": { "value": null, "low": null, "high": null }, "rows": 6 },
            "roc": [[0.0, 1.0]],
        }),
        card: json!({
            "kind": "adapted prior", "based_on": "prior", "folds": 3, "limits": ["words"],
            "parameters": { "prior_trees": 90, "added": { "trees": 12, "learning_rate": 0.05, "max_depth": null } },
        }),
        replaced: None,
        added_by: None,
        added_at: Timestamp(0),
        deployed_at: None,
        retired_at: None,
    }
}

fn names(pairs: &[(String, String)]) -> Vec<(&str, &str)> {
    pairs
        .iter()
        .map(|(name, value)| (name.as_str(), value.as_str()))
        .collect()
}

#[test]
fn parameters_are_what_the_card_says_one_level_deep() {
    assert_eq!(
        names(&params(&training(), &model())),
        [
            ("rows", "40"),
            ("bots", "14"),
            ("people", "26"),
            ("kind", "adapted prior"),
            ("based_on", "prior"),
            ("folds", "3"),
            ("added.learning_rate", "0.05"),
            ("added.trees", "12"),
            ("prior_trees", "90"),
        ]
    );
}

#[test]
fn figures_have_the_ends_of_their_intervals_and_unknown_ones_are_left_out() {
    let found = metrics(&model());
    let found: Vec<(&str, f64)> = found.iter().map(|(name, n)| (name.as_str(), *n)).collect();
    assert_eq!(
        found,
        [
            ("test/precision", 0.9),
            ("test/precision_low", 0.8),
            ("test/rows", 6.0),
            ("threshold", 0.9),
        ]
    );
}

#[test]
fn tags_lead_back_to_the_registry() {
    let tags = tags(&training(), &model());
    let sha256 = "ab".repeat(32);
    for expected in [
        ("waddlebot.training", "7"),
        ("waddlebot.model", "3"),
        ("waddlebot.community", "all"),
        ("waddlebot.schema", "schema"),
        ("waddlebot.sha256", sha256.as_str()),
    ] {
        assert!(names(&tags).contains(&expected), "{expected:?}");
    }
}
