//! How much an account says: by day, in all, and in its busiest minute.

use super::{
    numbers::{real, secs},
    sample::Sample,
    schema::{Group, Signal, Use},
};

/// The rows of the table.
pub(super) static SIGNALS: &[Signal] = &[
    Signal {
        name: "messages_per_active_day",
        group: Group::Behaviour,
        meaning: "messages on a day on which anything was said, over thirty days",
        range: "log2, 0 and up",
        empty: "no message in thirty days",
        used: Use::Everywhere,
        high: "posts {value} messages on an active day",
        low: "posts only {value} messages on an active day",
        measure: per_active_day,
    },
    Signal {
        name: "messages_known",
        group: Group::Behaviour,
        meaning: "messages seen in all",
        range: "log2 of one more, 0 and up",
        empty: "never",
        used: Use::WithinCommunity,
        high: "has said {value} messages so far",
        low: "has said only {value} messages so far",
        measure: |sample| (f64::from(sample.state.total) + 1.0).log2(),
    },
    Signal {
        name: "active_days",
        group: Group::Behaviour,
        meaning: "days with a message of the days since the first one, thirty at most",
        range: "0 to 1",
        empty: "known for less than three days",
        used: Use::Everywhere,
        high: "posts on {value} of all days",
        low: "posts on {value} of all days",
        measure: active_days,
    },
    Signal {
        name: "busiest_minute",
        group: Group::Behaviour,
        meaning: "most messages within sixty seconds",
        range: "log2, 0 and up",
        empty: "no message",
        used: Use::Everywhere,
        high: "posts up to {value} messages in a minute",
        low: "never posts more than {value} messages in a minute",
        measure: busiest_minute,
    },
];

/// Messages on an active day, as log2.
fn per_active_day(sample: &Sample<'_>) -> f64 {
    if sample.tiles.is_empty() {
        return f64::NAN;
    }
    let messages: f64 = sample
        .tiles
        .iter()
        .map(|tile| f64::from(tile.messages))
        .sum();
    (messages / real(sample.tiles.len())).log2()
}

fn active_days(sample: &Sample<'_>) -> f64 {
    let Some(first) = sample.tiles.first() else {
        return f64::NAN;
    };
    let span = sample.now.day().0.saturating_sub(first.day.0) + 1;
    if span < 3 {
        return f64::NAN;
    }
    real(sample.tiles.len()) / f64::from(span)
}

fn busiest_minute(sample: &Sample<'_>) -> f64 {
    let mut most = 0;
    let mut start = 0;
    for (end, digest) in sample.ring.iter().enumerate() {
        while sample
            .ring
            .get(start)
            .is_some_and(|first| secs(digest.at.0.saturating_sub(first.at.0)) > 60.0)
        {
            start += 1;
        }
        most = most.max(end + 1 - start);
    }
    if most == 0 {
        f64::NAN
    } else {
        real(most).log2()
    }
}
