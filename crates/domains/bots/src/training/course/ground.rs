//! The common ways to make a model, each with its parameters and the columns it looks at: of one community all, else those that mean the
//! same everywhere, or it would learn *where* somebody is.

use ml::{
    Dataset, Ensemble, Example, Logistic, Model,
    boost::{self, ClassWeight, FitError, Params},
    forest, logistic,
};
use serde_json::{Value, json};

use super::{CourseError, Prior, Row};
use crate::learning::{Columns, trends_of};

/// What a model begins from, and what it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Start {
    /// Trees that correct the prior.
    Adapted,
    /// Boosted trees from nothing.
    Fresh,
    /// A forest.
    Forest,
    /// The linear baseline.
    Linear,
}

impl Start {
    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::Adapted => "adapted prior",
            Self::Fresh => "boosted trees",
            Self::Forest => "random forest",
            Self::Linear => "logistic baseline",
        }
    }
}

/// What a way needs to be gone.
pub(super) struct Ground {
    /// The shipped trees, over the columns that are looked at.
    prior: Ensemble,
    columns: Columns,
    adapted: Params,
    pub(super) fresh: Params,
    forest: forest::Params,
    linear: logistic::Params,
}

/// Where in a vector the numbers of these names are.
pub(super) fn places(names: &[String]) -> Vec<Option<usize>> {
    names
        .iter()
        .map(|name| crate::features::SCHEMA.position(name))
        .collect()
}

/// The numbers of a row at these places.
pub(super) fn picked(row: &Row, places: &[Option<usize>]) -> Vec<f32> {
    let at = |place: &Option<usize>| place.and_then(|place| row.values.get(place).copied());
    places
        .iter()
        .map(|place| at(place).unwrap_or(f32::NAN))
        .collect()
}

/// The rarer kind counts more, but not so much that a few outweigh all others.
fn class_weight(rows: &[&Row]) -> ClassWeight {
    let weight = |is_bot: bool| {
        let own = rows.iter().filter(|row| row.is_bot == is_bot);
        own.map(|row| f64::from(row.weight)).sum::<f64>()
    };
    let ratio = weight(false) / weight(true).max(1e-6);
    ClassWeight::Positive(ratio.sqrt().clamp(0.1, 10.0))
}

impl Ground {
    /// For rows of one community [`Columns::All`], of several [`Columns::Everywhere`].
    pub(super) fn new(
        prior: &Prior,
        columns: Columns,
        train: &[&Row],
    ) -> Result<Self, CourseError> {
        let prior = match columns {
            Columns::All => prior.ensemble.over(columns.names()),
            Columns::Everywhere | Columns::Compared => Some(prior.ensemble.clone()),
        };
        let prior = prior.ok_or(CourseError::NoPrior)?;
        let class_weight = class_weight(train);
        let own = Params {
            trees: 120,
            learning_rate: 0.1,
            max_depth: 3,
            max_leaves: 6,
            min_child_weight: 0.2,
            l2: 2.0,
            subsample: 0.8,
            columns: 0.4,
            bins: 64,
            patience: 20,
            class_weight,
            ..Params::default()
        };
        Ok(Self {
            adapted: Params {
                trends: trends_of(prior.names()),
                ..own.clone()
            },
            fresh: Params {
                trends: trends_of(&columns.names()),
                ..own
            },
            forest: forest::Params {
                class_weight,
                max_depth: 8,
                min_leaf: 2.0,
                ..forest::Params::default()
            },
            linear: logistic::Params {
                l2: 10.0,
                class_weight,
                ..logistic::Params::default()
            },
            prior,
            columns,
        })
    }

    pub(super) fn names(&self, start: Start) -> Vec<String> {
        match start {
            Start::Adapted => self.prior.names().to_vec(),
            // Values against the norms only: what is measured says too little in a straight line.
            Start::Linear => Columns::Compared.names(),
            Start::Fresh | Start::Forest => self.columns.names(),
        }
    }

    pub(super) fn data(&self, start: Start, rows: &[&Row]) -> Result<Dataset, CourseError> {
        let names = self.names(start);
        let places = places(&names);
        let mut data = Dataset::new(names);
        for row in rows {
            data.push(&Example {
                features: &picked(row, &places),
                label: row.is_bot,
                weight: row.weight,
                group: row.group,
                at: row.at,
            })?;
        }
        Ok(data)
    }

    /// The model, and how many trees were kept of those that were tried.
    pub(super) fn model(
        &self,
        start: Start,
        train: &Dataset,
        stop_by: Option<&Dataset>,
        trees: Option<usize>,
    ) -> Result<(Model, usize), FitError> {
        let limit = |params: &Params| Params {
            trees: trees.unwrap_or(params.trees).max(1),
            ..params.clone()
        };
        Ok(match start {
            Start::Adapted if trees == Some(0) => (self.prior.clone().into(), 0),
            Start::Adapted => {
                let own = &self.prior;
                match boost::extend(own, train, stop_by, &limit(&self.adapted)) {
                    Ok(fitted) => {
                        let added = fitted.ensemble.trees().saturating_sub(own.trees());
                        (fitted.ensemble.into(), added)
                    }
                    // Of few labels a fold may have one kind only, from which nothing is learned.
                    Err(FitError::OneClass) => (own.clone().into(), 0),
                    Err(error) => return Err(error),
                }
            }
            Start::Fresh => {
                let fitted = boost::fit(train, stop_by, &limit(&self.fresh))?;
                let kept = fitted.ensemble.trees();
                (fitted.ensemble.into(), kept)
            }
            Start::Forest => (forest::fit(train, &self.forest)?.into(), self.forest.trees),
            Start::Linear => (Logistic::fit(train, &self.linear)?.into(), 0),
        })
    }

    pub(super) fn fit(
        &self,
        start: Start,
        rows: &[&Row],
        trees: Option<usize>,
    ) -> Result<Model, CourseError> {
        let data = self.data(start, rows)?;
        Ok(self.model(start, &data, None, trees)?.0)
    }

    pub(super) fn parameters(&self, start: Start, trees: Option<usize>) -> Value {
        let of = |params: &Params| {
            json!({
                "trees": trees, "learning_rate": params.learning_rate, "max_depth": params.max_depth,
                "max_leaves": params.max_leaves, "min_child_weight": params.min_child_weight,
                "l2": params.l2, "subsample": params.subsample, "columns": params.columns,
            })
        };
        match start {
            Start::Adapted => {
                json!({ "added": of(&self.adapted), "prior_trees": self.prior.trees() })
            }
            Start::Fresh => of(&self.fresh),
            Start::Forest => {
                json!({ "trees": self.forest.trees, "max_depth": self.forest.max_depth })
            }
            Start::Linear => json!({ "l2": self.linear.l2 }),
        }
    }
}
