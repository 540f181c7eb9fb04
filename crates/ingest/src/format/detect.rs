//! Recognises the format of a file by what is in it; the name only breaks ties.

use std::{
    io,
    path::{Path, PathBuf},
};

use super::{Format, elements::keys_of_head, input, irc, slack};

/// Lines of a text file that are looked at.
const LINES_MAX: usize = 50;

/// The format could not be told, or the file not be read.
#[derive(Debug, thiserror::Error)]
pub enum DetectError {
    /// The operating system failed.
    #[error("cannot read `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The file is of no known format.
    #[error(
        "cannot tell the format of `{}`: it {saw}; the formats are {}",
        path.display(),
        Format::names()
    )]
    Unknown {
        /// The file.
        path: PathBuf,
        /// What it looks like instead.
        saw: String,
    },
}

/// Tells the format of a file or directory, reading at most its first 64 KiB (and the table of
/// contents of a ZIP archive).
pub fn detect_file(path: &Path) -> Result<Format, DetectError> {
    if path.is_dir() {
        return detect(path, &[]);
    }
    let head = input::head(path).map_err(|source| DetectError::Io {
        path: path.to_owned(),
        source,
    })?;
    detect(path, &head)
}

/// Tells the format from a path and the first bytes of the file, gzipped or not. Opens the path
/// itself only if it is a directory or a ZIP archive.
pub fn detect(path: &Path, head: &[u8]) -> Result<Format, DetectError> {
    let unknown = |saw: String| DetectError::Unknown {
        path: path.to_owned(),
        saw,
    };
    if path.is_dir() {
        if slack::is_export_dir(path) {
            return Ok(Format::SlackExport);
        }
        return Err(unknown(
            "is a directory without users.json and channels.json".to_owned(),
        ));
    }
    if head.starts_with(b"PK\x03\x04") || head.starts_with(b"PK\x05\x06") {
        return slack::is_export_zip(path)
            .map(|()| Format::SlackExport)
            .map_err(unknown);
    }
    content(path, &input::unpack_head(head)).map_err(unknown)
}

fn content(path: &Path, head: &[u8]) -> Result<Format, String> {
    let text = readable(head)?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    let trimmed = text.trim_start();
    if trimmed.is_empty() {
        return Err("is empty".to_owned());
    }
    if trimmed.starts_with('{') {
        return object(path, trimmed);
    }
    let lines = || {
        trimmed
            .lines()
            .take(LINES_MAX)
            .filter(|line| !line.trim().is_empty())
    };
    let n_known = lines().filter(|line| irc::is_line(line)).count();
    if n_known * 2 >= lines().count() {
        return Ok(Format::Irc);
    }
    if trimmed.starts_with('[') {
        return Err(
            "begins with a JSON list; if it is one day of a Slack export, give the directory \
             or ZIP archive it came in"
                .to_owned(),
        );
    }
    let first = trimmed.lines().next().unwrap_or_default();
    let shown = super::reject::excerpt(first.as_bytes());
    Err(format!("is text that begins with `{shown}`"))
}

/// The head as text. Bytes of a character cut off at the end, and the odd byte of an older
/// encoding, do not matter for telling the format.
fn readable(head: &[u8]) -> Result<&str, String> {
    if head.starts_with(&[0xff, 0xfe]) || head.starts_with(&[0xfe, 0xff]) {
        return Err("is UTF-16 text; save it as UTF-8".to_owned());
    }
    let (valid, rest) = match std::str::from_utf8(head) {
        Ok(text) => (text, &[][..]),
        Err(error) => {
            let (valid, rest) = head
                .split_at_checked(error.valid_up_to())
                .unwrap_or_default();
            (std::str::from_utf8(valid).unwrap_or_default(), rest)
        }
    };
    let is_binary = valid.contains('\0') || (valid.len() < 16 && !rest.is_empty());
    if is_binary {
        let begin: Vec<String> = head.iter().take(8).map(|b| format!("{b:02x}")).collect();
        return Err(format!("is binary data beginning with {}", begin.join(" ")));
    }
    Ok(valid)
}

fn object(path: &Path, text: &str) -> Result<Format, String> {
    let keys = keys_of_head(text.as_bytes().to_vec());
    let has = |name: &str| keys.iter().any(|key| key == name);
    if has("guild") && has("channel") {
        return Ok(Format::DiscordChatExporter);
    }
    if (has("streamer") || has("video")) && (has("comments") || has("FileInfo")) {
        return Ok(Format::TwitchDownloader);
    }
    let is_ours = ["platform", "message_id", "sent_at_ms", "sent_at", "user_id"]
        .iter()
        .any(|name| has(name));
    let ending = path.to_string_lossy().to_lowercase();
    let ending = ending.strip_suffix(".gz").unwrap_or(&ending);
    let is_named_so = [".jsonl", ".ndjson"]
        .iter()
        .any(|end| ending.ends_with(end));
    if is_ours || is_named_so {
        return Ok(Format::Jsonl);
    }
    // Keys behind the list come into view only if it is short.
    if has("messages") && (has("guild") || has("channel")) {
        return Ok(Format::DiscordChatExporter);
    }
    let shown: Vec<&str> = keys.iter().take(5).map(String::as_str).collect();
    let shown = super::reject::excerpt(shown.join(", ").as_bytes());
    Err(format!("begins with a JSON object with the keys {shown}"))
}

#[cfg(test)]
mod tests;
