//! How unusual the words of an account are in its community. Known only after the community has been heard for a while.

use super::{
    numbers::{deviation, mean},
    sample::Sample,
    schema::{Group, Signal, Use},
};

/// The rows of the table.
pub(super) static SIGNALS: &[Signal] = &[
    Signal {
        name: "word_surprise",
        group: Group::Community,
        meaning: "how unusual its words are here",
        range: "bits a word, mean",
        empty: "too little heard of the community, or no message of three words",
        used: Use::Everywhere,
        high: "uses words that are unusual here",
        low: "uses the words that are usual here",
        measure: |sample| mean(&surprise(sample)),
    },
    Signal {
        name: "word_surprise_spread",
        group: Group::Community,
        meaning: "how much that varies",
        range: "bits a word, standard deviation",
        empty: "as before",
        used: Use::Everywhere,
        high: "mixes usual and unusual messages",
        low: "is equally unusual in every message",
        measure: |sample| deviation(&surprise(sample)),
    },
];

fn surprise(sample: &Sample<'_>) -> Vec<f64> {
    let known = sample.ring.iter().map(|digest| digest.surprise);
    known
        .filter(|surprise| *surprise != u8::MAX)
        .map(|surprise| f64::from(surprise) / 16.0)
        .collect()
}
