//! When something happened, as lines along a bar: whether it came in one go, evenly or now and then is seen at a glance. Must
//! never be the only place of a time.

use std::fmt::Write;

use super::{Svg, number};

/// Lines at shares of a span, 0 to 1. What is not a number is left out.
pub(crate) fn strip(at: &[f64]) -> Svg {
    let mut svg = String::from(
        "<svg class=\"strip\" width=\"100%\" height=\"20\" aria-hidden=\"true\"><rect class=\"track\" width=\"100%\" height=\"20\" rx=\"3\"/>",
    );
    for share in at.iter().filter(|share| share.is_finite()) {
        let x = number(share.clamp(0.0, 1.0) * 100.0);
        // Writing to a String cannot fail.
        let _ = write!(
            svg,
            "<line class=\"tick\" x1=\"{x}%\" x2=\"{x}%\" y1=\"2\" y2=\"18\"/>"
        );
    }
    svg.push_str("</svg>");
    Svg(svg)
}
