//! Whom an account speaks to, and after whom.

use super::{
    digest::{Digest, Trait},
    numbers::share,
    sample::{Sample, counts},
    schema::{Group, Signal, Use},
};

/// The rows of the table.
pub(super) static SIGNALS: &[Signal] = &[
    Signal {
        name: "mention_share",
        group: Group::Social,
        meaning: "share of messages that mention or address somebody",
        range: "0 to 1",
        empty: "no message",
        used: Use::Everywhere,
        high: "mentions somebody in {value} of its messages",
        low: "mentions nobody",
        measure: |sample| sample.share(|digest| digest.mentions > 0),
    },
    Signal {
        name: "mentions_per_message",
        group: Group::Social,
        meaning: "share of messages that mention somebody or answer another, over thirty days",
        range: "0 to 1",
        empty: "no message in thirty days",
        used: Use::Everywhere,
        high: "speaks to somebody in {value} of its messages",
        low: "hardly ever speaks to anybody",
        measure: |sample| sample.of_days(|tile| tile.spoken_to),
    },
    Signal {
        name: "partners",
        group: Group::Social,
        meaning: "different people addressed, of the messages that address somebody",
        range: "0 to 1",
        empty: "less than three such messages",
        used: Use::Everywhere,
        high: "addresses somebody else each time",
        low: "addresses the same people",
        measure: |sample| distinct(sample, |digest| digest.partner),
    },
    Signal {
        name: "neighbours",
        group: Group::Social,
        meaning: "different people it speaks after, of the messages that come after somebody's",
        range: "0 to 1",
        empty: "less than three such messages",
        used: Use::WithinCommunity,
        high: "speaks after many different people",
        low: "speaks after the same few people",
        measure: |sample| {
            distinct(sample, |digest| {
                if digest.is(Trait::GoesOn) {
                    0
                } else {
                    digest.before
                }
            })
        },
    },
];

/// Distinct marks of all marks; 0 is none.
fn distinct(sample: &Sample<'_>, mark: impl Fn(&Digest) -> u16) -> f64 {
    let marks: Vec<u16> = sample
        .ring
        .iter()
        .map(mark)
        .filter(|mark| *mark != 0)
        .collect();
    let n = marks.len();
    if n < 3 {
        return f64::NAN;
    }
    share(counts(marks).len(), n)
}
