//! Columns stacked by series: messages per day and platform. Each series has a hatching of its own,
//! so that colour is never the only signal.

use super::{
    Column, Svg, axis, close_plot, column_labels, escape, height_of, index, number, open_column,
    open_plot, push,
};
use crate::display;

/// One layer of the stack.
#[derive(Clone, Debug)]
pub(crate) struct Series<'a> {
    /// A CSS-safe key: the class `s-{key}` colours it, the pattern `{chart id}-{key}` fills it.
    pub(crate) key: &'a str,
    /// The name people read.
    pub(crate) label: &'a str,
    /// The hatching.
    pub(crate) hatch: Hatch,
    /// One value per column.
    pub(crate) values: Vec<u64>,
}

/// How a series is filled besides its colour.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Hatch {
    /// No pattern.
    Solid,
    /// Lines rising to the right.
    Rising,
    /// Dots.
    Dots,
    /// Level lines.
    Level,
    /// Lines falling to the right.
    Falling,
}

/// What to draw.
#[derive(Clone, Debug)]
pub(crate) struct Stacked<'a> {
    /// A CSS-safe id, unique on the page.
    pub(crate) id: &'a str,
    /// What the chart shows, for those who cannot see it.
    pub(crate) title: &'a str,
    /// The steps along the horizontal axis.
    pub(crate) columns: &'a [Column],
    /// The layers, lowest first.
    pub(crate) series: &'a [Series<'a>],
}

/// Draws the chart.
pub(crate) fn stacked(chart: &Stacked<'_>) -> Svg {
    let n = chart.columns.len();
    let total = |i: usize| -> u64 {
        chart
            .series
            .iter()
            .filter_map(|s| s.values.get(i))
            .fold(0, |sum, v| sum.saturating_add(*v))
    };
    let max = (0..n).map(total).max().unwrap_or(0);
    let axis = axis(display::float(max));
    let mut out = String::with_capacity(2_048 + n * 240);
    open_plot(&mut out, &axis, chart.title);
    out.push_str("<defs>");
    for series in chart.series {
        push_pattern(&mut out, chart.id, series);
    }
    out.push_str("</defs>");
    let slot = 100.0 / index(n.max(1));
    for (i, column) in chart.columns.iter().enumerate() {
        open_column(&mut out, i, n, &hover(chart, i, &column.title, total(i)));
        let mut below = 0;
        for series in chart.series {
            let value = series.values.get(i).copied().unwrap_or(0);
            if value == 0 {
                continue;
            }
            let bottom = height_of(&axis, display::float(below));
            below = below.saturating_add(value);
            let top = height_of(&axis, display::float(below));
            push(
                &mut out,
                format_args!(
                    "<rect x=\"{}%\" y=\"{}\" width=\"{}%\" height=\"{}\" fill=\"url(#{}-{})\"/>",
                    number((index(i) + 0.1) * slot),
                    number(top),
                    number(slot * 0.8),
                    // A value above zero is never invisible.
                    number((bottom - top).max(0.5)),
                    chart.id,
                    series.key
                ),
            );
        }
        out.push_str("</g>");
    }
    column_labels(&mut out, chart.columns);
    close_plot(&mut out);
    Svg(out)
}

fn hover(chart: &Stacked<'_>, i: usize, title: &str, total: u64) -> String {
    let mut text = format!("{title}: {}", display::count(total));
    if chart.series.len() > 1 {
        for series in chart.series {
            let value = series.values.get(i).copied().unwrap_or(0);
            if value > 0 {
                push(
                    &mut text,
                    format_args!("\n{} {}", series.label, display::count(value)),
                );
            }
        }
    }
    text
}

/// A square of the series' colour and hatching, for the legend.
pub(crate) fn swatch(chart_id: &str, key: &str) -> Svg {
    Svg(format!(
        "<svg class=\"swatch\" width=\"14\" height=\"14\" aria-hidden=\"true\"><rect width=\"14\" height=\"14\" rx=\"3\" fill=\"url(#{}-{})\"/></svg>",
        escape(chart_id),
        escape(key)
    ))
}

fn push_pattern(out: &mut String, chart_id: &str, series: &Series<'_>) {
    let mark = match series.hatch {
        Hatch::Solid => "",
        Hatch::Rising => "<path class=\"hatch\" d=\"M-2,2l4,-4M0,8l8,-8M6,10l4,-4\"/>",
        Hatch::Falling => "<path class=\"hatch\" d=\"M-2,6l4,4M0,0l8,8M6,-2l4,4\"/>",
        Hatch::Dots => {
            "<circle class=\"dot\" cx=\"2\" cy=\"2\" r=\"1.2\"/><circle class=\"dot\" cx=\"6\" cy=\"6\" r=\"1.2\"/>"
        }
        Hatch::Level => "<path class=\"hatch\" d=\"M0,2h8M0,6h8\"/>",
    };
    push(
        out,
        format_args!(
            "<pattern id=\"{}-{key}\" width=\"8\" height=\"8\" patternUnits=\"userSpaceOnUse\"><rect class=\"s-{key}\" width=\"8\" height=\"8\"/>{mark}</pattern>",
            chart_id,
            key = series.key
        ),
    );
}
