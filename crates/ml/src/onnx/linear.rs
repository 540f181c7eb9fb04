//! The logistic baseline as three steps that every runtime has: `Imputer` puts the mean where a value is missing, `Scaler`
//! standardises, `LinearClassifier` weighs. Only this chain is read back; others may compute something else.

use super::OnnxError;
use super::graph::{Node, NodeWriter};
use crate::logistic::{Logistic, Weight};
use crate::number::narrow;

/// The name of the last operator.
pub(super) const OP: &str = "LinearClassifier";

pub(super) fn write(model: &Logistic) -> Vec<NodeWriter> {
    let weights = || model.weights().iter();
    let mut imputer = NodeWriter::new("Imputer", "input", &["present"]);
    imputer
        .floats("imputed_value_floats", weights().map(|w| narrow(w.mean)))
        .float("replaced_value_float", f32::NAN);
    let mut scaler = NodeWriter::new("Scaler", "present", &["standard"]);
    scaler
        .floats("offset", weights().map(|w| narrow(w.mean)))
        .floats("scale", weights().map(|w| narrow(1.0 / w.deviation)));
    let mut linear = NodeWriter::new(OP, "standard", &["label", "probabilities"]);
    let slopes = || weights().map(|w| narrow(w.weight));
    let intercept = narrow(model.intercept());
    linear
        .floats("coefficients", slopes().map(|w| -w).chain(slopes()))
        .floats("intercepts", [-intercept, intercept])
        .ints("classlabels_ints", [0, 1])
        .text("post_transform", "LOGISTIC");
    vec![imputer, scaler, linear]
}

/// Reads the chain; its features have no names yet.
pub(super) fn read(nodes: &[Node<'_>]) -> Result<Logistic, OnnxError> {
    let unlike = || {
        OnnxError::Unsupported(
            "a linear model that is not Imputer, Scaler, LinearClassifier".to_owned(),
        )
    };
    let [imputer, scaler, linear] = nodes else {
        return Err(unlike());
    };
    let is_chain = imputer.op == "Imputer"
        && scaler.op == "Scaler"
        && linear.op == OP
        && scaler.inputs == imputer.outputs
        && linear.inputs == scaler.outputs;
    let replaces_missing = imputer
        .float("replaced_value_float")?
        .is_some_and(f32::is_nan);
    if !is_chain || !replaces_missing || linear.text("post_transform")? != "LOGISTIC" {
        return Err(unlike());
    }
    let means = imputer.floats("imputed_value_floats")?;
    let offsets = scaler.floats("offset")?;
    let factors = scaler.floats("scale")?;
    let coefficients = linear.floats("coefficients")?;
    let intercepts = linear.floats("intercepts")?;
    let n = means.len();
    let (negative, positive) = coefficients.split_at_checked(n).ok_or_else(unlike)?;
    let are_opposite =
        positive.len() == n && negative.iter().zip(positive).all(|(a, b)| is_same(*a, -*b));
    let [low, high] = intercepts.as_slice() else {
        return Err(unlike());
    };
    if !are_opposite || !is_same(*low, -*high) || means != offsets || factors.len() != n {
        return Err(unlike());
    }
    let weights = means.iter().zip(&factors).zip(positive);
    let weights = weights.map(|((mean, scale), weight)| Weight {
        mean: f64::from(*mean),
        deviation: 1.0 / f64::from(*scale),
        weight: f64::from(*weight),
    });
    let names = (0..n).map(|column| format!("f{column}")).collect();
    Logistic::from_parts(names, weights.collect(), f64::from(*high))
        .ok_or(OnnxError::Invalid("a weight that is not a number"))
}

fn is_same(a: f32, b: f32) -> bool {
    (a - b).abs() <= 0.0
}
