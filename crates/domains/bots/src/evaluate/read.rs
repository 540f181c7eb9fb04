//! A folder of chat with labels: `messages.jsonl.gz`, one message in each line, and `labels.csv` with the header
//! `platform,user_id,is_bot,account_group`.
//!
//! Must never guess: what is missing or broken is named with its file and line.

use std::{
    collections::HashMap,
    fs::File,
    io::{BufRead, BufReader, Read},
    path::{Path, PathBuf},
};

use flate2::read::MultiGzDecoder;
use kernel::Timestamp;
use serde::Deserialize;

/// The longest line of a file.
const MOST_LINE: u64 = 1 << 20;

/// The header of the labels.
const HEADER: &str = "platform,user_id,is_bot,account_group";

/// Why a folder cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// A file that is not there or cannot be read.
    #[error("`{}` cannot be read", file.display())]
    File {
        /// Which.
        file: PathBuf,
        /// Why.
        #[source]
        why: std::io::Error,
    },
    /// A line that is not what it should be.
    #[error("`{}`, line {line}: {what}", file.display())]
    Line {
        /// In which file.
        file: PathBuf,
        /// Which, from 1.
        line: usize,
        /// What is wrong.
        what: String,
    },
    /// Nothing to learn from or judge by.
    #[error("`{}` {what}", file.display())]
    Content {
        /// In which file.
        file: PathBuf,
        /// What is wrong.
        what: &'static str,
    },
}

/// A line of `messages.jsonl.gz`.
#[derive(Debug, Clone, Deserialize)]
pub(super) struct Line {
    pub(super) platform: String,
    pub(super) community: String,
    pub(super) channel: String,
    pub(super) user_id: String,
    pub(super) sent_at_ms: i64,
    pub(super) text: String,
    #[serde(default)]
    pub(super) mentions: u32,
    #[serde(default)]
    pub(super) embeds: u32,
    #[serde(default)]
    pub(super) reply_to: Option<String>,
    #[serde(default)]
    pub(super) account_created_at_ms: Option<i64>,
}

impl Line {
    pub(super) const fn sent_at(&self) -> Timestamp {
        Timestamp::from_millis(self.sent_at_ms)
    }
}

/// What is known of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Label {
    pub(super) is_bot: bool,
    pub(super) group: String,
}

/// Accounts by platform and platform user id.
pub(super) type Key = (String, String);

/// A folder.
pub(super) struct Folder {
    pub(super) name: String,
    /// In order of time; messages of the same moment in the order of the file.
    pub(super) lines: Vec<Line>,
    /// `None` if there is no `labels.csv`: nothing is known of anybody.
    pub(super) labels: Option<HashMap<Key, Label>>,
}

/// Reads a folder.
pub(super) fn read(dir: &Path) -> Result<Folder, ReadError> {
    let name = dir.file_name().map_or_else(
        || dir.display().to_string(),
        |name| name.to_string_lossy().into_owned(),
    );
    let file = dir.join("messages.jsonl.gz");
    let mut lines = messages(&file)?;
    lines.sort_by_key(|line| line.sent_at_ms);
    if lines.is_empty() {
        return Err(ReadError::Content {
            file,
            what: "has no messages",
        });
    }
    let file = dir.join("labels.csv");
    let labels = if file.exists() {
        Some(labels(&file)?)
    } else {
        None
    };
    Ok(Folder {
        name,
        lines,
        labels,
    })
}

fn open(file: &Path) -> Result<File, ReadError> {
    File::open(file).map_err(|why| ReadError::File {
        file: file.to_owned(),
        why,
    })
}

/// Calls for each line, with its number from 1.
fn each_line(
    file: &Path,
    input: impl Read,
    mut take: impl FnMut(usize, &str) -> Result<(), String>,
) -> Result<(), ReadError> {
    let mut input = BufReader::new(input);
    let mut line = String::new();
    for number in 1.. {
        line.clear();
        let wrong = |what: String| ReadError::Line {
            file: file.to_owned(),
            line: number,
            what,
        };
        let n = (&mut input)
            .take(MOST_LINE)
            .read_line(&mut line)
            .map_err(|why| wrong(why.to_string()))?;
        if n == 0 {
            break;
        }
        let text = line.trim_end_matches(['\n', '\r']);
        if text.len() == line.len() && u64::try_from(n).unwrap_or(u64::MAX) >= MOST_LINE {
            return Err(wrong(format!("is longer than {MOST_LINE} bytes")));
        }
        if !text.trim().is_empty() {
            take(number, text).map_err(wrong)?;
        }
    }
    Ok(())
}

fn messages(file: &Path) -> Result<Vec<Line>, ReadError> {
    let mut lines = Vec::new();
    each_line(file, MultiGzDecoder::new(open(file)?), |_, text| {
        let line: Line = serde_json::from_str(text).map_err(|why| why.to_string())?;
        if line.user_id.is_empty() {
            return Err("`user_id` is empty".to_owned());
        }
        lines.push(line);
        Ok(())
    })?;
    Ok(lines)
}

fn labels(file: &Path) -> Result<HashMap<Key, Label>, ReadError> {
    let mut labels = HashMap::new();
    let mut has_header = false;
    each_line(file, open(file)?, |_, text| {
        if !has_header {
            has_header = true;
            let header = text.trim_start_matches('\u{feff}').trim();
            return if header == HEADER {
                Ok(())
            } else {
                Err(format!("the header is `{header}`, expected `{HEADER}`"))
            };
        }
        let fields: Vec<&str> = text.split(',').map(str::trim).collect();
        let [platform, user_id, is_bot, group] = fields.as_slice() else {
            return Err(format!("has {} columns, expected 4", fields.len()));
        };
        let is_bot = match *is_bot {
            "1" | "true" => true,
            "0" | "false" => false,
            other => return Err(format!("`is_bot` is `{other}`, expected 0 or 1")),
        };
        if user_id.is_empty() || group.is_empty() {
            return Err("`user_id` and `account_group` must not be empty".to_owned());
        }
        let key = ((*platform).to_owned(), (*user_id).to_owned());
        let label = Label {
            is_bot,
            group: (*group).to_owned(),
        };
        match labels.insert(key, label.clone()) {
            Some(before) if before != label => {
                Err(format!("`{user_id}` has another label further up"))
            }
            _ => Ok(()),
        }
    })?;
    if labels.is_empty() {
        return Err(ReadError::Content {
            file: file.to_owned(),
            what: "has no labels",
        });
    }
    Ok(labels)
}
