//! One share against another, both from 0 to 1: how a model does at all thresholds, or two of them together.

use super::{
    Axis, FULL_HEIGHT, PLOT_HEIGHT, PLOT_TOP, Svg, close_plot, escape, height_of, number,
    open_plot, push,
};

/// What to draw. A curve is a CSS-safe key, whose class `l-{key}` colours and dashes it, and its points in order.
#[derive(Clone, Debug)]
pub(crate) struct Curve<'a> {
    /// What the chart shows, for those who cannot see it.
    pub(crate) title: &'a str,
    /// The curves; the last lies on top: let it be a dashed one, so that what is below is seen too.
    pub(crate) lines: &'a [(&'a str, &'a [(f64, f64)])],
    /// Whether a line from the lower left to the upper right is drawn: what chance or perfection would be.
    pub(crate) has_diagonal: bool,
}

/// Draws the chart, both axes in percent.
pub(crate) fn curve(chart: &Curve<'_>) -> Svg {
    let axis = Axis {
        ticks: vec![0.0, 25.0, 50.0, 75.0, 100.0],
        max: 100.0,
    };
    let n: usize = chart.lines.iter().map(|(_, points)| points.len()).sum();
    let mut out = String::with_capacity(1_024 + n * 16);
    open_plot(&mut out, &axis, chart.title);
    push(
        &mut out,
        format_args!(
            "<svg class=\"paths\" x=\"0\" y=\"0\" width=\"100%\" height=\"{h}\" viewBox=\"0 0 1000 {h}\" preserveAspectRatio=\"none\">",
            h = number(FULL_HEIGHT)
        ),
    );
    if chart.has_diagonal {
        push(
            &mut out,
            format_args!(
                "<path class=\"diagonal\" d=\"M0,{}L1000,{}\"/>",
                number(PLOT_TOP + PLOT_HEIGHT),
                number(PLOT_TOP)
            ),
        );
    }
    for (key, points) in chart.lines {
        let path = path(&axis, points);
        if !path.is_empty() {
            push(
                &mut out,
                format_args!("<path class=\"line l-{key}\" d=\"{path}\"/>"),
            );
        }
    }
    out.push_str("</svg>");
    for (place, anchor) in [(0, " start"), (25, ""), (50, ""), (75, ""), (100, " end")] {
        push(
            &mut out,
            format_args!(
                "<text class=\"x{anchor}\" x=\"{place}%\" y=\"{}\">{}</text>",
                number(FULL_HEIGHT - 6.0),
                escape(&format!("{place} %"))
            ),
        );
    }
    close_plot(&mut out);
    Svg(out)
}

/// The way of a curve; empty without a point.
fn path(axis: &Axis, points: &[(f64, f64)]) -> String {
    let mut path = String::new();
    let is_number = |point: &&(f64, f64)| point.0.is_finite() && point.1.is_finite();
    for (x, y) in points.iter().filter(is_number) {
        let letter = if path.is_empty() { "M" } else { "L" };
        push(
            &mut path,
            format_args!(
                "{letter}{},{}",
                number(x.clamp(0.0, 1.0) * 1_000.0),
                number(height_of(axis, y * 100.0))
            ),
        );
    }
    path
}
