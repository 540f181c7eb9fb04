//! Random forest: deep trees on rows drawn with replacement, each question choosing among some features, averaged. The
//! alternative to boosting where labels are noisy. The sum of the leaves is the probability itself.

use crate::boost::{ClassWeight, DEPTH_MAX, FitError, class_weights};
use crate::dice::Dice;
use crate::ensemble::{Ensemble, Link};
use crate::grow::{self, Bins, Gains, Rules};
use crate::matrix::Dataset;
use crate::number::{floor, narrow, position, real, short};

/// How to grow a forest.
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    /// How many trees.
    pub trees: usize,
    /// The deepest question; at most 100.
    pub max_depth: u32,
    /// The most leaves a tree has.
    pub max_leaves: usize,
    /// The least a leaf weighs, in rows.
    pub min_leaf: f64,
    /// How many features each question may choose from; `None` is the square root of all.
    pub columns: Option<usize>,
    /// How classes count.
    pub class_weight: ClassWeight,
    /// The same seed gives the same model.
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            trees: 200,
            max_depth: 16,
            max_leaves: 512,
            min_leaf: 1.0,
            columns: None,
            class_weight: ClassWeight::None,
            seed: 1,
        }
    }
}

/// Learns from rows.
pub fn fit(train: &Dataset, params: &Params) -> Result<Ensemble, FitError> {
    for (name, is_right) in [
        ("trees", params.trees > 0),
        ("max_leaves", params.max_leaves > 1),
        ("max_depth", (1..=DEPTH_MAX).contains(&params.max_depth)),
        (
            "min_leaf",
            params.min_leaf >= 0.0 && params.min_leaf.is_finite(),
        ),
        ("columns", params.columns != Some(0)),
    ] {
        if !is_right {
            return Err(FitError::Parameter(name));
        }
    }
    let weights = class_weights(train, params.class_weight)?;
    let bins = Bins::new(train.matrix(), usize::MAX);
    let columns: Vec<usize> = (0..train.matrix().columns()).collect();
    let per_node = params
        .columns
        .unwrap_or_else(|| floor(real(columns.len()).sqrt().ceil()));
    let rules = Rules {
        max_depth: params.max_depth,
        max_leaves: params.max_leaves,
        min_child_weight: params.min_leaf,
        l2: 0.0,
        min_gain: 1e-7,
        shrink: 1.0 / real(params.trees),
        per_node: Some(per_node.clamp(1, columns.len().max(1))),
        trends: &[],
    };
    let mut dice = Dice::new(params.seed);
    let mut gains = Gains::new(columns.len());
    let trees = (0..params.trees)
        .map(|_| {
            let times = bootstrap(train.len(), &mut dice);
            let (rows, derivatives) = drawn(train.labels(), &weights, &times);
            grow::grow(
                &bins,
                rows,
                &derivatives,
                &columns,
                &rules,
                &mut dice,
                &mut gains,
            )
        })
        .collect();
    Ok(Ensemble::new(
        train.matrix().names().to_vec(),
        trees,
        Link::Identity,
        gains.shares(),
    ))
}

/// How often each row was drawn.
fn bootstrap(n: usize, dice: &mut Dice) -> Vec<u32> {
    let mut times = vec![0; n];
    for _ in 0..n {
        if let Some(count) = times.get_mut(dice.below(n)) {
            *count += 1;
        }
    }
    times
}

/// The rows that were drawn. A leaf is then the weighted mean of the labels in it.
fn drawn(labels: &[bool], weights: &[f64], times: &[u32]) -> (Vec<u32>, Vec<(f32, f32)>) {
    let rows = (0..short(times.len()))
        .filter(|row| times.get(position(*row)).is_some_and(|count| *count > 0))
        .collect();
    let derivatives = labels
        .iter()
        .zip(weights)
        .zip(times)
        .map(|((label, weight), count)| {
            let second = weight * f64::from(*count);
            let first = if *label { -second } else { 0.0 };
            (narrow(first), narrow(second))
        })
        .collect();
    (rows, derivatives)
}

#[cfg(test)]
mod tests;
