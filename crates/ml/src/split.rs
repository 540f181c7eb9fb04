//! Which rows to learn from and which to judge by. Rows of one group never stand on both sides: the same person in both
//! would make every model look perfect.

use std::collections::{BTreeMap, BTreeSet};

use thiserror::Error;

use crate::dice::Dice;
use crate::number::{floor, real};

/// Why rows cannot be split.
#[derive(Debug, Error, Clone, Copy, PartialEq, Eq)]
pub enum SplitError {
    /// Fewer groups than folds.
    #[error("{groups} groups cannot be split into {folds} folds")]
    Groups {
        /// How many groups there are.
        groups: usize,
        /// How many folds were wanted.
        folds: usize,
    },
    /// Shares that are not positive.
    #[error("the shares of the parts must be positive")]
    Shares,
}

/// Positions of rows to learn from and to judge by, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fold {
    /// To learn from.
    pub train: Vec<usize>,
    /// To judge by.
    pub test: Vec<usize>,
}

/// Positions of rows in three parts, ascending.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// To learn from.
    pub train: Vec<usize>,
    /// To stop, calibrate and choose a threshold by.
    pub validation: Vec<usize>,
    /// To judge by, once.
    pub test: Vec<usize>,
}

/// A group with its rows.
#[derive(Debug)]
struct Group {
    rows: Vec<usize>,
    positives: usize,
}

/// Splits into folds; each row is judged exactly once. Positive rows are spread as evenly as groups allow.
pub fn grouped_k_fold(
    groups: &[u64],
    labels: &[bool],
    folds: usize,
    seed: u64,
) -> Result<Vec<Fold>, SplitError> {
    let found = collect(groups, labels, seed);
    if folds < 2 || found.len() < folds {
        return Err(SplitError::Groups {
            groups: found.len(),
            folds,
        });
    }
    let tests = spread(found, &vec![1.0; folds]);
    let n = groups.len().min(labels.len());
    Ok(tests
        .into_iter()
        .map(|test| {
            let held: BTreeSet<usize> = test.iter().copied().collect();
            Fold {
                train: (0..n).filter(|row| !held.contains(row)).collect(),
                test,
            }
        })
        .collect())
}

/// Splits into three parts by their shares (`[0.70, 0.15, 0.15]`), positive and negative rows each.
pub fn grouped_parts(
    groups: &[u64],
    labels: &[bool],
    shares: [f64; 3],
    seed: u64,
) -> Result<Parts, SplitError> {
    if shares
        .iter()
        .any(|share| !(*share > 0.0 && share.is_finite()))
    {
        return Err(SplitError::Shares);
    }
    let found = collect(groups, labels, seed);
    if found.len() < shares.len() {
        return Err(SplitError::Groups {
            groups: found.len(),
            folds: shares.len(),
        });
    }
    let mut parts = spread(found, &shares).into_iter();
    let mut next = || parts.next().unwrap_or_default();
    Ok(Parts {
        train: next(),
        validation: next(),
        test: next(),
    })
}

/// Learns from what was before an instant and judges by what came after, of groups that were not there before.
pub fn by_time(groups: &[u64], times: &[i64], at: i64) -> Fold {
    let rows = || groups.iter().zip(times).enumerate();
    let known: BTreeSet<u64> = rows()
        .filter(|(_, (_, time))| **time < at)
        .map(|(_, (group, _))| *group)
        .collect();
    let train = rows().filter(|(_, (_, time))| **time < at);
    let test = rows().filter(|(_, (group, time))| **time >= at && !known.contains(group));
    Fold {
        train: train.map(|(row, _)| row).collect(),
        test: test.map(|(row, _)| row).collect(),
    }
}

/// Splits into three parts by their shares (`[0.70, 0.15, 0.15]`) and by time: of each class the groups that were there first
/// are learned from, the newest are judged, as it will be with a model that is used tomorrow. A group is as new as its newest
/// row, and positive if one of its rows is.
pub fn timed_parts(
    groups: &[u64],
    labels: &[bool],
    times: &[i64],
    shares: [f64; 3],
) -> Result<Parts, SplitError> {
    let whole: f64 = shares.iter().sum();
    if shares
        .iter()
        .any(|share| !(*share > 0.0 && share.is_finite()))
    {
        return Err(SplitError::Shares);
    }
    let mut newest: BTreeMap<u64, (bool, i64)> = BTreeMap::new();
    for ((group, label), time) in groups.iter().zip(labels).zip(times) {
        let known = newest.entry(*group).or_insert((*label, *time));
        known.0 |= *label;
        known.1 = known.1.max(*time);
    }
    if newest.len() < shares.len() {
        return Err(SplitError::Groups {
            groups: newest.len(),
            folds: shares.len(),
        });
    }
    let [first, second, _] = shares.map(|share| share / whole);
    let mut part_of: BTreeMap<u64, usize> = BTreeMap::new();
    for class in [true, false] {
        let of_class = newest.iter().filter(|(_, (label, _))| *label == class);
        let mut list: Vec<(i64, u64)> = of_class.map(|(group, (_, at))| (*at, *group)).collect();
        list.sort_unstable();
        let n = real(list.len());
        // To the nearest whole group.
        let (until_first, until_second) =
            (floor(n * first + 0.5), floor(n * (first + second) + 0.5));
        for (place, (_, group)) in list.into_iter().enumerate() {
            let part = usize::from(place >= until_first) + usize::from(place >= until_second);
            part_of.insert(group, part);
        }
    }
    let rows = |part: usize| {
        let all = groups.iter().take(labels.len().min(times.len()));
        let own = all
            .enumerate()
            .filter(|(_, group)| part_of.get(*group) == Some(&part));
        own.map(|(row, _)| row).collect()
    };
    Ok(Parts {
        train: rows(0),
        validation: rows(1),
        test: rows(2),
    })
}

/// Groups in a random order that follows from the seed alone.
fn collect(groups: &[u64], labels: &[bool], seed: u64) -> Vec<Group> {
    let mut found: BTreeMap<u64, Group> = BTreeMap::new();
    for (row, (group, label)) in groups.iter().zip(labels).enumerate() {
        let group = found.entry(*group).or_insert_with(|| Group {
            rows: Vec::new(),
            positives: 0,
        });
        group.rows.push(row);
        group.positives += usize::from(*label);
    }
    let mut list: Vec<Group> = found.into_values().collect();
    Dice::new(seed).shuffle(&mut list);
    // The large ones first, so that small ones can even out.
    list.sort_by_key(|group| std::cmp::Reverse((group.positives, group.rows.len())));
    list
}

#[derive(Debug, Default)]
struct Part {
    rows: Vec<usize>,
    positives: usize,
    share: f64,
}

impl Part {
    /// How full the part is: of what the group brings first, then of rows.
    fn fullness(&self, is_positive: bool) -> (f64, f64) {
        let positives = real(self.positives) / self.share;
        let rows = real(self.rows.len()) / self.share;
        if is_positive {
            (positives, rows)
        } else {
            (rows, positives)
        }
    }
}

/// Gives each group to the part that is emptiest for its share.
fn spread(groups: Vec<Group>, shares: &[f64]) -> Vec<Vec<usize>> {
    let mut parts: Vec<Part> = shares
        .iter()
        .map(|share| Part {
            share: *share,
            ..Part::default()
        })
        .collect();
    for group in groups {
        let is_positive = group.positives > 0;
        let emptiest = parts.iter_mut().min_by(|a, b| {
            let (a, b) = (a.fullness(is_positive), b.fullness(is_positive));
            a.0.total_cmp(&b.0).then(a.1.total_cmp(&b.1))
        });
        if let Some(part) = emptiest {
            part.positives += group.positives;
            part.rows.extend(group.rows);
        }
    }
    let sorted = |mut part: Part| {
        part.rows.sort_unstable();
        part.rows
    };
    parts.into_iter().map(sorted).collect()
}

#[cfg(test)]
mod tests;
