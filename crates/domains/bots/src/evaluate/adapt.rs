//! Adaptation: a few labels of the judged community, asked for where the model is least sure, teach it what is different
//! there.
//!
//! Must never judge an account whose label it has asked for.

use std::collections::BTreeSet;

use super::{
    EvaluateError, Judge, OWN_LABEL, Plan, likeness, moments, of_case, replay::Replayed,
    report::Scored, taught,
};

/// Labels are asked for in so many rounds, each after learning from the last.
const ROUNDS: usize = 5;

/// Asks for `plan.adapt` labels of `folder` and judges the rest anew.
pub(super) fn adapt(
    train: &[Replayed],
    folder: &Replayed,
    first: &[Scored],
    plan: &Plan,
    rule_threshold: f64,
) -> Result<Vec<Scored>, EvaluateError> {
    let judged = std::slice::from_ref(folder);
    let base = moments(train, |other| likeness(other, judged));
    let mut asked: BTreeSet<usize> = BTreeSet::new();
    let mut answers: Vec<f64> = first.iter().map(|one| one.probability).collect();
    let mut judge: Option<Judge> = None;
    let mut left = plan.adapt;
    for round in 0..ROUNDS {
        let now = left.div_ceil(ROUNDS - round);
        left -= now;
        for place in unsure(&answers, &asked, now) {
            asked.insert(place);
        }
        let mut rows = base.clone();
        for case in asked.iter().filter_map(|place| folder.cases.get(*place)) {
            if let Some(is_bot) = case.is_bot {
                rows.extend(of_case(case, is_bot, OWN_LABEL));
            }
        }
        let learned = Judge::Learned(Box::new(taught(&rows, judged, plan)?));
        answers = folder
            .cases
            .iter()
            .map(|case| learned.probability(case))
            .collect();
        judge = Some(learned);
        if left == 0 {
            break;
        }
    }
    let own = folder.cases.first().map(|case| case.source);
    let threshold = judge.map_or(0.9, |judge| judge.threshold(own));
    Ok(folder
        .cases
        .iter()
        .zip(answers)
        .enumerate()
        .filter(|(place, _)| !asked.contains(place))
        .map(|(_, (case, probability))| Scored::new(case, probability, threshold, rule_threshold))
        .collect())
}

/// The accounts whose answers are nearest to one half, on the scale of log-odds.
fn unsure(answers: &[f64], asked: &BTreeSet<usize>, n: usize) -> Vec<usize> {
    let distance = |p: f64| {
        let p = p.clamp(1e-12, 1.0 - 1e-12);
        (p / (1.0 - p)).ln().abs()
    };
    let mut left: Vec<(usize, f64)> = answers
        .iter()
        .enumerate()
        .filter(|(place, _)| !asked.contains(place))
        .map(|(place, p)| (place, distance(*p)))
        .collect();
    left.sort_by(|(a, p), (b, q)| p.total_cmp(q).then(a.cmp(b)));
    left.into_iter().take(n).map(|(place, _)| place).collect()
}
