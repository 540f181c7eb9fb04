//! The forest: what it learns, that a seed repeats it, what it refuses.

use super::*;
use crate::metrics::auc_roc;
use crate::samples;

fn quick() -> Params {
    Params {
        trees: 60,
        ..Params::default()
    }
}

#[test]
fn a_forest_learns_and_answers_with_probabilities() {
    let train = samples::rows(2000, 8, 1);
    let other = samples::rows(1000, 8, 2);
    let forest = fit(&train, &quick()).unwrap();
    let auc = auc_roc(&forest.margins(other.matrix()), other.labels()).unwrap();
    assert!(auc > 0.93, "{auc}");
    for row in other.matrix().iter() {
        let raw = forest.raw(row);
        assert!((-1e-6..=1.0 + 1e-6).contains(&raw), "{raw}");
    }
}

#[test]
fn the_same_seed_gives_the_same_forest() {
    let train = samples::rows(300, 6, 3);
    let params = Params {
        trees: 10,
        ..Params::default()
    };
    let one = fit(&train, &params).unwrap();
    assert_eq!(one, fit(&train, &params).unwrap());
    let other = Params { seed: 2, ..params };
    assert_ne!(one, fit(&train, &other).unwrap());
}

#[test]
fn one_tree_that_sees_all_knows_the_rows_it_drew() {
    // A leaf is the mean of the labels in it, so deep trees say 0 or 1 for rows they have seen.
    let train = samples::rows(300, 6, 4);
    let params = Params {
        trees: 1,
        max_depth: 30,
        ..Params::default()
    };
    let forest = fit(&train, &params).unwrap();
    let right = train
        .matrix()
        .iter()
        .zip(train.labels())
        .filter(|(row, label)| (forest.raw(row) > 0.5) == **label);
    let right = right.count();
    assert!(right > 255, "{right}");
}

#[test]
fn senseless_parameters_are_refused() {
    let train = samples::rows(50, 5, 5);
    let none = Params {
        columns: Some(0),
        ..quick()
    };
    let deep = Params {
        max_depth: 101,
        ..quick()
    };
    for (params, name) in [(none, "columns"), (deep, "max_depth")] {
        assert_eq!(fit(&train, &params), Err(FitError::Parameter(name)));
    }
}
