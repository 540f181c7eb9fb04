//! Any of the models, asked the same questions.

use crate::ensemble::Ensemble;
use crate::logistic::Logistic;
use crate::matrix::Matrix;
use crate::shap::Explainer;

/// A model.
#[derive(Debug, Clone, PartialEq)]
pub enum Model {
    /// Boosted trees, or a forest.
    Trees(Ensemble),
    /// The baseline.
    Linear(Logistic),
}

/// Why a score is what it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Explanation {
    /// What rows get on average.
    pub average: f64,
    /// What each feature adds to that, in the order of the names. Log-odds; of a forest, probability.
    pub contributions: Vec<f64>,
}

impl Model {
    /// The names of the features, in the order in which a row has them.
    pub fn names(&self) -> &[String] {
        match self {
            Model::Trees(ensemble) => ensemble.names(),
            Model::Linear(logistic) => logistic.names(),
        }
    }

    /// Gives the features other names; `false`, and nothing happens, if they are not as many.
    pub fn rename(&mut self, names: Vec<String>) -> bool {
        let own = match self {
            Model::Trees(ensemble) => &mut ensemble.names,
            Model::Linear(logistic) => &mut logistic.names,
        };
        let is_right = own.len() == names.len();
        if is_right {
            *own = names;
        }
        is_right
    }

    /// Log-odds of a row: what is calibrated.
    pub fn margin(&self, row: &[f32]) -> f64 {
        match self {
            Model::Trees(ensemble) => ensemble.margin(row),
            Model::Linear(logistic) => logistic.margin(row),
        }
    }

    /// Probability of a row as the model itself has it, before calibration.
    pub fn probability(&self, row: &[f32]) -> f64 {
        match self {
            Model::Trees(ensemble) => ensemble.probability(row),
            Model::Linear(logistic) => logistic.probability(row),
        }
    }

    /// Log-odds of all rows.
    pub fn margins(&self, matrix: &Matrix) -> Vec<f64> {
        matrix.iter().map(|row| self.margin(row)).collect()
    }

    /// Why a row has its score. For many rows of trees an [`Explainer`] looks at the model only once.
    pub fn explain(&self, row: &[f32]) -> Explanation {
        match self {
            Model::Trees(ensemble) => {
                let explainer = Explainer::new(ensemble);
                Explanation {
                    average: explainer.average(),
                    contributions: explainer.contributions(row),
                }
            }
            Model::Linear(logistic) => Explanation {
                average: logistic.intercept(),
                contributions: logistic.contributions(row),
            },
        }
    }

    /// How much each feature matters in all, as shares; all 0 where the model does not say.
    pub fn importances(&self) -> Vec<f64> {
        match self {
            Model::Trees(ensemble) => ensemble.importances().to_vec(),
            Model::Linear(logistic) => logistic.importances(),
        }
    }
}

impl From<Ensemble> for Model {
    fn from(ensemble: Ensemble) -> Self {
        Self::Trees(ensemble)
    }
}

impl From<Logistic> for Model {
    fn from(logistic: Logistic) -> Self {
        Self::Linear(logistic)
    }
}
