//! Adaptation: a few labels of the judged community, asked for where the model is least sure, teach it what is different
//! there.
//!
//! Must never judge an account whose label it has asked for.

use std::collections::BTreeSet;

use ml::split::grouped_k_fold;

use super::{
    EvaluateError, Judge, OWN_LABEL, Plan, likeness, moments, of_case, replay::Replayed,
    report::Scored, taught,
};

/// Labels are asked for in so many rounds, each after learning from the last.
const ROUNDS: usize = 5;

/// What is judged after labels were asked for.
pub(super) struct Adapted {
    /// Asked in the whole folder: everybody who was not asked for, and is of no such group.
    pub(super) rest: Vec<Scored>,
    /// Asked in one half to judge the other, and the other way round: everybody, so that the bots that were asked for are
    /// not missing.
    pub(super) halves: Vec<Scored>,
}

/// Asks for `plan.adapt` labels of `folder` and judges anew.
pub(super) fn adapt(
    train: &[Replayed],
    folder: &Replayed,
    first: &[Scored],
    plan: &Plan,
    rule_threshold: f64,
) -> Result<Adapted, EvaluateError> {
    let groups: Vec<u64> = folder.cases.iter().map(|case| case.group).collect();
    let labels: Vec<bool> = folder
        .cases
        .iter()
        .map(|case| case.is_bot == Some(true))
        .collect();
    let own = folder.cases.first().map(|case| case.source);
    let score = |judge: &Judge, place: usize| {
        let case = folder.cases.get(place)?;
        let threshold = cautious(judge.threshold(own));
        let answer = judge.probability(case);
        Some(Scored::new(case, answer, threshold, rule_threshold))
    };
    let everybody: Vec<usize> = (0..folder.cases.len()).collect();
    let (judge, asked) = ask(train, folder, &everybody, first, plan)?;
    let known: BTreeSet<u64> = asked
        .iter()
        .filter_map(|place| groups.get(*place).copied())
        .collect();
    let rest = everybody
        .into_iter()
        .filter(|place| {
            groups
                .get(*place)
                .is_some_and(|group| !known.contains(group))
        })
        .filter_map(|place| score(&judge, place))
        .collect();
    let mut halves: Vec<(usize, Scored)> = Vec::with_capacity(folder.cases.len());
    for half in grouped_k_fold(&groups, &labels, 2, plan.recipe.params.seed)? {
        let (judge, _) = ask(train, folder, &half.train, first, plan)?;
        for place in half.test {
            halves.extend(score(&judge, place).map(|one| (place, one)));
        }
    }
    halves.sort_by_key(|(place, _)| *place);
    Ok(Adapted {
        rest,
        halves: halves.into_iter().map(|(_, one)| one).collect(),
    })
}

/// A threshold chosen by a few doubtful accounts counts half; the other half is "more likely than not".
fn cautious(threshold: f64) -> f64 {
    let threshold = threshold.clamp(1e-9, 1.0 - 1e-9);
    let half = (threshold / (1.0 - threshold)).sqrt();
    half / (1.0 + half)
}

/// Asks for `plan.adapt` labels among `pool` and learns from them; gives the places asked for too.
fn ask(
    train: &[Replayed],
    folder: &Replayed,
    pool: &[usize],
    first: &[Scored],
    plan: &Plan,
) -> Result<(Judge, BTreeSet<usize>), EvaluateError> {
    let judged = std::slice::from_ref(folder);
    let base = moments(train, |other| likeness(other, judged));
    let mut asked: BTreeSet<usize> = BTreeSet::new();
    let mut answers: Vec<(usize, f64)> = pool
        .iter()
        .filter_map(|place| first.get(*place).map(|one| (*place, one.probability)))
        .collect();
    let mut left = plan.adapt;
    let mut round = 0;
    loop {
        let now = left.div_ceil(ROUNDS - round);
        left -= now;
        round += 1;
        asked.extend(unsure(&answers, &asked, now));
        let mut rows = base.clone();
        for case in asked.iter().filter_map(|place| folder.cases.get(*place)) {
            if let Some(is_bot) = case.is_bot {
                rows.extend(of_case(case, is_bot, OWN_LABEL));
            }
        }
        let judge = Judge::Learned(Box::new(taught(&rows, judged, plan)?));
        if left == 0 || round == ROUNDS {
            return Ok((judge, asked));
        }
        for (place, answer) in &mut answers {
            if let Some(case) = folder.cases.get(*place) {
                *answer = judge.probability(case);
            }
        }
    }
}

/// The accounts whose answers are nearest to one half, on the scale of log-odds.
fn unsure(answers: &[(usize, f64)], asked: &BTreeSet<usize>, n: usize) -> Vec<usize> {
    let distance = |p: f64| {
        let p = p.clamp(1e-12, 1.0 - 1e-12);
        (p / (1.0 - p)).ln().abs()
    };
    let mut left: Vec<(usize, f64)> = answers
        .iter()
        .filter(|(place, _)| !asked.contains(place))
        .map(|(place, p)| (*place, distance(*p)))
        .collect();
    left.sort_by(|(a, p), (b, q)| p.total_cmp(q).then(a.cmp(b)));
    left.into_iter().take(n).map(|(place, _)| place).collect()
}
