//! Whether an account writes as is usual in its community, letter by letter, and always in the same way: what is
//! gibberish, or another language, is not. Hangs on how many languages there are.

use super::{
    numbers::{deviation, mean},
    sample::Sample,
    schema::{Group, Signal, Use},
};

/// The rows of the table.
pub(super) static SIGNALS: &[Signal] = &[
    Signal {
        name: "letter_surprise",
        group: Group::Content,
        meaning: "how unusual it is here that the letters of its words follow each other: gibberish, or another language",
        range: "bits a letter, mean",
        empty: "too little heard of the community, or no text of eight letters",
        used: Use::WithinCommunity,
        high: "writes gibberish, or another language than others here",
        low: "writes the language that is usual here",
        measure: |sample| mean(&surprise(sample)),
    },
    Signal {
        name: "letter_surprise_spread",
        group: Group::Content,
        meaning: "how much that varies from text to text",
        range: "bits a letter, standard deviation",
        empty: "as before, or less than two such texts",
        used: Use::WithinCommunity,
        high: "mixes languages, or writes gibberish now and then",
        low: "writes the same language in every message",
        measure: |sample| {
            let surprise = surprise(sample);
            if surprise.len() < 2 {
                return f64::NAN;
            }
            deviation(&surprise)
        },
    },
];

fn surprise(sample: &Sample<'_>) -> Vec<f64> {
    let known = sample.ring.iter().map(|digest| digest.letter_surprise);
    known
        .filter(|surprise| *surprise != u8::MAX)
        .map(|surprise| f64::from(surprise) / 16.0)
        .collect()
}
