//! The name of a mail in the outbox: when it was sent and a number, which is also its place in the
//! list. Must never accept a name that leads out of the directory.

use std::fmt;
use std::str::FromStr;

use kernel::{Cursor, Timestamp};

/// What the names of unfinished files begin with.
pub(super) const TEMPORARY: &str = ".unfinished-";

/// Names one mail of the outbox; sorts by the time of sending. Displays as `<microseconds>-<n>`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub struct OutboxId {
    micros: u64,
    n: u64,
}

/// The text was not an outbox id.
#[derive(Clone, Copy, PartialEq, Eq, Debug, thiserror::Error)]
#[error("not the id of a mail in the outbox")]
pub struct NotAnOutboxId;

impl OutboxId {
    pub(super) fn new(at: Timestamp, n: u64) -> Self {
        Self {
            micros: u64::try_from(at.0).unwrap_or(0),
            n,
        }
    }

    /// When the mail was sent.
    pub fn sent_at(self) -> Timestamp {
        Timestamp(i64::try_from(self.micros).unwrap_or(i64::MAX))
    }

    pub(super) fn of_file(name: &str) -> Option<Self> {
        let id: Self = name.strip_suffix(".eml")?.parse().ok()?;
        // Not `007-1.eml`: one mail, one name.
        (file_name(id) == name).then_some(id)
    }

    pub(super) fn cursor(self) -> Cursor {
        Cursor {
            key: self.micros.to_string(),
            id: i64::try_from(self.n).unwrap_or(i64::MAX),
        }
    }

    pub(super) fn of_cursor(cursor: &Cursor) -> Option<Self> {
        Some(Self {
            micros: cursor.key.parse().ok()?,
            n: u64::try_from(cursor.id).ok()?,
        })
    }
}

pub(super) fn file_name(id: OutboxId) -> String {
    format!("{id}.eml")
}

impl fmt::Display for OutboxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}-{}", self.micros, self.n)
    }
}

impl FromStr for OutboxId {
    type Err = NotAnOutboxId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = |digits: &str| {
            let plain = digits.bytes().all(|byte| byte.is_ascii_digit());
            if plain { digits.parse().ok() } else { None }
        };
        let (micros, n) = text.split_once('-').ok_or(NotAnOutboxId)?;
        Ok(Self {
            micros: number(micros).ok_or(NotAnOutboxId)?,
            n: number(n).ok_or(NotAnOutboxId)?,
        })
    }
}
