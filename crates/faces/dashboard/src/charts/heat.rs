//! Hour of the day against day of the week: 168 cells, darker means more. The shade grows with the
//! square root, so that quiet hours still differ; the legend states the ranges.

use super::{Svg, escape, index, number, push};
use crate::display::{self, WEEKDAYS};

/// Number of shades above «nothing».
const SHADES: usize = 5;
const CELL_HEIGHT: f64 = 22.0;

/// One shade of the legend.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(crate) struct Shade {
    /// 0 = nothing … 5 = most; the class `h{level}` colours it.
    pub(crate) level: usize,
    /// `0`, `1–12`, …
    pub(crate) range: String,
}

/// Draws the map. `rows` are Monday first, hours in UTC.
pub(crate) fn heat(title: &str, rows: &[[u64; 24]]) -> Svg {
    let bounds = bounds(rows);
    let height = CELL_HEIGHT * 7.0 + 20.0;
    let mut out = String::with_capacity(20_000);
    push(
        &mut out,
        format_args!(
            "<div class=\"plot\"><svg class=\"y-axis\" width=\"34\" height=\"{h}\" aria-hidden=\"true\">",
            h = number(height)
        ),
    );
    for (i, name) in WEEKDAYS.iter().enumerate() {
        push(
            &mut out,
            format_args!(
                "<text x=\"28\" y=\"{}\">{}</text>",
                number(index(i) * CELL_HEIGHT + 15.0),
                name.get(..3).unwrap_or(name)
            ),
        );
    }
    push(
        &mut out,
        format_args!(
            "</svg><svg class=\"drawing\" width=\"100%\" height=\"{}\" role=\"img\"><title>{}</title>",
            number(height),
            escape(title)
        ),
    );
    let width = 100.0 / 24.0;
    for (day, name) in WEEKDAYS.iter().enumerate() {
        for hour in 0..24_usize {
            let value = rows
                .get(day)
                .and_then(|r| r.get(hour))
                .copied()
                .unwrap_or(0);
            push(
                &mut out,
                format_args!(
                    "<rect class=\"cell h{}\" x=\"{}%\" y=\"{}\" width=\"{}%\" height=\"{}\"><title>{name} {hour:02}:00–{:02}:00 UTC: {}</title></rect>",
                    level(&bounds, value),
                    number(index(hour) * width),
                    number(index(day) * CELL_HEIGHT),
                    number(width),
                    number(CELL_HEIGHT),
                    hour + 1,
                    display::plural(value, "message")
                ),
            );
        }
    }
    for hour in (0..24_usize).step_by(3) {
        let wide = if hour % 6 == 0 { "" } else { " wide" };
        push(
            &mut out,
            format_args!(
                "<text class=\"x start{wide}\" x=\"{}%\" y=\"{}\">{hour:02}</text>",
                number(index(hour) * width),
                number(height - 5.0)
            ),
        );
    }
    out.push_str("</svg></div>");
    Svg(out)
}

/// The legend: «nothing», then each shade that occurs with its range.
pub(crate) fn shades(rows: &[[u64; 24]]) -> Vec<Shade> {
    let mut shades = vec![Shade {
        level: 0,
        range: "0".to_owned(),
    }];
    let mut from = 1;
    for (i, until) in bounds(rows).into_iter().enumerate() {
        if until >= from {
            let range = if until == from {
                display::count(from)
            } else {
                format!("{}–{}", display::count(from), display::count(until))
            };
            shades.push(Shade {
                level: i + 1,
                range,
            });
            from = until + 1;
        }
    }
    shades
}

/// The largest value of each shade.
fn bounds(rows: &[[u64; 24]]) -> [u64; SHADES] {
    let max = rows.iter().flatten().copied().max().unwrap_or(0);
    let mut bounds = [0; SHADES];
    for (i, bound) in bounds.iter_mut().enumerate() {
        let share = (index(i) + 1.0) / index(SHADES);
        *bound = display::rounded(display::float(max) * share * share);
    }
    if let Some(last) = bounds.last_mut() {
        *last = max;
    }
    bounds
}

fn level(bounds: &[u64; SHADES], value: u64) -> usize {
    if value == 0 {
        return 0;
    }
    bounds
        .iter()
        .position(|bound| value <= *bound)
        .map_or(SHADES, |i| i + 1)
}
