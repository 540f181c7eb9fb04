//! Boosted trees: what they learn, when they stop, that the same seed gives the same model.

use super::*;
use crate::metrics::{auc_roc, log_loss};
use crate::samples;
use crate::{Example, Matrix};
use proptest::prelude::*;

fn quick() -> Params {
    Params {
        trees: 60,
        ..Params::default()
    }
}

fn auc(ensemble: &Ensemble, data: &Dataset) -> f64 {
    auc_roc(&ensemble.margins(data.matrix()), data.labels()).unwrap()
}

#[test]
fn what_hangs_on_features_together_is_learned_and_holds_on_other_rows() {
    let train = samples::rows(2000, 8, 1);
    let other = samples::rows(1000, 8, 2);
    let fitted = fit(&train, None, &quick()).unwrap();
    assert_eq!(fitted.ensemble.trees(), 60);
    let auc = auc(&fitted.ensemble, &other);
    assert!(auc > 0.94, "{auc}");
    let probabilities = fitted.ensemble.probabilities(other.matrix());
    let loss = log_loss(&probabilities, other.labels()).unwrap();
    assert!(loss < 0.30, "{loss}");
}

#[test]
fn the_same_seed_gives_the_same_model_and_another_seed_another() {
    let train = samples::rows(500, 6, 3);
    let one = fit(&train, None, &quick()).unwrap();
    assert_eq!(one, fit(&train, None, &quick()).unwrap());
    let other = Params { seed: 2, ..quick() };
    assert_ne!(one, fit(&train, None, &other).unwrap());
}

#[test]
fn it_stops_when_other_rows_get_no_better_and_keeps_the_best_trees() {
    let train = samples::rows(300, 6, 4);
    let stop_by = samples::rows(300, 6, 5);
    let params = Params {
        trees: 500,
        learning_rate: 0.3,
        patience: 10,
        ..Params::default()
    };
    let fitted = fit(&train, Some(&stop_by), &params).unwrap();
    let tried = fitted.history.len();
    assert!(tried < 500, "{tried}");
    assert_eq!(fitted.ensemble.trees(), tried - 10);
    let best = fitted.history.iter().copied().fold(f64::INFINITY, f64::min);
    let probabilities = fitted.ensemble.probabilities(stop_by.matrix());
    let loss = log_loss(&probabilities, stop_by.labels()).unwrap();
    assert!((loss - best).abs() < 1e-9, "{loss} {best}");
}

#[test]
fn gain_is_given_to_the_features_that_matter() {
    let train = samples::rows(2000, 8, 6);
    let ensemble = fit(&train, None, &quick()).unwrap().ensemble;
    let shares = ensemble.importances();
    let (matter, noise) = shares.split_at(4);
    assert!((shares.iter().sum::<f64>() - 1.0).abs() < 1e-9);
    assert!(matter.iter().sum::<f64>() > 0.85, "{shares:?}");
    assert!(noise.iter().all(|share| *share < 0.06), "{shares:?}");
}

#[test]
fn balanced_classes_raise_what_a_rare_class_gets() {
    let all = samples::rows(2000, 6, 7);
    let mut rare = 0;
    let rows: Vec<usize> = (0..all.len())
        .filter(|row| {
            rare += usize::from(all.labels()[*row]);
            !all.labels()[*row] || rare % 10 == 0
        })
        .collect();
    let train = all.select(&rows);
    let mean = |class_weight| {
        let params = Params {
            class_weight,
            ..quick()
        };
        let ensemble = fit(&train, None, &params).unwrap().ensemble;
        ensemble.probabilities(train.matrix()).iter().sum::<f64>() / real(train.len())
    };
    let plain = mean(ClassWeight::None);
    let truth = real(train.positives()) / real(train.len());
    assert!((plain - truth).abs() < 0.01, "{plain} {truth}");
    assert!(mean(ClassWeight::Balanced) > plain * 1.5);
    assert!(mean(ClassWeight::Positive(5.0)) > plain * 1.2);
}

#[test]
fn a_weight_counts_like_repeated_rows() {
    let once = samples::rows(300, 5, 8);
    let mut heavy = Dataset::new(samples::names(5));
    let mut twice = Dataset::new(samples::names(5));
    for row in 0..once.len() {
        let example = once.example(row).unwrap();
        heavy
            .push(&Example {
                weight: 2.0,
                ..example
            })
            .unwrap();
        twice.push(&example).unwrap();
        twice.push(&example).unwrap();
    }
    let params = Params {
        subsample: 1.0,
        columns: 1.0,
        ..quick()
    };
    let heavy = fit(&heavy, None, &params).unwrap().ensemble;
    let twice = fit(&twice, None, &params).unwrap().ensemble;
    for row in once.matrix().iter() {
        assert!((heavy.raw(row) - twice.raw(row)).abs() < 1e-3);
    }
}

#[test]
fn missing_values_go_where_they_help() {
    // Missing means positive, whatever else.
    let mut data = Dataset::new(samples::names(1));
    for row in 0_u16..200 {
        let is_missing = row % 4 == 0;
        let example = Example {
            features: &[if is_missing { f32::NAN } else { f32::from(row) }],
            label: is_missing,
            weight: 1.0,
            group: u64::from(row),
            at: 0,
        };
        data.push(&example).unwrap();
    }
    let ensemble = fit(&data, None, &quick()).unwrap().ensemble;
    assert!(ensemble.probability(&[f32::NAN]) > 0.95);
    assert!(ensemble.probability(&[50.0]) < 0.05);
}

#[test]
fn one_class_and_senseless_parameters_are_refused() {
    let train = samples::rows(100, 5, 9);
    let positive: Vec<usize> = (0..100).filter(|row| train.labels()[*row]).collect();
    let one_class = train.select(&positive);
    assert_eq!(fit(&one_class, None, &quick()), Err(FitError::OneClass));
    assert_eq!(
        fit(&train, Some(&one_class), &quick()),
        Err(FitError::StopOneClass)
    );
    let other = samples::rows(100, 6, 9);
    assert_eq!(fit(&train, Some(&other), &quick()), Err(FitError::Names));
    let params = Params {
        subsample: 0.0,
        ..quick()
    };
    assert_eq!(
        fit(&train, None, &params),
        Err(FitError::Parameter("subsample"))
    );
}

#[test]
fn trees_stay_within_their_depth_and_leaves() {
    let train = samples::rows(1000, 6, 10);
    let params = Params {
        trees: 5,
        max_depth: 10,
        max_leaves: 7,
        ..Params::default()
    };
    let ensemble = fit(&train, None, &params).unwrap().ensemble;
    assert_eq!(ensemble.nodes(), 5 * 13);
    let stumps = Params {
        trees: 5,
        max_depth: 1,
        ..Params::default()
    };
    assert_eq!(fit(&train, None, &stumps).unwrap().ensemble.nodes(), 15);
}

#[test]
fn a_prior_is_corrected_by_a_few_rows_of_another_kind() {
    // Elsewhere the first feature means the opposite.
    let turned = |n, seed| {
        let rows = samples::rows(n, 6, seed);
        let mut data = Dataset::new(samples::names(6));
        for row in 0..rows.len() {
            let example = rows.example(row).unwrap();
            let mut features = example.features.to_vec();
            features[0] = -features[0];
            let features = &features;
            data.push(&Example {
                features,
                ..example
            })
            .unwrap();
        }
        data
    };
    let prior = fit(&samples::rows(2000, 6, 20), None, &quick())
        .unwrap()
        .ensemble;
    let here = turned(1500, 21);
    let params = Params {
        trees: 40,
        max_depth: 3,
        ..Params::default()
    };
    let adapted = extend(&prior, &turned(200, 22), None, &params).unwrap();
    let (before, after) = (auc(&prior, &here), auc(&adapted.ensemble, &here));
    assert!(before < 0.6 && after > 0.75, "{before} {after}");
    assert_eq!(adapted.ensemble.trees(), 100);
    let whole: f64 = adapted.ensemble.importances().iter().sum();
    assert!((whole - 1.0).abs() < 1e-9);
}

#[test]
fn a_model_answers_the_same_over_more_features_in_another_order() {
    let rows = samples::rows(400, 6, 25);
    let own = fit(&rows, None, &quick()).unwrap().ensemble;
    let names = ["new", "f5", "f4", "f3", "other", "f2", "f1", "f0"].map(str::to_owned);
    assert_eq!(own.names(), ["f0", "f1", "f2", "f3", "f4", "f5"]);
    let wider = own.over(names.to_vec()).unwrap();
    for n in 0..400 {
        let row = rows.example(n).unwrap().features;
        let [f0, f1, f2, f3, f4, f5] = row else {
            panic!("six features")
        };
        let there = [7.0, *f5, *f4, *f3, f32::NAN, *f2, *f1, *f0];
        assert_eq!(own.margin(row).to_bits(), wider.margin(&there).to_bits());
    }
    let (was, is) = (own.importances(), wider.importances());
    let bits = |shares: &[f64]| {
        shares
            .iter()
            .map(|share| share.to_bits())
            .collect::<Vec<_>>()
    };
    let there = [0.0, was[5], was[4], was[3], 0.0, was[2], was[1], was[0]];
    assert_eq!(bits(is), bits(&there));
    assert_eq!(own.over(names[2..].to_vec()), None, "it asks for f5");
}

#[test]
fn a_prior_that_nothing_makes_better_stays_as_it_is() {
    let train = samples::rows(2000, 6, 23);
    let prior = fit(&train, None, &quick()).unwrap().ensemble;
    // Labels that mean nothing teach nothing that holds on other rows.
    let mut noise = Dataset::new(samples::names(6));
    for row in 0..200 {
        let example = train.example(row).unwrap();
        noise
            .push(&Example {
                label: row % 2 == 0,
                ..example
            })
            .unwrap();
    }
    let stop_by = samples::rows(1000, 6, 24);
    let found = extend(&prior, &noise, Some(&stop_by), &quick()).unwrap();
    assert!(found.ensemble == prior, "{}", found.ensemble.trees());
    assert_eq!(found.history.len(), quick().patience);
    let grown = crate::forest::Params {
        trees: 2,
        ..crate::forest::Params::default()
    };
    let forest = crate::forest::fit(&train, &grown).unwrap();
    assert_eq!(extend(&forest, &train, None, &quick()), Err(FitError::Link));
    let other = samples::rows(100, 5, 1);
    assert_eq!(extend(&prior, &other, None, &quick()), Err(FitError::Names));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    #[test]
    fn a_trend_holds_at_every_point(seed in 0_u64..1000, start in prop::collection::vec(-2.0_f32..2.0, 4)) {
        let train = samples::rows(400, 4, seed);
        let params = Params {
            trees: 20,
            max_depth: 6,
            max_leaves: 40,
            trends: vec![Trend::Rising, Trend::Free, Trend::Falling],
            ..Params::default()
        };
        let ensemble = fit(&train, None, &params).unwrap().ensemble;
        let sweep = |column: usize| {
            let mut matrix = Matrix::new(samples::names(4));
            for step in -20_i8..=20 {
                let mut row = start.clone();
                row[column] = f32::from(step) / 10.0;
                matrix.push(&row).unwrap();
            }
            ensemble.margins(&matrix)
        };
        let (rising, falling) = (sweep(0), sweep(2));
        prop_assert!(rising.is_sorted_by(|a, b| *b >= *a - 1e-9), "{rising:?}");
        prop_assert!(falling.is_sorted_by(|a, b| *b <= *a + 1e-9), "{falling:?}");
    }

    #[test]
    fn no_rows_make_it_stumble(
        values in prop::collection::vec(prop::num::f32::ANY, 30), labels in prop::collection::vec(any::<bool>(), 10),
    ) {
        let mut data = Dataset::new(samples::names(3));
        for (features, label) in values.chunks(3).zip(labels) {
            data.push(&Example { features, label, weight: 1.0, group: 0, at: 0 }).unwrap();
        }
        if let Ok(fitted) = fit(&data, None, &Params { min_child_weight: 0.0, ..quick() }) {
            for row in data.matrix().iter() {
                let probability = fitted.ensemble.probability(row);
                prop_assert!((0.0..=1.0).contains(&probability));
            }
        }
    }
}
