//! One decision tree in flat arrays: a row goes to the yes-child where its value is below the threshold, else to the
//! no-child; a missing value goes where the node says. A child always lies behind its parent, so every walk ends.

use crate::number::{narrow, position, short};

/// The feature of a leaf.
const LEAF: u32 = u32::MAX;
/// Set in `feature` when missing values go to the yes-child.
const MISSING_YES: u32 = 1 << 31;

/// A node: sixteen bytes, so that four lie in a cache line.
#[derive(Debug, Clone, Copy, PartialEq)]
struct Node {
    feature: u32,
    /// The threshold; in a leaf, its value.
    value: f32,
    yes: u32,
    no: u32,
}

/// What a node is, for those who walk the whole tree.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) enum Step {
    /// The end.
    Leaf(f32),
    /// A question.
    Split(Question),
}

/// `feature < threshold`?
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Question {
    pub(crate) feature: usize,
    pub(crate) threshold: f32,
    pub(crate) is_missing_yes: bool,
    pub(crate) yes: usize,
    pub(crate) no: usize,
}

impl Question {
    /// Whether a value goes to the yes-child.
    pub(crate) fn is_yes(&self, value: f32) -> bool {
        if value.is_nan() {
            self.is_missing_yes
        } else {
            value < self.threshold
        }
    }
}

/// A tree. The root is node 0.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Tree {
    nodes: Vec<Node>,
    /// How many rows came by each node when it was made; 0 where nobody knows.
    covers: Vec<f32>,
}

impl Tree {
    /// Adds a leaf and says where it is.
    pub(crate) fn push_leaf(&mut self, value: f32, cover: f32) -> usize {
        self.nodes.push(Node {
            feature: LEAF,
            value,
            yes: 0,
            no: 0,
        });
        self.covers.push(cover);
        self.nodes.len() - 1
    }

    /// Makes a leaf a question. Children must lie behind it; else nothing happens, and the answer is `false`.
    pub(crate) fn ask(&mut self, at: usize, question: &Question) -> bool {
        let feature = short(question.feature);
        if feature >= MISSING_YES - 1 || question.yes <= at || question.no <= at {
            return false;
        }
        let Some(node) = self.nodes.get_mut(at) else {
            return false;
        };
        *node = Node {
            feature: if question.is_missing_yes {
                feature | MISSING_YES
            } else {
                feature
            },
            value: question.threshold,
            yes: short(question.yes),
            no: short(question.no),
        };
        true
    }

    /// How many nodes.
    pub(crate) const fn len(&self) -> usize {
        self.nodes.len()
    }

    /// What stands at a node.
    pub(crate) fn step(&self, at: usize) -> Option<Step> {
        let node = self.nodes.get(at)?;
        if node.feature == LEAF {
            return Some(Step::Leaf(node.value));
        }
        Some(Step::Split(Question {
            feature: position(node.feature & !MISSING_YES),
            threshold: node.value,
            is_missing_yes: node.feature & MISSING_YES != 0,
            yes: position(node.yes),
            no: position(node.no),
        }))
    }

    /// The value of the leaf a row ends in. A feature the row does not have is missing.
    pub(crate) fn leaf(&self, row: &[f32]) -> f32 {
        let mut at = 0;
        while let Some(node) = self.nodes.get(at) {
            if node.feature == LEAF {
                return node.value;
            }
            let column = position(node.feature & !MISSING_YES);
            let value = row.get(column).copied().unwrap_or(f32::NAN);
            let is_yes = value < node.value || (value.is_nan() && node.feature & MISSING_YES != 0);
            at = position(if is_yes { node.yes } else { node.no });
        }
        0.0
    }

    /// How many rows came by a node when the tree was made.
    pub(crate) fn cover(&self, at: usize) -> f32 {
        self.covers.get(at).copied().unwrap_or(0.0)
    }

    /// All nodes in their order.
    pub(crate) fn steps(&self) -> impl Iterator<Item = Step> + '_ {
        (0..self.len()).filter_map(|at| self.step(at))
    }

    /// Adds to every leaf.
    pub(crate) fn shift(&mut self, by: f64) {
        for node in self.nodes.iter_mut().filter(|node| node.feature == LEAF) {
            node.value = narrow(f64::from(node.value) + by);
        }
    }

    /// Says how many rows came by each node; ignored unless there is one number for each.
    pub(crate) fn set_covers(&mut self, covers: Vec<f32>) {
        if covers.len() == self.nodes.len() {
            self.covers = covers;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stump(is_missing_yes: bool) -> Tree {
        let mut tree = Tree::default();
        let root = tree.push_leaf(0.0, 3.0);
        let yes = tree.push_leaf(-1.0, 2.0);
        let no = tree.push_leaf(1.0, 1.0);
        let question = Question {
            feature: 1,
            threshold: 0.5,
            is_missing_yes,
            yes,
            no,
        };
        assert!(tree.ask(root, &question));
        tree
    }

    #[test]
    fn a_row_goes_below_the_threshold_or_not_and_a_missing_value_where_the_node_says() {
        for (value, is_missing_yes, leaf) in [
            (0.4, false, -1.0),
            (0.5, false, 1.0),
            (f32::NAN, false, 1.0),
            (f32::NAN, true, -1.0),
            (f32::INFINITY, true, 1.0),
        ] {
            let tree = stump(is_missing_yes);
            assert!(
                (tree.leaf(&[9.0, value]) - leaf).abs() < f32::EPSILON,
                "{value}"
            );
        }
        // A row that is too short has the feature missing.
        assert!((stump(true).leaf(&[]) + 1.0).abs() < f32::EPSILON);
    }

    #[test]
    fn a_child_before_its_parent_is_refused() {
        let mut tree = stump(false);
        let back = Question {
            feature: 0,
            threshold: 0.0,
            is_missing_yes: false,
            yes: 0,
            no: 2,
        };
        assert!(!tree.ask(1, &back));
        assert_eq!(tree.step(1), Some(Step::Leaf(-1.0)));
    }
}
