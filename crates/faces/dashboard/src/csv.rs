//! Writes tables as CSV: RFC 4180, UTF-8, CRLF. A text cell that a spreadsheet would take for a
//! formula is defused; must never be handed text that is already escaped.

use axum::{
    http::{HeaderValue, header},
    response::{IntoResponse, Response},
};

/// One cell: numbers are written bare, text is quoted and defused where needed.
#[derive(Clone, Debug)]
pub(crate) enum Cell {
    /// Anything a person may have typed.
    Text(String),
    /// A whole number.
    Count(u64),
    /// A number with an explicit sign.
    Signed(i64),
}

impl From<&str> for Cell {
    fn from(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

impl From<String> for Cell {
    fn from(text: String) -> Self {
        Self::Text(text)
    }
}

impl From<u64> for Cell {
    fn from(n: u64) -> Self {
        Self::Count(n)
    }
}

impl From<i64> for Cell {
    fn from(n: i64) -> Self {
        Self::Signed(n)
    }
}

/// A table being written.
#[derive(Debug)]
pub(crate) struct Csv {
    text: String,
}

impl Csv {
    /// Starts with the header row.
    pub(crate) fn new<'a>(header: impl IntoIterator<Item = &'a str>) -> Self {
        let mut csv = Self {
            text: String::new(),
        };
        csv.row(header.into_iter().map(Cell::from));
        csv
    }

    /// Adds a row.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = Cell>) {
        for (i, cell) in cells.into_iter().enumerate() {
            if i > 0 {
                self.text.push(',');
            }
            match cell {
                Cell::Text(text) => self.push_text(&text),
                Cell::Count(n) => self.text.push_str(&n.to_string()),
                Cell::Signed(n) => self.text.push_str(&n.to_string()),
            }
        }
        self.text.push_str("\r\n");
    }

    fn push_text(&mut self, text: &str) {
        // OWASP "CSV Injection": these first characters start a formula or shift the cell.
        let defused = text.starts_with(['=', '+', '-', '@', '\t', '\r']);
        let quoted = defused || text.contains(['"', ',', '\n', '\r']);
        if !quoted {
            self.text.push_str(text);
            return;
        }
        self.text.push('"');
        if defused {
            self.text.push('\'');
        }
        self.text.push_str(&text.replace('"', "\"\""));
        self.text.push('"');
    }

    /// The finished text.
    #[cfg(test)]
    pub(crate) fn into_text(self) -> String {
        self.text
    }

    /// The table as a download. `name` is the file's name without `.csv`; characters other than
    /// ASCII letters, digits, `-` and `_` become `-`.
    pub(crate) fn download(self, name: &str) -> Response {
        let name: String = name
            .chars()
            .map(|c| {
                if c.is_ascii_alphanumeric() || c == '-' || c == '_' {
                    c
                } else {
                    '-'
                }
            })
            .collect();
        let disposition = HeaderValue::try_from(format!("attachment; filename=\"{name}.csv\""))
            .unwrap_or(HeaderValue::from_static("attachment"));
        let kind = HeaderValue::from_static("text/csv; charset=utf-8; header=present");
        (
            [
                (header::CONTENT_TYPE, kind),
                (header::CONTENT_DISPOSITION, disposition),
            ],
            self.text,
        )
            .into_response()
    }
}

#[cfg(test)]
mod tests {
    use super::{Cell, Csv};

    fn cell(text: &str) -> String {
        let mut csv = Csv::new([]);
        csv.row([Cell::from(text)]);
        csv.into_text()
    }

    #[test]
    fn plain_text_stays_plain_and_the_rest_is_quoted() {
        assert_eq!(cell("duck"), "\r\nduck\r\n");
        assert_eq!(cell("a,b"), "\r\n\"a,b\"\r\n");
        assert_eq!(cell("say \"quack\""), "\r\n\"say \"\"quack\"\"\"\r\n");
        assert_eq!(cell("two\nlines"), "\r\n\"two\nlines\"\r\n");
    }

    #[test]
    fn what_a_spreadsheet_would_run_is_defused() {
        for text in [
            "=1+1",
            "+1",
            "-1",
            "@sum",
            "\tx",
            "\rx",
            "=cmd|' /C calc'!A0",
        ] {
            let written = cell(text);
            assert!(written.starts_with("\r\n\"'"), "{written:?}");
        }
    }

    #[test]
    fn numbers_are_not_text() {
        let mut csv = Csv::new(["day", "messages", "amount"]);
        csv.row(["2026-11-23".into(), 12_u64.into(), (-4_i64).into()]);
        assert_eq!(
            csv.into_text(),
            "day,messages,amount\r\n2026-11-23,12,-4\r\n"
        );
    }

    #[test]
    fn the_file_name_cannot_break_out_of_its_header() {
        let response = Csv::new(["a"]).download("ducks\"\r\nx: é");
        assert_eq!(
            response.headers()["content-disposition"],
            "attachment; filename=\"ducks---x---.csv\""
        );
    }
}
