//! How good scores are. A row counts as found when its score is at least the threshold.
//!
//! Must never be fed rows the model learned from: it cannot know.

pub mod curve;
pub mod interval;
pub mod threshold;
pub mod wilson;

use crate::number::{floor, real};

pub use curve::{Curve, Point, precision_recall_curve, roc_curve};
pub use interval::{Bootstrap, Interval, intervals};
pub use threshold::{Chosen, best_threshold};
pub use wilson::wilson;

/// Ranges for [`expected_calibration_error`] when nothing speaks for another number.
pub const CALIBRATION_RANGES: usize = 15;

/// Who was found and who was not.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Confusion {
    /// Positive and found.
    pub true_positives: usize,
    /// Negative, but found.
    pub false_positives: usize,
    /// Negative and not found.
    pub true_negatives: usize,
    /// Positive, but not found.
    pub false_negatives: usize,
}

impl Confusion {
    /// Counts at a threshold.
    pub fn at(scores: &[f64], labels: &[bool], threshold: f64) -> Self {
        let mut counts = Self::default();
        for (score, label) in scores.iter().zip(labels) {
            let cell = match (*score >= threshold, label) {
                (true, true) => &mut counts.true_positives,
                (true, false) => &mut counts.false_positives,
                (false, false) => &mut counts.true_negatives,
                (false, true) => &mut counts.false_negatives,
            };
            *cell += 1;
        }
        counts
    }

    /// Of the found, how many are positive; 0 if nothing was found.
    pub fn precision(&self) -> f64 {
        share(self.true_positives, self.false_positives)
    }

    /// Of the positive, how many were found; 0 if there are none.
    pub fn recall(&self) -> f64 {
        share(self.true_positives, self.false_negatives)
    }

    /// Harmonic mean of precision and recall.
    pub fn f1(&self) -> f64 {
        let found = 2 * self.true_positives;
        share(found, self.false_positives + self.false_negatives)
    }

    /// Of the negative, how many were found all the same; 0 if there are none.
    pub fn false_positive_rate(&self) -> f64 {
        share(self.false_positives, self.true_negatives)
    }

    /// How many rows were judged rightly.
    pub fn accuracy(&self) -> f64 {
        share(
            self.true_positives + self.true_negatives,
            self.false_positives + self.false_negatives,
        )
    }

    /// All rows.
    pub const fn rows(&self) -> usize {
        self.true_positives + self.false_positives + self.true_negatives + self.false_negatives
    }
}

fn share(part: usize, rest: usize) -> f64 {
    if part == 0 {
        0.0
    } else {
        real(part) / real(part + rest)
    }
}

/// Rows with the same score, with how many are positive and negative.
#[derive(Debug, Clone, Copy)]
struct Tie {
    score: f64,
    positives: usize,
    negatives: usize,
}

/// Scores from the highest to the lowest, equal ones together. What is not a number comes last.
fn ranked(scores: &[f64], labels: &[bool]) -> Vec<Tie> {
    let mut rows: Vec<(f64, bool)> = scores
        .iter()
        .zip(labels)
        .map(|(score, label)| {
            let score = if score.is_nan() {
                f64::NEG_INFINITY
            } else {
                *score
            };
            (score, *label)
        })
        .collect();
    rows.sort_unstable_by(|a, b| b.0.total_cmp(&a.0));
    let mut ties: Vec<Tie> = Vec::new();
    for (score, label) in rows {
        let (positives, negatives) = (usize::from(label), usize::from(!label));
        match ties.last_mut() {
            Some(last) if last.score <= score => {
                last.positives += positives;
                last.negatives += negatives;
            }
            _ => ties.push(Tie {
                score,
                positives,
                negatives,
            }),
        }
    }
    ties
}

/// How many rows are positive and negative; `None` if one class is missing.
fn classes(ties: &[Tie]) -> Option<(f64, f64)> {
    let positives: usize = ties.iter().map(|tie| tie.positives).sum();
    let negatives: usize = ties.iter().map(|tie| tie.negatives).sum();
    (positives > 0 && negatives > 0).then(|| (real(positives), real(negatives)))
}

/// Chance that a positive row scores higher than a negative one, equal scores counting half. `None` without both classes.
pub fn auc_roc(scores: &[f64], labels: &[bool]) -> Option<f64> {
    let ties = ranked(scores, labels);
    let (positives, negatives) = classes(&ties)?;
    let mut higher = 0.0;
    let mut area = 0.0;
    for tie in ties {
        let positive = real(tie.positives);
        area += real(tie.negatives) * (higher + positive / 2.0);
        higher += positive;
    }
    Some(area / (positives * negatives))
}

/// Average precision: precision at each score, weighted by the recall it adds. `None` without both classes.
pub fn auc_pr(scores: &[f64], labels: &[bool]) -> Option<f64> {
    let ties = ranked(scores, labels);
    let (positives, _) = classes(&ties)?;
    let (mut found, mut rows) = (0.0, 0.0);
    let mut area = 0.0;
    for tie in ties {
        found += real(tie.positives);
        rows += real(tie.positives + tie.negatives);
        area += real(tie.positives) / positives * (found / rows);
    }
    Some(area)
}

/// Mean surprise in nats; a probability is kept 1e-15 away from 0 and 1. `None` without rows.
pub fn log_loss(probabilities: &[f64], labels: &[bool]) -> Option<f64> {
    mean(probabilities, labels, |p, label| {
        let p = p.clamp(1e-15, 1.0 - 1e-15);
        -(if label { p } else { 1.0 - p }).ln()
    })
}

/// Mean squared distance from the truth. `None` without rows.
pub fn brier(probabilities: &[f64], labels: &[bool]) -> Option<f64> {
    mean(probabilities, labels, |p, label| {
        (p - if label { 1.0 } else { 0.0 }).powi(2)
    })
}

fn mean(probabilities: &[f64], labels: &[bool], of: impl Fn(f64, bool) -> f64) -> Option<f64> {
    let n = probabilities.len().min(labels.len());
    let rows = probabilities.iter().zip(labels);
    let sum: f64 = rows.map(|(p, label)| of(*p, *label)).sum();
    (n > 0).then(|| sum / real(n))
}

/// One range of probabilities in a calibration curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Range {
    /// How many rows.
    pub rows: usize,
    /// What was said on average.
    pub said: f64,
    /// How many were positive, as a share.
    pub was: f64,
}

/// What was said against what was, in ranges of equal width from 0 to 1; empty ranges are left out.
pub fn calibration_curve(probabilities: &[f64], labels: &[bool], ranges: usize) -> Vec<Range> {
    let mut sums = vec![(0_usize, 0.0, 0_usize); ranges.max(1)];
    let last = sums.len() - 1;
    for (p, label) in probabilities.iter().zip(labels) {
        let place = floor(p * real(last + 1)).min(last);
        if let Some((rows, said, positives)) = sums.get_mut(place) {
            *rows += 1;
            *said += p;
            *positives += usize::from(*label);
        }
    }
    sums.into_iter()
        .filter(|(rows, _, _)| *rows > 0)
        .map(|(rows, said, positives)| Range {
            rows,
            said: said / real(rows),
            was: real(positives) / real(rows),
        })
        .collect()
}

/// By how much probabilities are off on average, in ranges of equal width ([`CALIBRATION_RANGES`] usually). `None` without
/// rows.
pub fn expected_calibration_error(
    probabilities: &[f64],
    labels: &[bool],
    ranges: usize,
) -> Option<f64> {
    let n = probabilities.len().min(labels.len());
    let curve = calibration_curve(probabilities, labels, ranges);
    let sum: f64 = curve
        .iter()
        .map(|range| real(range.rows) * (range.said - range.was).abs())
        .sum();
    (n > 0).then(|| sum / real(n))
}

#[cfg(test)]
pub(crate) mod tests;
