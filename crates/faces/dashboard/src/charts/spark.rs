//! The little line in a tile or a card: shape only, no axis. Hidden from screen readers, because the
//! number beside it says what matters.

use super::{Svg, index, number, push};

/// Draws the values as a line over a tinted area. Nothing for no values, a level line for one.
pub(crate) fn spark(values: &[f64]) -> Svg {
    let clean: Vec<f64> = values
        .iter()
        .map(|v| if v.is_finite() { v.max(0.0) } else { 0.0 })
        .collect();
    let clean = match clean.as_slice() {
        [] => return Svg::default(),
        [one] => vec![*one, *one],
        _ => thin(&clean),
    };
    let max = clean.iter().copied().fold(0.0, f64::max);
    let step = 100.0 / (index(clean.len()) - 1.0);
    let mut line = String::new();
    for (i, value) in clean.iter().enumerate() {
        let share = if max > 0.0 { value / max } else { 0.0 };
        push(
            &mut line,
            format_args!(
                "{}{},{}",
                if i == 0 { "M" } else { "L" },
                number(index(i) * step),
                number(22.0 - 20.0 * share)
            ),
        );
    }
    Svg(format!(
        "<svg class=\"spark\" viewBox=\"0 0 100 24\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><path class=\"fill\" d=\"{line}L100,24L0,24Z\"/><path class=\"line\" d=\"{line}\"/></svg>"
    ))
}

/// More points than a tile has pixels say nothing: takes means of neighbours down to at most 120.
fn thin(values: &[f64]) -> Vec<f64> {
    let group = values.len().div_ceil(120).max(1);
    values
        .chunks(group)
        .map(|chunk| chunk.iter().sum::<f64>() / index(chunk.len().max(1)))
        .collect()
}
