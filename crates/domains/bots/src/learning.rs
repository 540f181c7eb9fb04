//! From labelled vectors to a model that gives probabilities and a threshold: boosted trees, where bots are few a straight line
//! beside them, calibration and threshold on answers to rows the model had not seen, groups never torn apart.
//!
//! Must never know where labels come from, nor judge a model by rows it learned from. No clock, no randomness but a seed.

mod line;

use std::collections::BTreeMap;

use ml::{
    Calibration, Dataset, Ensemble, Example,
    boost::{self, ClassWeight, FitError, Params, Trend},
    split::{SplitError, grouped_k_fold},
};

use crate::features::{SCHEMA, Use, Vector};
pub(crate) use line::LINE_SHARE;
pub use line::Line;
use line::straight;

/// Bots a source must have for a threshold of its own.
const ENOUGH_BOTS: usize = 5;

/// From so many bots on trees stand alone and a threshold is chosen among the answers. Of fewer, trees differ much with each draw,
/// and one account more or less would move the threshold by several log-odds.
const FEW_BOTS: usize = 30;

/// The threshold where bots are too few to choose one by. F1 is best at half of itself if probabilities are right, and .8 is
/// what is aimed at.
pub(crate) const BY_THE_CURVE: f64 = 0.4;

/// The same where a model with a line beside its trees is calibrated by a few bots only: Platt's curve takes none of few for
/// certain, and the models that answered for it knew a fifth less of them than the one that is kept.
const BY_A_CAUTIOUS_CURVE: f64 = 0.25;

/// A label of the community that is to be judged counts as often as so many of what is only presumed, or of others.
pub(crate) const OWN_LABEL: f64 = 20.0;

/// A labelled moment of an account.
#[derive(Debug, Clone)]
pub struct Labelled {
    /// Its signals at that moment.
    pub vector: Vector,
    /// Whether it is automated.
    pub is_bot: bool,
    /// The account: its moments share one vote.
    pub account: u64,
    /// Accounts of one group are never on both sides of a split: the same person, the same copied account.
    pub group: u64,
    /// Where the label comes from. No source outvotes another by mere size.
    pub source: u64,
    /// Whether this is the account's latest moment: the one it is judged by.
    pub is_latest: bool,
    /// How much it counts; 1 is usual.
    pub weight: f64,
}

/// Which numbers of a vector a model may use.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Columns {
    /// Those that mean the same everywhere.
    #[default]
    Everywhere,
    /// All, for a model of one community.
    All,
    /// Only those against the norms.
    Compared,
}

impl Columns {
    /// The places of the numbers in a vector.
    pub fn places(self) -> Vec<usize> {
        SCHEMA
            .columns()
            .iter()
            .enumerate()
            .filter(|(_, column)| match self {
                Self::All => true,
                Self::Everywhere => column.signal.used == Use::Everywhere,
                Self::Compared => column.against_norms,
            })
            .map(|(place, _)| place)
            .collect()
    }

    /// These numbers of a vector; what it does not have is missing.
    pub fn of(self, values: &[f32]) -> Vec<f32> {
        self.places()
            .iter()
            .map(|place| values.get(*place).copied().unwrap_or(f32::NAN))
            .collect()
    }

    /// Their names.
    pub fn names(self) -> Vec<String> {
        let names = SCHEMA.names();
        self.places()
            .into_iter()
            .filter_map(|place| names.get(place).cloned())
            .collect()
    }
}

/// How to learn.
#[derive(Debug, Clone, PartialEq)]
pub struct Recipe {
    /// The trees.
    pub params: Params,
    /// Folds for calibration and threshold.
    pub folds: usize,
    /// What the model may use. To judge other communities it learns more with the measured values too if it learns from several,
    /// less from a single one.
    pub columns: Columns,
    /// The tuned threshold accuses at most this share of people.
    pub false_positive_rate_max: f64,
    /// Whether a straight line stands beside the trees.
    pub line: Line,
}

impl Recipe {
    /// The recipe for labels of so many communities.
    #[must_use]
    pub fn for_sources(&self, sources: usize) -> Self {
        let columns = match self.columns {
            Columns::Compared if sources > 1 => Columns::Everywhere,
            columns => columns,
        };
        Self {
            columns,
            ..self.clone()
        }
    }
}

impl Default for Recipe {
    fn default() -> Self {
        Self {
            params: Params {
                trees: 200,
                learning_rate: 0.06,
                max_depth: 4,
                max_leaves: 8,
                min_child_weight: 0.1,
                l2: 5.0,
                subsample: 0.5,
                columns: 0.2,
                bins: 128,
                class_weight: ClassWeight::None,
                ..Params::default()
            },
            folds: 5,
            columns: Columns::Compared,
            false_positive_rate_max: 0.004,
            line: Line::OfFew,
        }
    }
}

/// Why nothing was learned.
#[derive(Debug, thiserror::Error)]
pub enum LearnError {
    /// Too few accounts of one kind.
    #[error(
        "learning needs at least {needed} accounts of each kind in groups of their own, there are {bots} bots and {people} people"
    )]
    TooFew {
        /// How many.
        needed: usize,
        /// How many bots there are.
        bots: usize,
        /// How many people there are.
        people: usize,
    },
    /// The trees, or the line beside them, could not be made.
    #[error("the model could not be made")]
    Fit(#[from] FitError),
    /// The groups could not be split.
    #[error("the accounts could not be split into folds")]
    Split(#[from] SplitError),
    /// The rows do not fit together.
    #[error("the rows do not fit together")]
    Rows(#[from] ml::DatasetError),
    /// Nothing to calibrate by.
    #[error("there is nothing to calibrate by")]
    Calibration(#[from] ml::calibrate::OneClass),
}

/// A model with what makes its answers probabilities and decisions.
#[derive(Debug, Clone)]
pub struct Learned {
    /// The trees; where bots were few, with a straight line beside them that is written as trees too.
    pub ensemble: Ensemble,
    /// Whether there is such a line.
    pub is_lined: bool,
    /// What they may use.
    pub columns: Columns,
    /// From margins to probabilities.
    pub calibration: Calibration,
    /// From this probability on an account is called a bot.
    pub threshold: f64,
    /// The same for each source that has enough bots to say: what is a good threshold in one community is not in another.
    pub own_thresholds: BTreeMap<u64, f64>,
    /// For each latest moment its place among what was handed in, and the margin a model gave it that had not seen its
    /// group.
    pub out_of_fold: Vec<(usize, f64)>,
}

impl Learned {
    /// The numbers of a vector that the trees look at.
    pub fn row(&self, vector: &Vector) -> Vec<f32> {
        row(vector, &self.columns.places())
    }

    /// How probably an account with this vector is automated.
    pub fn probability(&self, vector: &Vector) -> f64 {
        let margin = self.ensemble.margin(&self.row(vector));
        self.calibration.probability(margin)
    }
}

/// Learns from labelled moments.
///
/// # Errors
/// [`LearnError`] if there are too few accounts of a kind, or rows do not fit together.
pub fn learn(rows: &[Labelled], recipe: &Recipe) -> Result<Learned, LearnError> {
    let weights = weights(rows);
    let latest: Vec<usize> = places(rows, |row| row.is_latest);
    let folds = folds(rows, &latest, recipe)?;
    let bots = places(rows, |row| row.is_latest && row.is_bot);
    let is_lined = recipe.line == Line::Always || bots.len() < FEW_BOTS;
    let mut out_of_fold = Vec::with_capacity(latest.len());
    for held in 0..recipe.folds {
        let train = places(rows, |row| folds.get(&row.group) != Some(&held));
        let ensemble = fit(rows, &weights, &train, is_lined, recipe)?;
        let columns = recipe.columns.places();
        for place in &latest {
            if let Some(one) = rows.get(*place)
                && folds.get(&one.group) == Some(&held)
            {
                out_of_fold.push((*place, ensemble.margin(&row(&one.vector, &columns))));
            }
        }
    }
    let margins: Vec<f64> = out_of_fold.iter().map(|(_, margin)| *margin).collect();
    let labels: Vec<bool> = out_of_fold
        .iter()
        .map(|(place, _)| rows.get(*place).is_some_and(|row| row.is_bot))
        .collect();
    // As in the trees, a label of the community itself counts more often; no label counts less than once, because also a
    // community of another kind says how far margins are from the truth.
    let counts: Vec<f64> = out_of_fold
        .iter()
        .map(|(place, _)| rows.get(*place).map_or(0.0, |row| row.weight.max(1.0)))
        .collect();
    let calibration = Calibration::fit_weighted(&margins, &labels, &counts)?;
    let wrong_max = recipe.false_positive_rate_max;
    let by_the_curve = if is_lined {
        BY_A_CAUTIOUS_CURVE
    } else {
        BY_THE_CURVE
    };
    let threshold = decision(&margins, &labels, &calibration, by_the_curve, wrong_max);
    let own_thresholds = if has_few(&labels) {
        BTreeMap::new()
    } else {
        own_thresholds(rows, &out_of_fold, recipe)
            .into_iter()
            .map(|(source, margin)| (source, calibration.probability(margin)))
            .collect()
    };
    let all = places(rows, |_| true);
    Ok(Learned {
        ensemble: fit(rows, &weights, &all, is_lined, recipe)?,
        is_lined,
        columns: recipe.columns,
        calibration,
        threshold,
        own_thresholds,
        out_of_fold,
    })
}

/// The margins from which on accounts of a source are called bots, of sources with at least [`ENOUGH_BOTS`].
fn own_thresholds(
    rows: &[Labelled],
    out_of_fold: &[(usize, f64)],
    recipe: &Recipe,
) -> BTreeMap<u64, f64> {
    let mut sources: BTreeMap<u64, (Vec<f64>, Vec<bool>)> = BTreeMap::new();
    for (place, margin) in out_of_fold {
        if let Some(one) = rows.get(*place) {
            let (margins, labels) = sources.entry(one.source).or_default();
            margins.push(*margin);
            labels.push(one.is_bot);
        }
    }
    sources
        .into_iter()
        .filter(|(_, (_, labels))| labels.iter().filter(|label| **label).count() >= ENOUGH_BOTS)
        .filter_map(|(source, (margins, labels))| {
            threshold(&margins, &labels, recipe.false_positive_rate_max)
                .map(|margin| (source, margin))
        })
        .collect()
}

fn places(rows: &[Labelled], which: impl Fn(&Labelled) -> bool) -> Vec<usize> {
    let numbered = rows.iter().enumerate();
    numbered
        .filter(|(_, row)| which(row))
        .map(|(place, _)| place)
        .collect()
}

fn row(vector: &Vector, places: &[usize]) -> Vec<f32> {
    let values = vector.values();
    places
        .iter()
        .map(|place| values.get(*place).copied().unwrap_or(f32::NAN))
        .collect()
}

/// The fold of each group.
fn folds(
    rows: &[Labelled],
    latest: &[usize],
    recipe: &Recipe,
) -> Result<BTreeMap<u64, usize>, LearnError> {
    let mut groups = Vec::with_capacity(latest.len());
    let mut labels = Vec::with_capacity(latest.len());
    for one in latest.iter().filter_map(|place| rows.get(*place)) {
        groups.push(one.group);
        labels.push(one.is_bot);
    }
    let distinct = |is_bot: bool| {
        let mut own: Vec<u64> = groups
            .iter()
            .zip(&labels)
            .filter(|(_, label)| **label == is_bot)
            .map(|(group, _)| *group)
            .collect();
        own.sort_unstable();
        own.dedup();
        own.len()
    };
    let (bots, people) = (distinct(true), distinct(false));
    if bots < 2 || people < 2 {
        return Err(LearnError::TooFew {
            needed: 2,
            bots,
            people,
        });
    }
    let split = grouped_k_fold(&groups, &labels, recipe.folds, recipe.params.seed)?;
    let mut folds = BTreeMap::new();
    for (number, fold) in split.iter().enumerate() {
        for place in &fold.test {
            if let Some(group) = groups.get(*place) {
                folds.insert(*group, number);
            }
        }
    }
    Ok(folds)
}

/// How much each row counts: an account's moments share the square root of their number, and each kind of each source the
/// square root of its sum, so that neither many moments nor many people drown the few.
fn weights(rows: &[Labelled]) -> Vec<f64> {
    let mut moments: BTreeMap<(u64, u64), f64> = BTreeMap::new();
    for one in rows {
        *moments.entry((one.source, one.account)).or_default() += 1.0;
    }
    let own = |one: &Labelled| {
        let n = moments.get(&(one.source, one.account)).copied();
        one.weight / n.unwrap_or(1.0).sqrt()
    };
    let mut kinds: BTreeMap<(u64, bool), f64> = BTreeMap::new();
    for one in rows {
        *kinds.entry((one.source, one.is_bot)).or_default() += own(one) / one.weight.max(1e-9);
    }
    let mut weights: Vec<f64> = rows
        .iter()
        .map(|one| {
            let sum = kinds.get(&(one.source, one.is_bot)).copied();
            own(one) / sum.unwrap_or(1.0).max(1e-9).sqrt()
        })
        .collect();
    let whole: f64 = weights.iter().sum();
    let count: f64 = weights.iter().map(|_| 1.0).sum();
    if whole > 0.0 {
        for weight in &mut weights {
            *weight *= count / whole;
        }
    }
    weights
}

/// The trees, and if asked for the line beside them.
fn fit(
    rows: &[Labelled],
    weights: &[f64],
    places: &[usize],
    is_lined: bool,
    recipe: &Recipe,
) -> Result<Ensemble, LearnError> {
    let params = Params {
        trends: trends(recipe.columns),
        ..recipe.params.clone()
    };
    let train = dataset(rows, weights, places, &recipe.columns.names())?;
    let trees = boost::fit(&train, None, &params)?.ensemble;
    if !is_lined {
        return Ok(trees);
    }
    let line = straight(rows, weights, places)?;
    trees
        .beside(&line, LINE_SHARE, train.matrix())
        .ok_or(LearnError::Fit(FitError::Names))
}

/// Rows with the numbers of these names.
fn dataset(
    rows: &[Labelled],
    weights: &[f64],
    places: &[usize],
    names: &[String],
) -> Result<Dataset, LearnError> {
    let columns: Vec<usize> = names
        .iter()
        .map(|name| SCHEMA.position(name).unwrap_or(usize::MAX))
        .collect();
    let mut data = Dataset::new(names.to_vec());
    for place in places {
        let (Some(one), Some(weight)) = (rows.get(*place), weights.get(*place)) else {
            continue;
        };
        #[expect(
            clippy::as_conversions,
            clippy::cast_possible_truncation,
            reason = "a weight of about one"
        )]
        let weight = *weight as f32;
        data.push(&Example {
            features: &row(&one.vector, &columns),
            label: one.is_bot,
            weight,
            group: one.group,
            at: 0,
        })?;
    }
    Ok(data)
}

fn has_few(labels: &[bool]) -> bool {
    labels.iter().filter(|label| **label).count() < FEW_BOTS
}

/// The probability from which on an account is called a bot, by answers out of fold: chosen among them, or `by_the_curve`
/// where bots are few and that does not accuse more than `wrong_max` of the people, or people are too few to measure such a share.
pub(crate) fn decision(
    margins: &[f64],
    labels: &[bool],
    calibration: &Calibration,
    by_the_curve: f64,
    wrong_max: f64,
) -> f64 {
    let people: f64 = labels.iter().filter(|label| !**label).map(|_| 1.0).sum();
    if wrong_max > 0.0 && people * wrong_max < 1.0 {
        return by_the_curve;
    }
    let accused = margins
        .iter()
        .zip(labels)
        .filter(|(margin, label)| !**label && calibration.probability(**margin) >= by_the_curve);
    if has_few(labels) && accused.map(|_| 1.0).sum::<f64>() <= wrong_max * people {
        return by_the_curve;
    }
    // Chosen on log-odds, where the middle between two answers is a middle.
    threshold(margins, labels, wrong_max).map_or(0.9, |margin| calibration.probability(margin))
}

/// The margin from which on an account is called a bot: where precision and recall are best together, precision counting
/// more, because a false accusation is dearer than a bot that is found a week later. At most `wrong_max` of the people may
/// be accused. It lies in the middle between two answers, so that it does not hang on one account. `None` if no bot can be
/// found so.
pub fn threshold(margins: &[f64], labels: &[bool], wrong_max: f64) -> Option<f64> {
    let mut ranked: Vec<(f64, bool)> = margins
        .iter()
        .copied()
        .zip(labels.iter().copied())
        .collect();
    ranked.sort_by(|a, b| b.0.total_cmp(&a.0));
    let count = |which: bool| {
        ranked
            .iter()
            .filter(|(_, label)| *label == which)
            .map(|_| 1.0)
            .sum::<f64>()
    };
    let (bots, people) = (count(true), count(false));
    let (mut found, mut wrong) = (0.0, 0.0);
    let mut best: Option<(f64, f64)> = None;
    for (place, (margin, label)) in ranked.iter().enumerate() {
        if *label {
            found += 1.0;
        } else {
            wrong += 1.0;
        }
        if wrong > wrong_max * people {
            break;
        }
        let next = ranked
            .get(place + 1)
            .map_or(margin - 1.0, |(next, _)| *next);
        if next >= *margin || found == 0.0 {
            continue;
        }
        // F, the square of beta being one half.
        let value = 1.5 * found / (0.5 * bots + found + wrong);
        if best.is_none_or(|(_, best)| value > best) {
            best = Some((f64::midpoint(*margin, next), value));
        }
    }
    best.map(|(margin, _)| margin)
}

/// More of these never speaks for a person, as far as trees say. A model that may not learn the opposite from a few accounts does better on
/// others.
const RISING: [&str; 17] = [
    "repeated_texts",
    "repeated_templates",
    "repeated_openings",
    "repeated_closings",
    "repeated_shapes",
    "opening_dominance",
    "near_duplicates",
    "likeness",
    "interval_timer",
    "card_share",
    "types_too_fast",
    "answers_too_fast",
    "in_step_share",
    "serves_share",
    "sameness",
    "machinery",
    "oddity",
];

fn trends(columns: Columns) -> Vec<Trend> {
    trends_of(&columns.names())
}

/// What features of these names may do to the answer.
pub(crate) fn trends_of(names: &[String]) -> Vec<Trend> {
    let all = SCHEMA.columns();
    names
        .iter()
        .map(|name| {
            let column = all.iter().find(|column| column.name == *name);
            if column.is_some_and(|column| RISING.contains(&column.signal.name)) {
                Trend::Rising
            } else {
                Trend::Free
            }
        })
        .collect()
}

#[cfg(test)]
mod tests;
