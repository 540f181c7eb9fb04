//! A model of a community's own: of its labels and of members whom nobody suspects, and of nothing else. What it is like on
//! platforms of which the shipped prior knows nothing stands in `docs/reference/model-card.md`.
//!
//! Must never learn from what the rules said: their word on a person is no better than that nobody suspects them.

use ml::{Calibration, Model};
use serde_json::{Value, json};

use super::{CourseError, Judged, Row, decided, judged, picked, places};
use crate::{
    features::Vector,
    learning::{LINE_SHARE, Labelled, OWN_LABEL, Recipe, learn},
};

/// A model with its curve and its threshold.
#[derive(Debug, Clone)]
pub(super) struct Own {
    pub(super) model: Model,
    pub(super) calibration: Calibration,
    pub(super) threshold: f64,
    /// Whether a straight line stands beside its trees.
    pub(super) is_lined: bool,
}

impl Own {
    /// What it says of rows.
    pub(super) fn judged(&self, rows: &[&Row]) -> Judged {
        let own = places(self.model.names());
        judged(rows, self.threshold, |row| {
            let margin = self.model.margin(&picked(row, &own));
            self.calibration.probability(margin)
        })
    }
}

/// The margin of each row by a model that had not seen its group (not a number where a row was not learned from); and the model.
pub(super) fn learn_own(rows: &[&Row]) -> Result<(Vec<f64>, Own), CourseError> {
    let (places, labelled): (Vec<usize>, Vec<Labelled>) = rows
        .iter()
        .enumerate()
        .filter(|(_, row)| row.counts())
        .filter_map(|(place, row)| Some((place, labelled(place, row)?)))
        .unzip();
    let learned = learn(&labelled, &Recipe::default())?;
    let mut margins = vec![f64::NAN; rows.len()];
    for (number, margin) in &learned.out_of_fold {
        if let Some(own) = places
            .get(*number)
            .and_then(|place| margins.get_mut(*place))
        {
            *own = *margin;
        }
    }
    let threshold = decided(rows, &margins, &learned.calibration);
    let own = Own {
        model: Model::from(learned.ensemble),
        calibration: learned.calibration,
        threshold,
        is_lined: learned.is_lined,
    };
    Ok((margins, own))
}

/// What it is made with; `line_share` = how much the straight line beside the trees counts, 0 where there is none.
pub(super) fn parameters(is_lined: bool) -> Value {
    let line_share = if is_lined { LINE_SHARE } else { 0.0 };
    let Recipe { params, folds, .. } = Recipe::default();
    json!({
        "trees": params.trees, "learning_rate": params.learning_rate, "max_depth": params.max_depth,
        "max_leaves": params.max_leaves, "min_child_weight": params.min_child_weight, "l2": params.l2,
        "subsample": params.subsample, "columns": params.columns, "folds": folds, "label_weight": OWN_LABEL,
        "line_share": line_share,
    })
}

fn labelled(place: usize, row: &Row) -> Option<Labelled> {
    let weight = if row.is_presumed {
        1.0
    } else {
        OWN_LABEL * f64::from(row.weight)
    };
    Some(Labelled {
        vector: Vector::from_values(row.values.clone())?,
        is_bot: row.is_bot,
        account: u64::try_from(place).ok()?,
        group: row.group,
        source: u64::from(row.is_presumed),
        is_latest: true,
        weight,
    })
}
