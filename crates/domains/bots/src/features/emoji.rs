//! Emoji and faces made of marks.

use super::schema::{Group, Signal, Use};

/// The rows of the table.
pub(super) static SIGNALS: &[Signal] = &[
    Signal {
        name: "emoji_share",
        group: Group::Content,
        meaning: "share of texts with an emoji",
        range: "0 to 1",
        empty: "no text",
        used: Use::Everywhere,
        high: "uses emoji in {value} of its messages",
        low: "uses no emoji",
        measure: |sample| sample.share_of_texts(|digest| digest.emoji > 0),
    },
    Signal {
        name: "emoji_per_message",
        group: Group::Content,
        meaning: "emoji of a text",
        range: "log2 of one more, mean",
        empty: "no text",
        used: Use::Everywhere,
        high: "uses many emoji",
        low: "uses hardly any emoji",
        measure: |sample| sample.mean_of_texts(|digest| (f64::from(digest.emoji) + 1.0).log2()),
    },
    Signal {
        name: "emoticon_share",
        group: Group::Content,
        meaning: "share of texts with a face made of marks",
        range: "0 to 1",
        empty: "no text",
        used: Use::Everywhere,
        high: "types faces such as :) in {value} of its messages",
        low: "types no faces such as :)",
        measure: |sample| sample.share_of_texts(|digest| digest.emoticons > 0),
    },
];
