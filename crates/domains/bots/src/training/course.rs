//! From labels to a model. What is learned first is what the shipped prior gets wrong here, as trees that correct it. Models that
//! begin from nothing compete with that and must be clearly better: from few labels on one of the community's own, of its labels and of
//! members whom nobody suspects.
//!
//! Moderators decide about those who look suspicious. A model that knew only them would take half of the members for bots: so
//! some of the others are presumed to be people (learning from positive and unlabelled rows; Elkan and Noto, *Learning classifiers from
//! only positive and unlabeled data*, 2008), each counting as little as it is known.
//!
//! Who says how good a model is: people of whom it learned nothing, the newest of all. Labels that the rules gave, and what is
//! presumed, are learned from and judge nobody, or the rules would be right about everything. No clock, no randomness but a seed.

mod ground;
mod own;

use std::collections::BTreeSet;

use ml::{
    Calibration, Ensemble, Model,
    boost::{FitError, Params},
    ensemble::Link,
    split::{Fold, SplitError, grouped_k_fold, timed_parts},
    tune::{Search, Space, TuneError, out_of_fold, search},
};
use serde_json::{Value, json};

use crate::figures::{Judged, importances};
use crate::learning::{BY_THE_CURVE, Columns, LearnError, decision};
use ground::{Ground, Start, picked, places};
use own::Own;

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
/// Presumed people without which a community learns no model of its own.
const PRESUMED_MIN: usize = 50;
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
    /// Whether nobody said anything: a member whom nobody suspects.
    pub(super) is_presumed: bool,
    /// What the rules say, 0 to 1.
    pub(super) by_rules: Option<f64>,
}

impl Row {
    /// Whether it says something about how many members are like it.
    const fn counts(&self) -> bool {
        self.is_judge || self.is_presumed
    }
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
    #[error("no model of the community's own could be made")]
    Learn(#[from] LearnError),
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

/// How a model was tried.
enum Way {
    /// From the prior, or from nothing; of those that are stopped early the trees that were kept in the middle fold.
    Common(Start, Option<usize>),
    /// Of a community's own.
    Own(Box<Own>),
}

impl Way {
    const fn as_str(&self) -> &'static str {
        match self {
            Self::Common(start, _) => start.as_str(),
            Self::Own(_) => "labels and presumed people",
        }
    }
}

/// What was judged by folds.
struct Tried {
    way: Way,
    /// The margin of each row, from a model that had not seen its group.
    margins: Vec<f64>,
    average_precision: f64,
}

impl Tried {
    fn new(way: Way, rows: &[&Row], margins: Vec<f64>, listener: &mut dyn Listener) -> Self {
        let counted = rows.iter().zip(&margins).filter(|(row, _)| row.counts());
        let (labels, scores): (Vec<bool>, Vec<f64>) =
            counted.map(|(row, margin)| (row.is_bot, *margin)).unzip();
        let average_precision = ml::metrics::auc_pr(&scores, &labels).unwrap_or(0.0);
        listener.tell(
            30,
            format!(
                "{}: average precision {average_precision:.3} in folds",
                way.as_str()
            ),
        );
        Self {
            way,
            margins,
            average_precision,
        }
    }

    /// The model of the rows it was tried on, with its curve and its threshold.
    fn model(&self, ground: &Ground, rows: &[&Row]) -> Result<Own, CourseError> {
        match &self.way {
            Way::Own(own) => Ok(Own::clone(own)),
            Way::Common(start, trees) => {
                let (calibration, threshold) = calibrated(rows, &self.margins)?;
                Ok(Own {
                    model: ground.fit(*start, rows, *trees)?,
                    calibration,
                    threshold,
                    is_lined: false,
                })
            }
        }
    }
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
    let adapted = attempt(Start::Adapted, &ground, &train, &folds, listener)?;
    let mut others = Vec::new();
    if train.iter().filter(|row| row.is_presumed).count() >= PRESUMED_MIN {
        match attempt_own(&train, listener) {
            Ok(tried) => others.push(tried),
            // Too few of a kind, as where one person has all the bots: the others go on.
            Err(CourseError::Learn(why)) => {
                listener.tell(30, format!("no model of the community's own: {why}"));
            }
            Err(error) => return Err(error),
        }
    }
    let (bots, people) = both(
        &train
            .iter()
            .copied()
            .filter(|row| row.is_judge)
            .collect::<Vec<_>>(),
    );
    if bots >= FRESH_MIN && people >= FRESH_MIN {
        ground.fresh = tuned(&ground, &train, listener)?;
        for way in [Start::Fresh, Start::Forest, Start::Linear] {
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
    let priors = places(prior.ensemble.names());
    let early = chosen.model(&ground, &train)?;
    let validated = early.judged(&validation);
    let pool_folds = self::folds(&pool)?;
    let last = match chosen.way {
        Way::Own(_) => attempt_own(&pool, listener)?,
        Way::Common(start, _) => attempt(start, &ground, &pool, &pool_folds, listener)?,
    };
    let own = last.model(&ground, &pool)?;
    let tested = own.judged(&test);
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
    let crossed = judged_by(&pool, &last.margins, &own.calibration, own.threshold);
    listener.tell(90, told(&tested, &before));
    let curves = if both_of(&tested.labels) {
        &tested
    } else {
        &crossed
    };
    let mut metrics = curves.drawings();
    let told = [
        ("cross_validation", crossed.figures()),
        ("validation", validated.figures()),
        ("test", tested.figures()),
        ("before", before.figures()),
        ("rules", rules.figures()),
        ("importances", importances(&own.model)),
        ("candidates", Value::Array(candidates)),
    ];
    metrics.extend(told.map(|(name, value)| (name.to_owned(), value)));
    Ok(Taught {
        parameters: match &last.way {
            Way::Own(own) => own::parameters(own.is_lined),
            Way::Common(start, trees) => ground.parameters(*start, *trees),
        },
        way: last.way.as_str(),
        folds: pool_folds.len(),
        model: own.model,
        calibration: own.calibration,
        threshold: own.threshold,
        metrics: Value::Object(metrics),
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
    let data = ground.data(Start::Fresh, train)?;
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
    start: Start,
    ground: &Ground,
    rows: &[&Row],
    folds: &[Fold],
    listener: &mut dyn Listener,
) -> Result<Tried, CourseError> {
    let data = ground.data(start, rows)?;
    let mut kept = Vec::with_capacity(folds.len());
    let margins = out_of_fold(&data, folds, |train, stop_by| {
        if listener.is_stopped() {
            return Err(CourseError::Stopped);
        }
        let (model, trees) = ground.model(start, train, stop_by, None)?;
        kept.push(trees);
        Ok(model)
    })?;
    kept.sort_unstable();
    let trees = matches!(start, Start::Adapted | Start::Fresh)
        .then(|| kept.get(kept.len() / 2).copied())
        .flatten();
    Ok(Tried::new(
        Way::Common(start, trees),
        rows,
        margins,
        listener,
    ))
}

fn attempt_own(rows: &[&Row], listener: &mut dyn Listener) -> Result<Tried, CourseError> {
    if listener.is_stopped() {
        return Err(CourseError::Stopped);
    }
    let (margins, own) = own::learn_own(rows)?;
    Ok(Tried::new(Way::Own(Box::new(own)), rows, margins, listener))
}

/// The adapted prior, unless another kind is clearly better.
fn choose<'a>(adapted: &'a Tried, others: &'a [Tried]) -> &'a Tried {
    let mut best = adapted;
    for other in others {
        let lead = if matches!(best.way, Way::Common(Start::Adapted, _)) {
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

/// From margins of rows, each of a model that had not seen it, to probabilities, and the threshold among the rows that judge. Those
/// and the presumed people have a say in the curve, each as much as it weighs; what the rules are sure of lies far from where
/// it is hard to tell.
fn calibrated(rows: &[&Row], margins: &[f64]) -> Result<(Calibration, f64), CourseError> {
    let counted = || rows.iter().zip(margins).filter(|(row, _)| row.counts());
    let margins_of: Vec<f64> = counted().map(|(_, margin)| *margin).collect();
    let labels: Vec<bool> = counted().map(|(row, _)| row.is_bot).collect();
    let weights: Vec<f64> = counted().map(|(row, _)| f64::from(row.weight)).collect();
    let calibration = Calibration::fit_weighted(&margins_of, &labels, &weights)?;
    let threshold = decided(rows, margins, &calibration);
    Ok((calibration, threshold))
}

/// The threshold, by the rows that judge.
fn decided(rows: &[&Row], margins: &[f64], calibration: &Calibration) -> f64 {
    let judges = rows.iter().zip(margins).filter(|(row, _)| row.is_judge);
    let (labels, margins): (Vec<bool>, Vec<f64>) =
        judges.map(|(row, margin)| (row.is_bot, *margin)).unzip();
    decision(
        &margins,
        &labels,
        calibration,
        BY_THE_CURVE,
        FALSE_POSITIVE_RATE_MAX,
    )
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
