//! What is known of the account itself. Platforms differ in what they tell, so that only a community's own model may use it.

use super::{
    numbers::secs,
    sample::Sample,
    schema::{Group, Signal, Use},
};

/// The rows of the table.
pub(super) static SIGNALS: &[Signal] = &[
    Signal {
        name: "account_age",
        group: Group::Account,
        meaning: "age of the account on its platform",
        range: "log2 of days and one",
        empty: "the platform does not say",
        used: Use::WithinCommunity,
        high: "has an account that is {value} old",
        low: "has an account that is only {value} old",
        measure: |sample| days(sample, sample.account.created_at),
    },
    Signal {
        name: "known_for",
        group: Group::Account,
        meaning: "time since its first message in the community",
        range: "log2 of days and one",
        empty: "no message",
        used: Use::WithinCommunity,
        high: "has been here for {value}",
        low: "has been here for only {value}",
        measure: |sample| days(sample, sample.state.first),
    },
    Signal {
        name: "linked_accounts",
        group: Group::Account,
        meaning: "linked accounts on other platforms",
        range: "log2 of one more",
        empty: "not known",
        used: Use::WithinCommunity,
        high: "has {value} linked accounts",
        low: "has no linked account",
        measure: |sample| {
            sample
                .account
                .n_linked
                .map_or(f64::NAN, |n| (f64::from(n) + 1.0).log2())
        },
    },
    Signal {
        name: "reputation",
        group: Group::Account,
        meaning: "reputation in the community",
        range: "300 to 850",
        empty: "not known",
        used: Use::WithinCommunity,
        high: "has a reputation of {value}",
        low: "has a reputation of only {value}",
        measure: |sample| sample.account.reputation.map_or(f64::NAN, f64::from),
    },
    Signal {
        name: "moderated",
        group: Group::Account,
        meaning: "warnings, timeouts, kicks and bans so far",
        range: "log2 of one more",
        empty: "not known",
        used: Use::WithinCommunity,
        high: "has been moderated {value} times",
        low: "has never been moderated",
        measure: |sample| {
            sample
                .account
                .n_moderated
                .map_or(f64::NAN, |n| (f64::from(n) + 1.0).log2())
        },
    },
];

fn days(sample: &Sample<'_>, since: Option<kernel::Timestamp>) -> f64 {
    since.map_or(f64::NAN, |since| {
        let passed = sample.now.0.saturating_sub(since.0).max(0);
        (secs(passed) / 86_400.0 + 1.0).log2()
    })
}
