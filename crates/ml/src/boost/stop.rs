//! When to stop: watches the log loss of rows that the trees do not learn from.

use super::{FitError, Params, class_weights};
use crate::matrix::Dataset;
use crate::tree::Tree;

/// What there is before the first tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing that would be a model: the first tree stays in any case.
    Nothing,
    /// A model, which stays as it is if no tree makes it better.
    Stands,
}

pub(super) struct Stop<'a> {
    data: &'a Dataset,
    weights: Vec<f64>,
    margins: Vec<f64>,
    patience: usize,
    best: f64,
    best_trees: usize,
    history: Vec<f64>,
}

impl<'a> Stop<'a> {
    /// Begins with the margins that rows have before the first tree.
    pub(super) fn new(
        data: Option<&'a Dataset>,
        begin: impl FnOnce(&Dataset) -> Vec<f64>,
        before: Before,
        params: &Params,
    ) -> Result<Option<Self>, FitError> {
        let Some(data) = data else { return Ok(None) };
        let weights = class_weights(data, params.class_weight).map_err(|error| match error {
            FitError::OneClass => FitError::StopOneClass,
            other => other,
        })?;
        let mut stop = Self {
            data,
            weights,
            margins: begin(data),
            patience: params.patience.max(1),
            best: f64::INFINITY,
            best_trees: 0,
            history: Vec::new(),
        };
        if before == Before::Stands {
            stop.best = stop.loss();
        }
        Ok(Some(stop))
    }

    /// Adds a tree; whether there were too many without a better loss.
    pub(super) fn is_over(&mut self, tree: &Tree) -> bool {
        for (margin, row) in self.margins.iter_mut().zip(self.data.matrix().iter()) {
            *margin += f64::from(tree.leaf(row));
        }
        let loss = self.loss();
        self.history.push(loss);
        if loss < self.best {
            self.best = loss;
            self.best_trees = self.history.len();
        }
        self.history.len() - self.best_trees >= self.patience
    }

    /// After how many trees the loss was best.
    pub(super) const fn best_trees(&self) -> usize {
        self.best_trees
    }

    /// The loss after each tree.
    pub(super) fn into_history(self) -> Vec<f64> {
        self.history
    }

    fn loss(&self) -> f64 {
        let rows = self
            .margins
            .iter()
            .zip(self.data.labels())
            .zip(&self.weights);
        let (mut loss, mut whole) = (0.0, 0.0);
        for ((margin, label), weight) in rows {
            // ln(1 + e^-z), z being how far the margin is on the right side.
            let z = if *label { *margin } else { -*margin };
            loss += weight * ((-z.abs()).exp().ln_1p() + (-z).max(0.0));
            whole += weight;
        }
        loss / whole
    }
}
