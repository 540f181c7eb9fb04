//! Files written and read back, and files that are broken or hostile.

use super::graph::NodeWriter;
use super::*;
use crate::{Dataset, Logistic, boost, forest, logistic, samples};
use proptest::prelude::*;

fn train() -> Dataset {
    samples::rows(400, 6, 1)
}

fn models() -> Vec<Model> {
    let boosted = boost::Params {
        trees: 12,
        ..boost::Params::default()
    };
    let grown = forest::Params {
        trees: 7,
        ..forest::Params::default()
    };
    vec![
        boost::fit(&train(), None, &boosted)
            .unwrap()
            .ensemble
            .into(),
        forest::fit(&train(), &grown).unwrap().into(),
        Logistic::fit(&train(), &logistic::Params::default())
            .unwrap()
            .into(),
    ]
}

/// A file with one node of trees: a stump that asks whether feature 1 is at most 0.5, except for what is changed.
fn stump(change: impl FnOnce(&mut NodeWriter)) -> Vec<u8> {
    let mut node = NodeWriter::new(
        "TreeEnsembleClassifier",
        "input",
        &["label", "probabilities"],
    );
    node.ints("nodes_treeids", [0, 0, 0])
        .ints("nodes_nodeids", [0, 1, 2])
        .ints("nodes_featureids", [1, 0, 0])
        .texts("nodes_modes", ["BRANCH_LEQ", "LEAF", "LEAF"])
        .floats("nodes_values", [0.5, 0.0, 0.0])
        .ints("nodes_truenodeids", [1, 0, 0])
        .ints("nodes_falsenodeids", [2, 0, 0])
        .ints("nodes_missing_value_tracks_true", [1, 0, 0])
        .ints("class_treeids", [0, 0])
        .ints("class_nodeids", [1, 2])
        .ints("class_ids", [0, 0])
        .floats("class_weights", [-1.0, 2.0])
        .ints("classlabels_int64s", [0, 1])
        .text("post_transform", "LOGISTIC");
    // What comes later replaces what came before.
    change(&mut node);
    graph::write(vec![node], 2, &BTreeMap::new())
}

fn refused(bytes: &[u8]) -> String {
    read(bytes).unwrap_err().to_string()
}

#[test]
fn a_model_that_was_kept_is_the_same_model() {
    let properties = Properties {
        schema: "abc".to_owned(),
        version: "7".to_owned(),
        calibration: Calibration { a: 0.9, b: -0.1 },
        threshold: Some(0.7),
        other: BTreeMap::from([("trained".to_owned(), "on invented rows".to_owned())]),
    };
    for model in models() {
        let bytes = write(&model, &properties).unwrap();
        let (again, known) = read(&bytes).unwrap();
        assert!(again == model, "{:?}", model.names());
        assert_eq!(known, properties);
    }
}

#[test]
fn votes_for_one_class_and_either_comparison_are_understood() {
    // `<=`, as LightGBM has it, `>` with the children exchanged, `<` and `>=` at the next number.
    for (mode, edge, is_turned) in [
        ("BRANCH_LEQ", 0.5_f32, false),
        ("BRANCH_GT", 0.5, true),
        ("BRANCH_LT", 0.5_f32.next_up(), false),
        ("BRANCH_GTE", 0.5_f32.next_up(), true),
    ] {
        let bytes = stump(|node| {
            node.texts("nodes_modes", [mode, "LEAF", "LEAF"])
                .floats("nodes_values", [edge, 0.0, 0.0]);
            if is_turned {
                node.ints("nodes_truenodeids", [2, 0, 0])
                    .ints("nodes_falsenodeids", [1, 0, 0])
                    .ints("nodes_missing_value_tracks_true", [0, 0, 0]);
            }
        });
        let (model, properties) = read(&bytes).unwrap();
        assert_eq!(properties, Properties::default());
        assert_eq!(model.names(), ["f0", "f1"]);
        for (value, margin) in [(0.5, -1.0), (0.5_f32.next_up(), 2.0), (f32::NAN, -1.0)] {
            let found = model.margin(&[9.0, value]);
            assert!((found - margin).abs() < 1e-9, "{mode} {value} {found}");
        }
    }
}

#[test]
fn what_runtimes_disagree_on_is_refused_by_name() {
    type Change = fn(&mut NodeWriter);
    let cases: &[(Change, &str)] = &[
        (
            |node| {
                node.floats("class_weights", [1.0, 2.0]);
            },
            "runtimes disagree",
        ),
        (
            |node| {
                node.text("post_transform", "NONE");
            },
            "no probabilities",
        ),
        (
            |node| {
                node.text("post_transform", "SOFTMAX");
            },
            "`SOFTMAX`",
        ),
        (
            |node| {
                node.ints("classlabels_int64s", [0, 1, 2]);
            },
            "number of classes",
        ),
        (
            |node| {
                node.texts("nodes_modes", ["BRANCH_EQ", "LEAF", "LEAF"]);
            },
            "`BRANCH_EQ`",
        ),
        (
            |node| {
                node.floats("base_values", [0.5, 0.5]);
            },
            "base values",
        ),
        (
            |node| {
                node.floats("nodes_values_as_tensor", []);
            },
            "`nodes_values_as_tensor`",
        ),
    ];
    for (change, part) in cases {
        let why = refused(&stump(change));
        assert!(why.contains(part), "{why}");
    }
}

#[test]
fn what_is_no_tree_is_refused() {
    type Change = fn(&mut NodeWriter);
    let cases: &[(Change, &str)] = &[
        (
            |node| {
                node.ints("nodes_truenodeids", [0, 0, 0]);
            },
            "no root leads to",
        ),
        (
            |node| {
                node.ints("nodes_truenodeids", [2, 0, 0]);
            },
            "two parents",
        ),
        (
            |node| {
                node.ints("nodes_truenodeids", [7, 0, 0]);
            },
            "one root",
        ),
        (
            |node| {
                node.ints("nodes_nodeids", [0, 1, 1])
                    .ints("class_nodeids", [1, 1]);
            },
            "same id",
        ),
        (
            |node| {
                node.ints("nodes_featureids", [2, 0, 0]);
            },
            "beyond the width",
        ),
        (
            |node| {
                node.ints("nodes_featureids", [-1, 0, 0]);
            },
            "negative feature",
        ),
        (
            |node| {
                node.floats("nodes_values", [f32::NAN, 0.0, 0.0]);
            },
            "not a number",
        ),
        (
            |node| {
                node.floats("class_weights", [f32::INFINITY, -1.0]);
            },
            "not a number",
        ),
        (
            |node| {
                node.ints("class_nodeids", [1, 0]);
            },
            "no leaf",
        ),
        (
            |node| {
                node.ints("nodes_treeids", [0, 0]);
            },
            "different lengths",
        ),
        (
            |node| {
                node.texts("nodes_modes", ["BRANCH_LEQ", "LEAF"]);
            },
            "different lengths",
        ),
        // A circle beside a tree: 3 and 4 lead to each other.
        (
            |node| {
                node.ints("nodes_treeids", [0, 0, 0, 0, 0, 0, 0])
                    .ints("nodes_nodeids", [0, 1, 2, 3, 4, 5, 6])
                    .ints("nodes_featureids", [0; 7])
                    .texts(
                        "nodes_modes",
                        [
                            "BRANCH_LEQ",
                            "LEAF",
                            "LEAF",
                            "BRANCH_LEQ",
                            "BRANCH_LEQ",
                            "LEAF",
                            "LEAF",
                        ],
                    )
                    .floats("nodes_values", [0.0; 7])
                    .ints("nodes_truenodeids", [1, 0, 0, 4, 3, 0, 0])
                    .ints("nodes_falsenodeids", [2, 0, 0, 5, 6, 0, 0])
                    .ints("nodes_missing_value_tracks_true", [0; 7]);
            },
            "no root leads to",
        ),
    ];
    for (change, part) in cases {
        let why = refused(&stump(change));
        assert!(why.contains(part), "{part}: {why}");
    }
}

#[test]
fn a_tree_that_is_too_deep_is_refused() {
    let chain = |depth: i64| {
        let nodes = 2 * depth + 1;
        let is_leaf = |node: i64| node % 2 == 1 || node == nodes - 1;
        let all = || (0..nodes).filter(move |node| is_leaf(*node));
        stump(|node| {
            let list = || 0..nodes;
            let n = usize::try_from(nodes).unwrap();
            node.ints("nodes_treeids", list().map(|_| 0))
                .ints("nodes_nodeids", list())
                .ints("nodes_featureids", list().map(|_| 0))
                .texts(
                    "nodes_modes",
                    list().map(|node| if is_leaf(node) { "LEAF" } else { "BRANCH_LT" }),
                )
                .floats("nodes_values", vec![0.0; n])
                .ints("nodes_truenodeids", list().map(|node| node + 1))
                .ints("nodes_falsenodeids", list().map(|node| node + 2))
                .ints("nodes_missing_value_tracks_true", vec![0; n])
                .ints("class_treeids", all().map(|_| 0))
                .ints("class_nodeids", all())
                .ints("class_ids", all().map(|_| 0))
                .floats("class_weights", all().map(|_| -0.5));
        })
    };
    assert!(read(&chain(100)).is_ok());
    assert_eq!(read(&chain(200)), Err(OnnxError::TooLarge));
}

#[test]
fn other_steps_are_refused_by_name() {
    let mut scaler = NodeWriter::new("Scaler", "input", &["scaled"]);
    scaler.floats("scale", [2.0]);
    let trees = NodeWriter::new(
        "TreeEnsembleClassifier",
        "scaled",
        &["label", "probabilities"],
    );
    let bytes = graph::write(vec![scaler, trees], 2, &BTreeMap::new());
    assert!(refused(&bytes).contains("`Scaler`"));
    let svm = NodeWriter::new("SVMClassifier", "input", &["label", "probabilities"]);
    let bytes = graph::write(vec![svm], 2, &BTreeMap::new());
    assert!(refused(&bytes).contains("no classifier of trees"));
    let mut again = BTreeMap::new();
    again.insert("threshold".to_owned(), "NaN".to_owned());
    let trees = {
        let mut model = models();
        let Model::Trees(ensemble) = model.remove(0) else {
            unreachable!()
        };
        super::trees::write(&ensemble)
    };
    let bytes = graph::write(vec![trees], 6, &again);
    assert!(refused(&bytes).contains("property"));
}

#[test]
fn a_name_with_a_line_break_is_not_written() {
    let mut model = models().remove(0);
    let names = (0..6).map(|column| format!("a\n{column}")).collect();
    assert!(model.rename(names));
    assert_eq!(write(&model, &Properties::default()), Err(OnnxError::Name));
    assert!(!model.rename(Vec::new()));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn a_broken_file_is_refused_and_never_breaks_the_reader(
        which in 0_usize..3, place: prop::sample::Index, with: Vec<u8>, cut: prop::sample::Index, is_cut: bool,
    ) {
        use std::sync::LazyLock;
        static FILES: LazyLock<Vec<Vec<u8>>> = LazyLock::new(|| {
            models().iter().map(|model| write(model, &Properties::default()).unwrap()).collect()
        });
        let mut bytes = FILES[which].clone();
        let at = place.index(bytes.len());
        for (slot, byte) in bytes.iter_mut().skip(at).zip(with) {
            *slot = byte;
        }
        if is_cut {
            bytes.truncate(cut.index(bytes.len()));
        }
        if let Ok((model, _)) = read(&bytes) {
            // Whatever was taken answers.
            prop_assert!(!model.margin(&[0.0; 6]).is_nan());
            prop_assert_eq!(model.explain(&[0.0; 6]).contributions.len(), model.names().len());
        }
    }

    #[test]
    fn bytes_of_any_kind_are_no_model(bytes: Vec<u8>) {
        prop_assert!(read(&bytes).is_err());
    }
}
