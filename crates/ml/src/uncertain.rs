//! Which rows to ask people about next: some that the model thinks most probable, and of those it is least sure of ones that
//! are unlike each other and unlike all that were asked before, so that fifty answers teach fifty things.

use std::collections::BTreeSet;

/// Of ten that are asked about, so many are the most probable ones: where positives are rare, they hardly ever are among
/// the doubtful, and without them there is nothing to learn.
const PROBABLE_OF_TEN: usize = 3;

/// The others are chosen among so many times as many of the least certain ones.
const AMONG: usize = 3;

/// No feature makes two rows further apart than this.
const APART_MAX: f64 = 6.0;

/// How far two rows are apart in a feature that one of them does not have.
const MISSING: f64 = 1.0;

/// A row that may be asked about.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Candidate<'a> {
    /// Log-odds, against the threshold: 0 is in doubt.
    pub margin: f64,
    /// A group is asked about once.
    pub group: u64,
    /// By what rows are alike, all on one scale.
    pub features: &'a [f32],
}

/// Positions of at most `n` candidates to ask about next, in the order in which they were chosen. Those at the positions
/// `asked` were asked about before; nobody of their groups is chosen again. A candidate without a margin is left out.
pub fn choose(candidates: &[Candidate<'_>], asked: &BTreeSet<usize>, n: usize) -> Vec<usize> {
    let mut known: Vec<Candidate<'_>> = asked
        .iter()
        .filter_map(|place| candidates.get(*place).copied())
        .collect();
    let mut groups: BTreeSet<u64> = known.iter().map(|one| one.group).collect();
    let mut left: Vec<(usize, Candidate<'_>)> = candidates
        .iter()
        .copied()
        .enumerate()
        .filter(|(_, one)| !one.margin.is_nan() && !groups.contains(&one.group))
        .collect();
    let mut chosen = Vec::with_capacity(n.min(left.len()));
    left.sort_by(|a, b| b.1.margin.total_cmp(&a.1.margin).then(a.0.cmp(&b.0)));
    let probable = (n * PROBABLE_OF_TEN + 5) / 10;
    for (place, one) in &left {
        if chosen.len() == probable {
            break;
        }
        if groups.insert(one.group) {
            chosen.push(*place);
            known.push(*one);
        }
    }
    left.retain(|(_, one)| !groups.contains(&one.group));
    left.sort_by(|a, b| {
        let (x, y) = (a.1.margin.abs(), b.1.margin.abs());
        x.total_cmp(&y).then(a.0.cmp(&b.0))
    });
    let more = n.saturating_sub(chosen.len());
    left.truncate(more * AMONG);
    chosen.extend(unlike(left, &known, more));
    chosen
}

/// The position of the row that is furthest from all that are known, by features that are on one scale; the first of equals, which
/// all are while nothing is known. `None` of no rows.
pub fn furthest(rows: &[&[f32]], known: &[&[f32]]) -> Option<usize> {
    let far = rows.iter().map(|row| nearest(row, known.iter().copied()));
    first_of_most(far.enumerate())
}

/// How far a row is from the one that is most like it.
fn nearest<'a>(row: &[f32], known: impl Iterator<Item = &'a [f32]>) -> f64 {
    known
        .map(|other| apart(row, other))
        .fold(f64::INFINITY, f64::min)
}

/// What is furthest; the first of equals.
fn first_of_most<T>(all: impl Iterator<Item = (T, f64)>) -> Option<T> {
    let mut most: Option<(T, f64)> = None;
    for (one, far) in all {
        if most.as_ref().is_none_or(|(_, furthest)| far > *furthest) {
            most = Some((one, far));
        }
    }
    most.map(|(one, _)| one)
}

/// One after the other the candidate that is furthest from all that are known by then; the first of equals.
fn unlike(left: Vec<(usize, Candidate<'_>)>, known: &[Candidate<'_>], n: usize) -> Vec<usize> {
    let mut left: Vec<(usize, Candidate<'_>, f64)> = left
        .into_iter()
        .map(|(place, one)| {
            let far = nearest(one.features, known.iter().map(|other| other.features));
            (place, one, far)
        })
        .collect();
    let mut chosen = Vec::with_capacity(n);
    while chosen.len() < n {
        let far = left.iter().map(|(place, one, far)| ((*place, *one), *far));
        let Some((place, taken)) = first_of_most(far) else {
            break;
        };
        chosen.push(place);
        left.retain(|(_, one, _)| one.group != taken.group);
        for (_, one, far) in &mut left {
            *far = far.min(apart(one.features, taken.features));
        }
    }
    chosen
}

fn apart(a: &[f32], b: &[f32]) -> f64 {
    a.iter()
        .zip(b)
        .map(|(a, b)| match (a.is_nan(), b.is_nan()) {
            (true, true) => 0.0,
            (false, false) => f64::from(a - b).abs().min(APART_MAX),
            _ => MISSING,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boost::{self, Params};
    use crate::dice::Dice;
    use crate::metrics::auc_pr;
    use crate::samples;

    fn rows<'a>(list: &[(f64, u64, &'a [f32])]) -> Vec<Candidate<'a>> {
        list.iter()
            .map(|(margin, group, features)| Candidate {
                margin: *margin,
                group: *group,
                features,
            })
            .collect()
    }

    #[test]
    fn the_probable_come_first_then_the_doubtful_and_a_group_only_once() {
        let same: &[f32] = &[0.0];
        let candidates = rows(&[
            (3.0, 1, same),
            (0.4, 2, same),
            (-5.0, 3, same),
            (0.2, 2, same),
            (f64::NAN, 4, same),
            (-1.0, 5, same),
            (2.9, 1, same),
        ]);
        assert_eq!(choose(&candidates, &BTreeSet::new(), 3), [0, 3, 5]);
        // Of groups that were asked about nobody is asked again.
        assert_eq!(choose(&candidates, &BTreeSet::from([1, 5]), 9), [0, 2]);
        assert!(choose(&candidates, &BTreeSet::new(), 0).is_empty());
    }

    #[test]
    fn of_the_doubtful_those_are_asked_about_that_are_unlike_all_before() {
        let (near, far, odd): (&[f32], &[f32], &[f32]) =
            (&[0.1, 0.0], &[4.0, 0.0], &[0.0, f32::NAN]);
        let candidates = rows(&[
            (0.0, 1, &[0.0, 0.0]),
            (0.1, 2, near),
            (0.2, 3, far),
            (0.3, 4, odd),
            (9.0, 5, far),
        ]);
        // One of three is the most probable; then the odd one, and the near one rather than another that is far as the first.
        let asked = BTreeSet::from([0]);
        assert_eq!(choose(&candidates, &asked, 3), [4, 3, 1]);
        // Nothing is further apart than the bound, however far it is.
        let bounded = rows(&[
            (5.0, 1, &[0.0, 0.0]),
            (0.1, 2, &[1000.0, 0.0]),
            (0.2, 3, &[5.0, 5.0]),
        ]);
        assert_eq!(choose(&bounded, &BTreeSet::new(), 2), [0, 2]);
    }

    #[test]
    fn the_furthest_is_unlike_all_that_are_known_and_the_first_where_nothing_is() {
        let rows: [&[f32]; 4] = [&[0.0, 0.0], &[0.1, 0.0], &[0.0, 3.0], &[f32::NAN, f32::NAN]];
        assert_eq!(furthest(&rows, &[]), Some(0));
        assert_eq!(furthest(&rows, &[&[0.0, 0.2]]), Some(2));
        let (old, odd): (&[f32], &[f32]) = (&[0.0, 2.9], &[0.2, 0.0]);
        assert_eq!(
            furthest(&rows, &[old, odd]),
            Some(3),
            "what is not known is unlike what is"
        );
        assert_eq!(
            furthest(&rows[..2], &[rows[0], rows[1]]),
            Some(0),
            "of equals the first"
        );
        assert_eq!(furthest(&[], &[old]), None);
    }

    #[test]
    fn asking_so_teaches_more_than_asking_at_random() {
        // A pool in which positives are rare; a small model chooses eighty rows to learn next, or they are drawn.
        let pool = samples::rare(6000, 6, 1);
        let other = samples::rare(4000, 6, 2);
        let params = Params {
            trees: 60,
            min_child_weight: 0.3,
            ..Params::default()
        };
        let judged = |data: &crate::Dataset| {
            let model = boost::fit(data, None, &params).unwrap().ensemble;
            let area = auc_pr(&model.margins(other.matrix()), other.labels());
            (area.unwrap(), model)
        };
        let start: Vec<usize> = (0..300).collect();
        let (_, first) = judged(&pool.select(&start));
        let known: BTreeSet<usize> = start.iter().copied().collect();
        let margins = first.margins(pool.matrix());
        let candidates: Vec<Candidate<'_>> = margins
            .iter()
            .zip(pool.groups())
            .enumerate()
            .map(|(row, (margin, group))| Candidate {
                margin: *margin,
                group: *group,
                features: pool.matrix().row(row).unwrap(),
            })
            .collect();
        let asked = choose(&candidates, &known, 80);
        assert_eq!(asked.len(), 80);
        let with = |rows: &[usize]| {
            let all: Vec<usize> = start.iter().chain(rows).copied().collect();
            judged(&pool.select(&all)).0
        };
        let rest: Vec<usize> = (300..pool.len()).collect();
        let mut dice = Dice::new(3);
        let at_random: f64 = (0..5).map(|_| with(&dice.sample(&rest, 80))).sum::<f64>() / 5.0;
        let chosen = with(&asked);
        assert!(chosen > at_random + 0.01, "{chosen} {at_random}");
    }
}
