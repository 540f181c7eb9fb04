//! The file of an export, written while its rows are read: for each table one JSON and one CSV, and a
//! page that explains them. What is in memory are some rows and what was packed of them.

use std::io::{self, BufWriter, Write};

use bytes::Bytes;
use kernel::Timestamp;
use serde_json::{Map, Value};
use store::personal::{self, Declared, Handling};
use tokio::sync::mpsc;
use zip::{CompressionMethod, ZipWriter, result::ZipError, write::SimpleFileOptions};

/// Packed bytes handed on at once.
const PIECE_BYTES: usize = 64 * 1024;

/// How rows are written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// An array of objects.
    Json,
    /// RFC 4180.
    Csv,
}

impl Form {
    pub(super) const ALL: [Self; 2] = [Self::Json, Self::Csv];

    fn file(self, table: &str) -> String {
        match self {
            Self::Json => format!("json/{table}.json"),
            Self::Csv => format!("csv/{table}.csv"),
        }
    }
}

/// What comes next in the file.
#[derive(Debug)]
pub(super) enum Part {
    /// A table begins.
    Table(&'static str, Form),
    /// Rows of it.
    Rows(personal::Part),
    /// That was all; without it the file is not whole.
    End,
}

impl From<personal::Part> for Part {
    fn from(rows: personal::Part) -> Self {
        Self::Rows(rows)
    }
}

/// Why there is no file.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    /// There is more than may be.
    #[error("there is more data than an export may have")]
    TooLarge,
    /// The parts ended before the end.
    #[error("the data was not read to its end")]
    NotWhole,
    /// It could not be packed or handed on.
    #[error("the export could not be packed or handed on")]
    Failed(#[source] io::Error),
}

impl From<io::Error> for ArchiveError {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

impl From<ZipError> for ArchiveError {
    fn from(error: ZipError) -> Self {
        Self::Failed(error.into())
    }
}

/// Where packed bytes go.
pub(super) type Pipe = mpsc::Sender<io::Result<Bytes>>;

struct Piping(Pipe);

impl Write for Piping {
    fn write(&mut self, buffer: &[u8]) -> io::Result<usize> {
        let piece = Bytes::copy_from_slice(buffer);
        let sent = self.0.blocking_send(Ok(piece));
        sent.map_err(|_nobody| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(buffer.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Writes the file from its parts, of which all together have at most `max_bytes` before they are packed;
/// if that fails, the last thing in the pipe is an error. Waits and packs: not for a thread that serves.
pub(super) fn write(
    parts: mpsc::Receiver<Part>,
    to: Pipe,
    readme: &str,
    max_bytes: u64,
) -> Result<(), ArchiveError> {
    let breaker = to.clone();
    let written = write_whole(parts, to, readme, max_bytes);
    if written.is_err() {
        // Whoever is gone needs no telling.
        let _ = breaker.blocking_send(Err(io::Error::other("the export broke off")));
    }
    written
}

fn write_whole(
    mut parts: mpsc::Receiver<Part>,
    to: Pipe,
    readme: &str,
    max_bytes: u64,
) -> Result<(), ArchiveError> {
    let level = i64::from(flate2::Compression::default().level());
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .compression_level(Some(level));
    let mut zip = ZipWriter::new_stream(BufWriter::with_capacity(PIECE_BYTES, Piping(to)));
    zip.start_file("README.txt", options)?;
    zip.write_all(readme.as_bytes())?;
    let mut open = None;
    let mut n_rows: u64 = 0;
    let mut left = max_bytes;
    loop {
        match parts.blocking_recv().ok_or(ArchiveError::NotWhole)? {
            Part::Table(table, form) => {
                end(&mut zip, open)?;
                zip.start_file(form.file(table), options)?;
                (open, n_rows) = (Some(form), 0);
                if form == Form::Json {
                    zip.write_all(b"[")?;
                }
            }
            Part::Rows(rows) => {
                let text = match open {
                    Some(Form::Csv) => csv(&rows, n_rows == 0),
                    _ => json(&rows, n_rows == 0),
                };
                let size = u64::try_from(text.len()).unwrap_or(u64::MAX);
                left = left.checked_sub(size).ok_or(ArchiveError::TooLarge)?;
                zip.write_all(text.as_bytes())?;
                n_rows += u64::try_from(rows.len()).unwrap_or(u64::MAX);
            }
            Part::End => {
                end(&mut zip, open)?;
                zip.finish()?.flush()?;
                return Ok(());
            }
        }
    }
}

fn end(zip: &mut impl Write, open: Option<Form>) -> io::Result<()> {
    match open {
        Some(Form::Json) => zip.write_all(b"\n]\n"),
        _ => Ok(()),
    }
}

/// The page that explains the rest.
pub(super) fn readme(at: Timestamp, all: &[Declared]) -> String {
    let mut text = format!(
        "Your data at WaddleBot\n======================\n\nPut together {at}. Times are UTC.\n\n\
         Every table is in json/ and, for spreadsheets, in csv/. An empty one says that nothing of you is in it.\n\
         Passwords, keys and tokens are left out: they are kept as hashes or sealed. What others wrote is left out.\n\n\
         In this file:\n"
    );
    for one in all {
        if matches!(one.handling, Handling::Exported { .. }) {
            text.push_str("- ");
            text.push_str(one.table);
            text.push('\n');
        }
    }
    text.push_str("\nNot in this file:\n");
    for one in all {
        if let Handling::LeftOut(reason) = one.handling {
            text.push_str("- ");
            text.push_str(one.table);
            text.push_str(": ");
            text.push_str(reason);
            text.push('\n');
        }
    }
    text
}

/// Objects of an array, one on a line.
fn json(rows: &[Map<String, Value>], is_first: bool) -> String {
    let mut text = String::new();
    for (n, row) in rows.iter().enumerate() {
        let border = if is_first && n == 0 { "\n" } else { ",\n" };
        text.push_str(border);
        text.push_str(&serde_json::to_string(row).unwrap_or_default());
    }
    text
}

/// RFC 4180, with the names of the columns first; what a spreadsheet would take for a formula is defused.
fn csv(rows: &[Map<String, Value>], is_first: bool) -> String {
    let mut text = String::new();
    let Some(first) = rows.first() else {
        return text;
    };
    if is_first {
        let header: Vec<String> = first.keys().map(|name| cell(name)).collect();
        text.push_str(&header.join(","));
        text.push_str("\r\n");
    }
    for row in rows {
        let cells: Vec<String> = row
            .values()
            .map(|value| match value {
                Value::Null => String::new(),
                Value::String(text) => cell(text),
                other => other.to_string(),
            })
            .collect();
        text.push_str(&cells.join(","));
        text.push_str("\r\n");
    }
    text
}

fn cell(text: &str) -> String {
    let is_formula = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let guard = if is_formula { "'" } else { "" };
    if is_formula || text.contains([',', '"', '\r', '\n']) {
        return format!("\"{guard}{}\"", text.replace('"', "\"\""));
    }
    text.to_owned()
}

#[cfg(test)]
mod tests {
    use std::io::{Cursor, Read};

    use super::*;

    fn row(n: u32) -> Map<String, Value> {
        let row = serde_json::json!({ "n": n, "text": "=1+1, \"hi\"\n" });
        row.as_object().unwrap().clone()
    }

    /// What is in the pipe at the end.
    fn written(
        parts: Vec<Part>,
        max_bytes: u64,
    ) -> (Result<(), ArchiveError>, io::Result<Vec<u8>>) {
        let (give, take) = mpsc::channel(16);
        for part in parts {
            give.blocking_send(part).unwrap();
        }
        drop(give);
        let (to, mut from) = mpsc::channel(1);
        let writer = std::thread::spawn(move || write(take, to, "read me", max_bytes));
        let mut all = Ok(Vec::new());
        while let Some(piece) = from.blocking_recv() {
            let so_far: &mut Vec<u8> = all.as_mut().expect("an error is the last thing");
            match piece {
                Ok(piece) => so_far.extend_from_slice(&piece),
                Err(error) => all = Err(error),
            }
        }
        (writer.join().unwrap(), all)
    }

    fn file(zip: &[u8], name: &str) -> String {
        let mut zip = zip::ZipArchive::new(Cursor::new(zip)).unwrap();
        let mut text = String::new();
        let mut file = zip.by_name(name).unwrap();
        file.read_to_string(&mut text).unwrap();
        text
    }

    #[test]
    fn rows_that_come_in_parts_are_one_file_of_each_form() {
        let mut parts = Vec::new();
        for form in Form::ALL {
            parts.push(Part::Table("message", form));
            parts.push(Part::Rows(vec![row(1), row(2)]));
            parts.push(Part::Rows(vec![row(3)]));
        }
        for form in Form::ALL {
            parts.push(Part::Table("session", form));
        }
        parts.push(Part::End);
        let (done, zip) = written(parts, 1_000);
        done.unwrap();
        let zip = zip.unwrap();
        let json: Value = serde_json::from_str(&file(&zip, "json/message.json")).unwrap();
        assert_eq!(json, serde_json::json!([row(1), row(2), row(3)]));
        let line = |n: u32| format!("{n},\"'=1+1, \"\"hi\"\"\n\"\r\n");
        let csv = ["n,text\r\n".to_owned(), line(1), line(2), line(3)].concat();
        assert_eq!(file(&zip, "csv/message.csv"), csv);
        let none: Value = serde_json::from_str(&file(&zip, "json/session.json")).unwrap();
        assert_eq!(none, serde_json::json!([]));
        assert_eq!(file(&zip, "csv/session.csv"), "");
        assert_eq!(file(&zip, "README.txt"), "read me");
    }

    #[test]
    fn a_file_that_is_not_whole_ends_with_an_error() {
        let begun = || vec![Part::Table("message", Form::Json), Part::Rows(vec![row(1)])];
        let (done, pipe) = written(begun(), 1_000);
        assert!(matches!(done, Err(ArchiveError::NotWhole)), "{done:?}");
        assert!(pipe.is_err());
        let mut large = begun();
        large.push(Part::End);
        let (done, pipe) = written(large, 10);
        assert!(matches!(done, Err(ArchiveError::TooLarge)), "{done:?}");
        assert!(pipe.is_err());
    }
}
