//! Platt's calibration: a logistic curve from margins to probabilities, so that of those said to be 70 % seven in ten are.
//!
//! Must be fitted on rows the model did not learn from.

use thiserror::Error;

use crate::number::{real, sigmoid};

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
        let rows: Vec<(f64, bool)> = margins
            .iter()
            .zip(labels)
            .filter(|(margin, _)| margin.is_finite())
            .map(|(margin, label)| (*margin, *label))
            .collect();
        let n_positive = rows.iter().filter(|(_, label)| *label).count();
        let n_negative = rows.len() - n_positive;
        if n_positive == 0 || n_negative == 0 {
            return Err(OneClass);
        }
        let positive = (real(n_positive) + 1.0) / (real(n_positive) + 2.0);
        let negative = 1.0 / (real(n_negative) + 2.0);
        let targets: Vec<(f64, f64)> = rows
            .iter()
            .map(|(margin, label)| (*margin, if *label { positive } else { negative }))
            .collect();
        let start = Self {
            a: 0.0,
            b: ((real(n_positive) + 1.0) / (real(n_negative) + 1.0)).ln(),
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

/// Newton's method on two parameters, halving steps that do not help.
fn descend(start: Calibration, targets: &[(f64, f64)]) -> Calibration {
    let mut at = start;
    let mut loss = loss_of(at, targets);
    for _ in 0..100 {
        // A little on the diagonal, for margins that are all the same.
        let (mut aa, mut ab, mut bb) = (1e-12, 0.0, 1e-12);
        let (mut da, mut db) = (0.0, 0.0);
        for (margin, target) in targets {
            let p = at.probability(*margin);
            let second = p * (1.0 - p);
            aa += margin * margin * second;
            ab += margin * second;
            bb += second;
            da += margin * (p - target);
            db += p - target;
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

fn loss_of(at: Calibration, targets: &[(f64, f64)]) -> f64 {
    targets
        .iter()
        .map(|(margin, target)| {
            let z = at.margin(*margin);
            // -(t ln p + (1 - t) ln(1 - p)), without overflow.
            (-z.abs()).exp().ln_1p() + z.max(0.0) - target * z
        })
        .sum()
}

#[cfg(test)]
mod tests;
