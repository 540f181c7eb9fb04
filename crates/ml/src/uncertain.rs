//! Which rows to ask people about next: those the model is least sure of, one of each group, so that fifty answers teach
//! fifty things.

use std::collections::BTreeSet;

/// Positions of at most `n` rows, the least certain first: nearest to `threshold`, in margins. A group is asked about once,
/// and not at all if it is in `known`.
pub fn choose(
    margins: &[f64],
    groups: &[u64],
    threshold: f64,
    known: &BTreeSet<u64>,
    n: usize,
) -> Vec<usize> {
    let mut rows: Vec<(f64, usize, u64)> = margins
        .iter()
        .zip(groups)
        .enumerate()
        .filter(|(_, (margin, group))| !margin.is_nan() && !known.contains(*group))
        .map(|(row, (margin, group))| ((margin - threshold).abs(), row, *group))
        .collect();
    rows.sort_unstable_by(|a, b| a.0.total_cmp(&b.0).then(a.1.cmp(&b.1)));
    let mut asked = BTreeSet::new();
    rows.into_iter()
        .filter(|(_, _, group)| asked.insert(*group))
        .map(|(_, row, _)| row)
        .take(n)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boost::{self, Params};
    use crate::dice::Dice;
    use crate::metrics::auc_pr;
    use crate::samples;

    #[test]
    fn the_nearest_come_first_and_a_group_only_once() {
        let margins = [3.0, 0.9, -5.0, 1.2, f64::NAN, 0.0];
        let groups = [1, 2, 3, 2, 4, 5];
        let chosen = choose(&margins, &groups, 1.0, &BTreeSet::new(), 3);
        assert_eq!(chosen, [1, 5, 0]);
        let known = BTreeSet::from([2, 5]);
        assert_eq!(choose(&margins, &groups, 1.0, &known, 9), [0, 2]);
    }

    #[test]
    fn asking_about_the_uncertain_teaches_more_than_asking_at_random() {
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
        let known: BTreeSet<u64> = pool.groups().iter().copied().take(300).collect();
        let margins = first.margins(pool.matrix());
        let asked = choose(&margins, pool.groups(), 0.0, &known, 80);
        let with = |rows: &[usize]| {
            let all: Vec<usize> = start.iter().chain(rows).copied().collect();
            judged(&pool.select(&all)).0
        };
        let rest: Vec<usize> = (300..pool.len()).collect();
        let mut dice = Dice::new(3);
        let at_random: f64 = (0..5).map(|_| with(&dice.sample(&rest, 80))).sum::<f64>() / 5.0;
        let uncertain = with(&asked);
        assert!(uncertain > at_random + 0.01, "{uncertain} {at_random}");
    }
}
