//! When in the hour and in the day an account speaks.

use super::{
    numbers::{evenness, real},
    sample::Sample,
    schema::{Group, Signal, Use},
};

/// The rows of the table.
pub(super) static SIGNALS: &[Signal] = &[
    Signal {
        name: "minute_focus",
        group: Group::Behaviour,
        meaning: "how much its messages gather at one time of the hour",
        range: "0 (any time) to 1 (always the same)",
        empty: "less than three messages",
        used: Use::Everywhere,
        high: "posts at the same minute of the hour",
        low: "posts at any minute of the hour",
        measure: minute_focus,
    },
    Signal {
        name: "hours_a_day",
        group: Group::Behaviour,
        meaning: "different hours with a message, on an active day",
        range: "1 to 24",
        empty: "no message in thirty days",
        used: Use::Everywhere,
        high: "is active in {value} hours of a day",
        low: "is active in only {value} hours of a day",
        measure: |sample| {
            if sample.tiles.is_empty() {
                return f64::NAN;
            }
            let hours: f64 = sample
                .tiles
                .iter()
                .map(|tile| f64::from(tile.hours.count_ones()))
                .sum();
            hours / real(sample.tiles.len())
        },
    },
    Signal {
        name: "hour_evenness",
        group: Group::Behaviour,
        meaning: "how evenly the last messages are spread over the hours of the day",
        range: "0 (one hour) to 1",
        empty: "less than two messages",
        used: Use::Everywhere,
        high: "posts around the clock",
        low: "posts at one time of the day",
        measure: |sample| {
            let mut hours = [0; 24];
            for digest in sample.ring {
                if let Some(hour) = hours.get_mut(usize::from(digest.at.hour())) {
                    *hour += 1;
                }
            }
            evenness(&hours)
        },
    },
    Signal {
        name: "longest_silence",
        group: Group::Behaviour,
        meaning: "longest run of hours of the day without any message in thirty days",
        range: "hours, 0 to 23",
        empty: "no message in thirty days",
        used: Use::Everywhere,
        high: "is silent for {value} hours of the day",
        low: "is never silent for more than {value} hours of the day",
        measure: longest_silence,
    },
];

fn minute_focus(sample: &Sample<'_>) -> f64 {
    if sample.ring.len() < 3 {
        return f64::NAN;
    }
    let (mut x, mut y) = (0.0, 0.0);
    for digest in sample.ring {
        let minute = i32::try_from(digest.at.secs().rem_euclid(3_600) / 60).unwrap_or(0);
        let angle = f64::from(minute) / 60.0 * std::f64::consts::TAU;
        x += angle.cos();
        y += angle.sin();
    }
    x.hypot(y) / real(sample.ring.len())
}

fn longest_silence(sample: &Sample<'_>) -> f64 {
    let hours = sample.tiles.iter().fold(0, |all, tile| all | tile.hours);
    if hours == 0 {
        return f64::NAN;
    }
    let (mut longest, mut run) = (0_usize, 0_usize);
    for hour in 0..48 {
        run = if (hours >> (hour % 24)) & 1 == 1 {
            0
        } else {
            run + 1
        };
        longest = longest.max(run);
    }
    real(longest)
}
