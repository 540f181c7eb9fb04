//! Several distances from the norms as one number: an automaton is rarely far from people in one way only, and never twice
//! in the same way. A model that knows few bots learns from it what they have in common.

use super::{
    numbers::{mean, single},
    schema::{Column, Group, Signal, Use},
};

/// Further than so many spreads, another one says nothing more.
const ENOUGH: f64 = 6.0;

/// A number made of distances.
pub(super) struct Together {
    /// How it is described.
    pub(super) signal: Signal,
    /// The signals it is made of; all if empty.
    parts: &'static [&'static str],
    /// What becomes of each distance.
    each: fn(f64) -> f64,
}

/// The rows of the table.
pub(super) static TOGETHER: &[Together] = &[
    Together {
        signal: Signal {
            name: "oddity",
            group: Group::Community,
            meaning: "how far it is from the median member in all signals together",
            range: "spreads up to 6, mean",
            empty: "no message",
            used: Use::Everywhere,
            high: "is unlike the other members in many ways",
            low: "is like the other members",
            measure: |_| f64::NAN,
        },
        parts: &[],
        each: f64::abs,
    },
    Together {
        signal: Signal {
            name: "sameness",
            group: Group::Community,
            meaning: "how much more it repeats itself than the median member: texts, templates, beginnings, ends, marks",
            range: "spreads up to 6, mean",
            empty: "no text",
            used: Use::Everywhere,
            high: "repeats itself in many ways",
            low: "repeats itself no more than others",
            measure: |_| f64::NAN,
        },
        parts: &[
            "repeated_texts",
            "repeated_templates",
            "repeated_openings",
            "repeated_closings",
            "repeated_shapes",
            "opening_dominance",
            "near_duplicates",
            "likeness",
        ],
        each: |distance| distance,
    },
    Together {
        signal: Signal {
            name: "broadcast",
            group: Group::Community,
            meaning: "how much more it publishes than the median member instead of talking: links, cards, long texts, openings",
            range: "spreads up to 6, mean",
            empty: "no message",
            used: Use::Everywhere,
            high: "publishes rather than talks",
            low: "talks rather than publishes",
            measure: |_| f64::NAN,
        },
        parts: &[
            "card_share",
            "embed_share",
            "link_share",
            "links_per_message",
            "length_typical",
            "word_length",
            "hashtag_share",
        ],
        each: |distance| distance,
    },
    Together {
        signal: Signal {
            name: "machinery",
            group: Group::Community,
            meaning: "how much more it keeps the time of a machine than the median member: timers, minutes, speed, step, service",
            range: "spreads up to 6, mean",
            empty: "less than two messages",
            used: Use::Everywhere,
            high: "keeps the time of a machine",
            low: "keeps the time of a person",
            measure: |_| f64::NAN,
        },
        parts: &[
            "interval_timer",
            "minute_focus",
            "types_too_fast",
            "answers_too_fast",
            "in_step_share",
            "serves_share",
            "hours_a_day",
        ],
        each: |distance| distance,
    },
];

impl Together {
    /// The number, from the distances and what they are of.
    pub(super) fn of<'a>(&self, distances: impl Iterator<Item = (&'a Column, f32)>) -> f32 {
        let known: Vec<f64> = distances
            .filter(|(column, distance)| {
                let is_part = self.parts.is_empty() || self.parts.contains(&column.signal.name);
                is_part && distance.is_finite()
            })
            .map(|(_, distance)| (self.each)(f64::from(distance).clamp(-ENOUGH, ENOUGH)))
            .collect();
        single(mean(&known))
    }
}
