//! The straight line beside the trees where bots are few: a logistic regression through what puts many distances together.
//!
//! Must never be fitted on rows that its trees did not learn from.

use ml::{Logistic, logistic};

use super::{Labelled, LearnError, dataset};
use crate::features::SCHEMA;

/// What the straight line goes through: signals that put all distances from the norms together, so that a few bots tell how
/// much each is worth.
const LINE: [&str; 4] = ["oddity", "sameness", "broadcast", "machinery"];

/// How much the line's log-odds count beside those of the trees.
pub(crate) const LINE_SHARE: f64 = 0.3;

/// When a straight line stands beside the trees.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Line {
    /// Where few bots are learned from.
    #[default]
    OfFew,
    /// Also where many are, as those of the community that is judged are few among them.
    Always,
}

/// The line through the columns of [`LINE`]. Its weights are free, unlike the trends of the trees: few bots may say that less of
/// one of them speaks for a bot. What it costs to forbid that stands in `docs/reference/model-card.md`.
pub(super) fn straight(
    rows: &[Labelled],
    weights: &[f64],
    places: &[usize],
) -> Result<Logistic, LearnError> {
    let through = dataset(rows, weights, places, &line_names())?;
    Ok(Logistic::fit(&through, &logistic::Params::default())?)
}

/// The columns of [`LINE`]. Whatever a model may look at, it may look at these.
fn line_names() -> Vec<String> {
    let columns = SCHEMA.columns().iter();
    columns
        .filter(|column| column.against_norms && LINE.contains(&column.signal.name))
        .map(|column| column.name.clone())
        .collect()
}
