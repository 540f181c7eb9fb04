//! Evaluation from outside: learn from some folders of labelled chat, judge by others, and say how good that is beside the
//! rules.
//!
//! Must never judge an account by a model that has seen its group, nor choose a threshold on the side that is judged.

mod adapt;
mod read;
mod replay;
mod report;

#[cfg(test)]
mod tests;

use std::{collections::BTreeSet, path::PathBuf};

use engines::Sha256;
use ml::{Calibration, Model, split::grouped_k_fold};
use serde_json::Value;

use crate::{
    due,
    features::Norms,
    figures::{Judged, importances},
    learning::{Columns, Labelled, LearnError, Learned, Recipe, learn, threshold},
};

pub use read::ReadError;
pub use replay::{Case, Replayed, replay};
pub use report::{At, Counts, Evaluation, Figure, Importance, Judgement, Outcome, Part, Scored};

/// From this likeness of their norms on, two communities share a threshold.
const ALIKE: f64 = 0.3;

/// What to evaluate.
#[derive(Debug, Clone)]
pub struct Plan {
    /// Folders to learn from.
    pub train: Vec<PathBuf>,
    /// Folders to judge by.
    pub test: Vec<PathBuf>,
    /// Judge the folders of `train` by cross-validation in so many folds; `test` is empty then.
    pub folds: Option<usize>,
    /// So many labels of the judged side, asked for where they teach most, are learned from and not judged.
    pub adapt: usize,
    /// An ONNX model to judge instead of learning one.
    pub model: Option<Vec<u8>>,
    /// Accounts with fewer messages are neither learned from nor judged.
    pub min_messages: u32,
    /// How to learn.
    pub recipe: Recipe,
    /// Draws of the bootstrap.
    pub draws: usize,
}

/// Why there is no evaluation.
#[derive(Debug, thiserror::Error)]
pub enum EvaluateError {
    /// A folder could not be read.
    #[error("a folder of chat could not be read")]
    Read(#[from] ReadError),
    /// A folder without labels where labels are needed.
    #[error("`{0}` has no labels.csv: there is nothing to learn from it")]
    Unlabelled(String),
    /// Every account to learn from is of a group that is judged.
    #[error("all accounts to learn from are judged too: judge others, or ask for folds")]
    Judged,
    /// Nothing was learned.
    #[error("no model could be learned from `{names}`")]
    Learn {
        /// From which folders.
        names: String,
        /// Why.
        #[source]
        why: LearnError,
    },
    /// Accounts cannot be split into so many folds.
    #[error("the accounts cannot be split into so many folds")]
    Folds(#[from] ml::split::SplitError),
    /// The model is no model of these features.
    #[error("the model cannot be used: {0}")]
    Model(String),
}

/// A model that answers vectors: learned just now, or brought along.
enum Judge {
    Learned(Box<Learned>),
    Brought {
        model: Box<Model>,
        places: Vec<usize>,
        calibration: Calibration,
        threshold: f64,
    },
}

impl Judge {
    fn probability(&self, case: &Case) -> f64 {
        let Some(vector) = case.latest() else {
            return 0.0;
        };
        match self {
            Self::Learned(learned) => learned.probability(vector),
            Self::Brought {
                model,
                places,
                calibration,
                ..
            } => {
                let values = vector.values();
                let row: Vec<f32> = places
                    .iter()
                    .map(|place| values.get(*place).copied().unwrap_or(f32::NAN))
                    .collect();
                calibration.probability(model.margin(&row))
            }
        }
    }

    /// The threshold where accounts are like those of this source.
    fn threshold(&self, source: Option<usize>) -> f64 {
        match self {
            Self::Learned(learned) => source
                .and_then(|source| u64::try_from(source).ok())
                .and_then(|source| learned.own_thresholds.get(&source).copied())
                .unwrap_or(learned.threshold),
            Self::Brought { threshold, .. } => *threshold,
        }
    }

    fn importances(&self) -> Vec<Importance> {
        let (names, shares) = match self {
            Self::Learned(learned) => (
                learned.ensemble.names().to_vec(),
                learned.ensemble.importances().to_vec(),
            ),
            Self::Brought { model, .. } => (model.names().to_vec(), model.importances()),
        };
        let mut list: Vec<Importance> = names
            .into_iter()
            .zip(shares)
            .map(|(name, share)| Importance { name, share })
            .collect();
        list.sort_by(|a, b| b.share.total_cmp(&a.share));
        list.truncate(20);
        list
    }
}

/// Evaluates.
///
/// # Errors
/// [`EvaluateError`] names the file and line, or says what cannot be learned.
pub fn evaluate(plan: &Plan) -> Result<Evaluation, EvaluateError> {
    let mut train = folders(&plan.train, 0, plan.min_messages)?;
    let test = folders(&plan.test, train.len(), plan.min_messages)?;
    let held_back = hold_back(&mut train, &test);
    if let Some(unlabelled) = train.iter().find(|folder| !folder.is_labelled) {
        return Err(EvaluateError::Unlabelled(unlabelled.name.clone()));
    }
    let labels = train.iter().flat_map(|folder| &folder.cases);
    if held_back > 0 && labels.filter(|case| case.is_bot.is_some()).count() == 0 {
        return Err(EvaluateError::Judged);
    }
    let mut evaluation = Evaluation::new(&train, &test, held_back);
    if let Some(folds) = plan.folds {
        for folder in &train {
            let alone = std::slice::from_ref(folder);
            cross_validate(alone, folds, plan, "alone", &mut evaluation)?;
        }
        if train.len() > 1 {
            cross_validate(&train, folds, plan, "pooled", &mut evaluation)?;
        }
        return Ok(evaluation);
    }
    let judge = match &plan.model {
        Some(bytes) => brought(bytes)?,
        None => Judge::Learned(Box::new(taught(
            &moments(&train, |folder| likeness(folder, &test)),
            &train,
            plan,
        )?)),
    };
    let rule_threshold = rule_threshold(train.iter().flat_map(|folder| &folder.cases), plan);
    evaluation.importances = judge.importances();
    let mut all = Vec::new();
    for folder in &test {
        let threshold = judge.threshold(most_alike(folder, &train));
        let mut scored: Vec<Scored> = folder
            .cases
            .iter()
            .map(|case| Scored::new(case, judge.probability(case), threshold, rule_threshold))
            .collect();
        // Of a model that was brought nobody knows what it learned from.
        let how = match judge {
            Judge::Learned(_) => "unseen",
            Judge::Brought { .. } => "brought",
        };
        evaluation.add(&folder.name, how, &scored, plan.draws);
        if plan.adapt > 0 && folder.is_labelled {
            let adapted = adapt::adapt(&train, folder, &scored, plan, rule_threshold)?;
            evaluation.add(&folder.name, "adapted", &adapted.rest, plan.draws);
            evaluation.add(&folder.name, "halves", &adapted.halves, plan.draws);
            scored = adapted.halves;
        }
        all.extend(scored);
    }
    if test.len() > 1 {
        evaluation.add("all", "pooled", &all, plan.draws);
    }
    Ok(evaluation)
}

/// A model that was made to be kept.
#[derive(Debug, Clone)]
pub struct Made {
    /// The model.
    pub learned: Learned,
    /// What is usual in the folders it was learned from.
    pub norms: Norms,
    /// What models said that had not seen the account; of accounts that the program would score, which have enough messages.
    judged: Judged,
}

impl Made {
    /// A model of which nothing was measured.
    pub fn unmeasured(learned: Learned, norms: Norms) -> Self {
        Self {
            learned,
            norms,
            judged: Judged::default(),
        }
    }

    /// The model as an ONNX file, bound to the features it was made for.
    ///
    /// # Errors
    /// [`ml::onnx::OnnxError`] if it is too large.
    pub fn onnx(&self) -> Result<Vec<u8>, ml::onnx::OnnxError> {
        let properties = ml::onnx::Properties {
            schema: crate::features::SCHEMA.hash().to_owned(),
            version: format!("prior-{}", crate::features::SCHEMA.version()),
            calibration: self.learned.calibration,
            threshold: Some(self.learned.threshold),
            ..ml::onnx::Properties::default()
        };
        ml::onnx::write(&Model::Trees(self.learned.ensemble.clone()), &properties)
    }

    /// What was measured, as the registry keeps it, to be kept beside the file of the model, which it names by its SHA-256; `None` where
    /// nobody was judged, or people only, or bots only. `waddlebot bots models import --metrics` takes it.
    pub fn metrics_of(&self, file: &[u8]) -> Option<Value> {
        let labels = &self.judged.labels;
        if !(labels.contains(&true) && labels.contains(&false)) {
            return None;
        }
        let mut all = self.judged.drawings();
        let model = Model::Trees(self.learned.ensemble.clone());
        let told = [
            ("cross_validation", self.judged.figures()),
            ("importances", importances(&model)),
            ("model", Sha256::of(file).to_string().into()),
        ];
        all.extend(told.map(|(name, value)| (name.to_owned(), value)));
        Some(Value::Object(all))
    }
}

/// A model learned from folders, to be kept. A folder without labels tells what is usual, and nothing else.
///
/// # Errors
/// [`EvaluateError`] names the file and line, or says what cannot be learned.
pub fn prior(dirs: &[PathBuf], recipe: &Recipe) -> Result<Made, EvaluateError> {
    let train = folders(dirs, 0, 1)?;
    let recipe = recipe.for_sources(train.len());
    let rows = moments(&train, |_| 1.0);
    let learned = learn(&rows, &recipe).map_err(|why| unlearnable(&train, why))?;
    let norms = Norms::everywhere(train.iter().map(|folder| &folder.norms));
    let judged = judged(&train, &rows, &learned);
    Ok(Made {
        learned,
        norms,
        judged,
    })
}

/// What a model says out of fold about accounts that the program would score.
fn judged(train: &[Replayed], rows: &[Labelled], learned: &Learned) -> Judged {
    let cases = train.iter().flat_map(|folder| &folder.cases);
    let heard: BTreeSet<(u64, u64)> = cases
        .filter(|case| case.n_messages >= due::FIRST)
        .map(|case| (source_of(case), case.account))
        .collect();
    let mut judged = Judged {
        threshold: learned.threshold,
        ..Judged::default()
    };
    for (place, margin) in &learned.out_of_fold {
        let row = rows.get(*place);
        let Some(row) = row.filter(|row| heard.contains(&(row.source, row.account))) else {
            continue;
        };
        judged.scores.push(learned.calibration.probability(*margin));
        judged.labels.push(row.is_bot);
        judged.groups.push(row.group);
    }
    judged
}

fn source_of(case: &Case) -> u64 {
    u64::try_from(case.source).unwrap_or(u64::MAX)
}

fn folders(dirs: &[PathBuf], from: usize, least: u32) -> Result<Vec<Replayed>, EvaluateError> {
    dirs.iter()
        .zip(from..)
        .map(|(dir, source)| {
            let mut folder = replay(dir, source)?;
            folder.cases.retain(|case| case.n_messages >= least);
            Ok(folder)
        })
        .collect()
}

/// Forgets what accounts of the learning side are whose group is judged too, and says how many they were.
fn hold_back(train: &mut [Replayed], test: &[Replayed]) -> usize {
    let judged = test.iter().flat_map(|folder| &folder.cases);
    let judged: BTreeSet<u64> = judged.map(|case| case.group).collect();
    let learned = train.iter_mut().flat_map(|folder| &mut folder.cases);
    let mut n = 0;
    for case in learned.filter(|case| judged.contains(&case.group)) {
        n += usize::from(case.is_bot.take().is_some());
    }
    n
}

/// What is learned from: every moment of every labelled account.
fn moments(folders: &[Replayed], weight: impl Fn(&Replayed) -> f64) -> Vec<Labelled> {
    let mut rows = Vec::new();
    for folder in folders {
        let weight = weight(folder);
        for case in &folder.cases {
            if let Some(is_bot) = case.is_bot {
                rows.extend(of_case(case, is_bot, weight));
            }
        }
    }
    rows
}

fn of_case(case: &Case, is_bot: bool, weight: f64) -> impl Iterator<Item = Labelled> + '_ {
    let last = case.moments.len();
    case.moments
        .iter()
        .zip(1..)
        .map(move |(vector, number)| Labelled {
            vector: vector.clone(),
            is_bot,
            account: case.account,
            group: case.group,
            source: source_of(case),
            is_latest: number == last,
            weight,
        })
}

/// How much a folder says about the ones that are judged: a community whose members are usual in the same way says more. No
/// label is looked at for it.
fn likeness(folder: &Replayed, judged: &[Replayed]) -> f64 {
    judged
        .iter()
        .map(|other| folder.norms.likeness(&other.norms))
        .fold(0.0, f64::max)
        .max(0.05)
}

/// The source that is most like a folder, if any is like it at all.
fn most_alike(folder: &Replayed, train: &[Replayed]) -> Option<usize> {
    train
        .iter()
        .map(|other| (other, other.norms.likeness(&folder.norms)))
        .filter(|(_, likeness)| *likeness >= ALIKE)
        .max_by(|(_, a), (_, b)| a.total_cmp(b))
        .and_then(|(other, _)| other.cases.first())
        .map(|case| case.source)
}

fn taught(rows: &[Labelled], train: &[Replayed], plan: &Plan) -> Result<Learned, EvaluateError> {
    learn(rows, &plan.recipe.for_sources(train.len())).map_err(|why| unlearnable(train, why))
}

fn unlearnable(train: &[Replayed], why: LearnError) -> EvaluateError {
    let names: Vec<&str> = train.iter().map(|folder| folder.name.as_str()).collect();
    EvaluateError::Learn {
        names: names.join(", "),
        why,
    }
}

fn brought(bytes: &[u8]) -> Result<Judge, EvaluateError> {
    let (model, properties) =
        ml::onnx::read(bytes).map_err(|why| EvaluateError::Model(why.to_string()))?;
    let schema = crate::features::SCHEMA.hash();
    if properties.schema != schema {
        return Err(EvaluateError::Model(format!(
            "it was made for features `{}`, these are `{schema}`",
            properties.schema
        )));
    }
    let places: Option<Vec<usize>> = model
        .names()
        .iter()
        .map(|name| crate::features::SCHEMA.position(name))
        .collect();
    let places = places.ok_or_else(|| {
        EvaluateError::Model("it asks for a feature that does not exist".to_owned())
    })?;
    Ok(Judge::Brought {
        model: Box::new(model),
        places,
        calibration: properties.calibration,
        threshold: properties.threshold.unwrap_or(0.9),
    })
}

/// The threshold of the rules, from 0 to 1, chosen as the model's is.
/// The threshold at which the rules do best; not a number without anybody to choose it by.
fn rule_threshold<'a>(cases: impl Iterator<Item = &'a Case>, plan: &Plan) -> f64 {
    let (scores, labels): (Vec<f64>, Vec<bool>) = cases
        .filter_map(|case| case.is_bot.map(|is_bot| (case.rule_score / 100.0, is_bot)))
        .unzip();
    if labels.is_empty() {
        return f64::NAN;
    }
    threshold(&scores, &labels, plan.recipe.false_positive_rate_max).unwrap_or(0.9)
}

/// The plan to judge accounts of so many folders by others of the same. Of a single one a model looks at all signals, as one
/// that a community trains for itself.
fn within(plan: &Plan, folders: usize) -> Plan {
    let mut plan = plan.clone();
    if folders == 1 {
        plan.recipe.columns = Columns::All;
    }
    plan
}

fn cross_validate(
    folders: &[Replayed],
    folds: usize,
    plan: &Plan,
    how: &'static str,
    evaluation: &mut Evaluation,
) -> Result<(), EvaluateError> {
    let cases: Vec<&Case> = folders.iter().flat_map(|folder| &folder.cases).collect();
    let cases: Vec<&Case> = cases
        .into_iter()
        .filter(|case| case.is_bot.is_some())
        .collect();
    let groups: Vec<u64> = cases.iter().map(|case| case.group).collect();
    let labels: Vec<bool> = cases.iter().map(|case| case.is_bot == Some(true)).collect();
    let rows = moments(folders, |_| 1.0);
    let plan = &within(plan, folders.len());
    let mut scored: Vec<(usize, Scored)> = Vec::with_capacity(cases.len());
    for fold in grouped_k_fold(&groups, &labels, folds, plan.recipe.params.seed)? {
        let mut held: Vec<u64> = fold
            .test
            .iter()
            .filter_map(|place| groups.get(*place).copied())
            .collect();
        held.sort_unstable();
        let train: Vec<Labelled> = rows
            .iter()
            .filter(|row| held.binary_search(&row.group).is_err())
            .cloned()
            .collect();
        let learned = taught(&train, folders, plan)?;
        let known = fold.train.iter().filter_map(|place| cases.get(*place));
        let rule_threshold = rule_threshold(known.copied(), plan);
        let judge = Judge::Learned(Box::new(learned));
        for place in fold.test {
            if let Some(case) = cases.get(place) {
                let probability = judge.probability(case);
                let threshold = judge.threshold(Some(case.source));
                let one = Scored::new(case, probability, threshold, rule_threshold);
                scored.push((place, one));
            }
        }
    }
    scored.sort_by_key(|(place, _)| *place);
    for folder in folders {
        let own: Vec<Scored> = scored
            .iter()
            .filter(|(place, _)| {
                let own = folder.cases.first().map(|case| case.source);
                cases.get(*place).map(|case| case.source) == own
            })
            .map(|(_, one)| *one)
            .collect();
        evaluation.add(&folder.name, how, &own, plan.draws);
    }
    if folders.len() > 1 {
        let all: Vec<Scored> = scored.into_iter().map(|(_, one)| one).collect();
        evaluation.add("all", how, &all, plan.draws);
    }
    Ok(())
}
