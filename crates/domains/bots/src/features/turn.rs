//! How an account takes part: answering, opening, going on, in how many channels, echoing others.

use super::{
    digest::Trait,
    numbers::{real, share},
    sample::{Sample, counts, dominance},
    schema::{Group, Signal, Use},
};

/// The rows of the table.
pub(super) static SIGNALS: &[Signal] = &[
    Signal {
        name: "reply_share",
        group: Group::Social,
        meaning: "share of messages that answer another",
        range: "0 to 1",
        empty: "no message",
        used: Use::WithinCommunity,
        high: "answers others in {value} of its messages",
        low: "answers nobody",
        measure: |sample| sample.share(|digest| digest.is(Trait::Reply)),
    },
    Signal {
        name: "opens_share",
        group: Group::Social,
        meaning: "share of messages that open a conversation: nobody had spoken in the channel for ten minutes",
        range: "0 to 1",
        empty: "no message",
        used: Use::WithinCommunity,
        high: "opens a conversation with {value} of its messages",
        low: "hardly ever opens a conversation",
        measure: |sample| sample.share(|digest| digest.is(Trait::Opens)),
    },
    Signal {
        name: "goes_on_share",
        group: Group::Social,
        meaning: "share of messages that follow its own in the channel",
        range: "0 to 1",
        empty: "no message",
        used: Use::WithinCommunity,
        high: "goes on after itself in {value} of its messages",
        low: "always lets others speak in between",
        measure: |sample| sample.share(|digest| digest.is(Trait::GoesOn)),
    },
    Signal {
        name: "channels",
        group: Group::Social,
        meaning: "channels of the last messages",
        range: "log2, 0 and up",
        empty: "no message",
        used: Use::Everywhere,
        high: "posts in {value} channels",
        low: "posts in {value} channels",
        measure: |sample| {
            let channels = counts(sample.ring.iter().map(|digest| digest.channel).collect()).len();
            if channels == 0 {
                f64::NAN
            } else {
                real(channels).log2()
            }
        },
    },
    Signal {
        name: "channel_dominance",
        group: Group::Social,
        meaning: "share of the messages in its most frequent channel",
        range: "0 to 1",
        empty: "less than two messages",
        used: Use::Everywhere,
        high: "posts {value} of its messages in one channel",
        low: "posts in many channels",
        measure: |sample| dominance(sample.ring.iter().map(|digest| digest.channel).collect()),
    },
    Signal {
        name: "echo_share",
        group: Group::Social,
        meaning: "share of texts that another account had said within ten minutes",
        range: "0 to 1",
        empty: "no text",
        used: Use::Everywhere,
        high: "says what others had just said in {value} of its messages",
        low: "does not echo others",
        measure: |sample| sample.share_of_texts(|digest| digest.is(Trait::Echo)),
    },
    Signal {
        name: "borrowed_share",
        group: Group::Social,
        meaning: "share of texts of four words and more that begin and end like something another account had said",
        range: "0 to 1",
        empty: "no such text",
        used: Use::Everywhere,
        high: "begins and ends {value} of its messages like those of another account",
        low: "words its messages in its own way",
        measure: borrowed,
    },
    Signal {
        name: "in_step_share",
        group: Group::Social,
        meaning: "share of messages sent in the same second as messages of two other accounts",
        range: "0 to 1",
        empty: "no message, or times without seconds",
        used: Use::Everywhere,
        high: "posts {value} of its messages in the same second as other accounts",
        low: "does not post in step with others",
        measure: in_step,
    },
    Signal {
        name: "serves_share",
        group: Group::Social,
        meaning: "share of messages that follow somebody else's command to a bot within two minutes",
        range: "0 to 1",
        empty: "no message",
        used: Use::Everywhere,
        high: "answers commands with {value} of its messages",
        low: "does not answer commands",
        measure: |sample| sample.share(|digest| digest.is(Trait::Serves)),
    },
];

fn borrowed(sample: &Sample<'_>) -> f64 {
    let long = sample.texts().filter(|digest| digest.words >= 4);
    let borrowed: Vec<bool> = long.map(|digest| digest.is(Trait::Borrowed)).collect();
    share(borrowed.iter().filter(|yes| **yes).count(), borrowed.len())
}

fn in_step(sample: &Sample<'_>) -> f64 {
    let fine = sample
        .ring
        .iter()
        .filter(|digest| !digest.is(Trait::Coarse));
    let steps: Vec<bool> = fine.map(|digest| digest.is(Trait::InStep)).collect();
    share(steps.iter().filter(|yes| **yes).count(), steps.len())
}
