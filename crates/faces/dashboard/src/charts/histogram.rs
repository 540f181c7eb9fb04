//! How many there are of each probability, in columns from 0 to 100 %, with lines where something
//! begins. Must never tell a number that is not in the table beside it.

use super::{
    FULL_HEIGHT, PLOT_HEIGHT, PLOT_TOP, Svg, axis, close_plot, escape, height_of, index, number,
    open_column, open_plot, push,
};
use crate::display;

/// A line across the columns.
#[derive(Clone, Debug)]
pub(crate) struct Mark<'a> {
    /// Where, from 0 to 1.
    pub(crate) at: f64,
    /// What begins there.
    pub(crate) label: &'a str,
    /// Whether it is only tried: drawn dashed.
    pub(crate) is_tried: bool,
}

/// Draws the columns, which share 0 to 100 % equally.
pub(crate) fn histogram(title: &str, bins: &[u64], marks: &[Mark<'_>]) -> Svg {
    let n = bins.len();
    let axis = axis(display::float(bins.iter().copied().max().unwrap_or(0)));
    let slot = 100.0 / index(n.max(1));
    let mut out = String::with_capacity(2_048 + n * 240);
    open_plot(&mut out, &axis, title);
    for (i, count) in bins.iter().enumerate() {
        let hover = format!("{}: {}", span(i, n), display::count(*count));
        open_column(&mut out, i, n, &hover);
        if *count > 0 {
            let top = height_of(&axis, display::float(*count));
            push(
                &mut out,
                format_args!(
                    "<rect class=\"s-made\" x=\"{}%\" y=\"{}\" width=\"{}%\" height=\"{}\"/>",
                    number((index(i) + 0.08) * slot),
                    number(top),
                    number(slot * 0.84),
                    // A value above zero is never invisible.
                    number((PLOT_TOP + PLOT_HEIGHT - top).max(1.0))
                ),
            );
        }
        out.push_str("</g>");
    }
    for mark in marks {
        push_line(&mut out, mark);
    }
    // After all lines, so that none crosses a word.
    for (place, mark) in marks.iter().enumerate() {
        push_label(&mut out, place, mark);
    }
    for (percent, anchor) in [(0, " start"), (25, ""), (50, ""), (75, ""), (100, " end")] {
        push(
            &mut out,
            format_args!(
                "<text class=\"x{anchor}\" x=\"{percent}%\" y=\"{}\">{percent} %</text>",
                number(FULL_HEIGHT - 6.0)
            ),
        );
    }
    close_plot(&mut out);
    Svg(out)
}

/// `70–75 %`: what a column is of.
pub(crate) fn span(i: usize, n: usize) -> String {
    let width = 100.0 / index(n.max(1));
    format!(
        "{}–{} %",
        number(index(i) * width),
        number((index(i) + 1.0) * width)
    )
}

/// Where a line is, in percent of the width.
fn place_of(mark: &Mark<'_>) -> f64 {
    if mark.at.is_finite() {
        mark.at.clamp(0.0, 1.0) * 100.0
    } else {
        0.0
    }
}

fn push_line(out: &mut String, mark: &Mark<'_>) {
    let tried = if mark.is_tried { " tried" } else { "" };
    let x = number(place_of(mark));
    push(
        out,
        format_args!(
            "<line class=\"mark{tried}\" x1=\"{x}%\" x2=\"{x}%\" y1=\"{}\" y2=\"{}\"/>",
            number(PLOT_TOP),
            number(PLOT_TOP + PLOT_HEIGHT)
        ),
    );
}

/// The label of a line, each a line of text lower than the one before, so that close ones can be read.
fn push_label(out: &mut String, place: usize, mark: &Mark<'_>) {
    let at = place_of(mark);
    let (anchor, aside) = if at > 50.0 {
        ("before", "-6")
    } else {
        ("after", "6")
    };
    push(
        out,
        format_args!(
            "<text class=\"mark-label {anchor}\" x=\"{}%\" dx=\"{aside}\" y=\"{}\">{}</text>",
            number(at),
            number(PLOT_TOP + 12.0 + 16.0 * index(place)),
            escape(mark.label)
        ),
    );
}
