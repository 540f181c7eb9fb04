//! The columns of a matrix as small numbers: 0 is missing, the others are ranges with about as many rows each.

use crate::matrix::Matrix;
use crate::number::real;

/// As many ranges as fit beside the missing one into a byte.
const RANGES_MAX: usize = 254;

/// A matrix, binned.
#[derive(Debug)]
pub(crate) struct Bins {
    columns: Vec<Column>,
}

#[derive(Debug)]
struct Column {
    /// The bin of each row.
    codes: Vec<u8>,
    /// Where ranges end: bin `n` holds the values below `cuts[n - 1]` that are in no bin before.
    cuts: Vec<f32>,
}

impl Bins {
    pub(crate) fn new(matrix: &Matrix, n_ranges: usize) -> Self {
        let n_ranges = n_ranges.clamp(2, RANGES_MAX);
        let columns = (0..matrix.columns())
            .map(|column| {
                let values: Vec<f32> = matrix.column(column).map(finite).collect();
                let cuts = cuts(&values, n_ranges);
                let codes = values.iter().map(|value| code(*value, &cuts)).collect();
                Column { codes, cuts }
            })
            .collect();
        Self { columns }
    }

    /// The bin of each row in a column.
    pub(crate) fn column(&self, column: usize) -> &[u8] {
        self.columns.get(column).map_or(&[], |column| &column.codes)
    }

    /// How many bins a column has, with the missing one.
    pub(crate) fn width(&self, column: usize) -> usize {
        self.columns
            .get(column)
            .map_or(0, |column| column.cuts.len() + 2)
    }

    /// The value below which rows lie whose bin is this one or one before.
    pub(crate) fn threshold(&self, column: usize, last: u8) -> f32 {
        let cut = usize::from(last).checked_sub(1).and_then(|place| {
            self.columns
                .get(column)
                .and_then(|column| column.cuts.get(place))
        });
        // Behind the last cut everything that is there lies below; only what is missing does not.
        cut.copied().unwrap_or(f32::MAX)
    }
}

/// Infinite values take the place of the largest ones; a threshold between them must be a number.
fn finite(value: f32) -> f32 {
    if value.is_nan() {
        value
    } else {
        value.clamp(-f32::MAX / 2.0, f32::MAX / 2.0)
    }
}

fn code(value: f32, cuts: &[f32]) -> u8 {
    if value.is_nan() {
        return 0;
    }
    let before = cuts.partition_point(|cut| *cut <= value);
    u8::try_from(before + 1).unwrap_or(u8::MAX)
}

fn cuts(values: &[f32], n_ranges: usize) -> Vec<f32> {
    let mut sorted: Vec<f32> = values.iter().copied().filter(|v| !v.is_nan()).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let mut distinct: Vec<(f32, usize)> = Vec::new();
    for value in sorted {
        match distinct.last_mut() {
            Some((last, count)) if *last >= value => *count += 1,
            _ => distinct.push((value, 1)),
        }
    }
    if distinct.len() <= n_ranges {
        return pairs(&distinct)
            .map(|((low, _), (high, _))| between(low, high))
            .collect();
    }
    let mut cuts = Vec::with_capacity(n_ranges);
    let mut left_rows: usize = distinct.iter().map(|(_, count)| count).sum();
    let mut in_range = 0;
    for ((low, count), (high, _)) in pairs(&distinct) {
        in_range += count;
        let left_ranges = n_ranges - cuts.len();
        if left_ranges <= 1 {
            break;
        }
        if real(in_range) * real(left_ranges) >= real(left_rows) {
            cuts.push(between(low, high));
            left_rows -= in_range;
            in_range = 0;
        }
    }
    cuts
}

fn pairs(distinct: &[(f32, usize)]) -> impl Iterator<Item = ((f32, usize), (f32, usize))> + '_ {
    distinct
        .iter()
        .copied()
        .zip(distinct.iter().copied().skip(1))
}

/// A threshold that the lower value is below and the higher one is not.
fn between(low: f32, high: f32) -> f32 {
    let middle = f32::midpoint(low, high);
    if middle > low { middle } else { high }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn binned(values: &[f32], n_ranges: usize) -> Bins {
        let mut matrix = Matrix::new(vec!["a".to_owned()]);
        for value in values {
            matrix.push(&[*value]).unwrap();
        }
        Bins::new(&matrix, n_ranges)
    }

    #[test]
    fn few_values_have_a_bin_each_and_missing_ones_the_first() {
        let bins = binned(&[3.0, f32::NAN, 1.0, 3.0, 2.0], 10);
        assert_eq!(bins.column(0), [3, 0, 1, 3, 2]);
        assert_eq!(bins.width(0), 4);
        assert!((bins.threshold(0, 1) - 1.5).abs() < f32::EPSILON);
        assert!((bins.threshold(0, 3) - f32::MAX).abs() < f32::EPSILON);
    }

    #[test]
    fn many_values_share_bins_of_about_the_same_size() {
        let values: Vec<f32> = (0_u16..1000).map(f32::from).collect();
        let bins = binned(&values, 10);
        let mut counts = [0; 11];
        for code in bins.column(0) {
            counts[usize::from(*code)] += 1;
        }
        assert_eq!(
            counts,
            [0, 100, 100, 100, 100, 100, 100, 100, 100, 100, 100]
        );
    }

    proptest! {
        #[test]
        fn a_row_lies_below_a_threshold_exactly_when_its_bin_does(
            values in prop::collection::vec(prop::num::f32::ANY, 1..400), n_ranges in 2_usize..300,
        ) {
            let bins = binned(&values, n_ranges);
            let width = bins.width(0);
            for last in 1..u8::try_from(width).unwrap_or(u8::MAX) {
                let threshold = bins.threshold(0, last);
                for (value, code) in values.iter().zip(bins.column(0)) {
                    if value.is_nan() {
                        prop_assert_eq!(*code, 0);
                    } else if value.is_finite() && value.abs() < f32::MAX / 2.0 {
                        prop_assert_eq!(*value < threshold, *code <= last, "{} {}", value, threshold);
                    }
                }
            }
        }
    }
}
