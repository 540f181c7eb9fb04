//! Level bars beside a number: how much of a whole, which way something pulls, and a step of a waterfall. Hidden from screen
//! readers, because the number beside them says the same. Must never be the only place of a number.

use super::{Svg, number};

/// How much of a whole; `tone` is the class that colours it.
pub(crate) fn meter(share: f64, tone: &'static str) -> Svg {
    let share = if share.is_finite() { share } else { 0.0 };
    Svg(format!(
        "<svg class=\"meter\" width=\"100%\" height=\"8\" aria-hidden=\"true\"><rect class=\"track\" width=\"100%\" height=\"8\" rx=\"4\"/><rect class=\"m-{tone}\" width=\"{}%\" height=\"8\" rx=\"4\"/></svg>",
        number(share.clamp(0.0, 1.0) * 100.0)
    ))
}

/// Which way something pulls and how strongly, from the middle: right for what is above zero. The
/// strongest of all, `most`, reaches the end.
pub(crate) fn pull(value: f64, most: f64) -> Svg {
    let share = value.abs() / most.abs();
    let width = if share.is_finite() {
        share.min(1.0) * 50.0
    } else {
        0.0
    };
    let (tone, from) = if value < 0.0 {
        ("human", 50.0 - width)
    } else {
        ("bot", 50.0)
    };
    Svg(format!(
        "<svg class=\"pull\" width=\"100%\" height=\"12\" aria-hidden=\"true\"><rect class=\"track\" width=\"100%\" height=\"12\" rx=\"3\"/><rect class=\"m-{tone}\" x=\"{}%\" width=\"{}%\" height=\"12\"/><line class=\"middle\" x1=\"50%\" x2=\"50%\" y1=\"0\" y2=\"12\"/></svg>",
        number(from),
        // What pulls at all is never invisible.
        number(width.max(0.5))
    ))
}

/// One step of a waterfall: from one value to another on a scale that all steps share, right for what grows. A line stands
/// at zero if that is on the scale.
pub(crate) fn step(from: f64, to: f64, (low, high): (f64, f64)) -> Svg {
    let at = |value: f64| {
        let share = (value - low) / (high - low);
        if share.is_finite() {
            share.clamp(0.0, 1.0) * 100.0
        } else {
            50.0
        }
    };
    let (tone, left, right) = if to < from {
        ("human", at(to), at(from))
    } else {
        ("bot", at(from), at(to))
    };
    // What moves at all is never invisible.
    let width = (right - left).max(0.5);
    let middle = if low < 0.0 && high > 0.0 {
        let zero = number(at(0.0));
        format!("<line class=\"middle\" x1=\"{zero}%\" x2=\"{zero}%\" y1=\"0\" y2=\"12\"/>")
    } else {
        String::new()
    };
    Svg(format!(
        "<svg class=\"pull\" width=\"100%\" height=\"12\" aria-hidden=\"true\"><rect class=\"track\" width=\"100%\" height=\"12\" rx=\"3\"/><rect class=\"m-{tone}\" x=\"{}%\" width=\"{}%\" height=\"12\"/>{middle}</svg>",
        number(left.min(100.0 - width)),
        number(width)
    ))
}
