//! An account against what is usual in its community, and the community itself.

use super::{
    numbers::mean,
    sample::Sample,
    schema::{Group, Signal, Use},
};

/// The rows of the table.
pub(super) static SIGNALS: &[Signal] = &[
    Signal {
        name: "off_hours",
        group: Group::Community,
        meaning: "how unusual the hours at which it speaks are here",
        range: "bits, mean",
        empty: "nothing known of the community, or no message",
        used: Use::Everywhere,
        high: "posts when hardly anybody else is here",
        low: "posts when everybody is here",
        measure: off_hours,
    },
    Signal {
        name: "community_members",
        group: Group::Community,
        meaning: "members who said something in thirty days",
        range: "log2 of one more",
        empty: "never",
        used: Use::WithinCommunity,
        high: "is in a community of {value}",
        low: "is in a community of only {value}",
        measure: |sample| (f64::from(sample.community.members) + 1.0).log2(),
    },
    Signal {
        name: "community_pace",
        group: Group::Community,
        meaning: "messages of the community on a day",
        range: "log2 of one more",
        empty: "nothing known of the community",
        used: Use::WithinCommunity,
        high: "is in a community with {value} messages a day",
        low: "is in a community with only {value} messages a day",
        measure: |sample| (f64::from(sample.community.messages_per_day) + 1.0).log2(),
    },
];

fn off_hours(sample: &Sample<'_>) -> f64 {
    let bits: Vec<f64> = sample
        .ring
        .iter()
        .filter_map(|digest| sample.community.hours.get(usize::from(digest.at.hour())))
        .map(|share| -f64::from(*share).log2() - 24_f64.log2())
        .collect();
    mean(&bits)
}
