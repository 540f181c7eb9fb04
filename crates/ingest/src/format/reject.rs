//! What can be wrong with an input: one record (the import goes on), or all the rest of it (the
//! import of this input ends, what was read before counts).

use std::{fmt, io, path::PathBuf};

use kernel::Timestamp;

use super::Format;

/// Characters of a rejected record that are shown.
const EXCERPT_CHARS: usize = 120;
/// Bytes of a record that are enough for an excerpt.
pub(super) const EXCERPT_BYTES: usize = EXCERPT_CHARS * 4;

/// What a reader counts.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum Unit {
    /// Lines of a text file.
    Line,
    /// Elements of a JSON array.
    Record,
}

impl fmt::Display for Unit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Line => "line",
            Self::Record => "record",
        })
    }
}

/// One record that was not imported, and why.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Rejected {
    /// The file inside an export (`general/2024-05-01.json`); `None` where the input is one file.
    pub place: Option<String>,
    /// What `number` counts.
    pub unit: Unit,
    /// The line or record, counted from 1 within the file.
    pub number: u64,
    /// The column (in bytes, from 1) where the error was noticed, if known.
    pub column: Option<u64>,
    /// What was wrong.
    pub reason: RejectReason,
    /// The beginning of the record, at most 120 characters, control characters escaped.
    pub excerpt: String,
}

impl fmt::Display for Rejected {
    /// `general/2024-05-01.json record 7: field `ts` is missing`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(place) = &self.place {
            write!(f, "{place} ")?;
        }
        write!(f, "{} {}", self.unit, self.number)?;
        if let Some(column) = self.column {
            write!(f, " column {column}")?;
        }
        write!(f, ": {}", self.reason)
    }
}

/// Why a record was not imported.
#[derive(Clone, PartialEq, Eq, Debug, thiserror::Error)]
pub enum RejectReason {
    /// The record is too long to look at.
    #[error("{unit} of {bytes} bytes exceeds the limit of {limit} bytes")]
    TooLong {
        /// Line or record.
        unit: Unit,
        /// Its length.
        bytes: u64,
        /// The limit.
        limit: u64,
    },
    /// The record is not text.
    #[error("byte {offset} of the record is not valid UTF-8")]
    InvalidUtf8 {
        /// Bytes before the first bad one.
        offset: u64,
    },
    /// The record is not JSON, or a field has another type.
    #[error("{what}")]
    Json {
        /// The parser's words.
        what: String,
    },
    /// A field that must be there is not.
    #[error("field `{field}` is missing")]
    Missing {
        /// Its name.
        field: &'static str,
    },
    /// A field has a value that means nothing here.
    #[error("field `{field}` is `{value}`, expected {expected}")]
    Value {
        /// Its name.
        field: &'static str,
        /// Its value, shortened.
        value: String,
        /// What would be right.
        expected: String,
    },
    /// An id or a name is empty.
    #[error("field `{field}` is empty")]
    Empty {
        /// The field.
        field: &'static str,
    },
    /// An id or a text is longer than the program can store.
    #[error("field `{field}` has {length} {unit}, the limit is {limit}")]
    FieldTooLong {
        /// The field.
        field: &'static str,
        /// Its length.
        length: u64,
        /// `bytes` or `characters`.
        unit: &'static str,
        /// The limit.
        limit: u64,
    },
    /// An id contains the character U+0000, which PostgreSQL cannot store.
    #[error("field `{field}` contains the character U+0000")]
    NulInId {
        /// The field.
        field: &'static str,
    },
    /// The event is older than chat.
    #[error("sent_at {at} is before 1988-08-01, when IRC began")]
    TooEarly {
        /// Its time.
        at: Timestamp,
    },
    /// The event has not happened yet.
    #[error("sent_at {at} lies in the future")]
    InFuture {
        /// Its time.
        at: Timestamp,
    },
    /// The line looks like no known IRC log.
    #[error("not a line of an irssi, WeeChat or ZNC log")]
    UnknownLine,
    /// The line has a time, but no date was seen before it.
    #[error("a time without a date: neither the file name nor an earlier line has one")]
    NoDate,
    /// A folder of a Slack export that its lists do not mention.
    #[error("the folder is in neither channels.json nor groups.json")]
    UnknownFolder,
    /// The rest of one file of an export cannot be read; the others can.
    #[error("the rest of the file is unreadable: {what}")]
    BrokenFile {
        /// What was met, and where.
        what: String,
    },
}

impl RejectReason {
    pub(super) fn value(field: &'static str, value: &str, expected: impl Into<String>) -> Self {
        Self::Value {
            field,
            value: excerpt(value.as_bytes()),
            expected: expected.into(),
        }
    }

    /// Our structs would also be read from lists, field by field; only objects are records.
    pub(super) fn unless_object(json: &str) -> Result<(), Self> {
        if json.trim_start().starts_with('{') {
            return Ok(());
        }
        let what = "not a JSON object".to_owned();
        Err(Self::Json { what })
    }

    /// From an error of the JSON parser: the reason, and the column within a one-line record.
    pub(super) fn json(error: &serde_json::Error) -> (Self, Option<u64>) {
        let full = error.to_string();
        let what = match full.rfind(" at line ") {
            Some(cut) => full.get(..cut).unwrap_or(&full),
            None => &full,
        };
        let what = match error.classify() {
            // The words may quote a string of the input.
            serde_json::error::Category::Data => excerpt(what.as_bytes()),
            _ => format!("not valid JSON: {what}"),
        };
        let column = u64::try_from(error.column()).ok().filter(|c| *c > 0);
        (Self::Json { what }, column)
    }
}

/// The beginning of some bytes as harmless text: at most 120 characters; control characters and
/// characters that change the direction of writing are escaped.
pub(super) fn excerpt(bytes: &[u8]) -> String {
    let head = bytes.get(..EXCERPT_BYTES).unwrap_or(bytes);
    let mut shown = String::with_capacity(head.len().min(EXCERPT_CHARS));
    let text = String::from_utf8_lossy(head);
    let mut room = EXCERPT_CHARS;
    for character in text.chars() {
        let invisible = character.is_control()
            || matches!(character, '\u{200e}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
        let escaped = character.escape_default();
        let width = if invisible { escaped.len() } else { 1 };
        if width > room {
            break;
        }
        room -= width;
        if invisible {
            shown.extend(escaped);
        } else {
            shown.push(character);
        }
    }
    shown
}

/// What [`super::Reader::next`] reports instead of an event.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// One record is unusable; go on.
    #[error("{0}")]
    Rejected(Box<Rejected>),
    /// The rest of the input is unusable; the reader has ended.
    #[error(transparent)]
    Fatal(#[from] Fatal),
}

impl From<Rejected> for ReadError {
    fn from(rejected: Rejected) -> Self {
        Self::Rejected(Box::new(rejected))
    }
}

/// The rest of an input cannot be read. Everything read before counts.
#[derive(Debug, thiserror::Error)]
pub enum Fatal {
    /// The operating system failed.
    #[error("reading `{place}` failed")]
    Io {
        /// The file.
        place: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The compressed data stop early or are damaged.
    #[error("the compressed data of `{place}` are {what}")]
    Compressed {
        /// The file, and the entry of an archive.
        place: String,
        /// `cut off` or `damaged`.
        what: &'static str,
        /// The decompressor's words.
        #[source]
        source: io::Error,
    },
    /// The file ends before its JSON does.
    #[error("`{place}` ends in the middle of record {number}: the file is cut off")]
    CutOff {
        /// The file.
        place: String,
        /// The record that is incomplete.
        number: u64,
    },
    /// The file is not built as its format says.
    #[error("`{place}` has {what} at byte {offset}")]
    Structure {
        /// The file.
        place: String,
        /// What is wrong there.
        what: &'static str,
        /// Where.
        offset: u64,
    },
    /// An archive entry grows beyond reason when unpacked.
    #[error("`{place}` unpacks to more than {limit} bytes: this looks like a decompression bomb")]
    Bomb {
        /// The archive and the entry.
        place: String,
        /// The limit it passed.
        limit: u64,
    },
}

/// An input could not be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The operating system failed.
    #[error("cannot open `{}`", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The archive's table of contents is unreadable.
    #[error("`{}` is not a readable ZIP archive", path.display())]
    Zip {
        /// The file.
        path: PathBuf,
        /// Why.
        #[source]
        source: zip::result::ZipError,
    },
    /// The file is not in the format it is to be read as.
    #[error("`{}` is not a {format} file: {what}", path.display())]
    NotThisFormat {
        /// The file.
        path: PathBuf,
        /// The format.
        format: Format,
        /// What is missing or wrong.
        what: String,
    },
    /// The input is larger than a limit allows.
    #[error("`{}` has more than {limit} {what}", path.display())]
    TooMany {
        /// The file.
        path: PathBuf,
        /// The limit.
        limit: usize,
        /// What there is too much of.
        what: &'static str,
    },
    /// Part of the export cannot be read.
    #[error("cannot read the lists of `{}`", path.display())]
    Lists {
        /// The export.
        path: PathBuf,
        /// Why.
        #[source]
        source: Fatal,
    },
}

/// Sorts an error of reading into «the disk», «cut off» and «damaged». Only decompressors report
/// `UnexpectedEof` and `InvalidData`: files are read to their end without them.
pub(super) fn fatal(place: &str, source: io::Error) -> Fatal {
    let place = place.to_owned();
    match source.kind() {
        io::ErrorKind::UnexpectedEof => Fatal::Compressed {
            place,
            what: "cut off",
            source,
        },
        io::ErrorKind::InvalidData | io::ErrorKind::InvalidInput => Fatal::Compressed {
            place,
            what: "damaged",
            source,
        },
        io::ErrorKind::FileTooLarge => Fatal::Bomb {
            place,
            limit: source
                .get_ref()
                .and_then(|inner| inner.downcast_ref::<TooLarge>())
                .map_or(0, |inner| inner.limit),
        },
        _ => Fatal::Io { place, source },
    }
}

/// What a bounded decompressor reports when its bound is passed.
#[derive(Debug, thiserror::Error)]
#[error("more than {limit} bytes")]
pub(super) struct TooLarge {
    pub(super) limit: u64,
}

#[cfg(test)]
mod tests {
    use super::excerpt;

    #[test]
    fn an_excerpt_is_short_and_cannot_disturb_a_terminal() {
        assert_eq!(excerpt(b"\x1b[31mred\0\n"), "\\u{1b}[31mred\\u{0}\\n");
        assert_eq!(excerpt("a\u{202e}b".as_bytes()), "a\\u{202e}b");
        assert_eq!(excerpt("ä".repeat(300).as_bytes()).chars().count(), 120);
        assert_eq!(excerpt(&[0x1b; 300]).chars().count(), 120 / 6 * 6);
        assert_eq!(excerpt(b"ok \xff\xfe"), "ok \u{fffd}\u{fffd}");
    }
}
