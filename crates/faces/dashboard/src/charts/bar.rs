//! Level bars beside a number: how much of a whole, and which way something pulls. Hidden from screen
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
