//! Gradient boosting of trees on the logistic loss: each tree corrects what the ones before got wrong. This is the default
//! model. Histograms with at most 254 ranges, best question first, missing values learned.

mod stop;

use thiserror::Error;

use crate::dice::Dice;
use crate::ensemble::{Ensemble, Link};
use crate::grow::{self, Bins, Gains, Rules};
use crate::matrix::Dataset;
use crate::number::{floor, narrow, real, short, sigmoid};
use crate::tree::Tree;
use stop::{Before, Stop};

pub use crate::grow::Trend;

/// How the two classes count against each other.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum ClassWeight {
    /// As the rows say.
    None,
    /// Both classes weigh the same in all.
    Balanced,
    /// Each positive row counts so many times.
    Positive(f64),
}

/// Why there is no model.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum FitError {
    /// All rows are of one class, or have no weight.
    #[error("the rows are all of one class")]
    OneClass,
    /// The part for stopping early is of one class: a log loss on it says nothing.
    #[error("the rows to stop by are all of one class")]
    StopOneClass,
    /// Rows to learn from, rows to stop by and the model to extend speak of different features.
    #[error("the rows, or the model to extend, have different features")]
    Names,
    /// A forest cannot be corrected by adding trees to it.
    #[error("only a boosted model can be extended")]
    Link,
    /// A parameter that makes no sense.
    #[error("`{0}` is out of range")]
    Parameter(&'static str),
}

/// The deepest a tree may get: files with deeper ones are refused.
pub(crate) const DEPTH_MAX: u32 = 100;

/// How to boost.
#[derive(Debug, Clone, PartialEq)]
pub struct Params {
    /// The most trees.
    pub trees: usize,
    /// How much each tree counts.
    pub learning_rate: f64,
    /// The deepest question, the root being 1; at most 100.
    pub max_depth: u32,
    /// The most leaves a tree has.
    pub max_leaves: usize,
    /// Smallest sum of second derivatives in a leaf.
    pub min_child_weight: f64,
    /// Penalty on large leaves.
    pub l2: f64,
    /// A question must gain more than this.
    pub min_gain: f64,
    /// Share of rows each tree sees.
    pub subsample: f64,
    /// Share of features each tree sees.
    pub columns: f64,
    /// Ranges per feature, at most 254.
    pub bins: usize,
    /// How classes count.
    pub class_weight: ClassWeight,
    /// What features must do to the answer; features behind the end are free.
    pub trends: Vec<Trend>,
    /// Stop after so many trees without a better log loss on the part for that. Without such a part all trees are made.
    pub patience: usize,
    /// The same seed gives the same model.
    pub seed: u64,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            trees: 300,
            learning_rate: 0.1,
            max_depth: 4,
            max_leaves: 16,
            min_child_weight: 1.0,
            l2: 1.0,
            min_gain: 0.0,
            subsample: 0.8,
            columns: 0.8,
            bins: 254,
            class_weight: ClassWeight::None,
            trends: Vec::new(),
            patience: 30,
            seed: 1,
        }
    }
}

impl Params {
    fn check(&self) -> Result<(), FitError> {
        let share = |value: f64| value > 0.0 && value <= 1.0;
        let is_positive = |value: f64| value >= 0.0 && value.is_finite();
        for (name, is_right) in [
            ("trees", self.trees > 0),
            ("learning_rate", share(self.learning_rate)),
            ("max_leaves", self.max_leaves > 1),
            ("max_depth", (1..=DEPTH_MAX).contains(&self.max_depth)),
            ("min_child_weight", is_positive(self.min_child_weight)),
            ("l2", is_positive(self.l2)),
            ("min_gain", is_positive(self.min_gain)),
            ("subsample", share(self.subsample)),
            ("columns", share(self.columns)),
        ] {
            if !is_right {
                return Err(FitError::Parameter(name));
            }
        }
        Ok(())
    }
}

/// A model, and how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct Fitted {
    /// The model, cut after its best tree.
    pub ensemble: Ensemble,
    /// Log loss on the part for stopping after each tree that was tried; empty without one.
    pub history: Vec<f64>,
}

/// Learns from rows. With `stop_by`, as many trees are kept as do best there.
pub fn fit(
    train: &Dataset,
    stop_by: Option<&Dataset>,
    params: &Params,
) -> Result<Fitted, FitError> {
    check(train.matrix().names(), train, stop_by, params)?;
    let weights = class_weights(train, params.class_weight)?;
    let base = base(train.labels(), &weights);
    let begin = |data: &Dataset| vec![base; data.len()];
    let stop = Stop::new(stop_by, begin, Before::Nothing, params)?;
    let mut grown = boost(train, &weights, begin(train), stop, params);
    // Where every score begins is told by the first tree, so that a file needs nothing else to give the same scores.
    if let Some(first) = grown.trees.first_mut() {
        first.shift(base);
    }
    Ok(Fitted {
        ensemble: Ensemble::new(
            train.matrix().names().to_vec(),
            grown.trees,
            Link::Logistic,
            grown.importances,
        ),
        history: grown.history,
    })
}

/// Learns what a boosted model does not know yet: trees are added that correct it on these rows. With `stop_by`, only those
/// that do some good there, which may be none. Importances are averaged over the trees.
pub fn extend(
    prior: &Ensemble,
    train: &Dataset,
    stop_by: Option<&Dataset>,
    params: &Params,
) -> Result<Fitted, FitError> {
    if prior.link() != Link::Logistic {
        return Err(FitError::Link);
    }
    check(prior.names(), train, stop_by, params)?;
    let weights = class_weights(train, params.class_weight)?;
    let begin = |data: &Dataset| prior.margins(data.matrix());
    let stop = Stop::new(stop_by, begin, Before::Stands, params)?;
    let grown = boost(train, &weights, begin(train), stop, params);
    let (before, added) = (real(prior.trees()), real(grown.trees.len()));
    let shares = prior.importances().iter().zip(&grown.importances);
    let importances = shares
        .map(|(old, new)| (old * before + new * added) / (before + added))
        .collect();
    let trees = prior.trees.iter().cloned().chain(grown.trees).collect();
    Ok(Fitted {
        ensemble: Ensemble::new(prior.names().to_vec(), trees, Link::Logistic, importances),
        history: grown.history,
    })
}

fn check(
    names: &[String],
    train: &Dataset,
    stop_by: Option<&Dataset>,
    params: &Params,
) -> Result<(), FitError> {
    params.check()?;
    let others = stop_by.map_or(names, |data| data.matrix().names());
    if train.matrix().names() != names || others != names {
        return Err(FitError::Names);
    }
    Ok(())
}

/// What came of boosting.
struct Grown {
    trees: Vec<Tree>,
    importances: Vec<f64>,
    history: Vec<f64>,
}

fn boost(
    train: &Dataset,
    weights: &[f64],
    mut margins: Vec<f64>,
    mut stop: Option<Stop<'_>>,
    params: &Params,
) -> Grown {
    let bins = Bins::new(train.matrix(), params.bins);
    let columns: Vec<usize> = (0..train.matrix().columns()).collect();
    let rules = Rules {
        max_depth: params.max_depth,
        max_leaves: params.max_leaves,
        min_child_weight: params.min_child_weight,
        l2: params.l2,
        min_gain: params.min_gain,
        shrink: params.learning_rate,
        per_node: None,
        trends: &params.trends,
    };
    let mut dice = Dice::new(params.seed);
    let mut trees: Vec<Tree> = Vec::new();
    let mut gains = Gains::new(columns.len());
    let mut importances = gains.shares();
    for _ in 0..params.trees {
        let derivatives = derivatives(train.labels(), weights, &margins);
        let rows = sample_rows(train.len(), params.subsample, &mut dice);
        let n_columns = floor(real(columns.len()) * params.columns).max(1);
        let chosen = dice.sample(&columns, n_columns);
        let tree = grow::grow(
            &bins,
            rows,
            &derivatives,
            &chosen,
            &rules,
            &mut dice,
            &mut gains,
        );
        for (margin, row) in margins.iter_mut().zip(train.matrix().iter()) {
            *margin += f64::from(tree.leaf(row));
        }
        let is_over = stop.as_mut().is_some_and(|stop| stop.is_over(&tree));
        trees.push(tree);
        let is_best = |stop: &Stop<'_>| stop.best_trees() == trees.len();
        if stop.as_ref().is_none_or(is_best) {
            importances = gains.shares();
        }
        if is_over {
            break;
        }
    }
    if let Some(stop) = &stop {
        trees.truncate(stop.best_trees());
    }
    Grown {
        trees,
        importances,
        history: stop.map(Stop::into_history).unwrap_or_default(),
    }
}

/// The weight of each row, classes considered. Fails if one class has none.
pub(crate) fn class_weights(
    data: &Dataset,
    class_weight: ClassWeight,
) -> Result<Vec<f64>, FitError> {
    let mut sums = [0.0_f64; 2];
    for (label, weight) in data.labels().iter().zip(data.weights()) {
        if let Some(sum) = sums.get_mut(usize::from(*label)) {
            *sum += f64::from(*weight);
        }
    }
    let [negative, positive] = sums;
    if negative <= 0.0 || positive <= 0.0 {
        return Err(FitError::OneClass);
    }
    let (for_negative, for_positive) = match class_weight {
        ClassWeight::None => (1.0, 1.0),
        ClassWeight::Balanced => {
            let half = f64::midpoint(negative, positive);
            (half / negative, half / positive)
        }
        ClassWeight::Positive(factor) if factor > 0.0 && factor.is_finite() => (1.0, factor),
        ClassWeight::Positive(_) => return Err(FitError::Parameter("class_weight")),
    };
    let rows = data.labels().iter().zip(data.weights());
    Ok(rows
        .map(|(label, weight)| {
            f64::from(*weight) * if *label { for_positive } else { for_negative }
        })
        .collect())
}

/// Log-odds of the classes as they weigh.
fn base(labels: &[bool], weights: &[f64]) -> f64 {
    let mut positive = 0.0;
    let mut whole = 0.0;
    for (label, weight) in labels.iter().zip(weights) {
        whole += weight;
        if *label {
            positive += weight;
        }
    }
    (positive / (whole - positive)).ln()
}

fn derivatives(labels: &[bool], weights: &[f64], margins: &[f64]) -> Vec<(f32, f32)> {
    labels
        .iter()
        .zip(weights)
        .zip(margins)
        .map(|((label, weight), margin)| {
            let p = sigmoid(*margin);
            let wanted = if *label { 1.0 } else { 0.0 };
            let first = narrow((p - wanted) * weight);
            let second = narrow((p * (1.0 - p)).max(1e-16) * weight);
            (first, second)
        })
        .collect()
}

fn sample_rows(n: usize, share: f64, dice: &mut Dice) -> Vec<u32> {
    let all = 0..short(n);
    if share >= 1.0 {
        return all.collect();
    }
    let kept: Vec<u32> = all.filter(|_| dice.unit() < share).collect();
    if kept.is_empty() { vec![0] } else { kept }
}

#[cfg(test)]
mod tests;
