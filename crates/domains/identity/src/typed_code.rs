//! Codes that people read in one place and type in another.

use kernel::{Entropy, Secret, random};

/// The characters of a code: those that nobody mistakes for another; five bits each.
const ALPHABET: &[u8; 32] = b"ABCDEFGHJKLMNPQRSTUVWXYZ23456789";
/// The longest text that is looked at.
const TYPED_MAX: usize = 32;

/// A fresh code of `N` characters.
pub(crate) fn fresh<const N: usize>(entropy: &dyn Entropy) -> Secret<String> {
    let letters = random::bytes::<N>(entropy).map(|byte| {
        let at = usize::from(byte) % ALPHABET.len();
        ALPHABET.get(at).copied().map_or('A', char::from)
    });
    Secret::new(letters.iter().collect())
}

/// A code as it was typed, without what people add: spaces, hyphens, small letters.
pub(crate) fn read(code: &str) -> String {
    code.chars()
        .filter(char::is_ascii_alphanumeric)
        .take(TYPED_MAX)
        .map(|c| c.to_ascii_uppercase())
        .collect()
}
