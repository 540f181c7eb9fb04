//! Messages that are embeds: what service bots and webhooks post.

use super::schema::{Group, Signal, Use};

/// The rows of the table.
pub(super) static SIGNALS: &[Signal] = &[
    Signal {
        name: "card_share",
        group: Group::Content,
        meaning: "share of messages that have an embed or attachment and no text",
        range: "0 to 1",
        empty: "no message",
        used: Use::Everywhere,
        high: "posts {value} of its messages as embeds without text",
        low: "never posts an embed without text",
        measure: |sample| sample.share(super::digest::Digest::is_card),
    },
    Signal {
        name: "embed_share",
        group: Group::Content,
        meaning: "share of messages with an embed or attachment",
        range: "0 to 1",
        empty: "no message",
        used: Use::Everywhere,
        high: "attaches something to {value} of its messages",
        low: "attaches nothing",
        measure: |sample| sample.share(|digest| digest.embeds > 0),
    },
];
