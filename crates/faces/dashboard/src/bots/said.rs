//! What the account of a case said last, and when: what repeats is marked.

use std::collections::HashMap;

use activity::ChatMessage;
use kernel::Timestamp;

use crate::{
    charts::{Svg, strip::strip},
    display::{self, When},
};

/// How many messages are shown.
pub(crate) const SHOWN: u32 = 20;

/// A message.
pub(crate) struct Line {
    /// What was said.
    pub(crate) text: String,
    /// Where.
    pub(crate) channel: String,
    /// When.
    pub(crate) at: When,
    /// How often the same words are among those shown, if more than once.
    pub(crate) n_equal: Option<usize>,
}

/// What an account said last.
pub(crate) struct Said {
    /// The newest first.
    pub(crate) lines: Vec<Line>,
    /// When, the oldest on the left.
    pub(crate) times: Svg,
    /// From when on.
    pub(crate) from: Option<When>,
}

/// Words that are the same however they are written.
fn folded(text: &str) -> String {
    let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
    words.join(" ")
}

/// Where each instant lies between the first and the last, 0 to 1.
fn shares(at: &[Timestamp]) -> Vec<f64> {
    let (first, last) = (at.iter().min().copied(), at.iter().max().copied());
    let (first, last) = (first.unwrap_or_default(), last.unwrap_or_default());
    let span = last.since(first).as_secs_f64();
    let share = |at: &Timestamp| {
        if span > 0.0 {
            at.since(first).as_secs_f64() / span
        } else {
            0.5
        }
    };
    at.iter().map(share).collect()
}

impl Said {
    /// Of messages, the newest first.
    pub(crate) fn of(messages: Vec<ChatMessage>, now: Timestamp) -> Self {
        let mut counts: HashMap<String, usize> = HashMap::new();
        for message in &messages {
            *counts.entry(folded(&message.text)).or_default() += 1;
        }
        let at: Vec<Timestamp> = messages.iter().map(|message| message.sent_at).collect();
        let line = |message: ChatMessage| Line {
            n_equal: counts
                .get(&folded(&message.text))
                .copied()
                .filter(|n| *n > 1),
            text: message.text,
            channel: message.channel,
            at: display::when(now, message.sent_at),
        };
        Self {
            times: strip(&shares(&at)),
            from: at.last().map(|at| display::when(now, *at)),
            lines: messages.into_iter().map(line).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{folded, shares};
    use kernel::Timestamp;

    #[test]
    fn the_same_words_are_the_same_however_they_are_written() {
        assert_eq!(folded(" Buy  NOW\n"), folded("buy now"));
        assert_ne!(folded("buy now"), folded("buynow"));
    }

    #[test]
    fn times_lie_between_the_first_and_the_last() {
        let at = |secs: &[i64]| -> Vec<Timestamp> {
            secs.iter()
                .map(|secs| Timestamp::from_secs(*secs))
                .collect()
        };
        assert_eq!(shares(&at(&[300, 150, 100])), [1.0, 0.25, 0.0]);
        assert_eq!(shares(&at(&[5, 5])), [0.5, 0.5], "all at once");
        assert!(shares(&[]).is_empty());
    }
}
