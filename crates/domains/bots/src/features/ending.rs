//! How the texts of an account end.

use super::{
    numbers::evenness,
    reading::Ending,
    sample::{Sample, counts},
    schema::{Group, Signal, Use},
};

/// The rows of the table.
pub(super) static SIGNALS: &[Signal] = &[
    Signal {
        name: "ends_bare",
        group: Group::Content,
        meaning: "share of texts that end without any mark",
        range: "0 to 1",
        empty: "no text",
        used: Use::Everywhere,
        high: "ends {value} of its messages without a mark",
        low: "hardly ever ends a message without a mark",
        measure: |sample| sample.share_of_texts(|digest| digest.ending == Ending::Bare),
    },
    Signal {
        name: "ends_stop",
        group: Group::Content,
        meaning: "share of texts that end with a full stop",
        range: "0 to 1",
        empty: "no text",
        used: Use::Everywhere,
        high: "ends {value} of its messages with a full stop",
        low: "sets no full stops at the end",
        measure: |sample| sample.share_of_texts(|digest| digest.ending == Ending::Stop),
    },
    Signal {
        name: "ends_loud",
        group: Group::Content,
        meaning: "share of texts that end with `!` or `?`",
        range: "0 to 1",
        empty: "no text",
        used: Use::Everywhere,
        high: "ends {value} of its messages with ! or ?",
        low: "hardly ever ends with ! or ?",
        measure: |sample| sample.share_of_texts(|digest| digest.ending == Ending::Loud),
    },
    Signal {
        name: "ends_emoji",
        group: Group::Content,
        meaning: "share of texts that end with an emoji",
        range: "0 to 1",
        empty: "no text",
        used: Use::Everywhere,
        high: "ends {value} of its messages with an emoji",
        low: "never ends with an emoji",
        measure: |sample| sample.share_of_texts(|digest| digest.ending == Ending::Emoji),
    },
    Signal {
        name: "ends_hashtag",
        group: Group::Content,
        meaning: "share of texts that end with a hashtag",
        range: "0 to 1",
        empty: "no text",
        used: Use::Everywhere,
        high: "ends {value} of its messages with a hashtag",
        low: "never ends with a hashtag",
        measure: |sample| sample.share_of_texts(|digest| digest.ending == Ending::Hashtag),
    },
    Signal {
        name: "ends_link",
        group: Group::Content,
        meaning: "share of texts that end with a link",
        range: "0 to 1",
        empty: "no text",
        used: Use::Everywhere,
        high: "ends {value} of its messages with a link",
        low: "never ends with a link",
        measure: |sample| sample.share_of_texts(|digest| digest.ending == Ending::Link),
    },
    Signal {
        name: "ending_evenness",
        group: Group::Content,
        meaning: "how evenly the ways to end are spread",
        range: "0 (always the same way) to 1",
        empty: "less than two texts",
        used: Use::Everywhere,
        high: "ends its messages in many ways",
        low: "ends its messages always the same way",
        measure: endings,
    },
];

fn endings(sample: &Sample<'_>) -> f64 {
    let endings = sample.texts().map(|digest| digest.ending).collect();
    let mut counts = counts(endings);
    counts.resize(counts.len().max(2), 0);
    evenness(&counts)
}
