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
    /// How long after the message before; a dash for the oldest.
    pub(crate) gap: String,
    /// How often the same is among those shown, if more than once: `the same 3 times`.
    pub(crate) repeat: Option<String>,
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

/// Words without the numbers in them: what is left of a text that is filled in.
fn without_numbers(folded: &str) -> String {
    let mut text = String::with_capacity(folded.len());
    for c in folded.chars() {
        if !c.is_ascii_digit() {
            text.push(c);
        } else if !text.ends_with('#') {
            text.push('#');
        }
    }
    text
}

/// How often each text is there, as it is and without its numbers.
#[derive(Default)]
struct Repeats {
    equal: HashMap<String, usize>,
    alike: HashMap<String, usize>,
}

impl Repeats {
    fn of<'a>(texts: impl Iterator<Item = &'a str>) -> Self {
        let mut found = Self::default();
        for text in texts {
            let text = folded(text);
            *found.alike.entry(without_numbers(&text)).or_default() += 1;
            *found.equal.entry(text).or_default() += 1;
        }
        found
    }

    /// What is said of a text that repeats.
    fn said(&self, text: &str) -> Option<String> {
        let text = folded(text);
        let equal = self.equal.get(&text).copied().unwrap_or(0);
        let alike = self.alike.get(&without_numbers(&text)).copied();
        let alike = alike.unwrap_or(0);
        if alike > equal {
            Some(format!("the same {alike} times but for numbers"))
        } else {
            (equal > 1).then(|| format!("the same {equal} times"))
        }
    }
}

/// How long after the message before it each was said; they come with the newest first.
fn gaps(at: &[Timestamp]) -> Vec<String> {
    let before = at.iter().skip(1).map(Some).chain([None]);
    let gap = |(at, before): (&Timestamp, Option<&Timestamp>)| {
        before.map_or_else(
            || "–".to_owned(),
            |before| display::duration(at.since(*before)),
        )
    };
    at.iter().zip(before).map(gap).collect()
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
        let repeats = Repeats::of(messages.iter().map(|message| message.text.as_str()));
        let at: Vec<Timestamp> = messages.iter().map(|message| message.sent_at).collect();
        let line = |(message, gap): (ChatMessage, String)| Line {
            gap,
            repeat: repeats.said(&message.text),
            text: message.text,
            channel: message.channel,
            at: display::when(now, message.sent_at),
        };
        Self {
            times: strip(&shares(&at)),
            from: at.last().map(|at| display::when(now, *at)),
            lines: messages.into_iter().zip(gaps(&at)).map(line).collect(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::{Repeats, folded, gaps, shares};
    use kernel::Timestamp;

    #[test]
    fn the_same_words_are_the_same_however_they_are_written() {
        assert_eq!(folded(" Buy  NOW\n"), folded("buy now"));
        assert_ne!(folded("buy now"), folded("buynow"));
    }

    #[test]
    fn what_repeats_is_marked_also_where_only_numbers_differ() {
        let texts = [
            "Win 500 coins",
            "win  20 coins",
            "Win 20 coins",
            "hello",
            "Bye",
            "bye",
        ];
        let repeats = Repeats::of(texts.into_iter());
        let said = texts.map(|text| repeats.said(text));
        let (near, same) = ("the same 3 times but for numbers", "the same 2 times");
        let expected = [
            Some(near),
            Some(near),
            Some(near),
            None,
            Some(same),
            Some(same),
        ];
        assert_eq!(said.each_ref().map(Option::as_deref), expected);
    }

    #[test]
    fn regular_gaps_can_be_seen() {
        let at = [1_200, 600, 0].map(Timestamp::from_secs);
        assert_eq!(gaps(&at), ["10 minutes", "10 minutes", "–"]);
        assert_eq!(gaps(&[]), [""; 0]);
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
