//! An invented crowd for measurements: people who chat, and machines among them, some of which hardly differ. The same each
//! time for the same seed.
//!
//! Must never be taken for chat: it says what costs something to look at, not what anybody would say.

use std::{fmt::Write as _, time::Duration};

use ::bots::features::Message;
use activity::Incoming;
use kernel::{Account, ChatEvent, CommunityId, EventKind, Origin, Platform, Source, Timestamp};

/// One of so many speakers is a machine, and one of so many messages is said by one.
const MACHINES: u32 = 10;
/// One of so many labels is wrong, as labels are.
const WRONG: u64 = 25;
const CHANNELS: u32 = 8;
/// The time that all messages take.
const SPAN: Duration = Duration::from_secs(30 * 86_400);

const WORDS: [&str; 96] = [
    "the", "a", "is", "it", "you", "to", "and", "that", "in", "of", "what", "this", "for", "on",
    "not", "was", "are", "with", "have", "just", "like", "but", "so", "we", "can", "no", "yes",
    "lol", "ok", "haha", "game", "stream", "play", "time", "now", "today", "good", "bad", "nice",
    "anyone", "know", "how", "when", "where", "who", "why", "server", "update", "patch", "build",
    "work", "works", "broken", "fixed", "again", "still", "really", "think", "maybe", "tomorrow",
    "night", "morning", "coffee", "music", "song", "watch", "video", "channel", "chat", "mod",
    "welcome", "thanks", "please", "sorry", "sure", "right", "left", "team", "boss", "level",
    "quest", "item", "trade", "price", "heron", "otter", "pond", "lake", "river", "duck", "swan",
    "newt", "toad", "carp", "reed", "moss",
];

/// A linear congruential generator with Knuth's MMIX constants.
#[derive(Debug, Clone)]
struct Dice(u64);

impl Dice {
    const fn roll(&mut self) -> u32 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        // The upper half is the better one.
        let [.., a, b, c, d] = self.0.to_le_bytes();
        u32::from_le_bytes([a, b, c, d])
    }

    /// Below `n`.
    const fn below(&mut self, n: u32) -> u32 {
        if n == 0 { 0 } else { self.roll() % n }
    }

    const fn chance(&mut self, percent: u32) -> bool {
        self.below(100) < percent
    }

    /// Low places are drawn more often than high ones.
    fn word(&mut self) -> &'static str {
        let n = u32::try_from(WORDS.len()).unwrap_or(1);
        let place = self.below(n).min(self.below(n)).min(self.below(n));
        let place = usize::try_from(place).unwrap_or(0);
        WORDS.get(place).copied().unwrap_or("quack")
    }
}

/// How many speak, and how much.
#[derive(Debug, Clone, Copy)]
pub(super) struct Size {
    pub(super) messages: u32,
    pub(super) people: u32,
    pub(super) seed: u64,
}

/// A message of the crowd.
#[derive(Debug, Clone)]
pub(super) struct Line {
    pub(super) speaker: u32,
    pub(super) sent_at: Timestamp,
    channel: u32,
    text: String,
    n_mentions: u32,
    n_embeds: u32,
    is_reply: bool,
}

impl Size {
    /// Whether a speaker is called a machine: mostly those that are.
    pub(super) fn label(&self, speaker: u32) -> bool {
        let drawn = Dice(self.seed ^ u64::from(speaker)).roll();
        (is_machine(speaker)) != u64::from(drawn).is_multiple_of(WRONG)
    }

    /// Everything that is said, in the order of time, the last of it now.
    pub(super) fn lines(&self, now: Timestamp) -> Vec<Line> {
        let mut dice = Dice(self.seed);
        let step = SPAN / self.messages.max(1);
        let begin = now.minus(SPAN);
        let machines = self.people.div_ceil(MACHINES);
        let line = |n: u32| {
            let jitter = Duration::from_micros(dice.below(1_000_000).into());
            let sent_at = begin.plus(step * n).plus(jitter);
            let speaker = if n.is_multiple_of(MACHINES) {
                // Half of the machines speak in turn, and so at equal intervals.
                let turn = n / MACHINES;
                let machine = if turn.is_multiple_of(2) {
                    turn % machines
                } else {
                    dice.below(machines)
                };
                machine * MACHINES
            } else {
                dice.below(self.people)
            };
            say(&mut dice, speaker, n, sent_at)
        };
        (0..self.messages).map(line).collect()
    }
}

const fn is_machine(speaker: u32) -> bool {
    speaker.is_multiple_of(MACHINES)
}

fn say(dice: &mut Dice, speaker: u32, n: u32, sent_at: Timestamp) -> Line {
    let mut line = Line {
        speaker,
        sent_at,
        channel: speaker % CHANNELS,
        text: String::new(),
        n_mentions: 0,
        n_embeds: 0,
        is_reply: false,
    };
    let kind = (speaker / MACHINES) % 4;
    match kind {
        0 if is_machine(speaker) => {
            line.text =
                format!("Follow us at https://example.org/{speaker} for 50% off! Only today");
            line.n_embeds = 1;
        }
        1 if is_machine(speaker) => {
            let template = dice.below(6);
            line.text = format!(
                "Level up! player{} reached level {n} (template {template})",
                dice.below(500)
            );
        }
        // The others chat like people, a little more evenly and with more links.
        _ => chat(dice, &mut line, is_machine(speaker)),
    }
    line
}

fn chat(dice: &mut Dice, line: &mut Line, is_machine: bool) {
    let n_words = if is_machine {
        5 + dice.below(6)
    } else {
        1 + dice.below(14).min(dice.below(20))
    };
    for place in 0..n_words {
        if place > 0 {
            line.text.push(' ');
        }
        line.text.push_str(dice.word());
    }
    if dice.chance(if is_machine { 22 } else { 4 }) {
        let _ = write!(line.text, " https://example.net/{}", dice.below(3_000));
    }
    if !is_machine && dice.chance(12) {
        line.text.push_str(" 😀");
    }
    if dice.chance(if is_machine { 5 } else { 15 }) {
        let _ = write!(line.text, " @person{}", dice.below(2_000));
        line.n_mentions = 1;
    }
    line.is_reply = dice.chance(if is_machine { 3 } else { 14 });
    match dice.below(6) {
        0 => line.text.push('?'),
        1 => line.text.push('!'),
        2 if is_machine => line.text.push('.'),
        _ => {}
    }
}

impl Line {
    /// The message as the features look at it.
    pub(super) fn message(&self) -> Message<'_> {
        Message {
            text: &self.text,
            sent_at: self.sent_at,
            channel: self.channel.into(),
            n_mentions: self.n_mentions,
            n_embeds: self.n_embeds,
            is_reply: self.is_reply,
        }
    }

    /// The message as a platform tells it.
    pub(super) fn event(&self, community: CommunityId, n: usize) -> Incoming {
        Incoming {
            community,
            event: ChatEvent {
                platform: Platform::Discord,
                event_id: format!("bench-{n}"),
                origin: Origin {
                    channel: format!("channel-{}", self.channel),
                    ..Origin::default()
                },
                account: Account {
                    platform_user_id: format!("person-{}", self.speaker),
                    username: format!("person {}", self.speaker),
                    ..Account::default()
                },
                sent_at: self.sent_at,
                source: Source::Import,
                kind: EventKind::Message(kernel::event::Message {
                    text: self.text.clone(),
                    n_mentions: self.n_mentions,
                    n_embeds: self.n_embeds,
                    reply_to: self.is_reply.then(|| format!("bench-{}", n / 2)),
                    ..kernel::event::Message::default()
                }),
            },
        }
    }
}
