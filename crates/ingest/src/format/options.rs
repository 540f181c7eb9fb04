//! What the caller decides about an import, and every bound a reader keeps.

use kernel::Timestamp;

/// How to read an input. `Options::new(now)` has the defaults.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Options {
    /// The current time: events more than a day later are rejected.
    pub now: Timestamp,
    /// Seconds east of UTC of the times in IRC logs, which carry no zone. Default 0 (UTC).
    pub utc_offset_secs: i32,
    /// Channel of an IRC log; default: taken from the file name.
    pub channel: Option<String>,
    /// Network of an IRC log; default: taken from the file name where it has one, else empty.
    pub server: Option<String>,
    /// What to do with lines of IRC logs that are not UTF-8. Default: reject them.
    pub encoding: Encoding,
    /// Bounds.
    pub limits: Limits,
}

/// How to understand bytes of an IRC log that are not UTF-8.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Encoding {
    /// Reject the line, naming the offset of the first bad byte.
    Utf8,
    /// Read the whole line as ISO 8859-1, which older Western European logs are written in.
    Latin1Fallback,
}

/// Bounds of what a reader accepts. Longer things are rejected one by one; they never stop the
/// import and are never held in memory.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct Limits {
    /// Bytes of one line or one element of a JSON array. Default 1 MiB.
    pub record_bytes_max: usize,
    /// Characters of a message, of a stated reason and of a stream's title. Default 20,000.
    pub text_chars_max: usize,
    /// Bytes of an id (message, user, channel, server, community, emoji). Default 200, which is
    /// what `kernel::ChatEvent` promises.
    pub id_bytes_max: usize,
    /// Characters of a user name and of a channel name. Default 200.
    pub name_chars_max: usize,
    /// Entries of a ZIP or files of an unpacked export. Default 250,000.
    pub entries_max: usize,
    /// Bytes of one ZIP entry when unpacked. Default 4 GiB.
    pub entry_bytes_max: u64,
    /// How many times larger than its compressed size a ZIP entry may become once it has passed
    /// 16 MiB. Default 200; chat in JSON stays below 30.
    pub zip_ratio_max: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            record_bytes_max: 1 << 20,
            text_chars_max: 20_000,
            id_bytes_max: 200,
            name_chars_max: 200,
            entries_max: 250_000,
            entry_bytes_max: 4 << 30,
            zip_ratio_max: 200,
        }
    }
}

impl Options {
    /// The defaults, as of `now`.
    pub fn new(now: Timestamp) -> Self {
        Self {
            now,
            utc_offset_secs: 0,
            channel: None,
            server: None,
            encoding: Encoding::Utf8,
            limits: Limits::default(),
        }
    }
}
