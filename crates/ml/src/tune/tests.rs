//! The search for parameters: it ends, it repeats itself, and it never judges by rows it learned from.

use super::*;
use crate::samples;

fn quick() -> Params {
    Params {
        trees: 40,
        patience: 5,
        ..Params::default()
    }
}

fn few(trials: usize) -> Search {
    Search {
        trials,
        folds: 3,
        seed: 1,
    }
}

#[test]
fn no_model_judges_what_it_learned_from_or_was_stopped_by() {
    let data = samples::rows(90, 4, 1);
    let folds = grouped_k_fold(data.groups(), data.labels(), 3, 1).unwrap();
    let mut seen = Vec::new();
    let margins = out_of_fold(&data, &folds, |train, stop_by| {
        let stop_by = stop_by.unwrap();
        let groups = |data: &Dataset| {
            let list = data.groups().iter().copied();
            list.collect::<std::collections::BTreeSet<u64>>()
        };
        assert!(groups(train).is_disjoint(&groups(stop_by)));
        seen.push(train.len() + stop_by.len());
        Ok::<Model, FitError>(boost::fit(train, Some(stop_by), &quick())?.ensemble.into())
    });
    let margins = margins.unwrap();
    assert!(margins.iter().all(|margin| margin.is_finite()));
    let learned: Vec<usize> = folds.iter().map(|fold| fold.train.len()).collect();
    assert_eq!(seen, learned);
}

#[test]
fn a_search_is_no_worse_than_the_parameters_at_hand_and_repeats_itself() {
    let data = samples::rows(600, 6, 2);
    let poor = Params {
        max_depth: 1,
        max_leaves: 2,
        learning_rate: 0.01,
        ..quick()
    };
    let one = search(&data, &poor, &Space::default(), &few(1), || false).unwrap();
    assert_eq!(one.params, poor);
    let best = search(&data, &poor, &Space::default(), &few(6), || false).unwrap();
    assert!(best.average_precision > one.average_precision + 0.02);
    let again = search(&data, &poor, &Space::default(), &few(6), || false).unwrap();
    assert_eq!(best, again);
}

#[test]
fn when_time_is_over_the_best_so_far_is_the_answer() {
    let data = samples::rows(300, 5, 3);
    // Three folds of the first parameters, and one of the next.
    let mut left = 4;
    let found = search(&data, &quick(), &Space::default(), &few(100), || {
        left -= 1;
        left < 0
    });
    assert_eq!(found.unwrap().params, quick());
    assert_eq!(left, -1);
    let none = search(&data, &quick(), &Space::default(), &few(5), || true);
    assert_eq!(none, Err(TuneError::Time));
}

#[test]
fn too_few_folds_and_groups_are_refused() {
    let data = samples::rows(20, 5, 4);
    let two = Search { folds: 2, ..few(1) };
    let found = search(&data, &quick(), &Space::default(), &two, || false);
    assert_eq!(found, Err(TuneError::Folds));
    let many = Search {
        folds: 11,
        ..few(1)
    };
    let found = search(&data, &quick(), &Space::default(), &many, || false);
    assert!(matches!(found, Err(TuneError::Split(_))));
}
