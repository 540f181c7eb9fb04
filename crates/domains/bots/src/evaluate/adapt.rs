//! Adaptation: a few labels of the judged community, asked for where they teach most, teach it what is different there.
//!
//! A model is learned anew here of the folders and the labels, so that it has seen nothing else; a community's own training
//! adds trees to the shipped model instead, from whatever its moderators decided.
//!
//! Must never judge an account whose label it has asked for.

use std::collections::BTreeSet;

use ml::{
    split::grouped_k_fold,
    uncertain::{Candidate, choose},
};

use crate::learning::{BY_THE_CURVE, Columns, Line, OWN_LABEL};

use super::{
    EvaluateError, Judge, Plan, likeness, moments, of_case, replay::Replayed, report::Scored,
    taught,
};

/// Labels are asked for in so many rounds, each after learning from the last.
const ROUNDS: usize = 5;

/// What is judged after labels were asked for, always by the curve: fifty labels are too few to choose a threshold by.
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
    let score = |judge: &Judge, place: usize| {
        let case = folder.cases.get(place)?;
        let answer = judge.probability(case);
        Some(Scored::new(case, answer, BY_THE_CURVE, rule_threshold))
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

/// Asks for `plan.adapt` labels among `pool` and learns from them; gives the places asked for too.
fn ask(
    train: &[Replayed],
    folder: &Replayed,
    pool: &[usize],
    first: &[Scored],
    plan: &Plan,
) -> Result<(Judge, BTreeSet<usize>), EvaluateError> {
    let mut plan = plan.clone();
    plan.recipe.line = Line::Always;
    let judged = std::slice::from_ref(folder);
    let base = moments(train, |other| likeness(other, judged));
    let alike = alike(folder);
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
        asked.extend(next(folder, &alike, &answers, &asked, now));
        let mut rows = base.clone();
        for case in asked.iter().filter_map(|place| folder.cases.get(*place)) {
            if let Some(is_bot) = case.is_bot {
                rows.extend(of_case(case, is_bot, OWN_LABEL));
            }
        }
        let judge = Judge::Learned(Box::new(taught(&rows, judged, &plan)?));
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

/// By what the accounts of a folder are alike: their numbers against the norms, which are all in spreads.
fn alike(folder: &Replayed) -> Vec<Vec<f32>> {
    folder
        .cases
        .iter()
        .map(|case| {
            case.latest()
                .map_or_else(Vec::new, |vector| Columns::Compared.of(vector.values()))
        })
        .collect()
}

/// The places of the accounts to ask about next, among those that were answered.
fn next(
    folder: &Replayed,
    alike: &[Vec<f32>],
    answers: &[(usize, f64)],
    asked: &BTreeSet<usize>,
    n: usize,
) -> Vec<usize> {
    let margin = |p: f64| {
        let p = p.clamp(1e-12, 1.0 - 1e-12);
        (p / (1.0 - p)).ln()
    };
    let (places, candidates): (Vec<usize>, Vec<Candidate<'_>>) = answers
        .iter()
        .filter_map(|(place, p)| {
            let one = Candidate {
                margin: margin(*p),
                group: folder.cases.get(*place)?.group,
                features: alike.get(*place)?,
            };
            Some((*place, one))
        })
        .unzip();
    let before = places
        .iter()
        .enumerate()
        .filter(|(_, place)| asked.contains(place))
        .map(|(number, _)| number)
        .collect();
    choose(&candidates, &before, n)
        .into_iter()
        .filter_map(|number| places.get(number).copied())
        .collect()
}
