//! Two models side by side: every number that was measured of either.

use std::sync::Arc;

use ::bots::ComparedMetric;
use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use serde::Deserialize;

use super::models::{id_of, named};
use crate::{
    admin,
    error::PageError,
    layout::{self, Section, Shell},
    router::Face,
    viewer::SignedIn,
};

/// The address's query.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    left: String,
    right: String,
}

struct Row {
    name: String,
    left: String,
    right: String,
    difference: String,
}

impl From<ComparedMetric> for Row {
    fn from(metric: ComparedMetric) -> Self {
        let shown = |value: Option<f64>| value.map_or_else(|| "–".to_owned(), number);
        let difference = metric.left.zip(metric.right);
        Self {
            name: words(&metric.name),
            left: shown(metric.left),
            right: shown(metric.right),
            difference: difference.map_or_else(
                || "–".to_owned(),
                |(left, right)| {
                    let sign = if right > left { "+" } else { "" };
                    format!("{sign}{}", number(right - left))
                },
            ),
        }
    }
}

/// `test: f1` from `test.f1.value`.
fn words(path: &str) -> String {
    let path = path.strip_suffix(".value").unwrap_or(path);
    path.replace('.', ": ").replace('_', " ")
}

/// Up to four digits after the point.
fn number(value: f64) -> String {
    let text = format!("{value:.4}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_owned()
}

#[derive(Template)]
#[template(path = "models_compare.html")]
struct Page {
    shell: Shell,
    current: &'static str,
    left: (i32, String),
    right: (i32, String),
    rows: Vec<Row>,
}

/// `GET /admin/models/compare`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Query(wanted): Query<Wanted>,
) -> Result<Response, PageError> {
    let shell = admin::shell(&face, &viewer, "Compare models", Section::Models).await?;
    let (left, right) = (id_of(&wanted.left)?, id_of(&wanted.right)?);
    let bots = &face.app.bots;
    let found = bots.compare_models(&viewer.actor, left, right).await?;
    layout::page(&Page {
        shell,
        current: "models",
        left: (found.left.id, named(&found.left)),
        right: (found.right.id, named(&found.right)),
        rows: found.metrics.into_iter().map(Row::from).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::{number, words};

    #[test]
    fn paths_and_numbers_are_written_for_people() {
        assert_eq!(words("test.auc_roc.value"), "test: auc roc");
        assert_eq!(words("test.f1.low"), "test: f1: low");
        for (value, text) in [
            (0.5, "0.5"),
            (3.0, "3"),
            (-0.00001, "0"),
            (0.12345, "0.1235"),
        ] {
            assert_eq!(number(value), text);
        }
    }
}
