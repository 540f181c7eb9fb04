//! Which letters follow each other in a community: its languages, without knowing any. What is written in another one, or
//! in none, is full of letters that do not follow each other here.
//!
//! Bounded: [`MOST_BYTES`]. Must never keep a word: only how often one letter came after another.

use super::{digest::Bytes, numbers::byte};

/// Letters that are told apart, the beginning of a word being one; those that are not Latin share the last.
const LETTERS: u16 = 32;

/// Places in the table: each letter after each.
const PAIRS: usize = 1_024;

/// Pairs that must have been heard before any is called unusual.
const ENOUGH_PAIRS: u32 = 20_000;

/// Letters a text must have to be measured.
const ENOUGH_LETTERS: usize = 8;

/// The longest stored form.
pub(super) const MOST_BYTES: usize = PAIRS * 2;

/// How often one letter came after another.
#[derive(Clone, PartialEq, Eq, Debug)]
pub(super) struct Tongue {
    pairs: Vec<u16>,
    /// How often anything came after each letter.
    after: Vec<u32>,
    heard: u32,
}

impl Default for Tongue {
    fn default() -> Self {
        Self {
            pairs: vec![0; PAIRS],
            after: vec![0; usize::from(LETTERS)],
            heard: 0,
        }
    }
}

/// The letter's number, from 1; 0 is the beginning of a word.
fn number(letter: char) -> u16 {
    match letter {
        'a'..='z' => u16::try_from(u32::from(letter) - u32::from('a')).map_or(1, |place| place + 1),
        other => u16::try_from(27 + u32::from(other) % 5).unwrap_or(27),
    }
}

/// Appends the pairs of a word in lower case: for each letter its place in the table, the letter before it considered.
pub(super) fn pairs_of(word: &str, pairs: &mut Vec<u16>) {
    let mut before = 0;
    for letter in word.chars() {
        let now = number(letter);
        pairs.push(before * LETTERS + now);
        before = now;
    }
}

impl Tongue {
    /// How unusual the pairs are here, in sixteenths of a bit a letter, before they are learned; `None` if too little is
    /// known, or there are too few.
    pub(super) fn surprise(&mut self, pairs: &[u16]) -> Option<u8> {
        let known = self.heard >= ENOUGH_PAIRS && pairs.len() >= ENOUGH_LETTERS;
        let mut parts = 0_usize;
        for pair in pairs {
            let Some(count) = self.pairs.get_mut(usize::from(*pair)) else {
                continue;
            };
            let Some(after) = self.after.get_mut(usize::from(*pair / LETTERS)) else {
                continue;
            };
            if known {
                let bits = log2(*after + u32::from(LETTERS)) - log2(u32::from(*count) + 1);
                parts += usize::try_from(bits).unwrap_or(0);
            }
            if *count == u16::MAX {
                self.halve();
            } else {
                *count += 1;
                *after += 1;
                self.heard += 1;
            }
        }
        // Parts are of 256 a bit. The last value means "not known".
        known.then(|| byte(parts / pairs.len() / 16).min(u8::MAX - 1))
    }

    fn halve(&mut self) {
        for count in &mut self.pairs {
            *count /= 2;
        }
        self.sum();
    }

    fn sum(&mut self) {
        let rows = self.pairs.chunks(usize::from(LETTERS));
        self.after = rows
            .map(|row| row.iter().map(|count| u32::from(*count)).sum())
            .collect();
        self.heard = self.after.iter().sum();
    }

    pub(super) fn write(&self, out: &mut Vec<u8>) {
        for count in &self.pairs {
            out.extend_from_slice(&count.to_le_bytes());
        }
    }

    pub(super) fn read(bytes: &mut Bytes<'_>) -> Option<Self> {
        let mut tongue = Self::default();
        for count in &mut tongue.pairs {
            *count = bytes.short()?;
        }
        tongue.sum();
        Some(tongue)
    }
}

/// The binary logarithm in parts of 256, straight between powers of two: fast, and the same on every machine.
fn log2(value: u32) -> i32 {
    let whole = value.max(1).ilog2();
    let rest = (value << (31 - whole) >> 23) & 255;
    i32::try_from(whole * 256 + rest).unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::{ENOUGH_PAIRS, Tongue, log2, pairs_of};

    fn pairs(text: &str) -> Vec<u16> {
        let mut pairs = Vec::new();
        for word in text.split(' ') {
            pairs_of(word, &mut pairs);
        }
        pairs
    }

    #[test]
    fn gibberish_and_other_languages_are_more_surprising_than_what_is_usual_here() {
        let here = [
            "has anybody seen the heron at the lake today",
            "what are we having for dinner something with beans",
            "the morning was cold and it rained on the way home",
        ];
        let mut tongue = Tongue::default();
        assert_eq!(tongue.surprise(&pairs("hello there everybody")), None);
        while tongue.heard < ENOUGH_PAIRS {
            for text in here {
                tongue.surprise(&pairs(text));
            }
        }
        let mut of = |text: &str| tongue.surprise(&pairs(text)).unwrap();
        let usual = of("the heron was having dinner at home");
        let german = of("gestern hat jemand schlüssel vom fahrrad verloren");
        let gibberish = of("xqzv wkjq zzxv qwrtp vbnkq");
        assert!(usual + 16 < german, "{usual} {german}");
        assert!(german < gibberish, "{german} {gibberish}");
        assert_eq!(tongue.surprise(&pairs("too few")), None);
    }

    #[test]
    fn a_full_table_forgets_half() {
        let mut tongue = Tongue::default();
        let word = pairs("ab");
        for _ in 0..=u32::from(u16::MAX) {
            tongue.surprise(&word);
        }
        assert!(tongue.heard < u32::from(u16::MAX) + 10, "{}", tongue.heard);
        assert_eq!(tongue.heard, tongue.after.iter().sum::<u32>());
    }

    #[test]
    fn the_logarithm_is_exact_at_powers_of_two_and_grows_between_them() {
        assert_eq!([log2(1), log2(2), log2(1_024)], [0, 256, 2_560]);
        assert!((1..5_000).all(|value| log2(value) <= log2(value + 1)));
    }
}
