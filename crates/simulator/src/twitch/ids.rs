//! Ids that look like Twitch's. Stable for the same text; must never be taken for secrets.

use kernel::random::hex;
use sha2::{Digest, Sha256};

/// A number that looks like a Twitch user id: the text itself if it is one already, else nine
/// digits that follow from it.
pub fn numeric_id(key: &str) -> String {
    let is_number = (1..=12).contains(&key.len()) && key.bytes().all(|byte| byte.is_ascii_digit());
    if is_number {
        return key.to_owned();
    }
    // FNV-1a, 64 bits.
    let hash = key.bytes().fold(0xcbf2_9ce4_8422_2325_u64, |hash, byte| {
        (hash ^ u64::from(byte)).wrapping_mul(0x0000_0100_0000_01b3)
    });
    (100_000_000 + hash % 900_000_000).to_string()
}

/// A source of unique ids and tokens.
#[derive(Debug)]
pub(crate) struct Ids {
    seed: i64,
    n: u64,
}

impl Ids {
    pub(crate) const fn new(seed: i64) -> Self {
        Self { seed, n: 0 }
    }

    fn next(&mut self) -> String {
        self.n += 1;
        let mut hash = Sha256::new();
        hash.update(self.seed.to_le_bytes());
        hash.update(self.n.to_le_bytes());
        hex(&hash.finalize())
    }

    /// `cc106a89-1814-419d-854c-f4f2f970aae7`
    pub(crate) fn uuid(&mut self) -> String {
        let text = self.next();
        let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
        format!(
            "{}-{}-4{}-8{}-{}",
            part(0, 8),
            part(8, 12),
            part(13, 16),
            part(17, 20),
            part(20, 32)
        )
    }

    /// Thirty characters, as access tokens have.
    pub(crate) fn token(&mut self) -> String {
        self.next().chars().take(30).collect()
    }
}
