//! Explanations held against Shapley's formula, written out.

use super::*;
use crate::{boost, forest, samples};
use proptest::prelude::*;

/// What a tree says when only some features are known: the definition, without any cleverness.
fn known(tree: &Tree, at: usize, row: &[f32], features: u32) -> f64 {
    match tree.step(at).unwrap() {
        Step::Leaf(value) => f64::from(value),
        Step::Split(question) => {
            let (yes, no) = (question.yes, question.no);
            if features & (1 << question.feature) != 0 {
                let next = if question.is_yes(row[question.feature]) {
                    yes
                } else {
                    no
                };
                return known(tree, next, row, features);
            }
            let (to_yes, to_no) = shares(tree, yes, no);
            to_yes * known(tree, yes, row, features) + to_no * known(tree, no, row, features)
        }
    }
}

/// Shapley's formula over all sets of features.
fn shapley(ensemble: &Ensemble, row: &[f32]) -> Vec<f64> {
    let n = ensemble.names().len();
    let factorial = |n: usize| (1..=n).map(real).product::<f64>();
    let value = |features: u32| {
        let trees = ensemble.trees.iter();
        trees.map(|tree| known(tree, 0, row, features)).sum::<f64>()
    };
    (0..n)
        .map(|feature| {
            let bit = 1_u32 << feature;
            (0..1_u32 << n)
                .filter(|set| set & bit == 0)
                .map(|set| {
                    let size = usize::try_from(set.count_ones()).unwrap();
                    let weight = factorial(size) * factorial(n - size - 1) / factorial(n);
                    weight * (value(set | bit) - value(set))
                })
                .sum()
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]

    #[test]
    fn contributions_are_shapleys_values(seed in 0_u64..1000) {
        let train = samples::rows(300, 6, seed);
        let params = boost::Params { trees: 6, max_depth: 7, max_leaves: 30, ..boost::Params::default() };
        let boosted = boost::fit(&train, None, &params).unwrap().ensemble;
        let params = forest::Params { trees: 4, ..forest::Params::default() };
        let forest = forest::fit(&train, &params).unwrap();
        for ensemble in [boosted, forest] {
            let explainer = Explainer::new(&ensemble);
            for row in train.matrix().iter().take(5) {
                let found = explainer.contributions(row);
                for (found, wanted) in found.iter().zip(shapley(&ensemble, row)) {
                    prop_assert!((found - wanted).abs() < 1e-9, "{found} {wanted}");
                }
            }
        }
    }

    #[test]
    fn average_and_contributions_are_the_score(seed in 0_u64..1000) {
        let train = samples::rows(600, 10, seed);
        let params = boost::Params { trees: 80, max_depth: 8, max_leaves: 60, ..boost::Params::default() };
        let ensemble = boost::fit(&train, None, &params).unwrap().ensemble;
        let explainer = Explainer::new(&ensemble);
        for row in train.matrix().iter() {
            let sum = explainer.average() + explainer.contributions(row).iter().sum::<f64>();
            prop_assert!((sum - ensemble.raw(row)).abs() < 1e-9);
        }
    }
}

#[test]
fn a_model_without_covers_gets_them_from_rows() {
    let train = samples::rows(400, 6, 3);
    let params = boost::Params {
        trees: 10,
        subsample: 1.0,
        ..boost::Params::default()
    };
    let own = boost::fit(&train, None, &params).unwrap().ensemble;
    let mut other = own.clone();
    for tree in &mut other.trees {
        tree.set_covers(vec![0.0; tree.len()]);
    }
    assert!((Explainer::new(&other).average() - Explainer::new(&own).average()).abs() > 1e-6);
    other.cover_with(train.matrix());
    assert_eq!(other, own);
}

#[test]
fn a_way_nobody_went_explains_nothing_and_breaks_nothing() {
    let train = samples::rows(400, 6, 4);
    let params = boost::Params {
        trees: 5,
        ..boost::Params::default()
    };
    let mut ensemble = boost::fit(&train, None, &params).unwrap().ensemble;
    ensemble.cover_with(&train.matrix().select(&[0]));
    let explainer = Explainer::new(&ensemble);
    for row in train.matrix().iter().take(50) {
        let sum = explainer.average() + explainer.contributions(row).iter().sum::<f64>();
        assert!((sum - ensemble.raw(row)).abs() < 1e-9, "{sum}");
    }
}
