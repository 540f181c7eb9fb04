//! Trees that answer together: a sum of leaves, which is a log-odds (boosted) or a probability (forest).
//!
//! Must never know how the trees were made, so that a model brought from elsewhere answers the same way.

use crate::matrix::Matrix;
use crate::number::{logit, sigmoid};
use crate::tree::Tree;

/// How many trees are walked at the same time.
const SIDE_BY_SIDE: usize = 8;

/// What the sum of the leaves is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Link {
    /// Log-odds: a probability comes of it through the logistic function.
    Logistic,
    /// The probability itself.
    Identity,
}

/// A model of trees.
#[derive(Debug, Clone, PartialEq)]
pub struct Ensemble {
    pub(crate) names: Vec<String>,
    pub(crate) trees: Vec<Tree>,
    /// How many questions the longest way of each group of trees asks.
    depths: Vec<usize>,
    pub(crate) link: Link,
    pub(crate) importances: Vec<f64>,
}

impl Ensemble {
    pub(crate) fn new(
        names: Vec<String>,
        trees: Vec<Tree>,
        link: Link,
        importances: Vec<f64>,
    ) -> Self {
        let deepest = |group: &[Tree]| group.iter().map(Tree::depth).max().unwrap_or(0);
        Self {
            names,
            depths: trees.chunks(SIDE_BY_SIDE).map(deepest).collect(),
            trees,
            link,
            importances,
        }
    }

    /// The names of the features, in the order in which a row has them.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// The same model for rows that have more features, or in another order: its answers stay what they are. `None` if a feature
    /// that it knows is not among the names.
    pub fn over(&self, names: Vec<String>) -> Option<Self> {
        let place = |own: &String| names.iter().position(|name| name == own);
        let places: Vec<usize> = self.names.iter().map(place).collect::<Option<_>>()?;
        let moved = |tree: &Tree| tree.moved(&places);
        let trees = self.trees.iter().map(moved).collect::<Option<_>>()?;
        let mut importances = vec![0.0; names.len()];
        for (place, share) in places.iter().zip(&self.importances) {
            if let Some(there) = importances.get_mut(*place) {
                *there = *share;
            }
        }
        Some(Self::new(names, trees, self.link, importances))
    }

    /// How many trees.
    pub const fn trees(&self) -> usize {
        self.trees.len()
    }

    /// How many nodes all trees have together.
    pub fn nodes(&self) -> usize {
        self.trees.iter().map(Tree::len).sum()
    }

    /// What the sum of the leaves is.
    pub const fn link(&self) -> Link {
        self.link
    }

    /// The sum of the leaves a row ends in: what explanations add up to.
    pub fn raw(&self, row: &[f32]) -> f64 {
        let (groups, rest) = self.trees.as_chunks::<SIDE_BY_SIDE>();
        let mut sum = 0.0;
        for (group, depth) in groups.iter().zip(&self.depths) {
            // One tree waits for its next node most of the time; several wait together.
            let mut places = [0; SIDE_BY_SIDE];
            for _ in 0..*depth {
                for (tree, place) in group.iter().zip(&mut places) {
                    *place = tree.next(*place, row);
                }
            }
            for (tree, place) in group.iter().zip(places) {
                sum += f64::from(tree.value(place));
            }
        }
        for tree in rest {
            sum += f64::from(tree.leaf(row));
        }
        sum
    }

    /// Log-odds of a row: what is calibrated.
    pub fn margin(&self, row: &[f32]) -> f64 {
        match self.link {
            Link::Logistic => self.raw(row),
            Link::Identity => logit(self.raw(row)),
        }
    }

    /// Probability of a row as the model itself has it, before calibration.
    pub fn probability(&self, row: &[f32]) -> f64 {
        match self.link {
            Link::Logistic => sigmoid(self.raw(row)),
            Link::Identity => self.raw(row).clamp(0.0, 1.0),
        }
    }

    /// Log-odds of all rows.
    pub fn margins(&self, matrix: &Matrix) -> Vec<f64> {
        matrix.iter().map(|row| self.margin(row)).collect()
    }

    /// Probabilities of all rows, before calibration.
    pub fn probabilities(&self, matrix: &Matrix) -> Vec<f64> {
        matrix.iter().map(|row| self.probability(row)).collect()
    }

    /// How much each feature gained over all questions, as a share of the whole; all 0 for a model that came without.
    pub fn importances(&self) -> &[f64] {
        &self.importances
    }
}
