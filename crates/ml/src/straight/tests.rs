//! A line in steps is the line, but for half a step.

use super::*;
use crate::{Dataset, Example, Explainer, Model, boost, forest, logistic, onnx, samples};

/// The first features of rows.
fn first(data: &Dataset, columns: usize) -> Dataset {
    let mut few = Dataset::new(samples::names(columns));
    for row in 0..data.len() {
        let example = data.example(row).unwrap();
        let features = &example.features[..columns];
        few.push(&Example {
            features,
            ..example
        })
        .unwrap();
    }
    few
}

struct Both {
    train: Dataset,
    trees: Ensemble,
    line: Logistic,
    sum: Ensemble,
}

/// Trees of six features, and half of a line through three of them.
fn both() -> Both {
    let train = samples::rows(600, 6, 3);
    let params = boost::Params {
        trees: 12,
        ..boost::Params::default()
    };
    let trees = boost::fit(&train, None, &params).unwrap().ensemble;
    let line = Logistic::fit(&first(&train, 3), &logistic::Params::default()).unwrap();
    let sum = trees.beside(&line, 0.5, train.matrix()).unwrap();
    Both {
        train,
        trees,
        line,
        sum,
    }
}

/// What the steps may be away from the line: half a step of each feature.
fn half_steps(both: &Both) -> f64 {
    let slopes = both.line.weights().iter();
    let slopes: f64 = slopes
        .map(|weight| weight.weight.abs() / weight.deviation)
        .sum();
    0.5 * slopes * 4.0 / real(STEPS) / 2.0
}

#[test]
fn the_sum_says_what_the_trees_and_half_of_the_line_say_also_where_values_are_missing() {
    let both = both();
    let most = half_steps(&both) + 1e-5;
    let mut furthest: f64 = 0.0;
    let mut n_missing = 0;
    for row in both.train.matrix().iter() {
        n_missing += usize::from(row[..3].iter().any(|value| value.is_nan()));
        let wanted = both.trees.margin(row) + 0.5 * both.line.margin(row);
        furthest = furthest.max((both.sum.margin(row) - wanted).abs());
    }
    assert!(furthest <= most, "{furthest} > {most}");
    assert!(n_missing > 20, "{n_missing}");
}

#[test]
fn beyond_the_rows_it_was_drawn_through_a_line_stays_what_it_is_at_their_edge() {
    let both = both();
    let line = |value: f32| {
        let row = [value, 0.0, 0.0, 0.0, 0.0, 0.0];
        both.sum.margin(&row) - both.trees.margin(&row)
    };
    assert!((line(9.0) - line(2.5)).abs() < 1e-9);
    assert!(line(2.5) > line(0.0), "more of the first feature is more");
    assert!((line(-9.0) - line(-2.5)).abs() < 1e-9);
}

#[test]
fn it_is_one_model_its_explanation_adds_up_and_its_file_answers_the_same() {
    let both = both();
    assert!(both.sum.is_covered());
    let importances: f64 = both.sum.importances().iter().sum();
    assert!((importances - 1.0).abs() < 1e-9, "{importances}");
    let explainer = Explainer::new(&both.sum);
    let model = Model::Trees(both.sum.clone());
    let file = onnx::write(&model, &onnx::Properties::default()).unwrap();
    let (again, _) = onnx::read(&file).unwrap();
    for row in both.train.matrix().iter().take(50) {
        let sum = explainer.average() + explainer.contributions(row).iter().sum::<f64>();
        assert!((sum - both.sum.margin(row)).abs() < 1e-9);
        assert!((again.margin(row) - both.sum.margin(row)).abs() < 1e-9);
    }
}

#[test]
fn a_feature_that_never_changes_says_nothing() {
    let both = both();
    let mut still = Dataset::new(samples::names(6));
    for row in 0..both.train.len() {
        let example = both.train.example(row).unwrap();
        let mut features = example.features.to_vec();
        features[..3].fill(1.0);
        let features = &features;
        still
            .push(&Example {
                features,
                ..example
            })
            .unwrap();
    }
    let line = Logistic::fit(&first(&still, 3), &logistic::Params::default()).unwrap();
    let sum = both.trees.beside(&line, 0.5, still.matrix()).unwrap();
    assert_eq!(sum.trees(), both.trees.trees());
    for row in still.matrix().iter().take(20) {
        let wanted = both.trees.margin(row) + 0.5 * line.margin(row);
        assert!((sum.margin(row) - wanted).abs() < 1e-5);
    }
}

#[test]
fn a_forest_and_a_line_through_other_features_are_refused() {
    let both = both();
    let forest = forest::Params {
        trees: 2,
        ..forest::Params::default()
    };
    let forest = forest::fit(&both.train, &forest).unwrap();
    assert!(
        forest
            .beside(&both.line, 0.5, both.train.matrix())
            .is_none()
    );
    let few = first(&both.train, 2);
    let params = boost::Params {
        trees: 2,
        ..boost::Params::default()
    };
    let narrow = boost::fit(&few, None, &params).unwrap().ensemble;
    assert!(narrow.beside(&both.line, 0.5, few.matrix()).is_none());
}
