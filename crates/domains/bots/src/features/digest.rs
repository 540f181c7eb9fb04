//! What is kept of one message: sixty bytes of counts, hashes and the place it had in the conversation.
//!
//! Must never hold a text, a name or an address. What a hash was made of cannot be read back, but two equal texts have
//! equal hashes: a digest says something about a person and is treated so.

use kernel::Timestamp;

use super::{
    numbers::{byte, nibble, scaled, short},
    reading::{Ending, Reading, read},
};

/// Bytes of a stored digest.
pub const DIGEST_BYTES: usize = 64;

/// A message as the features look at it. Borrowed: nothing of it is kept but its [`Digest`].
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Message<'a> {
    /// What was said.
    pub text: &'a str,
    /// When, by the platform's clock.
    pub sent_at: Timestamp,
    /// Which channel: any number that is the same for the same channel.
    pub channel: u64,
    /// Accounts that the platform says it mentions.
    pub n_mentions: u32,
    /// Embeds and attachments.
    pub n_embeds: u32,
    /// Whether it answers another message, or stands in a thread.
    pub is_reply: bool,
}

/// What is kept of one message. Ordered by time, and where times are equal by content, so that a ring of them does not
/// depend on the order of observing.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug)]
pub struct Digest {
    pub(super) at: Timestamp,
    /// Likeness: messages that share most of their words differ in few bits.
    pub(super) simhash: u64,
    /// Of the text in lower case with single spaces; 0 if there is none.
    pub(super) exact: u32,
    /// Of the text with links, names and numbers masked; 0 if there is none.
    pub(super) template: u32,
    /// Of the first words, masked.
    pub(super) opening: u16,
    /// Of the last two words, masked.
    pub(super) closing: u16,
    /// Of the first marks; 0 below three.
    pub(super) shape: u16,
    /// Of the host of the first link; 0 if there is none.
    pub(super) domain: u16,
    pub(super) channel: u16,
    /// Of the name it speaks to; 0 if none.
    pub(super) partner: u16,
    /// Of who spoke before it in the channel, within ten minutes; 0 if nobody.
    pub(super) before: u16,
    /// How long after somebody else's message in the channel, in steps (see `scene.rs`); `u16::MAX` if never.
    pub(super) gap: u16,
    pub(super) chars: u16,
    pub(super) words: u16,
    /// Distinct words of all words, of 255.
    pub(super) distinct: u8,
    /// Letters of a word, in sixteenths.
    pub(super) word_length: u8,
    pub(super) links: u8,
    pub(super) mentions: u8,
    /// At most 15.
    pub(super) hashtags: u8,
    pub(super) emoji: u8,
    /// At most 15.
    pub(super) emoticons: u8,
    /// At most 15.
    pub(super) stretched: u8,
    pub(super) lines: u8,
    pub(super) embeds: u8,
    /// Capital letters of all letters, of 255.
    pub(super) upper: u8,
    /// Digits of all characters, of 255.
    pub(super) digits: u8,
    /// Marks of all characters, of 255.
    pub(super) marks: u8,
    /// Characters nobody types, at most 15.
    pub(super) odd: u8,
    /// Words that cannot be spoken, of all words, of 255.
    pub(super) gibberish: u8,
    /// How unusual the words are here, in sixteenths of a bit a word; `u8::MAX` if not known yet.
    pub(super) surprise: u8,
    /// How unusual it is here that its letters follow each other, in sixteenths of a bit a letter; `u8::MAX` if not known.
    pub(super) letter_surprise: u8,
    /// Turns of the exchange it stands in; see [`super::Scene`].
    pub(super) depth: u8,
    /// Of who turned to the account after its message before this one; 0 if nobody did.
    pub(super) answerer: u8,
    pub(super) ending: Ending,
    pub(super) traits: Traits,
}

/// Yes or no of a message.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub(super) struct Traits(u16);

/// The bits of [`Traits`]. Never renumber.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Trait {
    /// Answers another message.
    Reply,
    /// Is written to a bot.
    Command,
    /// Begins with a capital letter.
    Capital,
    /// Has quotes or dashes that a keyboard has not.
    Typographic,
    /// Follows a message of the same account in the channel.
    GoesOn,
    /// Opens a conversation: nobody had spoken for ten minutes.
    Opens,
    /// Says what another account had said within ten minutes.
    Echo,
    /// The times of this channel have no seconds.
    Coarse,
    /// Follows somebody else's command to a bot.
    Serves,
    /// Was sent in the same second as messages of two other accounts.
    InStep,
    /// Begins and ends like something another account had said.
    Borrowed,
    /// Begins with a mark, an emoji or a quote.
    MarkStart,
    /// Says what two other accounts had said within ten minutes. For the rules: no signal looks at it.
    Chorus,
}

impl Traits {
    pub(super) const fn has(self, which: Trait) -> bool {
        self.0 & which.bit() != 0
    }

    pub(super) const fn with(self, which: Trait, yes: bool) -> Self {
        if yes {
            Self(self.0 | which.bit())
        } else {
            self
        }
    }
}

impl Trait {
    const fn bit(self) -> u16 {
        match self {
            Self::Reply => 1,
            Self::Command => 2,
            Self::Capital => 4,
            Self::Typographic => 8,
            Self::GoesOn => 16,
            Self::Opens => 32,
            Self::Echo => 64,
            Self::Coarse => 128,
            Self::Serves => 256,
            Self::InStep => 512,
            Self::Borrowed => 1_024,
            Self::MarkStart => 2_048,
            Self::Chorus => 4_096,
        }
    }
}

/// The place a message had in the conversation, as [`super::Scene`] found it.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub(super) struct Place {
    pub(super) before: u16,
    pub(super) gap: Option<u16>,
    pub(super) surprise: Option<u8>,
    pub(super) letter_surprise: Option<u8>,
    pub(super) depth: u8,
    pub(super) answerer: u8,
    /// Who spoke before, within two minutes: whom the message turns to, if it turns to anybody.
    pub(super) turns_to: Option<u32>,
    /// Those that depend on what is around the message.
    pub(super) traits: Traits,
}

impl Digest {
    /// The digest of a message that was read, at its place.
    pub(super) fn new(message: &Message<'_>, reading: &Reading, place: Place) -> Self {
        let traits = Traits(place.traits.0 | reading.traits.0).with(Trait::Reply, message.is_reply);
        let told = usize::try_from(message.n_mentions).unwrap_or(usize::MAX);
        Self {
            at: message.sent_at,
            simhash: reading.simhash,
            exact: reading.exact,
            template: reading.template,
            opening: reading.opening,
            closing: reading.closing,
            shape: reading.shape,
            domain: reading.domain,
            channel: super::numbers::fold16(super::numbers::mix(message.channel)),
            partner: reading.partner,
            before: place.before,
            gap: place.gap.unwrap_or(u16::MAX),
            chars: short(reading.chars),
            words: short(reading.words),
            distinct: scaled(reading.distinct, reading.words),
            word_length: byte(reading.word_letters * 16 / reading.words.max(1)),
            links: byte(reading.links),
            mentions: byte(reading.mentions.max(told)),
            hashtags: nibble(reading.hashtags),
            emoji: byte(reading.emoji),
            emoticons: nibble(reading.emoticons),
            stretched: nibble(reading.stretched),
            lines: byte(reading.lines),
            embeds: u8::try_from(message.n_embeds).unwrap_or(u8::MAX),
            upper: scaled(reading.upper, reading.letters),
            digits: scaled(reading.digits, reading.chars),
            marks: scaled(reading.marks, reading.chars),
            odd: nibble(reading.odd),
            gibberish: scaled(reading.gibberish, reading.words),
            surprise: place.surprise.unwrap_or(u8::MAX),
            letter_surprise: place.letter_surprise.unwrap_or(u8::MAX),
            depth: place.depth,
            answerer: place.answerer,
            ending: reading.ending,
            traits,
        }
    }

    /// The digest of a message of which nothing around it is known: a test, or a text that somebody pastes.
    pub fn alone(message: &Message<'_>) -> Self {
        Self::new(message, &read(message.text), Place::default())
    }

    /// When the message was sent.
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    pub(super) const fn is(&self, which: Trait) -> bool {
        self.traits.has(which)
    }

    /// Whether it is nothing but embeds: what webhooks and service bots post.
    pub(super) const fn is_card(&self) -> bool {
        self.exact == 0 && self.embeds > 0
    }

    /// Appends the stored form: [`DIGEST_BYTES`] bytes, little-endian.
    pub(super) fn write(&self, out: &mut Vec<u8>) {
        out.extend_from_slice(&self.at.0.to_le_bytes());
        out.extend_from_slice(&self.simhash.to_le_bytes());
        out.extend_from_slice(&self.exact.to_le_bytes());
        out.extend_from_slice(&self.template.to_le_bytes());
        for pair in [
            self.opening,
            self.shape,
            self.domain,
            self.channel,
            self.partner,
            self.before,
            self.gap,
            self.chars,
            self.words,
            self.traits.0,
        ] {
            out.extend_from_slice(&pair.to_le_bytes());
        }
        out.extend_from_slice(&[
            self.distinct,
            self.word_length,
            self.links,
            self.mentions,
            self.hashtags << 4 | self.odd,
            self.emoji,
            self.emoticons << 4 | self.stretched,
            self.lines,
            self.embeds,
            self.upper,
            self.digits,
            self.marks,
            self.surprise,
            self.letter_surprise,
            self.ending.code(),
            self.gibberish,
            self.depth,
            self.answerer,
        ]);
        out.extend_from_slice(&self.closing.to_le_bytes());
    }

    /// Reads the stored form; `None` if bytes are missing.
    pub(super) fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        let at = Timestamp(i64::from_le_bytes(bytes.take()?));
        let simhash = u64::from_le_bytes(bytes.take()?);
        let exact = u32::from_le_bytes(bytes.take()?);
        let template = u32::from_le_bytes(bytes.take()?);
        let [opening, shape, domain, channel, partner] = bytes.shorts()?;
        let [before, gap, chars, words, traits] = bytes.shorts()?;
        let [
            distinct,
            word_length,
            links,
            mentions,
            hashtags_odd,
            emoji,
            emoticons_stretched,
            n_lines,
        ] = bytes.take()?;
        let [
            embeds,
            upper,
            digits,
            marks,
            surprise,
            letter_surprise,
            ending,
            gibberish,
        ] = bytes.take()?;
        let [depth, answerer] = bytes.take()?;
        let closing = bytes.short()?;
        Some(Self {
            at,
            simhash,
            exact,
            template,
            opening,
            closing,
            shape,
            domain,
            channel,
            partner,
            before,
            gap,
            chars,
            words,
            distinct,
            word_length,
            links,
            mentions,
            hashtags: hashtags_odd >> 4,
            emoji,
            emoticons: emoticons_stretched >> 4,
            stretched: emoticons_stretched & 15,
            lines: n_lines,
            embeds,
            upper,
            digits,
            marks,
            odd: hashtags_odd & 15,
            gibberish,
            surprise,
            letter_surprise,
            depth,
            answerer,
            ending: Ending::from_code(ending),
            traits: Traits(traits),
        })
    }
}

/// Stored bytes, read from the front.
pub(super) struct Bytes<'a>(pub(super) &'a [u8]);

impl Bytes<'_> {
    /// The next `N` bytes.
    pub(super) fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (head, rest) = self.0.split_first_chunk::<N>()?;
        self.0 = rest;
        Some(*head)
    }

    /// The next five numbers of two bytes.
    fn shorts(&mut self) -> Option<[u16; 5]> {
        let mut five = [0; 5];
        for one in &mut five {
            *one = u16::from_le_bytes(self.take()?);
        }
        Some(five)
    }

    /// The next number of two bytes.
    pub(super) fn short(&mut self) -> Option<u16> {
        self.take().map(u16::from_le_bytes)
    }

    /// The next number of four bytes.
    pub(super) fn word(&mut self) -> Option<u32> {
        self.take().map(u32::from_le_bytes)
    }

    /// The next instant.
    pub(super) fn instant(&mut self) -> Option<Timestamp> {
        self.take().map(i64::from_le_bytes).map(Timestamp)
    }
}
