//! Platt's calibration: a logistic curve from margins to probabilities, so that of those said to be 70 % seven in ten are.
//!
//! Must be fitted on rows the model did not learn from.

use thiserror::Error;

use crate::number::sigmoid;

/// Why there is no calibration.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
#[error("a calibration needs rows of both classes")]
pub struct OneClass;

/// `probability = 1 / (1 + e^-(a · margin + b))`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Calibration {
    /// Slope; 1 changes nothing.
    pub a: f64,
    /// Shift; 0 changes nothing.
    pub b: f64,
}

impl Calibration {
    /// What leaves margins as they are.
    pub const NONE: Self = Self { a: 1.0, b: 0.0 };

    /// Fits the curve. Labels are smoothed as Platt does: with few rows of a class, none is taken for certain.
    pub fn fit(margins: &[f64], labels: &[bool]) -> Result<Self, OneClass> {
        Self::fit_weighted(margins, labels, &vec![1.0; margins.len()])
    }

    /// The same with rows that count so many times each. A weight that is not positive leaves its row out.
    ///
    /// # Errors
    /// [`OneClass`] if rows of one class are left.
    pub fn fit_weighted(
        margins: &[f64],
        labels: &[bool],
        weights: &[f64],
    ) -> Result<Self, OneClass> {
        let rows: Vec<(f64, bool, f64)> = margins
            .iter()
            .zip(labels)
            .zip(weights)
            .filter(|((margin, _), weight)| {
                margin.is_finite() && weight.is_finite() && **weight > 0.0
            })
            .map(|((margin, label), weight)| (*margin, *label, *weight))
            .collect();
        let sum = |which: bool| {
            rows.iter()
                .filter(|(_, label, _)| *label == which)
                .map(|(_, _, weight)| *weight)
                .sum::<f64>()
        };
        let (n_positive, n_negative) = (sum(true), sum(false));
        if n_positive <= 0.0 || n_negative <= 0.0 {
            return Err(OneClass);
        }
        let positive = (n_positive + 1.0) / (n_positive + 2.0);
        let negative = 1.0 / (n_negative + 2.0);
        let targets: Vec<Target> = rows
            .iter()
            .map(|(margin, label, weight)| Target {
                margin: *margin,
                at: if *label { positive } else { negative },
                weight: *weight,
            })
            .collect();
        let start = Self {
            a: 0.0,
            b: ((n_positive + 1.0) / (n_negative + 1.0)).ln(),
        };
        Ok(descend(start, &targets))
    }

    /// The probability for a margin.
    pub fn probability(&self, margin: f64) -> f64 {
        sigmoid(self.margin(margin))
    }

    /// The log-odds of that probability.
    pub fn margin(&self, margin: f64) -> f64 {
        self.a.mul_add(margin, self.b)
    }

    /// The margin at which the probability is this.
    pub fn margin_at(&self, probability: f64) -> Option<f64> {
        let margin = ((probability / (1.0 - probability)).ln() - self.b) / self.a;
        (self.a > 0.0 && margin.is_finite()).then_some(margin)
    }
}

/// A row: where it stands, the probability it should have, how often it counts.
struct Target {
    margin: f64,
    at: f64,
    weight: f64,
}

/// Newton's method on two parameters, halving steps that do not help.
fn descend(start: Calibration, targets: &[Target]) -> Calibration {
    let mut at = start;
    let mut loss = loss_of(at, targets);
    for _ in 0..100 {
        // A little on the diagonal, for margins that are all the same.
        let (mut aa, mut ab, mut bb) = (1e-12, 0.0, 1e-12);
        let (mut da, mut db) = (0.0, 0.0);
        for Target {
            margin,
            at: target,
            weight,
        } in targets
        {
            let p = at.probability(*margin);
            let second = weight * (p * (1.0 - p));
            aa += margin * margin * second;
            ab += margin * second;
            bb += second;
            da += weight * (margin * (p - target));
            db += weight * (p - target);
        }
        let determinant = aa * bb - ab * ab;
        if da.abs() < 1e-9 && db.abs() < 1e-9 || determinant <= 0.0 {
            break;
        }
        let step_a = (bb * da - ab * db) / determinant;
        let step_b = (aa * db - ab * da) / determinant;
        let mut length = 1.0;
        let next = loop {
            let next = Calibration {
                a: at.a - length * step_a,
                b: at.b - length * step_b,
            };
            let next_loss = loss_of(next, targets);
            if next_loss < loss {
                loss = next_loss;
                break Some(next);
            }
            length /= 2.0;
            if length < 1e-10 {
                break None;
            }
        };
        match next {
            Some(next) => at = next,
            None => break,
        }
    }
    at
}

fn loss_of(at: Calibration, targets: &[Target]) -> f64 {
    targets
        .iter()
        .map(
            |Target {
                 margin,
                 at: target,
                 weight,
             }| {
                let z = at.margin(*margin);
                // -(t ln p + (1 - t) ln(1 - p)), without overflow.
                weight * ((-z.abs()).exp().ln_1p() + z.max(0.0) - target * z)
            },
        )
        .sum()
}

#[cfg(test)]
mod tests;
