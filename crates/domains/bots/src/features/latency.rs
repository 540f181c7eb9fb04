//! How fast an account answers and types. Times without seconds are taken at their longest, so that only who was really fast
//! is called so.

use super::{
    digest::{Digest, Trait},
    numbers::{quantile, real, share},
    sample::{Sample, waited},
    schema::{Group, Signal, Use},
};

/// The rows of the table.
pub(super) static SIGNALS: &[Signal] = &[
    Signal {
        name: "answer_median",
        group: Group::Behaviour,
        meaning: "median time after somebody else's message in the channel, within ten minutes",
        range: "log2 of whole minutes and one",
        empty: "no such message",
        used: Use::WithinCommunity,
        high: "speaks {value} after others",
        low: "speaks at once after others",
        measure: |sample| quantile(&minutes(sample), 0.5),
    },
    Signal {
        name: "answer_spread",
        group: Group::Behaviour,
        meaning: "how much that time varies: from the first to the third quartile",
        range: "doublings, 0 and up",
        empty: "no such message",
        used: Use::WithinCommunity,
        high: "takes very different times to answer",
        low: "always takes the same time to answer",
        measure: |sample| {
            let minutes = minutes(sample);
            quantile(&minutes, 0.75) - quantile(&minutes, 0.25)
        },
    },
    Signal {
        name: "answers_too_fast",
        group: Group::Behaviour,
        meaning: "share of messages of twenty characters and more that came after somebody else's faster than fifteen characters a second can be typed",
        range: "0 to 1",
        empty: "no such message",
        used: Use::Everywhere,
        high: "answers faster than anybody can type in {value} of its messages",
        low: "answers no faster than people type",
        measure: answers_too_fast,
    },
    Signal {
        name: "types_too_fast",
        group: Group::Behaviour,
        meaning: "share of messages that came after its own last one faster than fifteen characters a second can be typed",
        range: "0 to 1",
        empty: "less than two messages",
        used: Use::Everywhere,
        high: "posts faster than anybody can type in {value} of its messages",
        low: "posts no faster than people type",
        measure: types_too_fast,
    },
];

/// Characters a second that no person types.
const TOO_FAST: f64 = 15.0;

fn minutes(sample: &Sample<'_>) -> Vec<f64> {
    sample
        .answers
        .iter()
        .map(|secs| ((secs / 60.0).floor() + 1.0).log2())
        .collect()
}

/// The longest that may lie between two times so far apart.
fn longest(secs: f64, digest: &Digest) -> f64 {
    secs + if digest.is(Trait::Coarse) { 60.0 } else { 1.0 }
}

fn answers_too_fast(sample: &Sample<'_>) -> f64 {
    let answers: Vec<bool> = sample
        .ring
        .iter()
        .filter(|digest| digest.before != 0 && !digest.is(Trait::GoesOn) && digest.chars >= 20)
        .map(|digest| f64::from(digest.chars) > TOO_FAST * longest(waited(digest.gap), digest))
        .collect();
    share(answers.iter().filter(|fast| **fast).count(), answers.len())
}

fn types_too_fast(sample: &Sample<'_>) -> f64 {
    let fast = sample
        .ring
        .iter()
        .skip(1)
        .zip(&sample.intervals)
        .filter(|(digest, secs)| f64::from(digest.chars) > TOO_FAST * longest(**secs, digest))
        .count();
    if sample.intervals.is_empty() {
        f64::NAN
    } else {
        real(fast) / real(sample.intervals.len())
    }
}
