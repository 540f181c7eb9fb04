//! What came out of an evaluation: figures with intervals, at every threshold, beside the rules.
//!
//! Must never round: who shows it does.

use ml::metrics::{
    Bootstrap, CALIBRATION_RANGES, Confusion, auc_pr, auc_roc, brier, expected_calibration_error,
    interval,
};
use serde::Serialize;

use super::replay::{Case, Replayed};

/// An account that was judged.
#[derive(Debug, Clone, Copy)]
pub struct Scored {
    /// Its number.
    pub account: u64,
    /// Its group.
    pub group: u64,
    /// Whether it is a bot; `None` if nobody knows.
    pub is_bot: Option<bool>,
    /// How probably the model thinks so.
    pub probability: f64,
    /// The threshold of the model that judged it.
    pub threshold: f64,
    /// What the rules think, 0 to 1.
    pub rule: f64,
    /// The threshold of the rules; not a number if there was nobody to choose it by.
    pub rule_threshold: f64,
}

impl Scored {
    pub(super) fn new(case: &Case, probability: f64, threshold: f64, rule_threshold: f64) -> Self {
        Self {
            account: case.account,
            group: case.group,
            is_bot: case.is_bot,
            probability,
            threshold,
            rule: case.rule_score / 100.0,
            rule_threshold,
        }
    }
}

/// A figure with its 95 % interval, drawn by groups of accounts; `None` where it has no meaning.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Figure {
    /// The value.
    pub value: Option<f64>,
    /// Lower end.
    pub low: Option<f64>,
    /// Upper end.
    pub high: Option<f64>,
}

/// Who was found and who was not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Counts {
    /// Bots that were found.
    pub true_positives: usize,
    /// People who were taken for bots.
    pub false_positives: usize,
    /// People who were let be.
    pub true_negatives: usize,
    /// Bots that were not found.
    pub false_negatives: usize,
}

/// Decisions at a threshold.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct At {
    /// `0.5`, `0.7` or `tuned`.
    pub name: &'static str,
    /// The threshold; the mean where folds had their own. `None` = it was not tuned, and no figures are known.
    pub threshold: Option<f64>,
    /// Of the found, the share that are bots.
    pub precision: Figure,
    /// Of the bots, the share that was found.
    pub recall: Figure,
    /// The harmonic mean of both.
    pub f1: Figure,
    /// Of the people, the share taken for bots.
    pub false_positive_rate: Figure,
    /// In numbers.
    pub counts: Option<Counts>,
}

/// What one judge said of a set of accounts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Judgement {
    /// `model` or `rules`.
    pub judge: &'static str,
    /// Chance that a bot scores higher than a person.
    pub auc_roc: Figure,
    /// Area under precision and recall.
    pub auc_pr: Figure,
    /// How far probabilities are from what happens, in fifteen ranges.
    pub expected_calibration_error: Figure,
    /// Mean squared distance from the truth.
    pub brier: Figure,
    /// Decisions.
    pub at: Vec<At>,
}

/// What was learned from or judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Part {
    /// The folder's name.
    pub name: String,
    /// Messages in it.
    pub messages: usize,
    /// Accounts in it.
    pub accounts: usize,
    /// Of these, labelled ones.
    pub labelled: usize,
    /// Of these, bots.
    pub bots: usize,
}

/// Results for one set of accounts.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Outcome {
    /// The folder's name, or `all`.
    pub name: String,
    /// `unseen`; `adapted`, who was not asked for; `halves`, everybody, by labels asked in the other half; `alone`
    /// (cross-validation within the folder) or `pooled`.
    pub how: &'static str,
    /// Accounts judged.
    pub accounts: usize,
    /// Of these, known bots.
    pub bots: usize,
    /// Accounts with a probability of .5, of .7, and of the tuned threshold and more, labelled or not.
    pub flagged: [usize; 3],
    /// The model, then the rules; empty without labels of both kinds.
    pub judgements: Vec<Judgement>,
}

/// How much a model looks at a feature.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Importance {
    /// The feature.
    pub name: String,
    /// Its share of what all gained.
    pub share: f64,
}

/// An evaluation.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Evaluation {
    /// The hash of the features.
    pub schema: String,
    /// What was learned from.
    pub train: Vec<Part>,
    /// Accounts to learn from that taught nothing, because their group is judged too.
    pub held_back: usize,
    /// What was judged, beside the folds.
    pub test: Vec<Part>,
    /// The results.
    pub results: Vec<Outcome>,
    /// What the model looks at most; empty for cross-validation, where there are many.
    pub importances: Vec<Importance>,
}

impl Evaluation {
    pub(super) fn new(train: &[Replayed], test: &[Replayed], held_back: usize) -> Self {
        Self {
            schema: crate::features::SCHEMA.hash().to_owned(),
            train: train.iter().map(part).collect(),
            held_back,
            test: test.iter().map(part).collect(),
            results: Vec::new(),
            importances: Vec::new(),
        }
    }

    pub(super) fn add(&mut self, name: &str, how: &'static str, scored: &[Scored], draws: usize) {
        let over = |threshold: Option<f64>| {
            let over = scored
                .iter()
                .filter(|one| one.probability >= threshold.unwrap_or(one.threshold));
            over.count()
        };
        let known: Vec<Scored> = scored
            .iter()
            .copied()
            .filter(|one| one.is_bot.is_some())
            .collect();
        let bots = known.iter().filter(|one| one.is_bot == Some(true)).count();
        let judgements = if bots > 0 && bots < known.len() {
            vec![
                judgement("model", &known, draws, |one| {
                    (one.probability, one.threshold)
                }),
                judgement("rules", &known, draws, |one| (one.rule, one.rule_threshold)),
            ]
        } else {
            Vec::new()
        };
        self.results.push(Outcome {
            name: name.to_owned(),
            how,
            accounts: scored.len(),
            bots,
            flagged: [over(Some(0.5)), over(Some(0.7)), over(None)],
            judgements,
        });
    }
}

fn part(folder: &Replayed) -> Part {
    let labels = || folder.cases.iter().filter_map(|case| case.is_bot);
    Part {
        name: folder.name.clone(),
        messages: folder.n_messages,
        accounts: folder.cases.len(),
        labelled: labels().count(),
        bots: labels().filter(|is_bot| *is_bot).count(),
    }
}

/// The figures of some rows, in the order AUC, PR-AUC, ECE, Brier, then precision, recall, F1, FPR at each threshold.
const FIGURES: usize = 16;
/// From here on they are those at the tuned threshold.
const TUNED: usize = 12;

fn judgement(
    judge: &'static str,
    known: &[Scored],
    draws: usize,
    of: impl Fn(&Scored) -> (f64, f64),
) -> Judgement {
    let scores: Vec<f64> = known.iter().map(|one| of(one).0).collect();
    // Each account against the threshold of the model that judged it.
    let margins: Vec<f64> = known
        .iter()
        .map(|one| {
            let (score, threshold) = of(one);
            score - threshold
        })
        .collect();
    let labels: Vec<bool> = known.iter().map(|one| one.is_bot == Some(true)).collect();
    let groups: Vec<u64> = known.iter().map(|one| one.group).collect();
    let values = figures(&scores, &margins, &labels);
    let bootstrap = Bootstrap {
        rounds: draws,
        ..Bootstrap::default()
    };
    let pick = |list: &[f64], rows: &[usize]| -> Vec<f64> {
        rows.iter()
            .filter_map(|row| list.get(*row).copied())
            .collect()
    };
    let ends = interval::intervals::<FIGURES>(&groups, &bootstrap, |rows| {
        let labels: Vec<bool> = rows
            .iter()
            .filter_map(|row| labels.get(*row).copied())
            .collect();
        figures(&pick(&scores, rows), &pick(&margins, rows), &labels)
    });
    let mean =
        known.iter().map(|one| of(one).1).sum::<f64>() / labels.iter().map(|_| 1.0).sum::<f64>();
    let figure = |place: usize| {
        if place >= TUNED && mean.is_nan() {
            return Figure {
                value: None,
                low: None,
                high: None,
            };
        }
        let ends = ends.get(place).copied().flatten();
        Figure {
            value: values.get(place).copied().flatten(),
            low: ends.map(|ends| ends.low),
            high: ends.map(|ends| ends.high),
        }
    };
    let at = |name, threshold: f64, confusion: Confusion, from: usize| At {
        name,
        threshold: (!threshold.is_nan()).then_some(threshold),
        precision: figure(from),
        recall: figure(from + 1),
        f1: figure(from + 2),
        false_positive_rate: figure(from + 3),
        counts: (!threshold.is_nan()).then_some(Counts {
            true_positives: confusion.true_positives,
            false_positives: confusion.false_positives,
            true_negatives: confusion.true_negatives,
            false_negatives: confusion.false_negatives,
        }),
    };
    Judgement {
        judge,
        auc_roc: figure(0),
        auc_pr: figure(1),
        expected_calibration_error: figure(2),
        brier: figure(3),
        at: vec![
            at("0.5", 0.5, Confusion::at(&scores, &labels, 0.5), 4),
            at("0.7", 0.7, Confusion::at(&scores, &labels, 0.7), 8),
            at("tuned", mean, Confusion::at(&margins, &labels, 0.0), TUNED),
        ],
    }
}

fn figures(scores: &[f64], margins: &[f64], labels: &[bool]) -> [Option<f64>; FIGURES] {
    let [a, b, c] = [
        Confusion::at(scores, labels, 0.5),
        Confusion::at(scores, labels, 0.7),
        Confusion::at(margins, labels, 0.0),
    ]
    .map(|confusion| {
        let bots = confusion.true_positives + confusion.false_negatives;
        let found = confusion.true_positives + confusion.false_positives;
        [
            (found > 0).then(|| confusion.precision()),
            (bots > 0).then(|| confusion.recall()),
            (bots > 0).then(|| confusion.f1()),
            Some(confusion.false_positive_rate()),
        ]
    });
    let [a0, a1, a2, a3] = a;
    let [b0, b1, b2, b3] = b;
    let [c0, c1, c2, c3] = c;
    [
        auc_roc(scores, labels),
        auc_pr(scores, labels),
        expected_calibration_error(scores, labels, CALIBRATION_RANGES),
        brier(scores, labels),
        a0,
        a1,
        a2,
        a3,
        b0,
        b1,
        b2,
        b3,
        c0,
        c1,
        c2,
        c3,
    ]
}
