//! What the command line says to people: the one place that writes to standard output and error
//! (the log has its own writer).
#![expect(
    clippy::disallowed_macros,
    reason = "the console module is where people are spoken to"
)]

use std::io::IsTerminal;

/// A line on standard output.
pub(crate) fn say(line: impl AsRef<str>) {
    println!("{}", line.as_ref());
}

/// A line on standard error.
pub(crate) fn warn(line: impl AsRef<str>) {
    eprintln!("{}", line.as_ref());
}

/// An error with its causes, for people.
pub(crate) fn error(error: &anyhow::Error) {
    eprintln!("error: {error}");
    for cause in error.chain().skip(1) {
        eprintln!("  because {cause}");
    }
}

/// Whether a person is watching standard error.
pub(crate) fn watched() -> bool {
    std::io::stderr().is_terminal()
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
    use super::{bytes, grouped};

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
