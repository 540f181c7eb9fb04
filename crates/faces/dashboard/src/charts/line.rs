//! Lines over time: active people per day. A second line is dashed, a lone point is a dot.

use super::{
    Column, FULL_HEIGHT, Svg, axis, close_plot, column_labels, height_of, index, number,
    open_column, open_plot, push,
};
use crate::display;

/// One line.
#[derive(Clone, Debug)]
pub(crate) struct Line<'a> {
    /// A CSS-safe key: the class `l-{key}` colours and dashes it.
    pub(crate) key: &'a str,
    /// The name people read.
    pub(crate) label: &'a str,
    /// One value per column; `None` leaves a gap.
    pub(crate) values: Vec<Option<f64>>,
}

/// What to draw.
#[derive(Clone, Debug)]
pub(crate) struct LineChart<'a> {
    /// What the chart shows, for those who cannot see it.
    pub(crate) title: &'a str,
    /// The steps along the horizontal axis.
    pub(crate) columns: &'a [Column],
    /// The lines, first on top.
    pub(crate) lines: &'a [Line<'a>],
}

/// Draws the chart.
pub(crate) fn lines(chart: &LineChart<'_>) -> Svg {
    let n = chart.columns.len();
    let max = chart
        .lines
        .iter()
        .flat_map(|l| l.values.iter().take(n).flatten())
        .copied()
        .filter(|v| v.is_finite())
        .fold(0.0, f64::max);
    let axis = axis(max);
    let mut out = String::with_capacity(2_048 + n * 160);
    open_plot(&mut out, &axis, chart.title);
    // Percentages are not allowed in a path, so the paths live in a stretched drawing of their own;
    // their strokes do not stretch (`vector-effect` in the style sheet).
    push(
        &mut out,
        format_args!(
            "<svg class=\"paths\" x=\"0\" y=\"0\" width=\"100%\" height=\"{h}\" viewBox=\"0 0 1000 {h}\" preserveAspectRatio=\"none\">",
            h = number(FULL_HEIGHT)
        ),
    );
    let slot = 1_000.0 / index(n.max(1));
    let mut dots = String::new();
    for line in chart.lines.iter().rev() {
        let mut path = String::new();
        let mut run: u32 = 0;
        for i in 0..=n {
            let value = if i == n {
                None
            } else {
                line.values.get(i).copied().flatten()
            };
            let Some(value) = value.filter(|v| v.is_finite()) else {
                if run == 1 {
                    push_dot(&mut dots, line, i, n, &axis);
                }
                run = 0;
                continue;
            };
            push(
                &mut path,
                format_args!(
                    "{}{},{}",
                    if run == 0 { "M" } else { "L" },
                    number((index(i) + 0.5) * slot),
                    number(height_of(&axis, value))
                ),
            );
            run += 1;
        }
        if !path.is_empty() {
            push(
                &mut out,
                format_args!("<path class=\"line l-{}\" d=\"{path}\"/>", line.key),
            );
        }
    }
    out.push_str("</svg>");
    out.push_str(&dots);
    for (i, column) in chart.columns.iter().enumerate() {
        let mut title = column.title.clone();
        for line in chart.lines {
            if let Some(value) = line.values.get(i).copied().flatten() {
                push(
                    &mut title,
                    format_args!("\n{} {}", line.label, display::figure(value)),
                );
            }
        }
        open_column(&mut out, i, n, &title);
        out.push_str("</g>");
    }
    column_labels(&mut out, chart.columns);
    close_plot(&mut out);
    Svg(out)
}

/// A point without neighbours (the one before column `end`) has no line, so it gets a dot.
fn push_dot(out: &mut String, line: &Line<'_>, end: usize, n: usize, axis: &super::Axis) {
    let i = end.saturating_sub(1);
    let Some(value) = line.values.get(i).copied().flatten() else {
        return;
    };
    push(
        out,
        format_args!(
            "<circle class=\"point l-{}\" cx=\"{}%\" cy=\"{}\" r=\"4\"/>",
            line.key,
            number((index(i) + 0.5) * 100.0 / index(n.max(1))),
            number(height_of(axis, value))
        ),
    );
}
