//! Rows of features: [`Matrix`] holds the numbers, [`Dataset`] what is known about each row besides.
//!
//! Must never hold a row of another length than there are names, so that nobody else has to check.

use thiserror::Error;

/// Why rows were not taken.
#[derive(Debug, Error, Clone, PartialEq, Eq)]
pub enum DatasetError {
    /// A row of the wrong length.
    #[error("a row has {got} features, expected {wanted}")]
    Shape {
        /// How many there are names for.
        wanted: usize,
        /// How many came.
        got: usize,
    },
    /// A weight that is negative, infinite or not a number.
    #[error("a weight is not a positive number")]
    Weight,
    /// Two sets of rows that speak of different features.
    #[error("the rows have other features than those they are added to")]
    Names,
}

/// Rows × features, one row after the other. A missing value is NaN.
#[derive(Debug, Clone, PartialEq)]
pub struct Matrix {
    names: Vec<String>,
    values: Vec<f32>,
    rows: usize,
}

impl Matrix {
    /// No rows yet, of features with these names.
    pub const fn new(names: Vec<String>) -> Self {
        Self {
            names,
            values: Vec::new(),
            rows: 0,
        }
    }

    /// Adds a row.
    pub fn push(&mut self, row: &[f32]) -> Result<(), DatasetError> {
        if row.len() != self.names.len() {
            return Err(DatasetError::Shape {
                wanted: self.names.len(),
                got: row.len(),
            });
        }
        self.values.extend_from_slice(row);
        self.rows += 1;
        Ok(())
    }

    /// How many rows.
    pub const fn rows(&self) -> usize {
        self.rows
    }

    /// How many features.
    pub const fn columns(&self) -> usize {
        self.names.len()
    }

    /// The names of the features, in their order.
    pub fn names(&self) -> &[String] {
        &self.names
    }

    /// One row.
    pub fn row(&self, row: usize) -> Option<&[f32]> {
        if row >= self.rows {
            return None;
        }
        let start = row * self.columns();
        self.values.get(start..start + self.columns())
    }

    /// All rows in their order.
    pub fn iter(&self) -> impl Iterator<Item = &[f32]> {
        (0..self.rows).map(|row| self.row(row).unwrap_or_default())
    }

    /// The values of one feature, row by row.
    pub fn column(&self, column: usize) -> impl Iterator<Item = f32> + '_ {
        self.iter()
            .map(move |row| row.get(column).copied().unwrap_or(f32::NAN))
    }

    /// A copy of some rows, in the order they are named; a row that does not exist is left out.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let mut values = Vec::with_capacity(rows.len() * self.columns());
        let mut n_rows = 0;
        for row in rows.iter().filter_map(|row| self.row(*row)) {
            values.extend_from_slice(row);
            n_rows += 1;
        }
        Self {
            names: self.names.clone(),
            values,
            rows: n_rows,
        }
    }
}

/// A row with what is known about it.
#[derive(Debug, Clone, Copy)]
pub struct Example<'a> {
    /// The features.
    pub features: &'a [f32],
    /// Whether it is of the class that is looked for.
    pub label: bool,
    /// How much it counts; 1 is usual.
    pub weight: f32,
    /// Rows of the same group never stand on both sides of a split.
    pub group: u64,
    /// When it was so, in any unit.
    pub at: i64,
}

/// Labelled rows.
#[derive(Debug, Clone, PartialEq)]
pub struct Dataset {
    matrix: Matrix,
    labels: Vec<bool>,
    weights: Vec<f32>,
    groups: Vec<u64>,
    times: Vec<i64>,
}

impl Dataset {
    /// No rows yet, of features with these names.
    pub const fn new(names: Vec<String>) -> Self {
        Self {
            matrix: Matrix::new(names),
            labels: Vec::new(),
            weights: Vec::new(),
            groups: Vec::new(),
            times: Vec::new(),
        }
    }

    /// Adds a row.
    pub fn push(&mut self, example: &Example<'_>) -> Result<(), DatasetError> {
        if !(example.weight.is_finite() && example.weight >= 0.0) {
            return Err(DatasetError::Weight);
        }
        self.matrix.push(example.features)?;
        self.labels.push(example.label);
        self.weights.push(example.weight);
        self.groups.push(example.group);
        self.times.push(example.at);
        Ok(())
    }

    /// Adds all rows of another set, their weights multiplied.
    pub fn extend(&mut self, other: &Self, weight: f32) -> Result<(), DatasetError> {
        if self.matrix.names() != other.matrix.names() {
            return Err(DatasetError::Names);
        }
        (0..other.len())
            .filter_map(|row| other.example(row))
            .try_for_each(|example| {
                self.push(&Example {
                    weight: example.weight * weight,
                    ..example
                })
            })
    }

    /// How many rows.
    pub const fn len(&self) -> usize {
        self.labels.len()
    }

    /// Whether there are no rows.
    pub const fn is_empty(&self) -> bool {
        self.labels.is_empty()
    }

    /// The features.
    pub const fn matrix(&self) -> &Matrix {
        &self.matrix
    }

    /// The labels, row by row.
    pub fn labels(&self) -> &[bool] {
        &self.labels
    }

    /// The weights, row by row.
    pub fn weights(&self) -> &[f32] {
        &self.weights
    }

    /// The groups, row by row.
    pub fn groups(&self) -> &[u64] {
        &self.groups
    }

    /// The times, row by row.
    pub fn times(&self) -> &[i64] {
        &self.times
    }

    /// How many rows are of the class that is looked for.
    pub fn positives(&self) -> usize {
        self.labels.iter().filter(|label| **label).count()
    }

    /// One row with all that is known about it.
    pub fn example(&self, row: usize) -> Option<Example<'_>> {
        Some(Example {
            features: self.matrix.row(row)?,
            label: *self.labels.get(row)?,
            weight: *self.weights.get(row)?,
            group: *self.groups.get(row)?,
            at: *self.times.get(row)?,
        })
    }

    /// A copy of some rows, in the order they are named; a row that does not exist is left out.
    #[must_use]
    pub fn select(&self, rows: &[usize]) -> Self {
        let kept: Vec<usize> = rows
            .iter()
            .copied()
            .filter(|row| *row < self.len())
            .collect();
        Self {
            matrix: self.matrix.select(&kept),
            labels: pick(&self.labels, &kept),
            weights: pick(&self.weights, &kept),
            groups: pick(&self.groups, &kept),
            times: pick(&self.times, &kept),
        }
    }
}

/// The items at some positions; positions that do not exist are left out.
pub(crate) fn pick<T: Copy>(list: &[T], positions: &[usize]) -> Vec<T> {
    positions
        .iter()
        .filter_map(|position| list.get(*position).copied())
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names() -> Vec<String> {
        vec!["a".to_owned(), "b".to_owned()]
    }

    #[test]
    fn a_row_of_another_length_is_refused() {
        let mut matrix = Matrix::new(names());
        assert_eq!(
            matrix.push(&[1.0]),
            Err(DatasetError::Shape { wanted: 2, got: 1 })
        );
        matrix.push(&[1.0, 2.0]).unwrap();
        assert_eq!(matrix.row(0), Some([1.0, 2.0].as_slice()));
        assert_eq!(matrix.row(1), None);
    }

    #[test]
    fn selected_rows_keep_what_is_known_about_them() {
        let mut data = Dataset::new(names());
        for (at, group) in (0_i64..).zip([7_u64, 8, 9]) {
            let example = Example {
                features: &[0.5, f32::from(u8::try_from(group).unwrap())],
                label: group == 8,
                weight: 2.0,
                group,
                at,
            };
            data.push(&example).unwrap();
        }
        let some = data.select(&[2, 1, 99]);
        assert_eq!(some.groups(), [9, 8]);
        assert_eq!(some.labels(), [false, true]);
        assert_eq!(some.times(), [2, 1]);
        assert_eq!(some.matrix().column(1).collect::<Vec<_>>(), [9.0, 8.0]);
        let mut more = some.clone();
        more.extend(&data, 20.0).unwrap();
        assert_eq!(more.weights(), [2.0, 2.0, 40.0, 40.0, 40.0]);
        assert_eq!(
            more.extend(&Dataset::new(vec!["c".to_owned()]), 1.0),
            Err(DatasetError::Names)
        );
    }

    #[test]
    fn a_weight_must_be_a_positive_number() {
        let mut data = Dataset::new(names());
        for weight in [-1.0, f32::NAN, f32::INFINITY] {
            let example = Example {
                features: &[0.0, 0.0],
                label: true,
                weight,
                group: 0,
                at: 0,
            };
            assert_eq!(data.push(&example), Err(DatasetError::Weight));
        }
        assert!(data.is_empty());
    }
}
