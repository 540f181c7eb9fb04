//! One decision tree in flat arrays: a row goes to the yes-child where its value is below the threshold, else to the
//! no-child; a missing value goes where the node says. A child always lies behind its parent, so every walk ends.
//!
//! The no-child lies behind the yes-child, and a leaf leads to itself: the next node is a sum, not a decision. Processors guess
//! decisions, and guess every second one of these wrong.

use crate::number::{narrow, position, short};

/// Set in `feature` when missing values go to the yes-child.
const MISSING_YES: u32 = 1 << 31;

/// A question or a leaf.
#[derive(Debug, Clone, Copy)]
struct Node {
    feature: u32,
    /// Not a number in a leaf: nothing is below it.
    threshold: f32,
    /// The yes-child; the no-child is the next. In a leaf, one less than itself.
    child: u32,
}

impl PartialEq for Node {
    /// Leaves are equal, though what is not a number equals nothing.
    fn eq(&self, other: &Self) -> bool {
        let both = (self.feature, self.child) == (other.feature, other.child);
        both && self.threshold.to_bits() == other.threshold.to_bits()
    }
}

impl Node {
    const fn is_leaf(&self) -> bool {
        self.threshold.is_nan()
    }

    /// Where a row goes from here; from a leaf, nowhere.
    #[inline]
    fn next(&self, row: &[f32]) -> usize {
        let column = position(self.feature & !MISSING_YES);
        let value = row.get(column).copied().unwrap_or(f32::NAN);
        let is_missing_yes = self.feature & MISSING_YES != 0;
        // `|` and `&` on purpose: both sides are worked out, so that nothing is decided.
        let is_yes = (value < self.threshold) | (value.is_nan() & is_missing_yes);
        position(self.child.wrapping_add(u32::from(!is_yes)))
    }
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
    /// What each leaf says; nothing for questions.
    values: Vec<f32>,
    /// How many rows came by each node when it was made; 0 where nobody knows.
    covers: Vec<f32>,
}

impl Tree {
    /// Adds a leaf and says where it is.
    pub(crate) fn push_leaf(&mut self, value: f32, cover: f32) -> usize {
        let at = self.nodes.len();
        self.nodes.push(Node {
            feature: 0,
            threshold: f32::NAN,
            child: short(at).wrapping_sub(1),
        });
        self.values.push(value);
        self.covers.push(cover);
        at
    }

    /// Makes a leaf a question. Its children must lie behind it, the no-child next to the yes-child, and the threshold must be
    /// a number; else nothing happens, and the answer is `false`.
    pub(crate) fn ask(&mut self, at: usize, question: &Question) -> bool {
        let feature = short(question.feature);
        let are_children = question.yes > at && question.no == question.yes + 1;
        if feature >= MISSING_YES || !are_children || question.threshold.is_nan() {
            return false;
        }
        let (Some(node), Some(value)) = (self.nodes.get_mut(at), self.values.get_mut(at)) else {
            return false;
        };
        *value = 0.0;
        *node = Node {
            feature: if question.is_missing_yes {
                feature | MISSING_YES
            } else {
                feature
            },
            threshold: question.threshold,
            child: short(question.yes),
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
        if node.is_leaf() {
            return self.values.get(at).copied().map(Step::Leaf);
        }
        Some(Step::Split(Question {
            feature: position(node.feature & !MISSING_YES),
            threshold: node.threshold,
            is_missing_yes: node.feature & MISSING_YES != 0,
            yes: position(node.child),
            no: position(node.child) + 1,
        }))
    }

    /// The value of the leaf a row ends in. A feature the row does not have is missing.
    pub(crate) fn leaf(&self, row: &[f32]) -> f32 {
        let mut at = 0;
        while let Some(node) = self.nodes.get(at) {
            if node.is_leaf() {
                break;
            }
            at = node.next(row);
        }
        self.value(at)
    }

    /// Where a row goes from a node; from a leaf, nowhere.
    #[inline]
    pub(crate) fn next(&self, at: usize, row: &[f32]) -> usize {
        self.nodes.get(at).map_or(at, |node| node.next(row))
    }

    /// What a leaf says.
    pub(crate) fn value(&self, at: usize) -> f32 {
        self.values.get(at).copied().unwrap_or(0.0)
    }

    /// How many questions the longest way asks.
    pub(crate) fn depth(&self) -> usize {
        let mut depths = vec![0_usize; self.len()];
        let mut deepest = 0;
        for at in 0..self.len() {
            let own = depths.get(at).copied().unwrap_or(0);
            deepest = deepest.max(own);
            if let Some(Step::Split(question)) = self.step(at) {
                for child in [question.yes, question.no] {
                    if let Some(depth) = depths.get_mut(child) {
                        *depth = own + 1;
                    }
                }
            }
        }
        deepest
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
        for (node, value) in self.nodes.iter().zip(&mut self.values) {
            if node.is_leaf() {
                *value = narrow(f64::from(*value) + by);
            }
        }
    }

    /// The same tree for rows in which features stand elsewhere: the place of each. `None` if a question asks for a feature that has
    /// no place.
    pub(crate) fn moved(&self, places: &[usize]) -> Option<Self> {
        let mut moved = self.clone();
        for node in moved.nodes.iter_mut().filter(|node| !node.is_leaf()) {
            let place = short(*places.get(position(node.feature & !MISSING_YES))?);
            if place >= MISSING_YES {
                return None;
            }
            node.feature = (node.feature & MISSING_YES) | place;
        }
        Some(moved)
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
    fn children_before_their_parent_or_apart_are_refused() {
        let mut tree = stump(false);
        for (yes, no) in [(0, 1), (1, 2), (2, 4), (3, 2)] {
            let question = Question {
                feature: 0,
                threshold: 0.0,
                is_missing_yes: false,
                yes,
                no,
            };
            assert!(!tree.ask(1, &question), "{yes} {no}");
        }
        assert_eq!(tree.step(1), Some(Step::Leaf(-1.0)));
    }
}
