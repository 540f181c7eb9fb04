//! A logistic regression written as trees, one of steps for each of its features, so that it can stand beside other trees and
//! the two are one model: one file, one answer, one explanation.
//!
//! Few rows of a class teach trees little, and a straight line through few features no less than trees; the sum of both
//! log-odds errs less than either (an average of models that err differently; Breiman, *Stacked regressions*, 1996).

use crate::ensemble::{Ensemble, Link};
use crate::logistic::{Logistic, Weight};
use crate::matrix::Matrix;
use crate::number::{narrow, real};
use crate::tree::{Question, Tree};

/// Steps of a feature between its least and its greatest value.
const STEPS: usize = 64;

/// The steps of one feature.
struct Stairs {
    feature: usize,
    weight: Weight,
    share: f64,
    from: f64,
    width: f64,
}

impl Stairs {
    /// `None` for a feature that is never there or never changes: it says nothing.
    fn new(feature: usize, weight: Weight, share: f64, rows: &Matrix) -> Option<Self> {
        let there = || rows.column(feature).filter(|value| value.is_finite());
        let from = f64::from(there().reduce(f32::min)?);
        let width = (f64::from(there().reduce(f32::max)?) - from) / real(STEPS);
        (width > 0.0 && width.is_finite()).then_some(Self {
            feature,
            weight,
            share,
            from,
            width,
        })
    }

    /// Where a step begins.
    fn edge(&self, step: usize) -> f64 {
        real(step).mul_add(self.width, self.from)
    }

    /// What a step says: the line in its middle.
    fn value(&self, step: usize) -> f32 {
        let middle = self.edge(step) + self.width / 2.0;
        narrow(
            self.share * self.weight.weight * (middle - self.weight.mean) / self.weight.deviation,
        )
    }

    fn tree(&self) -> Tree {
        let mut tree = Tree::default();
        let root = tree.push_leaf(0.0, 0.0);
        self.split(&mut tree, root, 0, STEPS);
        tree
    }

    /// Makes a leaf the question between the halves of these steps. What is missing goes where the mean is, as the regression
    /// has it.
    fn split(&self, tree: &mut Tree, at: usize, from: usize, to: usize) {
        let middle = usize::midpoint(from, to);
        let halves = [(from, middle), (middle, to)];
        let leaf = |(from, to): (usize, usize)| {
            if to - from == 1 {
                self.value(from)
            } else {
                0.0
            }
        };
        let [yes, no] = halves.map(|half| tree.push_leaf(leaf(half), 0.0));
        tree.ask(
            at,
            &Question {
                feature: self.feature,
                threshold: narrow(self.edge(middle)),
                is_missing_yes: self.weight.mean < self.edge(middle),
                yes,
                no,
            },
        );
        for ((from, to), child) in halves.into_iter().zip([yes, no]) {
            if to - from > 1 {
                self.split(tree, child, from, to);
            }
        }
    }
}

impl Ensemble {
    /// These trees and so many times a regression: the sum of both log-odds. The regression is written in steps between the
    /// least and the greatest value of each feature in `rows`, which have the features of the trees; beyond, it stays what it is there.
    /// Rows say too how many come by each step. Importances are shared by how far either part spreads over the rows.
    ///
    /// `None` if these trees do not sum log-odds, or the regression asks for a feature they do not have.
    #[must_use]
    pub fn beside(&self, line: &Logistic, share: f64, rows: &Matrix) -> Option<Self> {
        if self.link != Link::Logistic {
            return None;
        }
        let mut stairs = Vec::with_capacity(line.weights().len());
        for (name, weight) in line.names().iter().zip(line.weights()) {
            let place = self.names.iter().position(|own| own == name)?;
            stairs.extend(Stairs::new(place, *weight, share, rows));
        }
        let steps: Vec<Tree> = stairs.iter().map(Stairs::tree).collect();
        let mut gains = vec![0.0; self.names.len()];
        for stairs in &stairs {
            if let Some(gain) = gains.get_mut(stairs.feature) {
                *gain = stairs.weight.weight.abs();
            }
        }
        let whole: f64 = gains.iter().sum();
        let mut own = Self::new(self.names.clone(), steps, Link::Logistic, gains);
        own.cover_with(rows);
        let (trees, straight) = (spread(&self.margins(rows)), spread(&own.margins(rows)));
        let part = |spread: f64| spread / (trees + straight).max(f64::MIN_POSITIVE);
        let importances = self
            .importances
            .iter()
            .zip(&own.importances)
            .map(|(tree, gain)| {
                tree * part(trees) + gain / whole.max(f64::MIN_POSITIVE) * part(straight)
            })
            .collect();
        let mut trees: Vec<Tree> = self.trees.iter().cloned().chain(own.trees).collect();
        if let Some(first) = trees.first_mut() {
            first.shift(share * line.intercept());
        }
        Some(Self::new(
            self.names.clone(),
            trees,
            Link::Logistic,
            importances,
        ))
    }
}

/// Standard deviation.
fn spread(margins: &[f64]) -> f64 {
    let n = real(margins.len()).max(1.0);
    let mean = margins.iter().sum::<f64>() / n;
    let squares = margins.iter().map(|margin| (margin - mean).powi(2));
    (squares.sum::<f64>() / n).sqrt()
}

#[cfg(test)]
mod tests;
