//! An account against what is usual in its community, and the community itself.

use super::{
    numbers::mean,
    pace::per_active_day,
    sample::Sample,
    schema::{Group, Signal, Use},
};

/// The rows of the table.
pub(super) static SIGNALS: &[Signal] = &[
    Signal {
        name: "pace_against_median",
        group: Group::Community,
        meaning: "its messages on an active day against the median member's",
        range: "log2 of times",
        empty: "nothing known of the community, or no message in thirty days",
        used: Use::Everywhere,
        high: "posts {value} times as much as the median member",
        low: "posts {value} times as much as the median member",
        measure: |sample| per_active_day(sample) - f64::from(sample.community.median_pace).log2(),
    },
    Signal {
        name: "length_against_median",
        group: Group::Community,
        meaning: "length of its texts against the median member's",
        range: "log2 of times",
        empty: "nothing known of the community, or no text",
        used: Use::Everywhere,
        high: "writes {value} times as long as the median member",
        low: "writes {value} times as long as the median member",
        measure: |sample| {
            sample.mean_of_texts(|digest| (f64::from(digest.chars) + 1.0).log2())
                - (f64::from(sample.community.median_length) + 1.0).log2()
        },
    },
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
