//! Reads chat history out of files, one record at a time: JSONL, IRC logs, Slack exports,
//! DiscordChatExporter and TwitchDownloader JSON. `docs/reference/import-formats.md` describes them.
//!
//! Must never: hold a whole file in memory, panic on any input, read outside the path it was given,
//! touch the database, or look at the clock.

mod detect;
mod discord;
mod discover;
mod documents;
mod elements;
mod input;
mod irc;
pub mod jsonl;
mod lines;
mod loose;
mod options;
mod reject;
mod slack;
mod time;
mod twitch;
mod validate;

use std::{fmt, str::FromStr};

pub use detect::{DetectError, detect, detect_file};
pub use discover::{DiscoverError, Discovery, InputFile, MAX_DEPTH, MAX_FILES, Skipped, discover};
pub use options::{Encoding, Limits, Options};
pub use reject::{Fatal, OpenError, ReadError, RejectReason, Rejected, Unit};
pub use validate::EARLIEST;

/// The formats history can be imported from.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Format {
    /// Our own: one JSON object a line.
    Jsonl,
    /// Logs of irssi, WeeChat and ZNC.
    Irc,
    /// Slack's official export, as ZIP or unpacked.
    SlackExport,
    /// JSON written by DiscordChatExporter.
    DiscordChatExporter,
    /// Chat JSON written by TwitchDownloader.
    TwitchDownloader,
}

/// The text was not the name of a format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{name}` is not an import format: use {}", Format::names())]
pub struct UnknownFormat {
    /// What was given.
    pub name: String,
}

impl Format {
    /// Every format.
    pub const ALL: [Self; 5] = [
        Self::Jsonl,
        Self::Irc,
        Self::SlackExport,
        Self::DiscordChatExporter,
        Self::TwitchDownloader,
    ];

    /// The name on the command line.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Jsonl => "jsonl",
            Self::Irc => "irc",
            Self::SlackExport => "slack-export",
            Self::DiscordChatExporter => "discord-chat-exporter",
            Self::TwitchDownloader => "twitch-downloader",
        }
    }

    /// Every name, for messages: `jsonl, irc, …`.
    pub fn names() -> String {
        Self::ALL.map(Self::as_str).join(", ")
    }

    /// Endings of file names (without `.gz`) that are plausible for the format.
    const fn extensions(self) -> &'static [&'static str] {
        match self {
            Self::Jsonl => &["jsonl", "ndjson", "json"],
            Self::Irc => &["log", "txt", "weechatlog"],
            Self::SlackExport => &["zip"],
            Self::DiscordChatExporter | Self::TwitchDownloader => &["json"],
        }
    }
}

impl fmt::Display for Format {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Format {
    type Err = UnknownFormat;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|format| format.as_str().eq_ignore_ascii_case(text))
            .ok_or_else(|| UnknownFormat {
                name: text.to_owned(),
            })
    }
}

/// How far a reader has come.
#[derive(Clone, Copy, PartialEq, Eq, Debug, Default)]
pub struct Position {
    /// Records of the input that are completely consumed: lines, or elements of a JSON array.
    /// Pass it to [`Reader::skip_to`] to go on from here. One record may give several events (a
    /// message and its reactions); only the last of them carries the higher number, so that an
    /// interruption between them reads the record again rather than losing its rest.
    pub records: u64,
    /// Bytes of the (compressed) input read so far; compare with [`Reader::total_bytes`].
    pub bytes: u64,
}

/// One event of the input.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Record {
    /// The community the record names, if the format has such a field and it is filled in.
    pub community: Option<String>,
    /// The event; valid in every respect this crate can check.
    pub event: kernel::ChatEvent,
    /// How far the reader is once this event is recorded.
    pub position: Position,
}

/// Reads one input from beginning to end, in bounded memory.
pub trait Reader {
    /// The next event, or the next record that could not be used. After
    /// [`ReadError::Fatal`] there is nothing more; what came before it counts.
    fn next(&mut self) -> Option<Result<Record, ReadError>>;

    /// Passes over records until `records` of them are consumed, without reporting them. Does
    /// nothing if the reader is already there or further.
    fn skip_to(&mut self, records: u64) -> Result<(), Fatal>;

    /// How far the reader is, counting only records whose events have all been handed out.
    fn position(&self) -> Position;

    /// Size of the (compressed) input in bytes, for a progress bar.
    fn total_bytes(&self) -> u64;

    /// How many records carried nothing to import: someone left, a topic changed, a blank entry.
    fn ignored(&self) -> u64;
}

/// Opens one input that [`discover`] found.
pub fn open(input: &InputFile, options: &Options) -> Result<Box<dyn Reader + Send>, OpenError> {
    match input.format {
        Format::Jsonl => jsonl::open(input, options),
        Format::Irc => irc::open(input, options),
        Format::SlackExport => slack::open(input, options),
        Format::DiscordChatExporter => discord::open(input, options),
        Format::TwitchDownloader => twitch::open(input, options),
    }
}

#[cfg(test)]
mod tests;
