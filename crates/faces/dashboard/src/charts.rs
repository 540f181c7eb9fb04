//! Charts drawn on the server as SVG: pure functions from numbers to markup, themed by classes in
//! `app.css`. Horizontal positions are percentages and text is never scaled, so that one drawing
//! stays readable from 320 px to a wall screen. Must never emit a `style` attribute (the
//! content-security policy forbids it) and never a number that is not finite.

use std::fmt::{self, Write};

use crate::display;

pub(crate) mod bar;
pub(crate) mod curve;
pub(crate) mod heat;
pub(crate) mod histogram;
pub(crate) mod line;
pub(crate) mod spark;
pub(crate) mod stacked;
pub(crate) mod strip;

/// Finished markup: everything in it is already escaped.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Svg(String);

impl Svg {
    /// The markup as text.
    #[cfg(test)]
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Svg {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl askama::filters::HtmlSafe for Svg {}

/// One step along the horizontal axis.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Column {
    /// What the axis says: `23 Nov`.
    pub(crate) label: String,
    /// What a hover says first: `Monday, 23 Nov 2026`.
    pub(crate) title: String,
}

/// Height of the drawing area of the large charts, in pixels.
const PLOT_HEIGHT: f64 = 208.0;
/// Room above it, so that the topmost label is not cut.
const PLOT_TOP: f64 = 10.0;
/// Room below it, for the labels of the horizontal axis.
const PLOT_BOTTOM: f64 = 24.0;
/// The whole drawing.
const FULL_HEIGHT: f64 = PLOT_TOP + PLOT_HEIGHT + PLOT_BOTTOM;

/// A vertical axis from zero with round steps.
#[derive(Clone, PartialEq, Debug)]
struct Axis {
    ticks: Vec<f64>,
    max: f64,
}

/// Chooses 2 to 6 round steps (1, 2 or 5 × a power of ten, never below 1) that cover `max`.
fn axis(max: f64) -> Axis {
    let max = if max.is_finite() { max.max(0.0) } else { 0.0 };
    if max <= 0.0 {
        return Axis {
            ticks: vec![0.0, 1.0],
            max: 1.0,
        };
    }
    let rough = max / 4.0;
    let power = 10_f64.powf(rough.log10().floor());
    let step = [1.0, 2.0, 5.0, 10.0]
        .into_iter()
        .map(|factor| factor * power)
        .find(|step| *step >= rough * 0.999)
        .unwrap_or(power * 10.0)
        .max(1.0);
    let n_steps = (max / step - 1e-9).ceil().clamp(1.0, 6.0);
    let mut ticks = Vec::new();
    let mut k = 0.0;
    while k <= n_steps {
        ticks.push(k * step);
        k += 1.0;
    }
    Axis {
        ticks,
        max: n_steps * step,
    }
}

/// A coordinate: at most two digits after the point, `0` for what is not finite.
fn number(value: f64) -> String {
    if !value.is_finite() {
        return "0".to_owned();
    }
    let text = format!("{value:.2}");
    let text = text.trim_end_matches('0').trim_end_matches('.');
    if text == "-0" { "0" } else { text }.to_owned()
}

/// Text for an element or an attribute.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            c => safe.push(c),
        }
    }
    safe
}

/// Appends to a string; writing to a `String` cannot fail.
fn push(out: &mut String, piece: fmt::Arguments<'_>) {
    let _ = out.write_fmt(piece);
}

fn index(i: usize) -> f64 {
    display::float(u64::try_from(i).unwrap_or(u64::MAX))
}

/// Opens the two drawings of a large chart: the vertical axis with its labels and the plot with
/// its grid lines. [`close_plot`] ends it.
fn open_plot(out: &mut String, axis: &Axis, title: &str) {
    let labels: Vec<String> = axis.ticks.iter().map(|t| display::short(*t)).collect();
    let longest = labels.iter().map(|l| l.chars().count()).max().unwrap_or(1);
    let width = 10.0 + 7.0 * index(longest);
    push(
        out,
        format_args!(
            "<div class=\"plot\"><svg class=\"y-axis\" width=\"{}\" height=\"{}\" aria-hidden=\"true\">",
            number(width),
            number(FULL_HEIGHT)
        ),
    );
    for (tick, label) in axis.ticks.iter().zip(&labels) {
        push(
            out,
            format_args!(
                "<text x=\"{}\" y=\"{}\">{label}</text>",
                number(width - 6.0),
                number(height_of(axis, *tick) + 4.0)
            ),
        );
    }
    push(
        out,
        format_args!(
            "</svg><svg class=\"drawing\" width=\"100%\" height=\"{}\" role=\"img\"><title>{}</title>",
            number(FULL_HEIGHT),
            escape(title)
        ),
    );
    for tick in &axis.ticks {
        let y = number(height_of(axis, *tick));
        push(
            out,
            format_args!("<line class=\"grid\" x1=\"0\" x2=\"100%\" y1=\"{y}\" y2=\"{y}\"/>"),
        );
    }
}

fn close_plot(out: &mut String) {
    out.push_str("</svg></div>");
}

/// The vertical position of a value.
fn height_of(axis: &Axis, value: f64) -> f64 {
    let share = if value.is_finite() {
        (value / axis.max).clamp(0.0, 1.0)
    } else {
        0.0
    };
    PLOT_TOP + PLOT_HEIGHT * (1.0 - share)
}

/// Writes the labels of the horizontal axis: at most ten, of which at most four remain on a phone.
fn column_labels(out: &mut String, columns: &[Column]) {
    let n = columns.len();
    if n == 0 {
        return;
    }
    let step = n.div_ceil(10).max(1);
    let phone_step = step * n.div_ceil(step).div_ceil(4).max(1);
    for (i, column) in columns.iter().enumerate().step_by(step) {
        let centre = (index(i) + 0.5) * 100.0 / index(n);
        let anchor = match centre {
            c if c < 4.0 => " start",
            c if c > 96.0 => " end",
            _ => "",
        };
        let wide = if i % phone_step == 0 { "" } else { " wide" };
        let x = match anchor {
            " start" => 0.0,
            " end" => 100.0,
            _ => centre,
        };
        push(
            out,
            format_args!(
                "<text class=\"x{anchor}{wide}\" x=\"{}%\" y=\"{}\">{}</text>",
                number(x),
                number(FULL_HEIGHT - 6.0),
                escape(&column.label)
            ),
        );
    }
}

/// Opens the group of one column: a full-height target that shows the title on hover.
fn open_column(out: &mut String, i: usize, n: usize, title: &str) {
    let width = 100.0 / index(n.max(1));
    push(
        out,
        format_args!(
            "<g class=\"col\"><title>{}</title><rect class=\"hit\" x=\"{}%\" y=\"{}\" width=\"{}%\" height=\"{}\"/>",
            escape(title),
            number(index(i) * width),
            number(PLOT_TOP),
            number(width),
            number(PLOT_HEIGHT)
        ),
    );
}

#[cfg(test)]
mod tests;
