//! Two models side by side: their curves in one drawing, and every number that was measured of either.

use std::sync::Arc;

use ::bots::{ComparedMetric, ModelComparison};
use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use serde::Deserialize;

use super::{
    metrics,
    models::{id_of, named},
};
use crate::{
    admin,
    charts::{
        Svg,
        curve::{Curve, curve},
    },
    display,
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

/// One of the two in a drawing.
struct Drawn {
    /// The class of its line: `left` or `right`.
    key: &'static str,
    name: String,
    /// How its line looks, for those who cannot tell colours apart.
    look: &'static str,
}

/// The same curve of both, as far as they bring it.
struct Both {
    id: &'static str,
    title: &'static str,
    words: &'static str,
    across: &'static str,
    up: &'static str,
    chart: Svg,
    legend: Vec<Drawn>,
    /// Who brings none.
    without: Option<String>,
    /// Whose, across, up.
    points: Vec<(String, String, String)>,
}

/// A curve: its key in the metrics, what it is called, what is across and what is up, whether chance is a diagonal.
struct Kind {
    id: &'static str,
    title: &'static str,
    words: &'static str,
    across: &'static str,
    up: &'static str,
    has_diagonal: bool,
}

const KINDS: [Kind; 2] = [
    Kind {
        id: "roc",
        title: "ROC",
        words: "across: people accused; up: bots found; the nearer to the upper left, the better",
        across: "People accused",
        up: "Bots found",
        has_diagonal: true,
    },
    Kind {
        id: "pr",
        title: "Precision and recall",
        words: "across: bots found; up: the share of bots among the accused; the nearer to the upper right, the better",
        across: "Recall",
        up: "Precision",
        has_diagonal: false,
    },
];

/// A curve of both models in one drawing; `None` if neither brings it.
fn both(kind: &Kind, found: &ModelComparison) -> Option<Both> {
    let sides = [
        ("left", "solid", &found.left),
        ("right", "dashed", &found.right),
    ];
    let sides = sides.map(|(key, look, model)| {
        let points = metrics::points(&model.metrics, kind.id);
        (key, look, named(model), points)
    });
    let (drawn, without): (Vec<_>, Vec<_>) =
        sides.iter().partition(|(_, _, _, points)| points.len() > 1);
    let lines: Vec<(&str, &[(f64, f64)])> = drawn
        .iter()
        .map(|(key, _, _, points)| (*key, points.as_slice()))
        .collect();
    let chart = curve(&Curve {
        title: &format!(
            "{} of {} and {}, at all thresholds",
            kind.title,
            named(&found.left),
            named(&found.right)
        ),
        lines: &lines,
        has_diagonal: kind.has_diagonal,
    });
    (!drawn.is_empty()).then(|| Both {
        id: kind.id,
        title: kind.title,
        words: kind.words,
        across: kind.across,
        up: kind.up,
        chart,
        legend: drawn
            .iter()
            .map(|(key, look, name, _)| Drawn {
                key,
                name: name.clone(),
                look,
            })
            .collect(),
        without: without.first().map(|(_, _, name, _)| name.clone()),
        points: drawn
            .iter()
            .flat_map(|(_, _, name, points)| {
                let point = |(x, y): &(f64, f64)| {
                    (name.clone(), display::percent(*x), display::percent(*y))
                };
                points.iter().map(point)
            })
            .collect(),
    })
}

#[derive(Template)]
#[template(path = "models_compare.html")]
struct Page {
    shell: Shell,
    current: &'static str,
    left: (i32, String),
    right: (i32, String),
    curves: Vec<Both>,
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
        curves: KINDS.iter().filter_map(|kind| both(kind, &found)).collect(),
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
