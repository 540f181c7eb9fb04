//! How often an account posts links, and how few places they lead to.

use super::{
    sample::dominance,
    schema::{Group, Signal, Use},
};

/// The rows of the table.
pub(super) static SIGNALS: &[Signal] = &[
    Signal {
        name: "link_share",
        group: Group::Content,
        meaning: "share of messages with a link",
        range: "0 to 1",
        empty: "no message",
        used: Use::Everywhere,
        high: "posts links in {value} of its messages",
        low: "posts no links",
        measure: |sample| sample.share(|digest| digest.links > 0),
    },
    Signal {
        name: "links_per_message",
        group: Group::Content,
        meaning: "links of a text",
        range: "log2 of one more, mean",
        empty: "no text",
        used: Use::Everywhere,
        high: "posts links at a rate of {value} for each message",
        low: "posts hardly any links",
        measure: |sample| sample.mean_of_texts(|digest| (f64::from(digest.links) + 1.0).log2()),
    },
    Signal {
        name: "link_focus",
        group: Group::Content,
        meaning: "share of the links that lead to its most frequent host",
        range: "0 to 1",
        empty: "less than two links",
        used: Use::Everywhere,
        high: "links to the same site in {value} of its links",
        low: "links to many sites",
        measure: |sample| {
            dominance(
                sample
                    .ring
                    .iter()
                    .map(|digest| digest.domain)
                    .filter(|domain| *domain != 0)
                    .collect(),
            )
        },
    },
];
