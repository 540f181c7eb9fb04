//! What the command line says to people: the one place that writes to standard output and error
//! (the log has its own writer).
use std::io::{IsTerminal, Write};

/// A line on standard output, written at once. Whoever reads it may stop reading (`waddlebot config
/// | head`, a supervisor that waits for one line): that is no reason to end a server.
pub(crate) fn say(line: impl AsRef<str>) {
    let _ = write_line(&mut std::io::stdout().lock(), line.as_ref());
}

/// The line and its end in one write, so that a reader that saw the line has seen all of it.
fn write_line(out: &mut impl Write, line: &str) -> std::io::Result<()> {
    out.write_all(format!("{line}\n").as_bytes())?;
    out.flush()
}

/// A line on standard error.
pub(crate) fn warn(line: impl AsRef<str>) {
    let _ = write_line(&mut std::io::stderr().lock(), line.as_ref());
}

/// An error with its causes, for people.
pub(crate) fn error(error: &anyhow::Error) {
    let mut lines = causes(error).into_iter();
    warn(format!("error: {}", lines.next().unwrap_or_default()));
    for cause in lines {
        warn(format!("  because {cause}"));
    }
}

/// What went wrong, outermost first. Libraries repeat their cause in their own text; what the line
/// before has said already is left out.
pub(crate) fn causes(error: &anyhow::Error) -> Vec<String> {
    let mut lines: Vec<String> = Vec::new();
    for cause in error.chain().map(ToString::to_string) {
        if !lines.last().is_some_and(|said| said.contains(&cause)) {
            lines.push(cause);
        }
    }
    lines
}

/// Whether a person is watching standard error.
pub(crate) fn watched() -> bool {
    std::io::stderr().is_terminal()
}

/// A number and what is counted: `1 file`, `2 files`.
pub(crate) fn plural(n: usize, noun: &str) -> String {
    let s = if n == 1 { "" } else { "s" };
    format!("{n} {noun}{s}")
}

/// A number with thousands separators: `1,234,567`.
pub(crate) fn grouped(n: u64) -> String {
    let digits = n.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

/// A size for people: `3.4 MB`.
pub(crate) fn bytes(n: u64) -> String {
    let mut whole = n;
    let mut tenths = 0;
    for unit in ["B", "KB", "MB", "GB"] {
        if whole < 1_000 {
            return if unit == "B" {
                format!("{whole} B")
            } else {
                format!("{whole}.{tenths} {unit}")
            };
        }
        tenths = whole % 1_000 / 100;
        whole /= 1_000;
    }
    format!("{whole}.{tenths} TB")
}

#[cfg(test)]
mod tests {
    use super::{bytes, causes, grouped, plural, write_line};

    /// A pipe whose reader has gone; counts what was tried.
    struct Closed(usize);

    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            self.0 += 1;
            Err(std::io::ErrorKind::BrokenPipe.into())
        }

        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_line_is_one_write_and_a_reader_that_left_is_an_error_not_a_panic() {
        let mut out = Vec::new();
        write_line(&mut out, "ready").unwrap();
        assert_eq!(out, b"ready\n");
        let mut closed = Closed(0);
        let error = write_line(&mut closed, "two\nlines").unwrap_err();
        assert_eq!(error.kind(), std::io::ErrorKind::BrokenPipe);
        assert_eq!(closed.0, 1);
    }

    #[test]
    fn a_cause_that_was_told_already_is_not_told_again() {
        let error = anyhow::anyhow!("no space")
            .context("Query Error: no space")
            .context("the disk is full");
        assert_eq!(
            causes(&error),
            ["the disk is full", "Query Error: no space"]
        );
    }

    #[test]
    fn one_thing_has_no_plural() {
        assert_eq!(
            [0, 1, 2].map(|n| plural(n, "file")),
            ["0 files", "1 file", "2 files"]
        );
    }

    #[test]
    fn numbers_are_grouped_and_sizes_rounded() {
        assert_eq!(
            [0, 999, 1_000, 1_234_567].map(grouped),
            ["0", "999", "1,000", "1,234,567"]
        );
        assert_eq!(
            [12, 3_400, 5_000_000].map(bytes),
            ["12 B", "3.4 KB", "5.0 MB"]
        );
    }
}
