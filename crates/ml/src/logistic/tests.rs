//! The baseline held against scikit-learn's figures.

use super::*;
use crate::{Example, samples};

/// Sixty rows of three features, as simple as they can be written down.
fn figures() -> Dataset {
    let mut data = Dataset::new(samples::names(3));
    for i in 0_u16..60 {
        let (a, b, c) = ((i * 7 + 3) % 11, (i * i) % 13, (i * 5) % 3);
        let label = i32::from(a * 2) - i32::from(b) + i32::from((i * 17) % 19) > 16;
        let features = [a, b, c].map(f32::from);
        let example = Example {
            features: &features,
            label,
            weight: 1.0,
            group: u64::from(i),
            at: 0,
        };
        data.push(&example).unwrap();
    }
    data
}

#[test]
fn weights_are_those_of_scikit_learn() {
    for (l2, intercept, wanted) in [
        (
            1.0,
            -0.601_972_27,
            [1.246_154_99, -0.934_355_01, -0.037_852_92],
        ),
        (
            10.0,
            -0.464_705_11,
            [0.631_367_01, -0.470_007_20, -0.013_919_37],
        ),
    ] {
        let params = Params {
            l2,
            ..Params::default()
        };
        let model = Logistic::fit(&figures(), &params).unwrap();
        assert!((model.intercept() - intercept).abs() < 1e-6);
        for (weight, wanted) in model.weights().iter().zip(wanted) {
            assert!((weight.weight - wanted).abs() < 1e-6, "{weight:?} {wanted}");
        }
    }
}

#[test]
fn contributions_and_intercept_are_the_margin_and_a_missing_value_adds_nothing() {
    let model = Logistic::fit(&figures(), &Params::default()).unwrap();
    let row = [5.0, f32::NAN, 1.0];
    let contributions = model.contributions(&row);
    assert!(contributions[1].abs() < 1e-12);
    let sum = model.intercept() + contributions.iter().sum::<f64>();
    assert!((sum - model.margin(&row)).abs() < 1e-12);
    assert!(model.probability(&[f32::INFINITY, 0.0, 0.0]) > 0.99);
}

#[test]
fn it_ends_on_features_that_never_change_or_are_always_missing() {
    let mut data = Dataset::new(samples::names(2));
    for i in 0_u8..10 {
        let example = Example {
            features: &[1.0, f32::NAN],
            label: i < 5,
            weight: 1.0,
            group: 0,
            at: 0,
        };
        data.push(&example).unwrap();
    }
    let model = Logistic::fit(&data, &Params::default()).unwrap();
    assert!((model.probability(&[1.0, 3.0]) - 0.5).abs() < 1e-6);
}

#[test]
fn kept_parts_make_the_same_model_and_broken_ones_none() {
    let model = Logistic::fit(&figures(), &Params::default()).unwrap();
    let parts = |weights: Vec<Weight>| {
        Logistic::from_parts(model.names().to_vec(), weights, model.intercept())
    };
    assert_eq!(parts(model.weights().to_vec()), Some(model.clone()));
    assert_eq!(parts(Vec::new()), None);
    let mut broken = model.weights().to_vec();
    broken[0].deviation = 0.0;
    assert_eq!(parts(broken), None);
}
