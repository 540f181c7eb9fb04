//! Randomness as a parameter: the program passes the operating system's, a test a seeded one.

use std::fmt::Write;

/// A source of random bytes. Implementations used for tokens must be cryptographically secure.
pub trait Entropy: Send + Sync {
    /// Fills the buffer.
    fn fill(&self, buffer: &mut [u8]);
}

/// `N` random bytes.
pub fn bytes<const N: usize>(entropy: &dyn Entropy) -> [u8; N] {
    let mut buffer = [0; N];
    entropy.fill(&mut buffer);
    buffer
}

/// 256 random bits as 64 hexadecimal characters: for tokens.
pub fn token(entropy: &dyn Entropy) -> String {
    hex(&bytes::<32>(entropy))
}

/// Lower-case hexadecimal.
pub fn hex(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(bytes.len() * 2);
    for byte in bytes {
        // Writing to a String cannot fail.
        let _ = write!(text, "{byte:02x}");
    }
    text
}

/// A random number in `0.0..1.0`, for jitter.
pub fn unit(entropy: &dyn Entropy) -> f64 {
    let value = u32::from_le_bytes(bytes::<4>(entropy));
    f64::from(value) / (f64::from(u32::MAX) + 1.0)
}
