//! Judging parameters on rows that were not learned from, and searching for better ones. Bounded by trials and by whoever
//! says that time is over.
//!
//! Must never let a row judge a model that has seen its group: each fold is judged by a model that neither learned from it
//! nor was stopped by it.

use thiserror::Error;

use crate::boost::{self, FitError, Params};
use crate::dice::Dice;
use crate::matrix::Dataset;
use crate::metrics;
use crate::model::Model;
use crate::split::{Fold, SplitError, grouped_k_fold};

/// Why there is no answer.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum TuneError {
    /// Rows that cannot be split.
    #[error("the rows cannot be split")]
    Split(#[from] SplitError),
    /// Rows that cannot be learned from.
    #[error("the rows of a fold cannot be learned from")]
    Fit(#[from] FitError),
    /// Time was over before anything was known.
    #[error("time was over before the first parameters were judged")]
    Time,
    /// Fewer folds than it takes to learn, to stop and to judge.
    #[error("a search needs at least three folds")]
    Folds,
}

/// A margin for every row, each from a model that has not seen the row's group. `fit` gets the rows to learn from and, from
/// three folds on, rows to stop by; these are missing when they would be of one class. A row no fold judges has NaN.
pub fn out_of_fold<E>(
    data: &Dataset,
    folds: &[Fold],
    mut fit: impl FnMut(&Dataset, Option<&Dataset>) -> Result<Model, E>,
) -> Result<Vec<f64>, E> {
    let mut margins = vec![f64::NAN; data.len()];
    for (fold, next) in folds.iter().zip(folds.iter().cycle().skip(1)) {
        let (train, stop_by) = if folds.len() > 2 {
            let held = |row: &usize| next.test.binary_search(row).is_ok();
            let train: Vec<usize> = fold
                .train
                .iter()
                .copied()
                .filter(|row| !held(row))
                .collect();
            (data.select(&train), Some(data.select(&next.test)))
        } else {
            (data.select(&fold.train), None)
        };
        let stop_by = stop_by.filter(|rows| (1..rows.len()).contains(&rows.positives()));
        let model = fit(&train, stop_by.as_ref())?;
        for row in &fold.test {
            if let (Some(slot), Some(features)) = (margins.get_mut(*row), data.matrix().row(*row)) {
                *slot = model.margin(features);
            }
        }
    }
    Ok(margins)
}

/// What is tried; one value of each list is drawn for a trial. An empty list leaves the parameter as it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Space {
    /// How much each tree counts.
    pub learning_rate: Vec<f64>,
    /// The deepest question; trees get as many leaves as fit, at most 64.
    pub max_depth: Vec<u32>,
    /// Smallest sum of second derivatives in a leaf.
    pub min_child_weight: Vec<f64>,
    /// Penalty on large leaves.
    pub l2: Vec<f64>,
    /// Share of rows each tree sees.
    pub subsample: Vec<f64>,
    /// Share of features each tree sees.
    pub columns: Vec<f64>,
}

impl Default for Space {
    fn default() -> Self {
        Self {
            learning_rate: vec![0.03, 0.06, 0.1],
            max_depth: vec![3, 4, 5, 6],
            min_child_weight: vec![0.3, 1.0, 3.0],
            l2: vec![0.3, 1.0, 3.0, 10.0],
            subsample: vec![0.6, 0.8, 1.0],
            columns: vec![0.4, 0.6, 0.8, 1.0],
        }
    }
}

impl Space {
    fn draw(&self, base: &Params, dice: &mut Dice) -> Params {
        let max_depth = drawn(&self.max_depth, base.max_depth, dice);
        let max_leaves = if self.max_depth.is_empty() {
            base.max_leaves
        } else {
            1_usize.checked_shl(max_depth).unwrap_or(usize::MAX).min(64)
        };
        Params {
            learning_rate: drawn(&self.learning_rate, base.learning_rate, dice),
            max_depth,
            max_leaves,
            min_child_weight: drawn(&self.min_child_weight, base.min_child_weight, dice),
            l2: drawn(&self.l2, base.l2, dice),
            subsample: drawn(&self.subsample, base.subsample, dice),
            columns: drawn(&self.columns, base.columns, dice),
            ..base.clone()
        }
    }
}

fn drawn<T: Copy>(list: &[T], otherwise: T, dice: &mut Dice) -> T {
    list.get(dice.below(list.len()))
        .copied()
        .unwrap_or(otherwise)
}

/// How to search.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Search {
    /// The most parameters that are judged, those at hand included.
    pub trials: usize,
    /// Folds by group; at least three.
    pub folds: usize,
    /// The same seed gives the same search.
    pub seed: u64,
}

impl Default for Search {
    fn default() -> Self {
        Self {
            trials: 20,
            folds: 5,
            seed: 1,
        }
    }
}

/// Parameters, and how good they are.
#[derive(Debug, Clone, PartialEq)]
pub struct Trial {
    /// The parameters.
    pub params: Params,
    /// Average precision over all rows, each judged out of fold: how well the rare class stands before the other.
    pub average_precision: f64,
    /// The margins it was judged by, row by row: good for calibration and threshold too.
    pub margins: Vec<f64>,
}

/// Judges the parameters at hand first, then drawn ones, and answers the best; the first of equals. Asks before each fold
/// whether time is over.
pub fn search(
    data: &Dataset,
    base: &Params,
    space: &Space,
    search: &Search,
    mut is_over: impl FnMut() -> bool,
) -> Result<Trial, TuneError> {
    if search.folds < 3 {
        return Err(TuneError::Folds);
    }
    let folds = grouped_k_fold(data.groups(), data.labels(), search.folds, search.seed)?;
    let mut dice = Dice::new(search.seed);
    let mut tried: Vec<Params> = Vec::new();
    let mut best: Option<Trial> = None;
    for trial in 0..search.trials.max(1) {
        let params = if trial == 0 {
            base.clone()
        } else {
            space.draw(base, &mut dice)
        };
        if tried.contains(&params) {
            continue;
        }
        let Some(found) = judge(data, &folds, &params, &mut is_over)? else {
            break;
        };
        tried.push(params);
        let is_better = best
            .as_ref()
            .is_none_or(|best| found.average_precision > best.average_precision);
        if is_better {
            best = Some(found);
        }
    }
    best.ok_or(TuneError::Time)
}

/// `None` if time was over.
fn judge(
    data: &Dataset,
    folds: &[Fold],
    params: &Params,
    is_over: &mut dyn FnMut() -> bool,
) -> Result<Option<Trial>, FitError> {
    let margins = out_of_fold(data, folds, |train, stop_by| {
        if is_over() {
            return Err(Stop::Time);
        }
        let fitted = boost::fit(train, stop_by, params).map_err(Stop::Fit)?;
        Ok(fitted.ensemble.into())
    });
    let margins = match margins {
        Ok(margins) => margins,
        Err(Stop::Time) => return Ok(None),
        Err(Stop::Fit(error)) => return Err(error),
    };
    let average_precision = metrics::auc_pr(&margins, data.labels()).unwrap_or(0.0);
    Ok(Some(Trial {
        params: params.clone(),
        average_precision,
        margins,
    }))
}

/// Why a trial ended early.
enum Stop {
    Time,
    Fit(FitError),
}

#[cfg(test)]
mod tests;
