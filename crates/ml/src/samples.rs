//! Invented rows for tests: the same on every machine.

use crate::dice::Dice;
use crate::matrix::{Dataset, Example};
use crate::number::{narrow, sigmoid};

/// Rows of which about one in twelve is positive; one row a group.
pub(crate) fn rare(n: usize, columns: usize, seed: u64) -> Dataset {
    let all = rows(n * 2, columns, seed);
    let mut data = Dataset::new(names(columns));
    let mut positives = 0;
    for row in 0..all.len() {
        let example = all.example(row).unwrap();
        positives += usize::from(example.label);
        if data.len() < n && (!example.label || positives % 5 == 0) {
            let group = u64::try_from(row).unwrap();
            data.push(&Example { group, ..example }).unwrap();
        }
    }
    data
}

/// Names of so many features.
pub(crate) fn names(columns: usize) -> Vec<String> {
    (0..columns).map(|column| format!("f{column}")).collect()
}

/// Rows whose label hangs on the first four features, not in a line, with noise; some values are missing. Two rows a group.
pub(crate) fn rows(n: usize, columns: usize, seed: u64) -> Dataset {
    let mut dice = Dice::new(seed);
    let mut data = Dataset::new(names(columns));
    for row in 0..n {
        let mut features: Vec<f32> = (0..columns)
            .map(|_| narrow(dice.unit() * 4.0 - 2.0))
            .collect();
        let at = |column: usize| f64::from(features[column]);
        let margin = 3.0 * at(0) + 2.0 * at(1) * at(2) + if at(3) > 1.0 { 4.0 } else { 0.0 } - 3.0;
        let label = dice.unit() < sigmoid(2.0 * margin);
        for value in &mut features {
            if dice.unit() < 0.05 {
                *value = f32::NAN;
            }
        }
        let example = Example {
            features: &features,
            label,
            weight: 1.0,
            group: u64::try_from(row / 2).unwrap(),
            at: i64::try_from(row).unwrap(),
        };
        data.push(&example).unwrap();
    }
    data
}
