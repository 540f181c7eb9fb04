//! Numbers in, numbers out: boosted trees, forests, a logistic baseline, explanations, calibration, metrics, splits.
//!
//! A classifier of two classes: `true` is the class that is looked for. Features are `f32`, a missing one is NaN; what comes
//! out is a *margin* (log-odds, additive) or a probability.
//!
//! Must never know: a platform, a table, a message, the clock. Randomness is a seed that is handed in: the same data,
//! parameters and seed give the same model again.

pub mod boost;
pub mod calibrate;
pub mod compare;
mod dice;
pub mod drift;
pub mod ensemble;
pub mod forest;
mod grow;
pub mod logistic;
pub mod matrix;
pub mod metrics;
pub mod model;
mod number;
pub mod onnx;
pub mod shap;
pub mod split;
mod straight;
mod tree;
pub mod tune;
pub mod uncertain;

pub use calibrate::Calibration;
pub use ensemble::Ensemble;
pub use logistic::Logistic;
pub use matrix::{Dataset, DatasetError, Example, Matrix};
pub use model::{Explanation, Model};
pub use number::{logit, sigmoid};
pub use shap::Explainer;

#[cfg(test)]
mod samples;
