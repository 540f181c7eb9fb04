//! From labels to a model. The shipped prior is never thrown away: what is learned first is what it gets wrong here, as
//! trees that correct it. Models that begin from nothing compete with that and must be clearly better.
//!
//! Who says how good a model is: people of whom it learned nothing, the newest of all. Labels that the rules gave are learned
//! from and judge nobody, or the rules would be right about everything. No clock, no randomness but a seed.

mod ground;

use std::collections::BTreeSet;

use ml::{
    Calibration, Ensemble, Model,
    boost::{FitError, Params},
    ensemble::Link,
    split::{Fold, SplitError, grouped_k_fold, timed_parts},
    tune::{Search, Space, TuneError, out_of_fold, search},
};
use serde_json::{Value, json};

use super::figures::Judged;
use crate::learning::{BY_THE_CURVE, Columns, decision};
use ground::{Ground, Way, picked, places};

/// Labels of each kind, given by people or lists, without which nothing is learned.
pub(super) const EACH_MIN: usize = 5;
/// Of each kind, before models that begin from nothing compete.
const FRESH_MIN: usize = 30;
/// By how much of average precision another kind must be ahead of the adapted prior.
const CLEARLY: f64 = 0.01;
/// The shares of learning, choosing and judging.
const SHARES: [f64; 3] = [0.70, 0.15, 0.15];
/// The tuned threshold accuses at most this share of people.
const FALSE_POSITIVE_RATE_MAX: f64 = 0.004;
/// Parameters that the tuner tries at most.
const TRIALS: usize = 12;

/// An account as it is learned from: one vote.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    /// Its vector, all columns of the schema.
    pub(super) values: Vec<f32>,
    pub(super) is_bot: bool,
    /// The person.
    pub(super) group: u64,
    /// When it was said.
    pub(super) at: i64,
    pub(super) weight: f32,
    /// Whether models may be judged by it.
    pub(super) is_judge: bool,
    /// What the rules say, 0 to 1.
    pub(super) by_rules: Option<f64>,
}

/// Why nothing was learned.
#[derive(Debug, thiserror::Error)]
pub(super) enum CourseError {
    #[error(
        "there are {bots} bots and {people} people that somebody vouches for: {EACH_MIN} of each are needed"
    )]
    TooFew { bots: usize, people: usize },
    #[error("the training was stopped")]
    Stopped,
    #[error("the rows cannot be split")]
    Split(#[from] SplitError),
    #[error("the rows do not fit together")]
    Rows(#[from] ml::DatasetError),
    #[error("no trees could be made")]
    Fit(#[from] FitError),
    #[error("no parameters could be found")]
    Tune(#[from] TuneError),
    #[error("there is nothing to calibrate by")]
    Calibration(#[from] ml::calibrate::OneClass),
    #[error("the shipped model does not fit the features of this program")]
    NoPrior,
    #[error("the model could not be written")]
    Onnx(#[from] ml::onnx::OnnxError),
}

/// How a training goes on.
pub(super) trait Listener {
    /// Something was done: percent and a line for people.
    fn tell(&mut self, percent: u32, line: String);
    /// Whether nobody waits for it any more.
    fn is_stopped(&self) -> bool;
    /// Whether the tuner has had its time.
    fn is_tuned(&self) -> bool;
}

/// What came of a training.
#[derive(Debug, Clone)]
pub(super) struct Taught {
    pub(super) model: Model,
    pub(super) calibration: Calibration,
    pub(super) threshold: f64,
    pub(super) way: &'static str,
    /// Folds by which it was judged on all but the newest.
    pub(super) folds: usize,
    pub(super) metrics: Value,
    pub(super) parameters: Value,
}

/// The shipped prior, as far as it can be extended.
pub(super) struct Prior {
    pub(super) ensemble: Ensemble,
    pub(super) calibration: Calibration,
    pub(super) threshold: f64,
}

/// A way that was judged by folds.
struct Tried {
    way: Way,
    /// The margin of each row, from a model that had not seen its group.
    margins: Vec<f64>,
    /// Trees that were kept on average, where they were stopped early.
    trees: Option<usize>,
    average_precision: f64,
}

/// Learns. Of rows of one community a model may look at [`Columns::All`], of several at [`Columns::Everywhere`].
pub(super) fn teach(
    rows: &[Row],
    prior: &Prior,
    columns: Columns,
    listener: &mut dyn Listener,
) -> Result<Taught, CourseError> {
    let judges: Vec<&Row> = rows.iter().filter(|row| row.is_judge).collect();
    let (bots, people) = both(&judges);
    if bots < EACH_MIN || people < EACH_MIN {
        return Err(CourseError::TooFew { bots, people });
    }
    let parts = split(&judges)?;
    let held = |row: &Row, which: &BTreeSet<u64>| which.contains(&row.group);
    let keep = |which: &dyn Fn(&Row) -> bool| -> Vec<&Row> {
        rows.iter().filter(|row| which(row)).collect()
    };
    let train = keep(&|row| !held(row, &parts.validation) && !held(row, &parts.test));
    let validation = keep(&|row| row.is_judge && held(row, &parts.validation));
    let pool = keep(&|row| !held(row, &parts.test));
    let test = keep(&|row| row.is_judge && held(row, &parts.test));
    listener.tell(
        10,
        format!(
            "{} accounts to learn from, {} to choose by, {} to judge by; of each person one side",
            train.len(),
            validation.len(),
            test.len()
        ),
    );
    let mut ground = Ground::new(prior, columns, &train)?;
    let folds = folds(&train)?;
    let adapted = attempt(Way::Adapted, &ground, &train, &folds, listener)?;
    let mut others = Vec::new();
    let (bots, people) = both(
        &train
            .iter()
            .copied()
            .filter(|row| row.is_judge)
            .collect::<Vec<_>>(),
    );
    if bots >= FRESH_MIN && people >= FRESH_MIN {
        ground.fresh = tuned(&ground, &train, listener)?;
        for way in [Way::Fresh, Way::Forest, Way::Linear] {
            others.push(attempt(way, &ground, &train, &folds, listener)?);
        }
    } else {
        listener.tell(
            60,
            format!("other kinds of models compete from {FRESH_MIN} labels of each kind on"),
        );
    }
    let chosen = choose(&adapted, &others);
    let candidates: Vec<Value> = std::iter::once(&adapted)
        .chain(&others)
        .map(|tried| json!({ "kind": tried.way.as_str(), "average_precision": tried.average_precision }))
        .collect();
    listener.tell(70, format!("chosen: {}", chosen.way.as_str()));
    // Judged forward in time once with what was learned of the oldest, then learned from the newer ones too.
    let own = places(&ground.names(chosen.way));
    let priors = places(prior.ensemble.names());
    let early = ground.fit(chosen.way, &train, chosen.trees)?;
    let (early_calibration, early_threshold) = calibrated(&train, &chosen.margins)?;
    let validated = judged(&validation, early_threshold, |row| {
        early_calibration.probability(early.margin(&picked(row, &own)))
    });
    let pool_folds = self::folds(&pool)?;
    let last = attempt(chosen.way, &ground, &pool, &pool_folds, listener)?;
    let (calibration, threshold) = calibrated(&pool, &last.margins)?;
    let model = ground.fit(chosen.way, &pool, last.trees)?;
    let tested = judged(&test, threshold, |row| {
        calibration.probability(model.margin(&picked(row, &own)))
    });
    let before = judged(&test, prior.threshold, |row| {
        let margin = prior.ensemble.margin(&picked(row, &priors));
        prior.calibration.probability(margin)
    });
    let with_rules: Vec<&Row> = test
        .iter()
        .copied()
        .filter(|row| row.by_rules.is_some())
        .collect();
    let rules = judged(&with_rules, 0.9, |row| row.by_rules.unwrap_or(0.0));
    let crossed = judged_by(&pool, &last.margins, &calibration, threshold);
    listener.tell(90, told(&tested, &before));
    let curves = if both_of(&tested.labels) {
        &tested
    } else {
        &crossed
    };
    let metrics = json!({
        "cross_validation": crossed.figures(),
        "validation": validated.figures(),
        "test": tested.figures(),
        "before": before.figures(),
        "rules": rules.figures(),
        "confusion": curves.confusion_json(),
        "roc": curves.roc(),
        "pr": curves.pr(),
        "errors": curves.errors(),
        "reliability": curves.reliability(),
        "importances": importances(&model),
        "candidates": candidates,
    });
    Ok(Taught {
        parameters: ground.parameters(chosen.way, last.trees),
        way: chosen.way.as_str(),
        folds: pool_folds.len(),
        model,
        calibration,
        threshold,
        metrics,
    })
}

fn both(rows: &[&Row]) -> (usize, usize) {
    let bots = rows.iter().filter(|row| row.is_bot).count();
    (bots, rows.len() - bots)
}

fn both_of(labels: &[bool]) -> bool {
    labels.contains(&true) && labels.contains(&false)
}

/// The people on whom a model is chosen and judged.
struct Held {
    validation: BTreeSet<u64>,
    test: BTreeSet<u64>,
}

fn split(judges: &[&Row]) -> Result<Held, SplitError> {
    let groups: Vec<u64> = judges.iter().map(|row| row.group).collect();
    let labels: Vec<bool> = judges.iter().map(|row| row.is_bot).collect();
    let times: Vec<i64> = judges.iter().map(|row| row.at).collect();
    let parts = timed_parts(&groups, &labels, &times, SHARES)?;
    let of = |places: &[usize]| {
        let group = |place: &usize| groups.get(*place).copied();
        places.iter().filter_map(group).collect()
    };
    Ok(Held {
        validation: of(&parts.validation),
        test: of(&parts.test),
    })
}

/// As many folds as the rarer kind allows, three at least, since one stops and one judges.
fn folds(rows: &[&Row]) -> Result<Vec<Fold>, SplitError> {
    let groups: Vec<u64> = rows.iter().map(|row| row.group).collect();
    let labels: Vec<bool> = rows.iter().map(|row| row.is_bot).collect();
    let distinct = |is_bot: bool| {
        let own = rows.iter().filter(|row| row.is_bot == is_bot);
        own.map(|row| row.group).collect::<BTreeSet<u64>>().len()
    };
    let rarer = distinct(true).min(distinct(false));
    grouped_k_fold(&groups, &labels, if rarer < 10 { 3 } else { 5 }, 1)
}

fn tuned(
    ground: &Ground,
    train: &[&Row],
    listener: &mut dyn Listener,
) -> Result<Params, CourseError> {
    let data = ground.data(Way::Fresh, train)?;
    let plan = Search {
        trials: TRIALS,
        folds: 3,
        seed: 1,
    };
    let space = Space::default();
    let found = search(&data, &ground.fresh, &space, &plan, || {
        listener.is_stopped() || listener.is_tuned()
    });
    if listener.is_stopped() {
        return Err(CourseError::Stopped);
    }
    match found {
        Ok(trial) => {
            let line = format!(
                "parameters tuned: average precision {:.3}",
                trial.average_precision
            );
            listener.tell(40, line);
            Ok(trial.params)
        }
        Err(TuneError::Time) => Ok(ground.fresh.clone()),
        Err(error) => Err(error.into()),
    }
}

fn attempt(
    way: Way,
    ground: &Ground,
    rows: &[&Row],
    folds: &[Fold],
    listener: &mut dyn Listener,
) -> Result<Tried, CourseError> {
    let data = ground.data(way, rows)?;
    let mut kept = Vec::with_capacity(folds.len());
    let margins = out_of_fold(&data, folds, |train, stop_by| {
        if listener.is_stopped() {
            return Err(CourseError::Stopped);
        }
        let (model, trees) = ground.model(way, train, stop_by, None)?;
        kept.push(trees);
        Ok(model)
    })?;
    kept.sort_unstable();
    let trees = matches!(way, Way::Adapted | Way::Fresh)
        .then(|| kept.get(kept.len() / 2).copied())
        .flatten();
    let own = rows.iter().zip(&margins).filter(|(row, _)| row.is_judge);
    let (labels, scores): (Vec<bool>, Vec<f64>) =
        own.map(|(row, margin)| (row.is_bot, *margin)).unzip();
    let average_precision = ml::metrics::auc_pr(&scores, &labels).unwrap_or(0.0);
    listener.tell(
        30,
        format!(
            "{}: average precision {average_precision:.3} in {} folds",
            way.as_str(),
            folds.len()
        ),
    );
    Ok(Tried {
        way,
        margins,
        trees,
        average_precision,
    })
}

/// The adapted prior, unless another kind is clearly better.
fn choose<'a>(adapted: &'a Tried, others: &'a [Tried]) -> &'a Tried {
    let mut best = adapted;
    for other in others {
        let lead = if best.way == Way::Adapted {
            CLEARLY
        } else {
            0.0
        };
        if other.average_precision > best.average_precision + lead {
            best = other;
        }
    }
    best
}

/// From margins of rows, each of a model that had not seen it, to probabilities and the threshold among them. Only rows that judge
/// have a say, each as much as it weighs: what the rules are sure of lies far from where it is hard to tell.
fn calibrated(rows: &[&Row], margins: &[f64]) -> Result<(Calibration, f64), CourseError> {
    let (mut own, mut labels, mut weights) = (Vec::new(), Vec::new(), Vec::new());
    for (row, margin) in rows.iter().zip(margins).filter(|(row, _)| row.is_judge) {
        own.push(*margin);
        labels.push(row.is_bot);
        weights.push(f64::from(row.weight));
    }
    let calibration = Calibration::fit_weighted(&own, &labels, &weights)?;
    let threshold = decision(
        &own,
        &labels,
        &calibration,
        BY_THE_CURVE,
        FALSE_POSITIVE_RATE_MAX,
    );
    Ok((calibration, threshold))
}

fn judged(rows: &[&Row], threshold: f64, score: impl Fn(&Row) -> f64) -> Judged {
    Judged {
        scores: rows.iter().map(|row| score(row)).collect(),
        labels: rows.iter().map(|row| row.is_bot).collect(),
        groups: rows.iter().map(|row| row.group).collect(),
        threshold,
    }
}

/// Rows that judge, by margins that are known already.
fn judged_by(rows: &[&Row], margins: &[f64], calibration: &Calibration, threshold: f64) -> Judged {
    let mut out = Judged {
        threshold,
        ..Judged::default()
    };
    for (row, margin) in rows.iter().zip(margins).filter(|(row, _)| row.is_judge) {
        out.scores.push(calibration.probability(*margin));
        out.labels.push(row.is_bot);
        out.groups.push(row.group);
    }
    out
}

fn told(tested: &Judged, before: &Judged) -> String {
    let (now, was) = (tested.confusion(), before.confusion());
    format!(
        "of the newest {} accounts: precision {:.2}, recall {:.2}, F1 {:.2}; the shipped model alone F1 {:.2}",
        tested.labels.len(),
        now.precision(),
        now.recall(),
        now.f1(),
        was.f1()
    )
}

fn importances(model: &Model) -> Value {
    let mut list: Vec<(&String, f64)> = model.names().iter().zip(model.importances()).collect();
    list.sort_by(|a, b| b.1.total_cmp(&a.1));
    let share =
        |(name, share): &(&String, f64)| json!([name, (share * 10_000.0).round() / 10_000.0]);
    Value::Array(list.iter().take(20).map(share).collect())
}

/// The shipped prior.
pub(super) fn prior() -> Option<Prior> {
    let (model, properties) = crate::prior::prior()?;
    match model {
        Model::Trees(ensemble) if ensemble.link() == Link::Logistic => Some(Prior {
            ensemble: ensemble.clone(),
            calibration: properties.calibration,
            threshold: properties.threshold.unwrap_or(0.9),
        }),
        _ => None,
    }
}

#[cfg(test)]
mod tests;
