//! Whether what comes in today is what a model was made for: counts in fixed ranges, and how far two of them are apart.

use crate::metrics::interval::quantile;
use crate::number::{floor, real};

/// From here on a shift is worth a look.
pub const MODERATE: f64 = 0.1;
/// From here on a shift is an alarm.
pub const LARGE: f64 = 0.25;

/// Ranges of a feature, chosen by the rows a model was made from.
#[derive(Debug, Clone, PartialEq)]
pub struct Ranges {
    edges: Vec<f32>,
}

impl Ranges {
    /// At most so many ranges with about as many values each.
    pub fn of(values: impl IntoIterator<Item = f32>, ranges: usize) -> Self {
        let mut sorted: Vec<f64> = values
            .into_iter()
            .filter(|value| !value.is_nan())
            .map(f64::from)
            .collect();
        sorted.sort_unstable_by(f64::total_cmp);
        let mut edges: Vec<f32> = (1..ranges)
            .filter_map(|place| quantile(&sorted, real(place) / real(ranges)))
            .map(crate::number::narrow)
            .collect();
        edges.dedup_by(|a, b| *a <= *b);
        Self { edges }
    }

    /// Ranges as they were kept; `None` unless edges ascend.
    pub fn from_edges(edges: Vec<f32>) -> Option<Self> {
        let ascend = edges.is_sorted_by(|a, b| a < b);
        (ascend && edges.iter().all(|edge| edge.is_finite())).then_some(Self { edges })
    }

    /// Where ranges end, ascending; each edge belongs to the range above.
    pub fn edges(&self) -> &[f32] {
        &self.edges
    }

    /// How many values lie in each range; the last number counts what is missing.
    pub fn counts(&self, values: impl IntoIterator<Item = f32>) -> Vec<u64> {
        let mut counts = vec![0; self.edges.len() + 2];
        for value in values {
            let place = if value.is_nan() {
                self.edges.len() + 1
            } else {
                self.edges.partition_point(|edge| *edge <= value)
            };
            if let Some(count) = counts.get_mut(place) {
                *count += 1;
            }
        }
        counts
    }
}

/// The share of each range, which together are 1. Half a row is added to every range, so that an empty one is no infinite
/// distance from others. `None` of nothing.
pub fn shares(counts: &[u64]) -> Option<Vec<f64>> {
    if counts.iter().all(|count| *count == 0) {
        return None;
    }
    let counts: Vec<f64> = counts.iter().map(|count| whole(*count) + 0.5).collect();
    let all: f64 = counts.iter().sum();
    Some(counts.into_iter().map(|count| count / all).collect())
}

/// Population stability index of shares of the same ranges, as [`shares`] makes them: how far they are apart, 0 being not at
/// all. `None` if ranges differ.
pub fn stability(expected: &[f64], actual: &[f64]) -> Option<f64> {
    let pairs = expected.iter().zip(actual);
    (expected.len() == actual.len() && !expected.is_empty())
        .then(|| pairs.map(|(was, is)| (is - was) * (is / was).ln()).sum())
}

/// Population stability index: how far counts in the same ranges are apart. `None` if ranges differ or one side has no rows.
pub fn population_stability(expected: &[u64], actual: &[u64]) -> Option<f64> {
    stability(&shares(expected)?, &shares(actual)?)
}

/// How many probabilities lie in each of so many ranges of equal width from 0 to 1.
pub fn histogram(probabilities: impl IntoIterator<Item = f64>, ranges: usize) -> Vec<u64> {
    let mut counts = vec![0; ranges.max(1)];
    let last = counts.len() - 1;
    for probability in probabilities {
        let place = floor(probability * real(last + 1)).min(last);
        if let Some(count) = counts.get_mut(place) {
            *count += 1;
        }
    }
    counts
}

fn whole(count: u64) -> f64 {
    real(usize::try_from(count).unwrap_or(usize::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn line(n: u16) -> impl Iterator<Item = f32> {
        (0..n).map(f32::from)
    }

    #[test]
    fn ranges_hold_about_as_many_values_each() {
        let ranges = Ranges::of(line(1000), 10);
        assert_eq!(ranges.edges().len(), 9);
        let counts = ranges.counts(line(1000).chain([f32::NAN, f32::INFINITY]));
        assert_eq!(
            counts,
            [100, 100, 100, 100, 100, 100, 100, 100, 100, 101, 1]
        );
        assert_eq!(Ranges::from_edges(ranges.edges().to_vec()), Some(ranges));
        assert_eq!(Ranges::from_edges(vec![1.0, 1.0]), None);
        // A feature that is nearly always the same has one edge, not nine equal ones.
        let same = Ranges::of([5.0; 50], 10);
        assert_eq!(same.counts([5.0, 5.0, 4.0]), [1, 2, 0]);
    }

    #[test]
    fn the_index_is_what_its_formula_says() {
        // Shares .25/.75 against .5/.5 and half a row each: 0.25 · ln 2 + (-0.25) · ln (2/3), nearly.
        let index = population_stability(&[2500, 7500], &[5000, 5000]).unwrap();
        assert!((index - 0.274_653).abs() < 1e-4, "{index}");
        assert!(index > LARGE);
        assert_eq!(population_stability(&[1], &[1, 2]), None);
        assert_eq!(population_stability(&[0, 0], &[1, 2]), None);
    }

    #[test]
    fn a_shift_is_seen_and_chance_is_not() {
        let ranges = Ranges::of(line(1000), 10);
        let was = ranges.counts(line(1000));
        let odd = line(1000).step_by(2);
        let same = population_stability(&was, &ranges.counts(odd)).unwrap();
        assert!(same < 0.01, "{same}");
        let moved = line(1000).map(|value| value + 300.0);
        let moved = population_stability(&was, &ranges.counts(moved)).unwrap();
        assert!(moved > LARGE, "{moved}");
    }

    #[test]
    fn probabilities_are_counted_with_both_ends() {
        assert_eq!(
            histogram([0.0, 0.05, 0.1, 0.95, 1.0], 10),
            [2, 1, 0, 0, 0, 0, 0, 0, 0, 2]
        );
    }

    proptest! {
        #[test]
        fn the_index_is_never_negative_and_nothing_between_equals(
            counts in prop::collection::vec((0_u64..1000, 0_u64..1000), 1..20),
        ) {
            let (a, b): (Vec<u64>, Vec<u64>) = counts.into_iter().unzip();
            if let Some(index) = population_stability(&a, &b) {
                prop_assert!(index >= 0.0);
            }
            if let Some(index) = population_stability(&a, &a) {
                prop_assert!(index.abs() < 1e-12);
            }
        }
    }
}
