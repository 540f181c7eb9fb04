//! Grows one tree on histograms, best question first. Knows gradients, not what they are the gradients of.
//!
//! Must never depend on the order of anything but rows and columns: the same input gives the same tree.

pub(crate) mod bins;

use crate::dice::Dice;
use crate::number::{narrow, position, real};
use crate::tree::{Question, Tree};

pub(crate) use bins::Bins;

/// What a column must do to the answer.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Trend {
    /// Anything.
    #[default]
    Free,
    /// Larger values never lower the answer.
    Rising,
    /// Larger values never raise the answer.
    Falling,
}

/// How a tree grows.
#[derive(Debug, Clone)]
pub(crate) struct Rules<'a> {
    pub(crate) max_depth: u32,
    pub(crate) max_leaves: usize,
    /// Smallest sum of second derivatives a child may have.
    pub(crate) min_child_weight: f64,
    pub(crate) l2: f64,
    pub(crate) min_gain: f64,
    /// What leaves are multiplied by.
    pub(crate) shrink: f64,
    /// How many columns each question may choose from; `None` means all.
    pub(crate) per_node: Option<usize>,
    /// For each column; what is missing at the end is free.
    pub(crate) trends: &'a [Trend],
}

/// Sums of first and second derivatives.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
struct Sums {
    g: f64,
    h: f64,
}

impl Sums {
    fn plus(self, other: Self) -> Self {
        Self {
            g: self.g + other.g,
            h: self.h + other.h,
        }
    }

    fn minus(self, other: Self) -> Self {
        Self {
            g: self.g - other.g,
            h: self.h - other.h,
        }
    }
}

/// The least and the most a leaf may say, so that trends hold further down too.
#[derive(Debug, Clone, Copy)]
struct Bounds {
    low: f64,
    high: f64,
}

#[derive(Debug, Clone, Copy)]
struct Choice {
    column: usize,
    /// Bins up to this one go to the yes-child.
    last_yes: u8,
    threshold: f32,
    is_missing_yes: bool,
    gain: f64,
    yes: Sums,
    no: Sums,
    yes_weight: f64,
    no_weight: f64,
}

/// A leaf that could still be asked a question.
struct Open {
    node: usize,
    start: usize,
    end: usize,
    depth: u32,
    bounds: Bounds,
    histogram: Vec<Sums>,
    choice: Choice,
}

/// What questions about each column gained, over all trees.
#[derive(Debug)]
pub(crate) struct Gains {
    by_column: Vec<f64>,
}

impl Gains {
    pub(crate) fn new(columns: usize) -> Self {
        Self {
            by_column: vec![0.0; columns],
        }
    }

    fn add(&mut self, column: usize, gain: f64) {
        if let Some(sum) = self.by_column.get_mut(column) {
            *sum += gain;
        }
    }

    /// Shares of the whole.
    pub(crate) fn shares(&self) -> Vec<f64> {
        let whole: f64 = self.by_column.iter().sum();
        let share = |gain: &f64| if whole > 0.0 { gain / whole } else { 0.0 };
        self.by_column.iter().map(share).collect()
    }
}

/// One tree on some rows. `derivatives` are first and second, for every row of the data.
pub(crate) fn grow(
    bins: &Bins,
    mut rows: Vec<u32>,
    derivatives: &[(f32, f32)],
    columns: &[usize],
    rules: &Rules<'_>,
    dice: &mut Dice,
    gains: &mut Gains,
) -> Tree {
    let mut grower = Grower {
        bins,
        derivatives,
        columns,
        rules,
        dice,
        gains,
        gathered: Vec::new(),
        tree: Tree::default(),
    };
    grower.grow(&mut rows);
    grower.tree
}

struct Grower<'a> {
    bins: &'a Bins,
    derivatives: &'a [(f32, f32)],
    columns: &'a [usize],
    rules: &'a Rules<'a>,
    dice: &'a mut Dice,
    gains: &'a mut Gains,
    /// The derivatives of the rows of one node, one after the other.
    gathered: Vec<(f32, f32)>,
    tree: Tree,
}

impl Grower<'_> {
    fn grow(&mut self, rows: &mut [u32]) {
        let sums = self.sums(rows);
        let bounds = Bounds {
            low: f64::NEG_INFINITY,
            high: f64::INFINITY,
        };
        let weight = self.weight(sums, bounds);
        let root = self.push(weight, rows.len());
        let mut open: Vec<Open> = Vec::new();
        if self.rules.max_depth > 0 {
            let histogram = self.histogram_of(rows);
            open.extend(self.open(root, (0, rows.len()), 0, sums, bounds, histogram));
        }
        let mut n_leaves = 1;
        while n_leaves < self.rules.max_leaves {
            let Some(best) = best(&open) else { break };
            let leaf = open.swap_remove(best);
            self.split(leaf, rows, &mut open);
            n_leaves += 1;
        }
    }

    /// Asks the question a leaf has chosen, and looks for those of its children.
    fn split(&mut self, leaf: Open, rows: &mut [u32], open: &mut Vec<Open>) {
        let choice = leaf.choice;
        let Some(own) = rows.get_mut(leaf.start..leaf.end) else {
            return;
        };
        let middle = leaf.start + self.partition(own, &choice);
        let yes = self.push(choice.yes_weight, middle - leaf.start);
        let no = self.push(choice.no_weight, leaf.end - middle);
        let question = Question {
            feature: choice.column,
            threshold: choice.threshold,
            is_missing_yes: choice.is_missing_yes,
            yes,
            no,
        };
        self.tree.ask(leaf.node, &question);
        self.gains.add(choice.column, choice.gain);
        let depth = leaf.depth + 1;
        if depth >= self.rules.max_depth {
            return;
        }
        let (yes_bounds, no_bounds) = self.bounds(leaf.bounds, &choice);
        let yes_rows = rows.get(leaf.start..middle).unwrap_or_default();
        let no_rows = rows.get(middle..leaf.end).unwrap_or_default();
        let (yes_histogram, no_histogram) = if self.rules.per_node.is_some() {
            (Vec::new(), Vec::new())
        } else if yes_rows.len() <= no_rows.len() {
            let small = self.histogram(yes_rows, self.columns);
            let large = difference(leaf.histogram, &small);
            (small, large)
        } else {
            let small = self.histogram(no_rows, self.columns);
            let large = difference(leaf.histogram, &small);
            (large, small)
        };
        let yes_place = (leaf.start, middle);
        let no_place = (middle, leaf.end);
        for (node, place, rows, sums, bounds, histogram) in [
            (
                yes,
                yes_place,
                yes_rows,
                choice.yes,
                yes_bounds,
                yes_histogram,
            ),
            (no, no_place, no_rows, choice.no, no_bounds, no_histogram),
        ] {
            if sums.h < 2.0 * self.min_child_weight() {
                continue;
            }
            let histogram = if self.rules.per_node.is_some() {
                self.histogram_of(rows)
            } else {
                (self.columns.to_vec(), histogram)
            };
            open.extend(self.open(node, place, depth, sums, bounds, histogram));
        }
    }

    /// A leaf with the best question for it, if one is worth asking.
    fn open(
        &self,
        node: usize,
        (start, end): (usize, usize),
        depth: u32,
        sums: Sums,
        bounds: Bounds,
        (columns, histogram): (Vec<usize>, Vec<Sums>),
    ) -> Option<Open> {
        let choice = self.choose(sums, bounds, &columns, &histogram)?;
        Some(Open {
            node,
            start,
            end,
            depth,
            bounds,
            histogram,
            choice,
        })
    }

    /// The columns a node may choose from, and their histogram.
    fn histogram_of(&mut self, rows: &[u32]) -> (Vec<usize>, Vec<Sums>) {
        let columns = match self.rules.per_node {
            Some(n) => self.dice.sample(self.columns, n),
            None => self.columns.to_vec(),
        };
        let histogram = self.histogram(rows, &columns);
        (columns, histogram)
    }

    /// Sums by bin, one column after the other.
    fn histogram(&mut self, rows: &[u32], columns: &[usize]) -> Vec<Sums> {
        let derivatives = self.derivatives;
        self.gathered.clear();
        self.gathered.extend(
            rows.iter()
                .filter_map(|row| derivatives.get(position(*row)).copied()),
        );
        let mut histogram = Vec::new();
        for column in columns {
            let start = histogram.len();
            histogram.resize(start + self.bins.width(*column), Sums::default());
            let Some(sums) = histogram.get_mut(start..) else {
                continue;
            };
            let codes = self.bins.column(*column);
            for (row, (g, h)) in rows.iter().zip(&self.gathered) {
                if let Some(code) = codes.get(position(*row))
                    && let Some(bin) = sums.get_mut(usize::from(*code))
                {
                    bin.g += f64::from(*g);
                    bin.h += f64::from(*h);
                }
            }
        }
        histogram
    }

    fn choose(
        &self,
        sums: Sums,
        bounds: Bounds,
        columns: &[usize],
        histogram: &[Sums],
    ) -> Option<Choice> {
        let stay = self.worth(sums, self.weight(sums, bounds));
        let mut best: Option<Choice> = None;
        let mut start = 0;
        for column in columns {
            let width = self.bins.width(*column);
            let Some((missing, present)) = histogram
                .get(start..start + width)
                .and_then(<[Sums]>::split_first)
            else {
                continue;
            };
            start += width;
            // What is left of a difference of sums is not a missing value.
            let has_missing = missing.h > 1e-9;
            let mut yes = Sums::default();
            for (last_yes, bin) in (1..=u8::MAX).zip(present) {
                yes = yes.plus(*bin);
                let missing_no = self.weigh(*column, yes, sums.minus(yes), bounds, stay);
                let is_heavier = yes.h > sums.h - yes.h;
                let missing_yes = has_missing
                    .then(|| yes.plus(*missing))
                    .and_then(|yes| self.weigh(*column, yes, sums.minus(yes), bounds, stay));
                for (found, is_missing_yes) in [
                    (missing_no, !has_missing && is_heavier),
                    (missing_yes, true),
                ] {
                    if let Some(choice) = found
                        && best.is_none_or(|best| choice.gain > best.gain)
                    {
                        best = Some(Choice {
                            last_yes,
                            threshold: self.bins.threshold(*column, last_yes),
                            is_missing_yes,
                            ..choice
                        });
                    }
                }
            }
        }
        best
    }

    /// What a question gains, if it may be asked.
    fn weigh(
        &self,
        column: usize,
        yes: Sums,
        no: Sums,
        bounds: Bounds,
        stay: f64,
    ) -> Option<Choice> {
        let least = self.min_child_weight();
        if yes.h < least || no.h < least {
            return None;
        }
        let yes_weight = self.weight(yes, bounds);
        let no_weight = self.weight(no, bounds);
        let is_allowed = match self.trend(column) {
            Trend::Free => true,
            Trend::Rising => yes_weight <= no_weight,
            Trend::Falling => yes_weight >= no_weight,
        };
        let gain = self.worth(yes, yes_weight) + self.worth(no, no_weight) - stay;
        (is_allowed && gain > self.rules.min_gain).then_some(Choice {
            column,
            last_yes: 0,
            threshold: 0.0,
            is_missing_yes: false,
            gain,
            yes,
            no,
            yes_weight,
            no_weight,
        })
    }

    fn trend(&self, column: usize) -> Trend {
        self.rules.trends.get(column).copied().unwrap_or_default()
    }

    fn min_child_weight(&self) -> f64 {
        self.rules.min_child_weight.max(1e-6)
    }

    /// What a leaf with these sums should say.
    fn weight(&self, sums: Sums, bounds: Bounds) -> f64 {
        let whole = sums.h + self.rules.l2;
        if whole <= 0.0 {
            return 0.0;
        }
        (-sums.g / whole).clamp(bounds.low, bounds.high)
    }

    /// By how much saying so lowers the loss, twice.
    fn worth(&self, sums: Sums, weight: f64) -> f64 {
        -(2.0 * sums.g + (sums.h + self.rules.l2) * weight) * weight
    }

    fn bounds(&self, own: Bounds, choice: &Choice) -> (Bounds, Bounds) {
        let middle = f64::midpoint(choice.yes_weight, choice.no_weight);
        let below = Bounds {
            high: middle,
            ..own
        };
        let above = Bounds { low: middle, ..own };
        match self.trend(choice.column) {
            Trend::Free => (own, own),
            Trend::Rising => (below, above),
            Trend::Falling => (above, below),
        }
    }

    fn sums(&self, rows: &[u32]) -> Sums {
        let mut sums = Sums::default();
        for row in rows {
            if let Some((g, h)) = self.derivatives.get(position(*row)) {
                sums.g += f64::from(*g);
                sums.h += f64::from(*h);
            }
        }
        sums
    }

    fn push(&mut self, weight: f64, n_rows: usize) -> usize {
        self.tree
            .push_leaf(narrow(weight * self.rules.shrink), narrow(real(n_rows)))
    }

    /// Puts the rows of the yes-child first, each side in its order, and says how many they are.
    fn partition(&self, rows: &mut [u32], choice: &Choice) -> usize {
        let codes = self.bins.column(choice.column);
        let is_yes = |row: &u32| {
            let code = codes.get(position(*row)).copied().unwrap_or(0);
            if code == 0 {
                choice.is_missing_yes
            } else {
                code <= choice.last_yes
            }
        };
        let (yes, no): (Vec<u32>, Vec<u32>) = rows.iter().partition(|row| is_yes(row));
        let n_yes = yes.len();
        for (slot, row) in rows.iter_mut().zip(yes.into_iter().chain(no)) {
            *slot = row;
        }
        n_yes
    }
}

/// The leaf whose question gains most; the first of equals.
fn best(open: &[Open]) -> Option<usize> {
    let mut best: Option<(usize, f64, usize)> = None;
    for (place, leaf) in open.iter().enumerate() {
        let gain = leaf.choice.gain;
        if best.is_none_or(|(_, most, node)| gain > most || (gain >= most && leaf.node < node)) {
            best = Some((place, gain, leaf.node));
        }
    }
    best.map(|(place, _, _)| place)
}

/// The histogram of the other child, without counting again.
fn difference(mut whole: Vec<Sums>, part: &[Sums]) -> Vec<Sums> {
    for (left, taken) in whole.iter_mut().zip(part) {
        *left = left.minus(*taken);
    }
    whole
}
