//! How sure a metric is: the bootstrap over groups. Whole groups are drawn, since rows of one group say the same twice.

use std::collections::BTreeMap;

use crate::dice::Dice;
use crate::number::{floor, real};

/// How to draw.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Bootstrap {
    /// How often to draw.
    pub rounds: usize,
    /// Share of draws inside the interval.
    pub level: f64,
    /// The same seed gives the same interval.
    pub seed: u64,
}

impl Default for Bootstrap {
    fn default() -> Self {
        Self {
            rounds: 1000,
            level: 0.95,
            seed: 1,
        }
    }
}

/// Where a metric lies.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Interval {
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// Percentile intervals of several metrics at once, each `None` where no draw had one. `of` gets the positions of the rows
/// drawn, repeats included.
pub fn intervals<const N: usize>(
    groups: &[u64],
    bootstrap: &Bootstrap,
    mut of: impl FnMut(&[usize]) -> [Option<f64>; N],
) -> [Option<Interval>; N] {
    let mut by_group: BTreeMap<u64, Vec<usize>> = BTreeMap::new();
    for (row, group) in groups.iter().enumerate() {
        by_group.entry(*group).or_default().push(row);
    }
    let list: Vec<Vec<usize>> = by_group.into_values().collect();
    let mut dice = Dice::new(bootstrap.seed);
    let mut values: [Vec<f64>; N] = std::array::from_fn(|_| Vec::new());
    let mut rows = Vec::with_capacity(groups.len());
    for _ in 0..bootstrap.rounds {
        rows.clear();
        for _ in 0..list.len() {
            if let Some(group) = list.get(dice.below(list.len())) {
                rows.extend_from_slice(group);
            }
        }
        for (list, value) in values.iter_mut().zip(of(&rows)) {
            list.extend(value.filter(|value| value.is_finite()));
        }
    }
    values.map(|list| percentiles(list, bootstrap.level))
}

fn percentiles(mut values: Vec<f64>, level: f64) -> Option<Interval> {
    values.sort_unstable_by(f64::total_cmp);
    let tail = (1.0 - level.clamp(0.0, 1.0)) / 2.0;
    Some(Interval {
        low: quantile(&values, tail)?,
        high: quantile(&values, 1.0 - tail)?,
    })
}

/// Linear between the two values around it.
pub(crate) fn quantile(sorted: &[f64], share: f64) -> Option<f64> {
    let place = share.clamp(0.0, 1.0) * real(sorted.len().checked_sub(1)?);
    let below = floor(place);
    let low = sorted.get(below)?;
    let high = sorted.get(below + 1).unwrap_or(low);
    Some(low + (high - low) * (place - real(below)))
}
