//! One pass over the text of a message: what it looks like, in counts and hashes.
//!
//! Must never keep a text, know a language, or take longer for a longer text than [`MOST_BYTES`] take.

use super::{
    digest::{Trait, Traits},
    numbers::{fold16, fold32, hash, mix},
    tongue,
};

/// Bytes of a text that are looked at; what is behind them is not read.
pub const MOST_BYTES: usize = 4_096;

/// Words of which the likeness of two messages is made.
const MOST_WORDS: usize = 128;

/// How a text ends.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Debug, Default)]
pub enum Ending {
    /// There is no text.
    #[default]
    Nothing,
    /// A letter or a digit: no mark at all.
    Bare,
    /// `.` or `…`
    Stop,
    /// `!` or `?`
    Loud,
    /// An emoji.
    Emoji,
    /// A link.
    Link,
    /// A `#word`.
    Hashtag,
    /// Anything else.
    Other,
}

impl Ending {
    /// The number of it in a stored digest. Never renumber.
    pub(super) const fn code(self) -> u8 {
        match self {
            Self::Nothing => 0,
            Self::Bare => 1,
            Self::Stop => 2,
            Self::Loud => 3,
            Self::Emoji => 4,
            Self::Link => 5,
            Self::Hashtag => 6,
            Self::Other => 7,
        }
    }

    /// The ending of a stored number; what is unknown is [`Ending::Other`].
    pub(super) const fn from_code(code: u8) -> Self {
        match code {
            0 => Self::Nothing,
            1 => Self::Bare,
            2 => Self::Stop,
            3 => Self::Loud,
            4 => Self::Emoji,
            5 => Self::Link,
            6 => Self::Hashtag,
            _ => Self::Other,
        }
    }
}

/// What one pass over a text found.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(super) struct Reading {
    pub(super) chars: usize,
    pub(super) letters: usize,
    pub(super) upper: usize,
    pub(super) digits: usize,
    pub(super) marks: usize,
    pub(super) odd: usize,
    pub(super) gibberish: usize,
    pub(super) words: usize,
    pub(super) distinct: usize,
    pub(super) word_letters: usize,
    pub(super) links: usize,
    pub(super) mentions: usize,
    pub(super) hashtags: usize,
    pub(super) emoji: usize,
    pub(super) emoticons: usize,
    pub(super) stretched: usize,
    pub(super) lines: usize,
    /// Those that the text alone shows.
    pub(super) traits: Traits,
    pub(super) exact: u32,
    pub(super) template: u32,
    pub(super) opening: u16,
    pub(super) closing: u16,
    /// Of the first two words and the last one; 0 below four words.
    pub(super) frame: u32,
    pub(super) shape: u16,
    pub(super) domain: u16,
    pub(super) partner: u16,
    pub(super) simhash: u64,
    pub(super) ending: Ending,
    /// Hashes of the plain words, for the community's vocabulary; at most [`MOST_WORDS`].
    pub(super) vocabulary: Vec<u64>,
    /// The letters of the same words, each after the one before it; see [`tongue::pairs_of`].
    pub(super) letter_pairs: Vec<u16>,
}

/// What a token of the text is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Token {
    Link,
    Mention,
    Hashtag,
    Number,
    Word,
    Marks,
}

/// Reads a text.
pub(super) fn read(text: &str) -> Reading {
    let text = cut(text);
    let mut reading = Reading {
        lines: text.lines().filter(|line| !line.trim().is_empty()).count(),
        ..Reading::default()
    };
    reading.letter_pairs.reserve(text.len());
    let mut exact = Vec::with_capacity(text.len());
    let mut template = Vec::with_capacity(text.len());
    let mut opening = Vec::with_capacity(32);
    let mut shape = Vec::with_capacity(16);
    let mut votes = [0_i16; 64];
    let mut before = 0_u64;
    let mut tokens = 0_usize;
    let mut kind = Token::Marks;
    let mut plain = String::new();
    let mut ends = [0_u64; 4];
    for token in text.split_whitespace() {
        kind = classify(token, tokens == 0);
        look(token, kind, &mut reading, &mut shape);
        if !exact.is_empty() {
            exact.push(b' ');
        }
        plain.clear();
        plain.extend(token.chars().flat_map(char::to_lowercase));
        exact.extend_from_slice(plain.as_bytes());
        plain.clear();
        match kind {
            Token::Link => plain.push('\u{1}'),
            Token::Mention => plain.push('\u{2}'),
            Token::Number => plain.push('\u{3}'),
            Token::Hashtag => plain.push('\u{4}'),
            Token::Word | Token::Marks => plain.extend(
                token
                    .chars()
                    .filter(|c| c.is_alphanumeric())
                    .flat_map(char::to_lowercase),
            ),
        }
        let mut word = 0;
        if !plain.is_empty() {
            template.extend_from_slice(plain.as_bytes());
            template.push(b' ');
            word = hash(plain.as_bytes());
            if tokens < 3 {
                opening.extend_from_slice(plain.as_bytes());
                opening.push(b' ');
            }
        }
        if word != 0 {
            // The first two words and the last two.
            let [first, second, _, last] = ends;
            ends = match (first, second) {
                (0, _) => [word, 0, 0, word],
                (_, 0) => [first, word, last, word],
                _ => [first, second, last, word],
            };
        }
        if word != 0 && tokens < MOST_WORDS {
            if kind == Token::Word {
                reading.vocabulary.push(word);
                tongue::pairs_of(&plain, &mut reading.letter_pairs);
                reading.gibberish += usize::from(gibberish(&plain));
            }
            vote(&mut votes, word);
            vote(&mut votes, mix(before.rotate_left(17) ^ word));
            before = word;
        }
        tokens += 1;
    }
    reading.words = reading.vocabulary.len();
    let mut sorted = reading.vocabulary.clone();
    sorted.sort_unstable();
    sorted.dedup();
    reading.distinct = sorted.len();
    if tokens > 0 {
        reading.exact = fold32(hash(&exact));
        reading.template = fold32(hash(&template));
        reading.opening = fold16(hash(&opening));
        let [first, second, last_but_one, last] = ends;
        reading.closing = fold16(mix(last_but_one.rotate_left(9) ^ last));
        if reading.words >= 4 {
            reading.frame = fold32(mix(mix(first.rotate_left(21) ^ second) ^ last));
        }
        reading.simhash = votes
            .iter()
            .fold(0, |bits, vote| (bits << 1) | u64::from(*vote > 0));
        reading.ending = ending(text, kind);
    }
    if shape.len() >= 3 {
        reading.shape = fold16(hash(&shape));
    }
    let mark_start = text
        .trim_start()
        .chars()
        .next()
        .is_some_and(|c| !c.is_alphanumeric() && !matches!(c, '@' | '#' | '<'));
    let capital_start = text
        .chars()
        .find(|c| c.is_alphabetic())
        .is_some_and(char::is_uppercase);
    reading.traits = reading
        .traits
        .with(Trait::Command, command(text))
        .with(Trait::Capital, capital_start)
        .with(Trait::MarkStart, mark_start);
    reading
}

/// The first [`MOST_BYTES`] of a text, whole characters.
fn cut(text: &str) -> &str {
    let mut end = text.len().min(MOST_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default()
}

fn vote(votes: &mut [i16; 64], hash: u64) {
    for (place, vote) in votes.iter_mut().enumerate() {
        let up = (hash >> (63 - place)) & 1 == 1;
        *vote += if up { 1 } else { -1 };
    }
}

fn classify(token: &str, first: bool) -> Token {
    let bare = token.trim_start_matches(['<', '(', '[', '"', '\'']);
    if link(bare) {
        return Token::Link;
    }
    if bare.len() > 1 && bare.starts_with('@') {
        return Token::Mention;
    }
    if bare.len() > 1
        && bare.starts_with('#')
        && bare.chars().nth(1).is_some_and(char::is_alphanumeric)
    {
        return Token::Hashtag;
    }
    // The way to speak to somebody on IRC: `nick: …`.
    if first && token.len() > 2 && token.len() < 32 && token.ends_with([':', ',']) {
        return Token::Mention;
    }
    if token.chars().any(|c| c.is_ascii_digit()) {
        return Token::Number;
    }
    if token.chars().any(char::is_alphabetic) {
        return Token::Word;
    }
    Token::Marks
}

fn link(token: &str) -> bool {
    token.starts_with("http://") || token.starts_with("https://") || token.starts_with("www.")
}

/// Whether the text is written to a bot: `!command`, `/command`, `$command` and the like.
fn command(text: &str) -> bool {
    let mut chars = text.trim_start().chars();
    let prefix = chars
        .next()
        .is_some_and(|c| matches!(c, '!' | '/' | '$' | '?' | '.' | ';' | '-' | '+' | '~'));
    prefix && chars.next().is_some_and(char::is_alphabetic)
}

fn look(token: &str, kind: Token, reading: &mut Reading, shape: &mut Vec<u8>) {
    match kind {
        Token::Link => {
            reading.links += 1;
            if reading.domain == 0 {
                reading.domain = fold16(hash(host(token).as_bytes()));
            }
            reading.chars += token.chars().count();
            return;
        }
        Token::Mention => {
            reading.mentions += 1;
            if reading.partner == 0 {
                let name: String = token
                    .chars()
                    .filter(|c| c.is_alphanumeric() || matches!(c, '_' | '-' | '|'))
                    .flat_map(char::to_lowercase)
                    .collect();
                reading.partner = fold16(hash(name.as_bytes()));
            }
        }
        Token::Hashtag => reading.hashtags += 1,
        Token::Marks => {
            if emoticon(token) {
                reading.emoticons += 1;
            }
        }
        Token::Number | Token::Word => {}
    }
    let mut last = '\0';
    let mut run = 0;
    for c in token.chars() {
        reading.chars += 1;
        if c.is_alphabetic() {
            reading.letters += 1;
            reading.upper += usize::from(c.is_uppercase());
            reading.word_letters += usize::from(kind == Token::Word);
        } else if c.is_ascii_digit() {
            reading.digits += 1;
        } else if emoji(c) {
            reading.emoji += 1;
        } else if joins_emoji(c) {
            // Part of the emoji before it.
        } else if c.is_control() || matches!(c, '\u{fffd}' | '\u{200b}' | '\u{feff}' | '\u{ad}') {
            reading.odd += 1;
        } else {
            reading.marks += 1;
            if shape.len() < 12 && kind != Token::Mention {
                let mut bytes = [0; 4];
                shape.extend_from_slice(c.encode_utf8(&mut bytes).as_bytes());
            }
        }
        reading.traits = reading.traits.with(
            Trait::Typographic,
            matches!(c, '’' | '‘' | '“' | '”' | '—' | '–' | '…' | '«' | '»'),
        );
        run = if c == last { run + 1 } else { 1 };
        if run == 3 && !c.is_ascii_digit() {
            reading.stretched += 1;
        }
        last = c;
    }
}

/// The host of a link, without `www.`, in lower case.
fn host(token: &str) -> String {
    let start = token.find("://").map_or(0, |place| place + 3);
    let rest = token.get(start..).unwrap_or_default();
    let end = rest
        .find(['/', '?', '#', ':', '>', ')', '"'])
        .unwrap_or(rest.len());
    let host = rest.get(..end).unwrap_or_default().to_lowercase();
    host.strip_prefix("www.").unwrap_or(&host).to_owned()
}

/// A face made of marks: `:)`, `;-(`, `^^`, `:D` and the like. Short, with an eye and a mouth.
fn emoticon(token: &str) -> bool {
    token.len() <= 4
        && (token == "^^"
            || token.starts_with([':', ';', '=', 'x'])
                && token.ends_with([')', '(', '/', '\\', '|', ']', '[', '*', '>', '<']))
}

/// Whether a word of at least five Latin letters cannot be spoken: no vowel, or five consonants in a row.
fn gibberish(word: &str) -> bool {
    let mut run = 0;
    let mut longest = 0;
    let mut vowels = 0;
    let mut letters = 0;
    for c in word.chars() {
        if !c.is_ascii_alphabetic() {
            return false;
        }
        letters += 1;
        if matches!(c, 'a' | 'e' | 'i' | 'o' | 'u' | 'y') {
            vowels += 1;
            run = 0;
        } else {
            run += 1;
            longest = longest.max(run);
        }
    }
    letters >= 5 && (vowels == 0 || longest >= 5)
}

/// Whether a character is drawn as an emoji.
pub(super) fn emoji(c: char) -> bool {
    matches!(u32::from(c),
        0x1F300..=0x1F3FA | 0x1F400..=0x1FAFF | 0x1F1E6..=0x1F1FF | 0x2600..=0x27BF
        | 0x2B00..=0x2BFF | 0x1F000..=0x1F2FF | 0x2300..=0x23FF | 0x203C | 0x2049)
}

/// Whether a character only changes the emoji before it.
const fn joins_emoji(c: char) -> bool {
    matches!(
        c,
        '\u{200d}' | '\u{fe0f}' | '\u{20e3}' | '\u{1f3fb}'..='\u{1f3ff}'
    )
}

fn ending(text: &str, last: Token) -> Ending {
    match last {
        Token::Link => return Ending::Link,
        Token::Hashtag => return Ending::Hashtag,
        Token::Mention | Token::Number | Token::Word | Token::Marks => {}
    }
    let end = text
        .chars()
        .rev()
        .find(|c| !c.is_whitespace() && !joins_emoji(*c));
    match end {
        None => Ending::Nothing,
        Some('.' | '…') => Ending::Stop,
        Some('!' | '?') => Ending::Loud,
        Some(c) if emoji(c) => Ending::Emoji,
        Some(c) if c.is_alphanumeric() => Ending::Bare,
        Some(_) => Ending::Other,
    }
}
