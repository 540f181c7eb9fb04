//! How much an account says the same again: word by word, by template, by beginning, by its marks. What is written to a bot does
//! not count: people type commands over and over.

use super::{
    digest::{Digest, Trait},
    numbers::{real, share},
    sample::{Sample, dominance, repeated},
    schema::{Group, Signal, Use},
};

/// The rows of the table.
pub(super) static SIGNALS: &[Signal] = &[
    Signal {
        name: "repeated_texts",
        group: Group::Content,
        meaning: "share of texts that it had said before, word by word",
        range: "0 to 1",
        empty: "less than two texts",
        used: Use::Everywhere,
        high: "repeats {value} of its messages word by word",
        low: "never says the same twice",
        measure: |sample| repeated(texts(sample, |digest| digest.exact)),
    },
    Signal {
        name: "repeated_templates",
        group: Group::Content,
        meaning: "share of messages that fill a template it had filled before: names, numbers and links masked, cards alike",
        range: "0 to 1",
        empty: "less than two messages",
        used: Use::Everywhere,
        high: "fills the same template in {value} of its messages",
        low: "never fills a template twice",
        measure: |sample| {
            repeated(
                sample
                    .ring
                    .iter()
                    .filter(|digest| {
                        !digest.is(Trait::Command) && (digest.exact != 0 || digest.is_card())
                    })
                    .map(|digest| digest.template)
                    .collect(),
            )
        },
    },
    Signal {
        name: "repeated_openings",
        group: Group::Content,
        meaning: "share of texts that begin with three words it had begun with before",
        range: "0 to 1",
        empty: "less than two texts",
        used: Use::Everywhere,
        high: "begins {value} of its messages as it had begun others",
        low: "begins every message differently",
        measure: |sample| repeated(texts(sample, |digest| digest.opening)),
    },
    Signal {
        name: "repeated_closings",
        group: Group::Content,
        meaning: "share of texts that end with two words it had ended with before",
        range: "0 to 1",
        empty: "less than two texts",
        used: Use::Everywhere,
        high: "ends {value} of its messages as it had ended others",
        low: "ends every message differently",
        measure: |sample| repeated(texts(sample, |digest| digest.closing)),
    },
    Signal {
        name: "opening_dominance",
        group: Group::Content,
        meaning: "share of texts with its most frequent beginning",
        range: "0 to 1",
        empty: "less than two texts",
        used: Use::Everywhere,
        high: "begins {value} of its messages with the same words",
        low: "has no favourite beginning",
        measure: |sample| dominance(texts(sample, |digest| digest.opening)),
    },
    Signal {
        name: "repeated_shapes",
        group: Group::Content,
        meaning: "of texts with three marks and more, the share whose marks come in an order it had used before",
        range: "0 to 1",
        empty: "less than two such texts",
        used: Use::Everywhere,
        high: "sets the same marks in the same order in {value} of its messages",
        low: "sets its marks differently each time",
        measure: |sample| {
            repeated(
                texts(sample, |digest| digest.shape)
                    .into_iter()
                    .filter(|shape| *shape != 0)
                    .collect(),
            )
        },
    },
    Signal {
        name: "near_duplicates",
        group: Group::Content,
        meaning: "share of texts of four words and more that are nearly the same as another of its texts",
        range: "0 to 1",
        empty: "less than two such texts",
        used: Use::Everywhere,
        high: "has near-duplicates of {value} of its messages",
        low: "has no near-duplicates",
        measure: near_duplicates,
    },
    Signal {
        name: "likeness",
        group: Group::Content,
        meaning: "mean likeness of two of its texts of four words and more",
        range: "about 0.5 (unrelated) to 1 (equal)",
        empty: "less than two such texts",
        used: Use::Everywhere,
        high: "writes messages that are much alike",
        low: "writes messages that have nothing in common",
        measure: likeness,
    },
    Signal {
        name: "command_share",
        group: Group::Content,
        meaning: "share of messages that are written to a bot (`!command`)",
        range: "0 to 1",
        empty: "no message",
        used: Use::Everywhere,
        high: "writes commands to bots in {value} of its messages",
        low: "writes no commands to bots",
        measure: |sample| sample.share(|digest| digest.is(Trait::Command)),
    },
];

/// Bits by which near-duplicates may differ, of 64.
const NEAR_BITS: u32 = 12;

fn texts<T>(sample: &Sample<'_>, what: impl Fn(&Digest) -> T) -> Vec<T> {
    let own = sample.texts().filter(|digest| !digest.is(Trait::Command));
    own.map(what).collect()
}

/// Marks of likeness of the texts of four words and more.
fn marks(sample: &Sample<'_>) -> Vec<u64> {
    let long = sample
        .texts()
        .filter(|digest| digest.words >= 4 && !digest.is(Trait::Command));
    long.map(|digest| digest.simhash).collect()
}

fn near_duplicates(sample: &Sample<'_>) -> f64 {
    let marks = marks(sample);
    if marks.len() < 2 {
        return f64::NAN;
    }
    let mut is_near = vec![false; marks.len()];
    for (place, mark) in marks.iter().enumerate() {
        let (before, after) = is_near.split_at_mut(place + 1);
        let mut near = before.last().copied().unwrap_or_default();
        for (other, is_near) in marks.iter().skip(place + 1).zip(after) {
            if (mark ^ other).count_ones() <= NEAR_BITS {
                *is_near = true;
                near = true;
            }
        }
        if let Some(own) = before.last_mut() {
            *own = near;
        }
    }
    let n = is_near.iter().filter(|is_near| **is_near).count();
    share(n, marks.len())
}

fn likeness(sample: &Sample<'_>) -> f64 {
    let marks = marks(sample);
    let n_pairs = marks.len() * marks.len().saturating_sub(1) / 2;
    // Of each bit, every pair of one that has it and one that has not: the same as each pair bit by bit.
    let differing: usize = (0..u64::BITS)
        .map(|bit| {
            let ones = marks.iter().filter(|mark| (*mark >> bit) & 1 == 1).count();
            ones * (marks.len() - ones)
        })
        .sum();
    // Parts of 64 add up without rounding, so that this is the mean of all pairs to the last bit.
    let alike = real(n_pairs) - real(differing) / 64.0;
    if n_pairs == 0 {
        f64::NAN
    } else {
        alike / real(n_pairs)
    }
}
