//! Lines of a file in bounded memory: a line beyond the limit is measured, not kept.

use std::io::{self, BufRead};

use memchr::memchr;

use super::{input::Bytes, reject::EXCERPT_BYTES};

const BOM: &[u8] = "\u{feff}".as_bytes();

/// Splits bytes into lines at `\n`, dropping one `\r` before it.
pub(super) struct Lines {
    input: Bytes,
    limit: usize,
    /// Lines given or passed over so far.
    pub(super) number: u64,
}

/// A line that was read.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Line {
    /// All of it is in the buffer.
    Whole,
    /// It has this many bytes; only its beginning is in the buffer.
    TooLong(u64),
}

impl Lines {
    pub(super) fn new(input: Bytes, limit: usize) -> Self {
        Self {
            input,
            limit,
            number: 0,
        }
    }

    /// Reads the next line into `buffer`, replacing its content; `None` at the end.
    pub(super) fn next(&mut self, buffer: &mut Vec<u8>) -> io::Result<Option<Line>> {
        buffer.clear();
        let mut length = 0_u64;
        let mut too_long = false;
        loop {
            let chunk = fill(&mut self.input)?;
            if chunk.is_empty() {
                if length == 0 {
                    return Ok(None);
                }
                break;
            }
            let end = memchr(b'\n', chunk);
            let part = chunk.get(..end.unwrap_or(chunk.len())).unwrap_or_default();
            length = length.saturating_add(u64::try_from(part.len()).unwrap_or(u64::MAX));
            // One byte more than the limit may be the `\r` that is dropped.
            if !too_long && buffer.len().saturating_add(part.len()) > self.limit.saturating_add(1) {
                too_long = true;
                let room = EXCERPT_BYTES.saturating_sub(buffer.len());
                buffer.extend_from_slice(part.get(..room).unwrap_or(part));
                buffer.truncate(EXCERPT_BYTES);
            } else if !too_long {
                buffer.extend_from_slice(part);
            }
            let used = part.len() + usize::from(end.is_some());
            self.input.consume(used);
            if end.is_some() {
                break;
            }
        }
        self.number += 1;
        if too_long {
            return Ok(Some(Line::TooLong(length)));
        }
        if buffer.last() == Some(&b'\r') {
            buffer.pop();
        }
        if self.number == 1 && buffer.starts_with(BOM) {
            buffer.drain(..BOM.len());
        }
        if buffer.len() > self.limit {
            buffer.truncate(EXCERPT_BYTES);
            return Ok(Some(Line::TooLong(length)));
        }
        Ok(Some(Line::Whole))
    }

    /// Passes over one line without keeping any of it; `false` at the end.
    pub(super) fn skip(&mut self) -> io::Result<bool> {
        let mut any = false;
        loop {
            let chunk = fill(&mut self.input)?;
            if chunk.is_empty() {
                self.number += u64::from(any);
                return Ok(any);
            }
            any = true;
            let end = memchr(b'\n', chunk);
            let used = end.map_or(chunk.len(), |end| end + 1);
            self.input.consume(used);
            if end.is_some() {
                self.number += 1;
                return Ok(true);
            }
        }
    }
}

/// `fill_buf` that goes on after an interruption by a signal.
pub(super) fn fill(input: &mut Bytes) -> io::Result<&[u8]> {
    loop {
        match input.fill_buf() {
            Ok(_) => break,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    // Asked again because the borrow of the first answer would outlive the loop.
    input.fill_buf()
}

#[cfg(test)]
mod tests {
    use std::io::{BufReader, Read};

    use super::{Line, Lines};

    fn lines(bytes: &'static [u8], capacity: usize, limit: usize) -> Vec<(Line, Vec<u8>)> {
        let mut lines = Lines::new(Box::new(BufReader::with_capacity(capacity, bytes)), limit);
        let mut found = Vec::new();
        let mut buffer = Vec::new();
        while let Some(line) = lines.next(&mut buffer).unwrap() {
            found.push((line, buffer.clone()));
        }
        found
    }

    #[test]
    fn lines_are_the_same_however_the_bytes_arrive() {
        for capacity in [1, 2, 3, 100] {
            assert_eq!(
                lines(b"\xef\xbb\xbfone\r\n\ntwo", capacity, 10),
                [
                    (Line::Whole, b"one".to_vec()),
                    (Line::Whole, b"".to_vec()),
                    (Line::Whole, b"two".to_vec())
                ]
            );
        }
    }

    #[test]
    fn the_limit_counts_neither_the_carriage_return_nor_the_newline() {
        assert_eq!(
            lines(b"12345\r\n123456\n", 4, 5),
            [
                (Line::Whole, b"12345".to_vec()),
                (Line::TooLong(6), b"123456".to_vec())
            ]
        );
    }

    #[test]
    fn a_huge_line_is_measured_and_only_its_beginning_kept() {
        let bytes = std::io::repeat(b'x').take(5_000_000).chain(&b"\nnext"[..]);
        let mut lines = Lines::new(Box::new(BufReader::new(bytes)), 1 << 20);
        let mut buffer = Vec::new();
        assert_eq!(
            lines.next(&mut buffer).unwrap(),
            Some(Line::TooLong(5_000_000))
        );
        assert_eq!(buffer.len(), super::EXCERPT_BYTES);
        assert!(buffer.capacity() <= 3 << 20);
        assert_eq!(lines.next(&mut buffer).unwrap(), Some(Line::Whole));
        assert_eq!((buffer.as_slice(), lines.number), (&b"next"[..], 2));
    }

    #[test]
    fn passing_over_counts_the_lines_that_reading_counts() {
        for text in [&b""[..], b"\n", b"a", b"a\n", b"a\n\nb", b"\n\n"] {
            let mut skipping = Lines::new(Box::new(text), 10);
            while skipping.skip().unwrap() {}
            assert_eq!(
                usize::try_from(skipping.number).unwrap(),
                lines(text, 100, 10).len()
            );
        }
    }
}
