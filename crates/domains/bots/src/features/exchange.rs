//! How long the exchanges are that an account takes part in, and who turns to it. Both hang on how busy the channels are.

use super::{
    numbers::{mean, share},
    sample::{Sample, counts},
    schema::{Group, Signal, Use},
};

/// The rows of the table.
pub(super) static SIGNALS: &[Signal] = &[
    Signal {
        name: "exchange_depth",
        group: Group::Social,
        meaning: "turns of the exchange it speaks in, its own included: two accounts by turns, nobody else speaking and no silence of ten minutes",
        range: "log2, 0 and up, mean",
        empty: "no message",
        used: Use::WithinCommunity,
        high: "takes part in exchanges of {value} turns",
        low: "takes part in exchanges of only {value} turns",
        measure: |sample| {
            let turns = sample.ring.iter().map(|digest| digest.depth.max(1));
            mean(
                &turns
                    .map(|turns| f64::from(turns).log2())
                    .collect::<Vec<f64>>(),
            )
        },
    },
    Signal {
        name: "answered_share",
        group: Group::Social,
        meaning: "share of messages, without the last, after which whoever spoke next turned to somebody within two minutes: a mention or an answer",
        range: "0 to 1",
        empty: "less than two messages",
        used: Use::WithinCommunity,
        high: "is answered to {value} of its messages",
        low: "is answered by nobody",
        measure: |sample| {
            let told = sample.ring.get(1..).unwrap_or_default();
            share(
                told.iter().filter(|digest| digest.answerer != 0).count(),
                told.len(),
            )
        },
    },
    Signal {
        name: "answerers",
        group: Group::Social,
        meaning: "different people who did so, of those messages",
        range: "0 to 1",
        empty: "less than three such messages",
        used: Use::WithinCommunity,
        high: "is answered by somebody else each time",
        low: "is answered by the same people",
        measure: answerers,
    },
];

fn answerers(sample: &Sample<'_>) -> f64 {
    let marks = sample.ring.iter().map(|digest| digest.answerer);
    let marks: Vec<u8> = marks.filter(|mark| *mark != 0).collect();
    let n = marks.len();
    if n < 3 {
        return f64::NAN;
    }
    share(counts(marks).len(), n)
}
