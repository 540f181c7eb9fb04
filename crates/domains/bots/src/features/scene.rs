//! What goes on in a community while a message is said: who spoke last in each channel, what was said lately, who was turned
//! to, which words and letters are usual and at which hours people are there. It gives each message its place in the
//! conversation.
//!
//! Bounded: [`MOST_BYTES`]. Must never keep a text or a name: words, texts and accounts are hashes.

use kernel::Timestamp;

use super::{
    attention::{self, Attention},
    digest::{Bytes, Digest, Message, Place, Trait, Traits},
    numbers::{fold16, fold32, hash, mix, real, secs, stepped},
    reading::{Reading, read},
    state::{BadState, check_version},
    tongue::{self, Tongue},
};

/// Channels whose last speakers are remembered.
const CHANNELS: usize = 64;

/// Messages whose text is remembered as a hash, to notice who says what another had said.
const LATELY: usize = 128;

/// Places in the table of words.
const WORDS: usize = 4_096;

/// Places in the table of frames: how texts begin and end, and who said so last.
const FRAMES: usize = 2_048;

/// Words that must have been heard before any is called unusual.
const ENOUGH_WORDS: u32 = 5_000;

/// Silence after which a message opens a conversation, and time within which a text is an echo.
const TEN_MINUTES: i64 = 600 * 1_000_000;

/// Messages in a row without seconds after which times are taken for times without seconds. Before the first message
/// with seconds they are too: who is said to type fast must really have done so.
const COARSE_AFTER: u16 = 5;

const MINUTE: i64 = 60 * 1_000_000;

/// The stored form begins with it; another one is not read.
const VERSION: u16 = 2;

/// The longest stored form.
pub const MOST_BYTES: usize = 40
    + CHANNELS * 35
    + LATELY * 16
    + WORDS * 2
    + FRAMES * 4
    + tongue::MOST_BYTES
    + attention::MOST_BYTES
    + 24 * 4;

/// The last speakers of one channel.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Tail {
    channel: u64,
    speaker: u32,
    at: Timestamp,
    /// The one before, who was somebody else; 0 if nobody was.
    other: u32,
    other_at: Timestamp,
    /// Whether the last message, and the last one of somebody else, were commands to a bot.
    commands: [bool; 2],
    /// Turns so far of the exchange between these two, nobody else speaking and no silence of ten minutes.
    depth: u8,
}

/// Something that was said lately.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
struct Saying {
    text: u32,
    speaker: u32,
    at: Timestamp,
}

/// What goes on in a community.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Scene {
    tails: Vec<Tail>,
    lately: Vec<Saying>,
    words: Vec<u16>,
    heard: u32,
    /// The mark of a frame and of its last speaker.
    frames: Vec<[u16; 2]>,
    tongue: Tongue,
    attention: Attention,
    hours: [u32; 24],
    /// The second of the last message, and up to three who spoke in it.
    second: i64,
    in_second: [u32; 3],
    /// Different times in a row that had no seconds.
    whole_minutes: u16,
    coarse: bool,
}

impl Default for Scene {
    fn default() -> Self {
        Self {
            tails: Vec::new(),
            lately: Vec::new(),
            words: vec![0; WORDS],
            heard: 0,
            frames: vec![[0; 2]; FRAMES],
            tongue: Tongue::default(),
            attention: Attention::default(),
            hours: [0; 24],
            second: i64::MIN,
            in_second: [0; 3],
            whole_minutes: 0,
            coarse: true,
        }
    }
}

impl Scene {
    /// A community of which nothing was heard yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// Hears a message and gives its digest. `speaker` is any number that is the same for the same account.
    pub fn hear(&mut self, speaker: u64, message: &Message<'_>) -> Digest {
        let reading = read(message.text);
        let speaker_mark = fold32(mix(speaker));
        // First, because what is too early to tell must not be told by what follows.
        let coarse = self.resolution(message.sent_at);
        let in_step = self.in_step(speaker_mark, message.sent_at) && !coarse;
        let mut place = self.turn(speaker_mark, message, reading.traits.has(Trait::Command));
        place.surprise = self.surprise(&reading.vocabulary);
        place.letter_surprise = self.tongue.surprise(&reading.letter_pairs);
        place.answerer = self.attention.speak(speaker_mark);
        let turns = message.is_reply || message.n_mentions > 0 || reading.mentions > 0;
        if let Some(other) = place.turns_to.filter(|_| turns) {
            self.attention.turn(speaker_mark, other);
        }
        let n_others = self.echoed(speaker_mark, message.sent_at, &reading);
        place.traits = place
            .traits
            .with(Trait::Echo, n_others > 0)
            .with(Trait::Chorus, n_others > 1)
            .with(Trait::Borrowed, self.borrowed(speaker_mark, reading.frame))
            .with(Trait::InStep, in_step)
            .with(Trait::Coarse, coarse);
        if let Some(hour) = self.hours.get_mut(usize::from(message.sent_at.hour())) {
            *hour = hour.saturating_add(1);
        }
        Digest::new(message, &reading, place)
    }

    /// Whose turn it was, and whose it is.
    fn turn(&mut self, speaker: u32, message: &Message<'_>, command: bool) -> Place {
        let at = message.sent_at;
        let known = self
            .tails
            .iter()
            .position(|tail| tail.channel == message.channel);
        let Some(index) = known else {
            if self.tails.len() >= CHANNELS {
                let oldest = self
                    .tails
                    .iter()
                    .enumerate()
                    .min_by_key(|(_, tail)| (tail.at, tail.channel))
                    .map(|(index, _)| index);
                if let Some(oldest) = oldest {
                    self.tails.remove(oldest);
                }
            }
            self.tails.push(Tail {
                channel: message.channel,
                speaker,
                at,
                other: 0,
                other_at: at,
                commands: [command, false],
                depth: 1,
            });
            return Place {
                depth: 1,
                traits: Traits::default().with(Trait::Opens, true),
                ..Place::default()
            };
        };
        let Some(tail) = self.tails.get_mut(index) else {
            return Place::default();
        };
        let goes_on = tail.speaker == speaker;
        let opens = at.0.saturating_sub(tail.at.0) > TEN_MINUTES;
        let traits = Traits::default()
            .with(Trait::GoesOn, goes_on)
            .with(Trait::Opens, opens);
        tail.depth = match (opens, goes_on) {
            (true, _) => 1,
            (false, true) => tail.depth,
            (false, false) if tail.other == speaker => tail.depth.saturating_add(1),
            (false, false) => 2,
        };
        let depth = tail.depth;
        if !goes_on {
            tail.other = tail.speaker;
            tail.other_at = tail.at;
            tail.speaker = speaker;
            let [last, _] = tail.commands;
            tail.commands = [command, last];
        }
        let [last, of_other] = &mut tail.commands;
        *last = command;
        let served = *of_other;
        tail.at = tail.at.max(at);
        if tail.other == 0 {
            return Place {
                depth,
                traits,
                ..Place::default()
            };
        }
        let passed = at.0.saturating_sub(tail.other_at.0).max(0);
        let before = if passed > TEN_MINUTES {
            0
        } else {
            fold16(mix(u64::from(tail.other)))
        };
        Place {
            before,
            gap: Some(gap(passed)),
            depth,
            turns_to: (passed <= 2 * MINUTE).then_some(tail.other),
            traits: traits.with(Trait::Serves, served && passed <= 2 * MINUTE),
            ..Place::default()
        }
    }

    /// How many other accounts had said the same within ten minutes, up to two, among the last sayings.
    fn echoed(&mut self, speaker: u32, at: Timestamp, reading: &Reading) -> u8 {
        // Short texts are said by everybody.
        if reading.exact == 0 || reading.chars <= 12 || reading.traits.has(Trait::Command) {
            return 0;
        }
        let mut others = self.lately.iter().filter(|saying| {
            saying.text == reading.template
                && saying.speaker != speaker
                && at.0.saturating_sub(saying.at.0).abs() <= TEN_MINUTES
        });
        let n_others = match others.next().map(|first| first.speaker) {
            None => 0,
            Some(first) => 1 + u8::from(others.any(|saying| saying.speaker != first)),
        };
        if self.lately.len() >= LATELY {
            self.lately.remove(0);
        }
        self.lately.push(Saying {
            text: reading.template,
            speaker,
            at,
        });
        n_others
    }

    /// Whether another account had begun and ended a text like this.
    fn borrowed(&mut self, speaker: u32, frame: u32) -> bool {
        if frame == 0 {
            return false;
        }
        let place = usize::try_from(frame).unwrap_or(0) % FRAMES;
        let Some(kept) = self.frames.get_mut(place) else {
            return false;
        };
        let now = [
            fold16(mix(u64::from(frame))),
            fold16(mix(u64::from(speaker))),
        ];
        let [mark, last] = std::mem::replace(kept, now);
        let [own_mark, own] = now;
        mark == own_mark && last != own
    }

    /// Whether two others have spoken in this very second.
    fn in_step(&mut self, speaker: u32, at: Timestamp) -> bool {
        if at.secs() != self.second {
            self.second = at.secs();
            self.in_second = [0; 3];
        }
        let others = self
            .in_second
            .iter()
            .filter(|other| **other != 0 && **other != speaker)
            .count();
        if !self.in_second.contains(&speaker)
            && let Some(free) = self.in_second.iter_mut().find(|other| **other == 0)
        {
            *free = speaker;
        }
        others >= 2
    }

    /// Bits a word, before the words are learned.
    fn surprise(&mut self, vocabulary: &[u64]) -> Option<u8> {
        let known = self.heard >= ENOUGH_WORDS && vocabulary.len() >= 3;
        let whole = f64::from(self.heard) + real(WORDS);
        let mut bits = 0.0;
        for word in vocabulary {
            let place = usize::from(fold16(*word)) % WORDS;
            let Some(count) = self.words.get_mut(place) else {
                continue;
            };
            if known {
                bits += (whole / (f64::from(*count) + 1.0)).log2();
            }
            if *count == u16::MAX {
                self.halve();
            } else {
                *count += 1;
                self.heard += 1;
            }
        }
        let mean = bits / real(vocabulary.len());
        known.then(|| u8::try_from(stepped(mean, 16.0)).unwrap_or(u8::MAX - 1))
    }

    fn halve(&mut self) {
        self.heard = 0;
        for count in &mut self.words {
            *count /= 2;
            self.heard += u32::from(*count);
        }
    }

    /// Whether the times of this community have no seconds.
    fn resolution(&mut self, at: Timestamp) -> bool {
        if at.0.rem_euclid(MINUTE) == 0 {
            // Many messages of one moment say nothing about the times.
            if at.secs() == self.second {
                return self.coarse;
            }
            self.whole_minutes = self.whole_minutes.saturating_add(1);
            self.coarse |= self.whole_minutes >= COARSE_AFTER;
        } else {
            self.whole_minutes = 0;
            self.coarse = false;
        }
        self.coarse
    }

    /// The share of its messages in each hour of the day (UTC), smoothed.
    pub fn hours(&self) -> [f32; 24] {
        let whole: f64 = self.hours.iter().map(|hour| f64::from(*hour)).sum::<f64>() + 24.0;
        self.hours
            .map(|hour| super::numbers::single((f64::from(hour) + 1.0) / whole))
    }

    /// The stored form: versioned, at most [`MOST_BYTES`].
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(MOST_BYTES);
        out.extend_from_slice(&VERSION.to_le_bytes());
        out.extend_from_slice(&super::numbers::short(self.tails.len()).to_le_bytes());
        out.extend_from_slice(&super::numbers::short(self.lately.len()).to_le_bytes());
        out.extend_from_slice(&self.whole_minutes.to_le_bytes());
        out.extend_from_slice(&u16::from(self.coarse).to_le_bytes());
        for tail in &self.tails {
            out.extend_from_slice(&tail.channel.to_le_bytes());
            out.extend_from_slice(&tail.speaker.to_le_bytes());
            out.extend_from_slice(&tail.at.0.to_le_bytes());
            out.extend_from_slice(&tail.other.to_le_bytes());
            out.extend_from_slice(&tail.other_at.0.to_le_bytes());
            out.extend(tail.commands.map(u8::from));
            out.push(tail.depth);
        }
        for saying in &self.lately {
            out.extend_from_slice(&saying.text.to_le_bytes());
            out.extend_from_slice(&saying.speaker.to_le_bytes());
            out.extend_from_slice(&saying.at.0.to_le_bytes());
        }
        for count in &self.words {
            out.extend_from_slice(&count.to_le_bytes());
        }
        for [mark, speaker] in &self.frames {
            out.extend_from_slice(&mark.to_le_bytes());
            out.extend_from_slice(&speaker.to_le_bytes());
        }
        self.tongue.write(&mut out);
        self.attention.write(&mut out);
        out.extend_from_slice(&self.second.to_le_bytes());
        for speaker in self.in_second {
            out.extend_from_slice(&speaker.to_le_bytes());
        }
        for hour in self.hours {
            out.extend_from_slice(&hour.to_le_bytes());
        }
        out
    }

    /// Reads the stored form.
    ///
    /// # Errors
    /// [`BadState`] if the bytes are damaged or of another version: then hearing begins anew.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BadState> {
        let mut bytes = Bytes(bytes);
        check_version(&mut bytes, VERSION)?;
        Self::parse(&mut bytes).ok_or(BadState::Damaged)
    }

    fn parse(bytes: &mut Bytes<'_>) -> Option<Self> {
        let n_tails = usize::from(bytes.short()?);
        let n_lately = usize::from(bytes.short()?);
        if n_tails > CHANNELS || n_lately > LATELY {
            return None;
        }
        let mut scene = Self {
            whole_minutes: bytes.short()?,
            coarse: bytes.short()? != 0,
            ..Self::default()
        };
        for _ in 0..n_tails {
            scene.tails.push(Tail {
                channel: u64::from_le_bytes(bytes.take()?),
                speaker: bytes.word()?,
                at: bytes.instant()?,
                other: bytes.word()?,
                other_at: bytes.instant()?,
                commands: bytes.take::<2>()?.map(|command| command != 0),
                depth: bytes.take::<1>().map(|[depth]| depth)?,
            });
        }
        for _ in 0..n_lately {
            scene.lately.push(Saying {
                text: bytes.word()?,
                speaker: bytes.word()?,
                at: bytes.instant()?,
            });
        }
        for count in &mut scene.words {
            *count = bytes.short()?;
            scene.heard += u32::from(*count);
        }
        for frame in &mut scene.frames {
            *frame = [bytes.short()?, bytes.short()?];
        }
        scene.tongue = Tongue::read(bytes)?;
        scene.attention = Attention::read(bytes)?;
        scene.second = bytes.instant()?.0;
        for speaker in &mut scene.in_second {
            *speaker = bytes.word()?;
        }
        for hour in &mut scene.hours {
            *hour = bytes.word()?;
        }
        bytes.0.is_empty().then_some(scene)
    }
}

/// A span of time in steps of which 1,024 are a doubling of (seconds + 1).
fn gap(micros: i64) -> u16 {
    stepped((secs(micros) + 1.0).log2(), 1_024.0)
}

/// The mark of an account or a channel that is known by a text: the platform's id.
pub fn mark(text: &str) -> u64 {
    hash(text.as_bytes())
}
