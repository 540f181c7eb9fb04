//! Small talk from a grammar: a move in the conversation picks a frame, and the frame's slots are
//! filled from the community's words. All phrases are our own and kind; must never hold a real
//! address or name.

mod english;
mod games;
mod german;
mod podcast;
mod study;
mod workshop;

use crate::{SmallTalk, dice::Dice};

/// What somebody does in a conversation by saying something.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(crate) enum Move {
    /// Says hello.
    Greet,
    /// Says hello to a newcomer, by name.
    Welcome,
    /// Says hello as a newcomer.
    Introduce,
    /// Asks.
    Ask,
    /// Answers.
    Answer,
    /// Says what they think or did.
    Tell,
    /// Agrees, briefly.
    Agree,
    /// Thanks.
    Thank,
    /// Is amused, or amusing.
    Joke,
    /// Shows a picture or a page.
    Share,
    /// Says goodbye.
    Leave,
    /// Cheers the stream on.
    Hype,
    /// Greets the viewers a raid brought.
    GreetRaid,
    /// The service bot greets a newcomer, by name.
    BotWelcome,
    /// The service bot reminds.
    BotRemind,
    /// Advertises.
    Spam,
    /// Titles a stream.
    Title,
}

/// The words and frames of one community's small talk.
pub(crate) struct Lexicon {
    /// Frames of the language.
    common: fn(Move) -> &'static [&'static str],
    /// Frames of this community; empty where the common ones do.
    own: fn(Move) -> &'static [&'static str],
    /// What is talked about, most loved first.
    pub(crate) topics: &'static [&'static str],
    /// Objects, most frequent first.
    things: &'static [&'static str],
    /// Adjectives.
    qualities: &'static [&'static str],
    /// Times to come.
    times: &'static [&'static str],
    /// Emoji, most loved first.
    emoji: &'static [&'static str],
    /// What a moderator gives as the reason for a measure against spam.
    pub(crate) spam_reasons: &'static [&'static str],
    /// What a moderator gives as the reason for a friendly warning.
    pub(crate) warn_reasons: &'static [&'static str],
}

impl Lexicon {
    /// The lexicon of a kind of small talk.
    pub(crate) const fn of(talk: SmallTalk) -> &'static Self {
        match talk {
            SmallTalk::Games => &games::LEXICON,
            SmallTalk::Podcast => &podcast::LEXICON,
            SmallTalk::Study => &study::LEXICON,
            SmallTalk::Workshop => &workshop::LEXICON,
        }
    }

    /// A frame for a move, not one of `used` if it can be helped.
    pub(crate) fn frame(&self, dice: &mut Dice, kind: Move, used: &[&'static str]) -> &'static str {
        let (own, common) = ((self.own)(kind), (self.common)(kind));
        let frames = if common.is_empty() || (!own.is_empty() && dice.chance(550)) {
            own
        } else {
            common
        };
        let mut frame = dice.word(frames);
        for _ in 0..3 {
            if used.contains(&frame) {
                frame = dice.word(frames);
            }
        }
        frame
    }

    /// A frame as a sentence about `topic`, addressed to `name` where the frame does so.
    pub(crate) fn sentence(
        &self,
        dice: &mut Dice,
        frame: &'static str,
        topic: &'static str,
        name: &str,
    ) -> String {
        let mut text = String::with_capacity(frame.len() + 24);
        let mut rest = frame;
        while let Some((before, after)) = rest.split_once('{') {
            let (slot, after) = after.split_once('}').unwrap_or(("", after));
            text.push_str(before);
            match slot {
                "topic" => text.push_str(topic),
                "other" => text.push_str(self.other(dice, topic)),
                "thing" => text.push_str(dice.favourite(self.things)),
                "quality" => text.push_str(dice.word(self.qualities)),
                "time" => text.push_str(dice.word(self.times)),
                "name" => text.push_str(name),
                "n" => text.push_str(&dice.between(2, 12).to_string()),
                "code" => text.push_str(&dice.between(1_000, 9_999).to_string()),
                _ => {}
            }
            rest = after;
        }
        text.push_str(rest);
        text
    }

    /// A topic other than `topic`.
    fn other(&self, dice: &mut Dice, topic: &str) -> &'static str {
        for _ in 0..4 {
            let other = dice.favourite(self.topics);
            if other != topic {
                return other;
            }
        }
        dice.word(self.topics)
    }

    /// An emoji.
    pub(crate) fn emoji(&self, dice: &mut Dice) -> &'static str {
        dice.favourite(self.emoji)
    }
}

/// Reactions as Discord and Twitch name them, most frequent first.
pub(crate) const REACTIONS: &[&str] = &[
    "👍", "❤️", "😂", "🎉", "🔥", "👀", "🙌", "✨", "🐧", "💯", "🤝", "☕", "🌊", "🫶",
];

/// Reactions as Slack names them, most frequent first.
pub(crate) const SLACK_REACTIONS: &[&str] = &[
    "thumbsup",
    "heart",
    "tada",
    "eyes",
    "raised_hands",
    "white_check_mark",
    "joy",
    "fire",
    "sparkles",
    "penguin",
    "coffee",
    "bulb",
];

#[cfg(test)]
mod tests;
