//! Logistic regression: the baseline every other model must beat, and the only one whose weights can be read at a glance.
//! Features are standardised, a missing value counts as the mean, weights are kept small by L2. Newton's method, exact.

use crate::boost::{ClassWeight, FitError, class_weights};
use crate::matrix::{Dataset, Matrix};
use crate::number::{narrow, sigmoid};

/// How to regress.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Params {
    /// Penalty on the squares of the weights of standardised features (half of it, as in most libraries: 1 / C).
    pub l2: f64,
    /// How classes count.
    pub class_weight: ClassWeight,
    /// The most steps of Newton's method.
    pub steps: u32,
}

impl Default for Params {
    fn default() -> Self {
        Self {
            l2: 1.0,
            class_weight: ClassWeight::None,
            steps: 50,
        }
    }
}

/// What a feature is worth.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Weight {
    /// Mean of the feature where it was there.
    pub mean: f64,
    /// Its standard deviation; 1 if it never changed.
    pub deviation: f64,
    /// Log-odds for one standard deviation more.
    pub weight: f64,
}

/// A fitted regression.
#[derive(Debug, Clone, PartialEq)]
pub struct Logistic {
    pub(crate) names: Vec<String>,
    weights: Vec<Weight>,
    intercept: f64,
}

impl Logistic {
    /// Learns from rows.
    pub fn fit(train: &Dataset, params: &Params) -> Result<Self, FitError> {
        if !(params.l2 > 0.0 && params.l2.is_finite()) {
            return Err(FitError::Parameter("l2"));
        }
        let row_weights = class_weights(train, params.class_weight)?;
        let mut weights = standards(train.matrix(), &row_weights);
        let rows = standardised(train.matrix(), &weights);
        let mut problem = Problem {
            rows: &rows,
            labels: train.labels(),
            weights: &row_weights,
            l2: params.l2,
        };
        let found = problem.solve(params.steps);
        let mut found = found.into_iter().map(single);
        let intercept = found.next().unwrap_or(0.0);
        for (weight, slope) in weights.iter_mut().zip(found) {
            weight.weight = slope;
        }
        Ok(Self {
            names: train.matrix().names().to_vec(),
            weights,
            intercept,
        })
    }

    /// Puts a regression together from its parts, as it was kept.
    pub fn from_parts(names: Vec<String>, weights: Vec<Weight>, intercept: f64) -> Option<Self> {
        let are_right = |weight: &Weight| {
            weight.mean.is_finite()
                && weight.weight.is_finite()
                && weight.deviation.is_finite()
                && weight.deviation > 0.0
        };
        let is_right =
            names.len() == weights.len() && intercept.is_finite() && weights.iter().all(are_right);
        is_right.then_some(Self {
            names,
            weights,
            intercept,
        })
    }

    /// The names of the features, in the order in which a row has them.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// What each feature is worth.
    pub fn weights(&self) -> &[Weight] {
        &self.weights
    }

    /// Log-odds of a row in which every feature is at its mean.
    pub const fn intercept(&self) -> f64 {
        self.intercept
    }

    /// Log-odds of a row.
    pub fn margin(&self, row: &[f32]) -> f64 {
        self.intercept + self.contributions(row).iter().sum::<f64>()
    }

    /// Probability of a row as the model itself has it, before calibration.
    pub fn probability(&self, row: &[f32]) -> f64 {
        sigmoid(self.margin(row))
    }

    /// What each feature adds to the log-odds of a row; with the intercept they are the margin.
    pub fn contributions(&self, row: &[f32]) -> Vec<f64> {
        let value = |place: usize| row.get(place).copied().unwrap_or(f32::NAN);
        let weights = self.weights.iter().enumerate();
        weights
            .map(|(place, weight)| weight.weight * standard(value(place), weight))
            .collect()
    }

    /// Size of each weight, as a share of the sum of sizes.
    pub fn importances(&self) -> Vec<f64> {
        let whole: f64 = self.weights.iter().map(|weight| weight.weight.abs()).sum();
        let share = |weight: &Weight| {
            if whole > 0.0 {
                weight.weight.abs() / whole
            } else {
                0.0
            }
        };
        self.weights.iter().map(share).collect()
    }
}

/// Rounded to 32 bits, which is what files hold: a model that was kept gives the same scores.
fn single(value: f64) -> f64 {
    f64::from(narrow(value))
}

/// How far a value is from the mean, in standard deviations, within reason.
fn standard(value: f32, weight: &Weight) -> f64 {
    if value.is_nan() {
        return 0.0;
    }
    ((f64::from(value) - weight.mean) / weight.deviation).clamp(-1e6, 1e6)
}

fn standards(matrix: &Matrix, row_weights: &[f64]) -> Vec<Weight> {
    let of = |column: usize| {
        let there = || {
            matrix
                .column(column)
                .zip(row_weights)
                .filter(|(value, _)| value.is_finite())
                .map(|(value, weight)| (f64::from(value), *weight))
        };
        let whole: f64 = there().map(|(_, weight)| weight).sum();
        let mean = if whole > 0.0 {
            there().map(|(value, weight)| value * weight).sum::<f64>() / whole
        } else {
            0.0
        };
        let squares: f64 = there()
            .map(|(value, weight)| weight * (value - mean).powi(2))
            .sum();
        let deviation = if whole > 0.0 {
            (squares / whole).sqrt()
        } else {
            0.0
        };
        // A file has the inverse of the deviation.
        let scale = narrow(1.0 / deviation);
        let is_usable = scale.is_normal() && deviation > 1e-12;
        Weight {
            mean: single(mean),
            deviation: if is_usable {
                1.0 / f64::from(scale)
            } else {
                1.0
            },
            weight: 0.0,
        }
    };
    (0..matrix.columns()).map(of).collect()
}

/// Rows with a leading one for the intercept.
fn standardised(matrix: &Matrix, weights: &[Weight]) -> Vec<Vec<f64>> {
    matrix
        .iter()
        .map(|row| {
            let values = row.iter().zip(weights);
            std::iter::once(1.0)
                .chain(values.map(|(value, weight)| standard(*value, weight)))
                .collect()
        })
        .collect()
}

struct Problem<'a> {
    rows: &'a [Vec<f64>],
    labels: &'a [bool],
    weights: &'a [f64],
    l2: f64,
}

impl Problem<'_> {
    fn solve(&mut self, steps: u32) -> Vec<f64> {
        let n = self.rows.first().map_or(1, Vec::len);
        let mut at = vec![0.0; n];
        let mut loss = self.loss(&at);
        for _ in 0..steps {
            let (gradient, hessian) = self.derivatives(&at);
            let Some(step) = solve_positive(hessian, gradient) else {
                break;
            };
            // Halved until the loss falls: far from the solution a whole step can overshoot.
            let mut length = 1.0;
            let mut next = moved(&at, &step, length);
            let mut next_loss = self.loss(&next);
            while next_loss > loss && length > 1e-6 {
                length /= 2.0;
                next = moved(&at, &step, length);
                next_loss = self.loss(&next);
            }
            if next_loss > loss {
                break;
            }
            let is_done = loss - next_loss <= 1e-12 * loss.abs().max(1.0);
            at = next;
            loss = next_loss;
            if is_done {
                break;
            }
        }
        at
    }

    fn loss(&self, at: &[f64]) -> f64 {
        let rows = self.rows.iter().zip(self.labels).zip(self.weights);
        let fit: f64 = rows
            .map(|((row, label), weight)| {
                let margin = dot(row, at);
                let z = if *label { margin } else { -margin };
                weight * ((-z.abs()).exp().ln_1p() + (-z).max(0.0))
            })
            .sum();
        let size: f64 = at.iter().skip(1).map(|value| value * value).sum();
        fit + 0.5 * self.l2 * size
    }

    fn derivatives(&self, at: &[f64]) -> (Vec<f64>, Vec<Vec<f64>>) {
        let n = at.len();
        let mut gradient = vec![0.0; n];
        let mut hessian = vec![vec![0.0; n]; n];
        for ((row, label), weight) in self.rows.iter().zip(self.labels).zip(self.weights) {
            let p = sigmoid(dot(row, at));
            let first = weight * (p - if *label { 1.0 } else { 0.0 });
            let second = weight * (p * (1.0 - p)).max(1e-12);
            for ((value, slope), line) in row.iter().zip(&mut gradient).zip(&mut hessian) {
                *slope += first * value;
                let factor = second * value;
                for (cell, other) in line.iter_mut().zip(row) {
                    *cell += factor * other;
                }
            }
        }
        let inner = gradient.iter_mut().zip(&mut hessian).zip(at).enumerate();
        for (place, ((slope, line), value)) in inner.skip(1) {
            *slope += self.l2 * value;
            if let Some(cell) = line.get_mut(place) {
                *cell += self.l2;
            }
        }
        (gradient, hessian)
    }
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(a, b)| a * b).sum()
}

fn moved(at: &[f64], step: &[f64], length: f64) -> Vec<f64> {
    at.iter()
        .zip(step)
        .map(|(at, step)| at - length * step)
        .collect()
}

/// Solves a symmetric positive definite system by Cholesky's factors; `None` if it is not.
fn solve_positive(matrix: Vec<Vec<f64>>, right: Vec<f64>) -> Option<Vec<f64>> {
    let mut factor: Vec<Vec<f64>> = Vec::with_capacity(matrix.len());
    for (place, line) in matrix.into_iter().enumerate() {
        let mut row: Vec<f64> = Vec::with_capacity(place + 1);
        for (value, above) in line.iter().zip(&factor) {
            let known = dot(&row, above);
            row.push((value - known) / above.last()?);
        }
        let rest = line.get(place)? - dot(&row, &row);
        if rest.is_nan() || rest <= 0.0 {
            return None;
        }
        row.push(rest.sqrt());
        factor.push(row);
    }
    let mut half: Vec<f64> = Vec::with_capacity(right.len());
    for (row, value) in factor.iter().zip(right) {
        let known = dot(row, &half);
        half.push((value - known) / row.last()?);
    }
    // Backwards: what is solved is taken out of what is above.
    let mut solution = vec![0.0; half.len()];
    for place in (0..half.len()).rev() {
        let row = factor.get(place)?;
        let value = half.get(place)? / row.last()?;
        for (left, cell) in half.iter_mut().zip(row) {
            *left -= cell * value;
        }
        *solution.get_mut(place)? = value;
    }
    Some(solution)
}

#[cfg(test)]
mod tests;
