//! Ids and texts in the form Slack gives them.

use kernel::Timestamp;
use sha2::{Digest, Sha256};

/// Any text as an id that looks like Slack's: `T…` a workspace, `C…` a channel, `U…` a user, `B…` a
/// bot, `D…` a direct conversation. The same text gives the same id on every machine; a text that
/// is such an id already stays as it is.
pub fn slack_id(kind: char, text: &str) -> String {
    let mut chars = text.chars();
    let alike = chars.next() == Some(kind)
        && (8..=11).contains(&chars.clone().count())
        && chars.all(|c| c.is_ascii_uppercase() || c.is_ascii_digit());
    if alike {
        return text.to_owned();
    }
    let digest = Sha256::digest(format!("{kind} {text}"));
    let alphabet = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
    let tail = digest.iter().take(10).map(|byte| {
        let at = usize::from(*byte) % alphabet.len();
        char::from(alphabet.get(at).copied().unwrap_or(b'A'))
    });
    std::iter::once(kind).chain(tail).collect()
}

/// Something unguessable enough for a simulator: the same input gives the same text.
pub(super) fn secret(kind: &str, text: &str) -> String {
    let digest: [u8; 32] = Sha256::digest(format!("{kind}|{text}")).into();
    kernel::random::hex(&digest)
        .chars()
        .take(24)
        .collect::<String>()
}

/// A message's time stamp: seconds, a dot, six digits.
pub(super) fn ts(at: Timestamp) -> String {
    format!("{}.{:06}", at.secs(), at.0.rem_euclid(1_000_000))
}
