//! The time from one message of an account to its next. Below a minute all times are one, so that a platform whose times have
//! no seconds looks like one whose times have.

use super::{
    numbers::{ascending, deviation, mean, quantile, real},
    sample::Sample,
    schema::{Group, Signal, Use},
};

/// The rows of the table.
pub(super) static SIGNALS: &[Signal] = &[
    Signal {
        name: "interval_median",
        group: Group::Behaviour,
        meaning: "median time to the next message",
        range: "log10 of seconds, at least 60 s",
        empty: "less than two messages",
        used: Use::Everywhere,
        high: "usually waits {value} between messages",
        low: "usually waits only {value} between messages",
        measure: |sample| quantile(&logs(sample), 0.5),
    },
    Signal {
        name: "interval_spread",
        group: Group::Behaviour,
        meaning: "how much the time to the next message varies: from the first to the third quartile",
        range: "decades, 0 and up",
        empty: "less than three messages",
        used: Use::Everywhere,
        high: "waits very unevenly between messages",
        low: "waits evenly between messages",
        measure: |sample| {
            let logs = logs(sample);
            quantile(&logs, 0.75) - quantile(&logs, 0.25)
        },
    },
    Signal {
        name: "interval_timer",
        group: Group::Behaviour,
        meaning: "of the pauses of ten minutes and more, the share that have the same length to 1 % or a minute",
        range: "0 to 1",
        empty: "less than four such pauses",
        used: Use::Everywhere,
        high: "posts on a timer: {value} of its pauses have the same length",
        low: "has no pauses of the same length",
        measure: timer,
    },
    Signal {
        name: "burstiness",
        group: Group::Behaviour,
        meaning: "(deviation - mean) / (deviation + mean) of the times to the next message: -1 regular, 0 by chance, 1 in bursts",
        range: "-1 to 1",
        empty: "less than three messages",
        used: Use::Everywhere,
        high: "posts in bursts with long silences",
        low: "posts as regularly as a clock",
        measure: burstiness,
    },
];

/// The times to the next message as log10 of seconds, at least a minute, ascending.
fn logs(sample: &Sample<'_>) -> Vec<f64> {
    ascending(
        sample
            .intervals
            .iter()
            .map(|secs| secs.max(60.0).log10())
            .collect(),
    )
}

fn timer(sample: &Sample<'_>) -> f64 {
    let pauses = ascending(
        sample
            .intervals
            .iter()
            .copied()
            .filter(|secs| *secs >= 600.0)
            .collect(),
    );
    if pauses.len() < 4 {
        return f64::NAN;
    }
    let mut most = 0;
    for (place, pause) in pauses.iter().enumerate() {
        let end = pause + (pause * 0.01).max(60.0);
        most = most.max(pauses.partition_point(|other| *other <= end) - place);
    }
    real(most) / real(pauses.len())
}

fn burstiness(sample: &Sample<'_>) -> f64 {
    if sample.intervals.len() < 2 {
        return f64::NAN;
    }
    let intervals: Vec<f64> = sample.intervals.iter().map(|secs| secs.max(60.0)).collect();
    let (spread, middle) = (deviation(&intervals), mean(&intervals));
    (spread - middle) / (spread + middle)
}
