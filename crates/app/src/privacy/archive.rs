//! The file of an export: for each table one JSON and one CSV, and a page that explains them.

use std::io::{Cursor, Write};

use kernel::Timestamp;
use serde_json::{Map, Value};
use store::personal::{Declared, Handling};
use zip::{CompressionMethod, ZipWriter, result::ZipError, write::SimpleFileOptions};

/// A file being put together.
pub(super) struct Archive {
    at: Timestamp,
    files: Vec<(String, Vec<u8>)>,
    size: usize,
}

impl Archive {
    pub(super) const fn new(at: Timestamp) -> Self {
        Self {
            at,
            files: Vec::new(),
            size: 0,
        }
    }

    /// The size so far, before it is packed.
    pub(super) const fn size(&self) -> usize {
        self.size
    }

    fn add(&mut self, name: String, bytes: Vec<u8>) {
        self.size = self.size.saturating_add(bytes.len());
        self.files.push((name, bytes));
    }

    /// Adds the rows of a table in both forms.
    pub(super) fn table(&mut self, name: &str, rows: &[Map<String, Value>]) {
        let json = serde_json::to_vec_pretty(rows).unwrap_or_default();
        self.add(format!("json/{name}.json"), json);
        self.add(format!("csv/{name}.csv"), csv(rows).into_bytes());
    }

    /// Adds the page that explains the rest.
    pub(super) fn readme(&mut self, all: &[Declared]) {
        let mut text = format!(
            "Your data at WaddleBot\n======================\n\nPut together {}. Times are UTC.\n\n\
             Every table is in json/ and, for spreadsheets, in csv/. An empty one says that nothing of you is in it.\n\
             Passwords, keys and tokens are left out: they are kept as hashes or sealed. What others wrote is left out.\n\n\
             In this file:\n",
            self.at
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
        self.add("README.txt".to_owned(), text.into_bytes());
    }

    /// The whole as a ZIP. Takes as long as packing takes: not for a thread that serves.
    pub(super) fn pack(self) -> Result<Vec<u8>, ZipError> {
        let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
        let level = i64::from(flate2::Compression::default().level());
        let options = SimpleFileOptions::default()
            .compression_method(CompressionMethod::Deflated)
            .compression_level(Some(level));
        for (name, bytes) in self.files {
            zip.start_file(name, options)?;
            zip.write_all(&bytes)?;
        }
        Ok(zip.finish()?.into_inner())
    }
}

/// RFC 4180; what a spreadsheet would take for a formula is defused.
fn csv(rows: &[Map<String, Value>]) -> String {
    let mut text = String::new();
    let Some(first) = rows.first() else {
        return text;
    };
    let header: Vec<String> = first.keys().map(|name| cell(name)).collect();
    text.push_str(&header.join(","));
    text.push_str("\r\n");
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
    use super::*;

    #[test]
    fn a_spreadsheet_runs_nothing_and_reads_everything() {
        let row = serde_json::json!({ "a": "=1+1", "b": "say \"hi\", you\n", "c": null, "d": 7 });
        let rows = [row.as_object().unwrap().clone()];
        assert_eq!(
            csv(&rows),
            "a,b,c,d\r\n\"'=1+1\",\"say \"\"hi\"\", you\n\",,7\r\n"
        );
    }
}
