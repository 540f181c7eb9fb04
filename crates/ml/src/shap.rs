//! Why a score is what it is: exact Shapley values of trees (path-dependent TreeSHAP). They add up: what a row gets is what
//! rows get on average, plus what each feature contributes.
//!
//! A feature that is left out is averaged over the rows that came by when the tree was made. A model from elsewhere may not
//! say how many those were; then both children count the same until [`Ensemble::cover_with`] has shown it rows.

use crate::ensemble::Ensemble;
use crate::matrix::Matrix;
use crate::number::{narrow, real};
use crate::tree::{Step, Tree};

/// Explains rows for one model.
#[derive(Debug, Clone, Copy)]
pub struct Explainer<'a> {
    ensemble: &'a Ensemble,
    average: f64,
}

impl<'a> Explainer<'a> {
    /// Looks at the model once; rows are cheap after that.
    pub fn new(ensemble: &'a Ensemble) -> Self {
        let of_trees = ensemble.trees.iter().map(|tree| average(tree, 0));
        Self {
            ensemble,
            average: of_trees.sum(),
        }
    }

    /// What rows get on average, in the units of [`Ensemble::raw`].
    pub const fn average(&self) -> f64 {
        self.average
    }

    /// What each feature of a row contributes. With the average they are [`Ensemble::raw`].
    pub fn contributions(&self, row: &[f32]) -> Vec<f64> {
        let mut walk = Walk {
            row,
            path: Vec::new(),
            product: Vec::new(),
            without: Vec::new(),
            weights: Vec::new(),
            contributions: vec![0.0; self.ensemble.names.len()],
        };
        for tree in &self.ensemble.trees {
            walk.go(tree, 0);
        }
        walk.contributions
    }
}

impl Ensemble {
    /// Whether it is known how many rows came by each node, so that explanations mean something.
    pub fn is_covered(&self) -> bool {
        self.trees.iter().all(|tree| tree.cover(0) > 0.0)
    }

    /// Counts how many of these rows come by each node, for a model that does not say.
    pub fn cover_with(&mut self, rows: &Matrix) {
        for tree in &mut self.trees {
            let mut counts = vec![0_u32; tree.len()];
            for row in rows.iter() {
                let mut at = 0;
                loop {
                    if let Some(count) = counts.get_mut(at) {
                        *count += 1;
                    }
                    let Some(Step::Split(question)) = tree.step(at) else {
                        break;
                    };
                    let value = row.get(question.feature).copied().unwrap_or(f32::NAN);
                    at = if question.is_yes(value) {
                        question.yes
                    } else {
                        question.no
                    };
                }
            }
            tree.set_covers(counts.into_iter().map(|n| narrow(f64::from(n))).collect());
        }
    }
}

/// Shares of the rows that go to the two children; equal where nobody knows.
fn shares(tree: &Tree, yes: usize, no: usize) -> (f64, f64) {
    let (yes, no) = (f64::from(tree.cover(yes)), f64::from(tree.cover(no)));
    let whole = yes + no;
    if whole > 0.0 {
        (yes / whole, no / whole)
    } else {
        (0.5, 0.5)
    }
}

fn average(tree: &Tree, at: usize) -> f64 {
    match tree.step(at) {
        None => 0.0,
        Some(Step::Leaf(value)) => f64::from(value),
        Some(Step::Split(question)) => {
            let (yes, no) = shares(tree, question.yes, question.no);
            yes * average(tree, question.yes) + no * average(tree, question.no)
        }
    }
}

/// A feature on the way to a leaf.
#[derive(Debug, Clone, Copy)]
struct Edge {
    feature: usize,
    /// Share of rows that go this way, when the feature is left out.
    share: f64,
    /// Whether the row goes this way.
    is_own: bool,
}

struct Walk<'a> {
    row: &'a [f32],
    /// The features asked on the way here, each once.
    path: Vec<Edge>,
    /// Coefficients of the product over the path of `share + x` (own way) or `share` (not).
    product: Vec<f64>,
    /// The same without one feature.
    without: Vec<f64>,
    /// By the length of a path, how much sets of other features count.
    weights: Vec<Vec<f64>>,
    contributions: Vec<f64>,
}

impl Walk<'_> {
    fn go(&mut self, tree: &Tree, at: usize) {
        match tree.step(at) {
            None => {}
            Some(Step::Leaf(value)) => self.leaf(f64::from(value)),
            Some(Step::Split(question)) => {
                let value = self.row.get(question.feature).copied();
                let is_yes = question.is_yes(value.unwrap_or(f32::NAN));
                let (yes, no) = shares(tree, question.yes, question.no);
                for (child, share, is_own) in
                    [(question.yes, yes, is_yes), (question.no, no, !is_yes)]
                {
                    let edge = Edge {
                        feature: question.feature,
                        share,
                        is_own,
                    };
                    self.step(tree, child, edge);
                }
            }
        }
    }

    fn step(&mut self, tree: &Tree, child: usize, edge: Edge) {
        let known = self
            .path
            .iter()
            .position(|other| other.feature == edge.feature);
        match known {
            None => {
                self.path.push(edge);
                self.go(tree, child);
                self.path.pop();
            }
            Some(place) => {
                let Some(before) = self.path.get(place).copied() else {
                    return;
                };
                let both = Edge {
                    feature: edge.feature,
                    share: before.share * edge.share,
                    is_own: before.is_own && edge.is_own,
                };
                self.put(place, both);
                self.go(tree, child);
                self.put(place, before);
            }
        }
    }

    fn put(&mut self, place: usize, edge: Edge) {
        if let Some(slot) = self.path.get_mut(place) {
            *slot = edge;
        }
    }

    /// Adds what a leaf gives to each feature on the way to it.
    fn leaf(&mut self, value: f64) {
        self.product.clear();
        self.product.push(1.0);
        for edge in &self.path {
            multiply(&mut self.product, edge);
        }
        let n = self.path.len();
        while self.weights.len() <= n {
            self.weights.push(weights(self.weights.len()));
        }
        let weights = self.weights.get(n).map_or([].as_slice(), Vec::as_slice);
        // The product without a feature that leads elsewhere is the product divided by its share, which is also what the
        // leaf loses: they cancel.
        let elsewhere = -value * dot(&self.product, weights);
        for edge in &self.path {
            let Some(slot) = self.contributions.get_mut(edge.feature) else {
                continue;
            };
            *slot += if edge.is_own {
                divide(&self.product, edge.share, &mut self.without);
                value * (1.0 - edge.share) * dot(&self.without, weights)
            } else {
                elsewhere
            };
        }
    }
}

/// Times `share + x`, or times `share`.
fn multiply(product: &mut Vec<f64>, edge: &Edge) {
    if !edge.is_own {
        for coefficient in product {
            *coefficient *= edge.share;
        }
        return;
    }
    let mut before = 0.0;
    for coefficient in product.iter_mut() {
        let own = *coefficient;
        *coefficient = own * edge.share + before;
        before = own;
    }
    product.push(before);
}

/// The product without one factor `share + x`. From the highest coefficient down, so that errors shrink.
fn divide(product: &[f64], share: f64, quotient: &mut Vec<f64>) {
    quotient.clear();
    let mut above = 0.0;
    for coefficient in product.iter().skip(1).rev() {
        above = coefficient - share * above;
        quotient.push(above);
    }
    quotient.reverse();
}

/// In how many orders of `n` features a given one comes after `k` certain others, as a share: `k! (n - 1 - k)! / n!` for each
/// `k` below `n`.
fn weights(n: usize) -> Vec<f64> {
    let mut weight = 1.0 / real(n.max(1));
    (0..n)
        .map(|k| {
            if k > 0 {
                weight *= real(k) / real(n - k);
            }
            weight
        })
        .collect()
}

fn dot(coefficients: &[f64], weights: &[f64]) -> f64 {
    coefficients.iter().zip(weights).map(|(a, b)| a * b).sum()
}

#[cfg(test)]
mod tests;
