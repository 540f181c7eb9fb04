//! Curves over all thresholds, thinned out so that they can be drawn.

use super::{classes, ranked};
use crate::number::{floor, real};

/// A point of a curve.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// The threshold at which it is so; infinite at the beginning, where nothing is found.
    pub threshold: f64,
    /// False-positive rate (ROC) or recall (precision and recall).
    pub x: f64,
    /// Recall (ROC) or precision (precision and recall).
    pub y: f64,
}

/// Points from the highest threshold to the lowest.
pub type Curve = Vec<Point>;

/// Recall over false-positive rate, with at most so many points (at least two). Empty without both classes.
pub fn roc_curve(scores: &[f64], labels: &[bool], points: usize) -> Curve {
    let ties = ranked(scores, labels);
    let Some((positives, negatives)) = classes(&ties) else {
        return Vec::new();
    };
    let (mut found, mut wrong) = (0.0, 0.0);
    let mut curve = vec![Point {
        threshold: f64::INFINITY,
        x: 0.0,
        y: 0.0,
    }];
    for tie in ties {
        found += real(tie.positives);
        wrong += real(tie.negatives);
        curve.push(Point {
            threshold: tie.score,
            x: wrong / negatives,
            y: found / positives,
        });
    }
    thinned(curve, points)
}

/// Precision over recall, with at most so many points (at least two). Empty without both classes.
pub fn precision_recall_curve(scores: &[f64], labels: &[bool], points: usize) -> Curve {
    let ties = ranked(scores, labels);
    let Some((positives, _)) = classes(&ties) else {
        return Vec::new();
    };
    let (mut found, mut rows) = (0.0, 0.0);
    let mut curve = vec![Point {
        threshold: f64::INFINITY,
        x: 0.0,
        y: 1.0,
    }];
    for tie in ties {
        found += real(tie.positives);
        rows += real(tie.positives + tie.negatives);
        curve.push(Point {
            threshold: tie.score,
            x: found / positives,
            y: found / rows,
        });
    }
    thinned(curve, points)
}

/// Leaves points out so that those that stay are about equally far from each other along the curve; the ends stay.
fn thinned(curve: Curve, points: usize) -> Curve {
    let points = points.max(2);
    if curve.len() <= points {
        return curve;
    }
    let distance = |a: &Point, b: &Point| (a.x - b.x).abs() + (a.y - b.y).abs();
    let pairs = || curve.iter().zip(curve.iter().skip(1));
    let whole: f64 = pairs().map(|(a, b)| distance(a, b)).sum();
    let steps = real(points - 2);
    let mut kept: Curve = curve.first().copied().into_iter().collect();
    let mut gone = 0.0;
    let mut last_step = 0;
    for (a, b) in pairs() {
        gone += distance(a, b);
        let step = floor(gone / whole * steps);
        if step > last_step && kept.len() < points - 1 {
            last_step = step;
            kept.push(*b);
        }
    }
    if let Some(end) = curve.last()
        && kept.last() != Some(end)
    {
        kept.push(*end);
    }
    kept
}
