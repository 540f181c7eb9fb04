//! How long messages, lines and words are, and how much that varies.

use super::{
    digest::Digest,
    numbers::{deviation, mean},
    sample::Sample,
    schema::{Group, Signal, Use},
};

/// The rows of the table.
pub(super) static SIGNALS: &[Signal] = &[
    Signal {
        name: "length_typical",
        group: Group::Content,
        meaning: "characters of a text",
        range: "log2 of one more, mean",
        empty: "no text",
        used: Use::Everywhere,
        high: "writes long messages, {value} characters",
        low: "writes short messages, {value} characters",
        measure: |sample| mean(&lengths(sample)),
    },
    Signal {
        name: "length_spread",
        group: Group::Content,
        meaning: "how much the length of its texts varies",
        range: "doublings, standard deviation",
        empty: "no text",
        used: Use::Everywhere,
        high: "writes messages of very different length",
        low: "writes messages of nearly the same length",
        measure: |sample| deviation(&lengths(sample)),
    },
    Signal {
        name: "words_distinct",
        group: Group::Content,
        meaning: "different words of all words of a message of three words and more",
        range: "0 to 1, mean",
        empty: "no such message",
        used: Use::Everywhere,
        high: "hardly repeats a word within a message",
        low: "repeats words within a message",
        measure: |sample| mean(&long(sample, |digest| f64::from(digest.distinct) / 255.0)),
    },
    Signal {
        name: "word_length",
        group: Group::Content,
        meaning: "letters of a word",
        range: "letters, mean",
        empty: "no message of three words",
        used: Use::Everywhere,
        high: "uses long words",
        low: "uses short words",
        measure: |sample| mean(&long(sample, |digest| f64::from(digest.word_length) / 16.0)),
    },
    Signal {
        name: "word_length_spread",
        group: Group::Content,
        meaning: "how much the length of words varies from message to message",
        range: "letters, standard deviation",
        empty: "no message of three words",
        used: Use::Everywhere,
        high: "uses words of different length from message to message",
        low: "uses words of the same length in every message",
        measure: |sample| deviation(&long(sample, |digest| f64::from(digest.word_length) / 16.0)),
    },
    Signal {
        name: "several_lines",
        group: Group::Content,
        meaning: "share of texts with more than one line",
        range: "0 to 1",
        empty: "no text",
        used: Use::Everywhere,
        high: "writes several lines in {value} of its messages",
        low: "never writes more than a line",
        measure: |sample| sample.share_of_texts(|digest| digest.lines > 1),
    },
];

fn lengths(sample: &Sample<'_>) -> Vec<f64> {
    sample.of_texts(|digest| (f64::from(digest.chars) + 1.0).log2())
}

/// A number of each message of three words and more.
fn long(sample: &Sample<'_>, what: impl Fn(&Digest) -> f64) -> Vec<f64> {
    let long = sample.texts().filter(|digest| digest.words >= 3);
    long.map(what).collect()
}
