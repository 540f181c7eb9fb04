//! Cuts a JSON document into the elements of one array without reading it as a whole: knows only
//! strings, brackets and commas. Whether an element is valid JSON is decided by whoever parses it.

use std::io;

use memchr::memchr2;

use super::{input::Bytes, lines::fill, reject::EXCERPT_BYTES};

/// The longest object key that is looked at; longer ones are passed over.
const KEY_BYTES_MAX: usize = 1_024;

/// Why no further element can be given.
#[derive(Debug)]
pub(super) enum ScanError {
    /// The source failed.
    Io(io::Error),
    /// The source ended inside the document.
    CutOff,
    /// The document is built differently.
    Structure { offset: u64, what: &'static str },
}

/// An element that was found.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub(super) enum Element {
    /// All of it is in the buffer.
    Whole,
    /// It has this many bytes; only its beginning is in the buffer.
    TooLong(u64),
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum State {
    Before,
    Inside,
    After,
}

/// The elements of one array of a document, in order.
pub(super) struct Elements {
    scanner: Scanner,
    /// The key of the array in the top-level object; `None` if the document is the array.
    key: Option<&'static str>,
    limit: usize,
    state: State,
}

impl Elements {
    /// The document itself is the array.
    pub(super) fn of_document(input: Bytes, limit: usize) -> Self {
        Self::new(input, None, limit)
    }

    /// The document is an object; the array is under `key`.
    pub(super) fn under(input: Bytes, key: &'static str, limit: usize) -> Self {
        Self::new(input, Some(key), limit)
    }

    fn new(input: Bytes, key: Option<&'static str>, limit: usize) -> Self {
        Self {
            scanner: Scanner { input, offset: 0 },
            key,
            limit,
            state: State::Before,
        }
    }

    /// Reads the next element into `buffer`, replacing its content; `None` after the last. After
    /// an error there is nothing more.
    pub(super) fn next(&mut self, buffer: &mut Vec<u8>) -> Result<Option<Element>, ScanError> {
        let found = self.step(Some(buffer));
        if !matches!(found, Ok(Some(_))) {
            self.state = State::After;
        }
        found
    }

    /// Passes over one element; `false` after the last.
    pub(super) fn skip(&mut self) -> Result<bool, ScanError> {
        let found = self.step(None);
        if !matches!(found, Ok(Some(_))) {
            self.state = State::After;
        }
        Ok(found?.is_some())
    }

    fn step(&mut self, buffer: Option<&mut Vec<u8>>) -> Result<Option<Element>, ScanError> {
        match self.state {
            State::After => return Ok(None),
            State::Before => {
                self.find_array()?;
                self.state = State::Inside;
                if self.scanner.token()? == b']' {
                    return self.scanner.drain();
                }
            }
            State::Inside => match self.scanner.token()? {
                b']' => return self.scanner.drain(),
                b',' => self.scanner.advance(1),
                _ => return Err(self.scanner.wrong("no `,` or `]` after an element")),
            },
        }
        self.scanner.token()?;
        self.scanner.value(buffer, self.limit).map(Some)
    }

    fn find_array(&mut self) -> Result<(), ScanError> {
        let Some(key) = self.key else {
            return self.scanner.expect(b'[', "no JSON array");
        };
        let mut name = Vec::new();
        let mut keys = Keys::default();
        while keys.next(&mut self.scanner, &mut name)? {
            if name == key.as_bytes() {
                return self.scanner.expect(b'[', "something that is not a list");
            }
            self.scanner.token()?;
            self.scanner.value(None, self.limit)?;
        }
        Err(self
            .scanner
            .wrong("the end of an object without its list of messages"))
    }
}

/// Reads the values under `keys` of a top-level object. Stops before the list under `list` as soon
/// as the first key is known; if it comes later in the document, passes over the list to find it.
/// A value beyond the limit counts as absent.
pub(super) fn headers<const N: usize>(
    input: Bytes,
    keys: [&str; N],
    list: &str,
    limit: usize,
) -> Result<[Option<Vec<u8>>; N], ScanError> {
    let mut found = [const { None }; N];
    let mut scanner = Scanner { input, offset: 0 };
    let mut walk = Keys::default();
    let mut name = Vec::new();
    while walk.next(&mut scanner, &mut name)? {
        if name == list.as_bytes() && found.first().is_some_and(Option::is_some) {
            break;
        }
        scanner.token()?;
        let slot = keys
            .iter()
            .position(|key| name == key.as_bytes())
            .and_then(|at| found.get_mut(at));
        match slot {
            None => {
                scanner.value(None, limit)?;
            }
            Some(slot) => {
                let mut value = Vec::new();
                if scanner.value(Some(&mut value), limit)? == Element::Whole {
                    *slot = Some(value);
                }
            }
        }
        if found.iter().all(Option::is_some) {
            break;
        }
    }
    Ok(found)
}

/// The keys of a top-level object whose beginning is `head`; ends where the head does.
pub(super) fn keys_of_head(head: Vec<u8>) -> Vec<String> {
    let mut scanner = Scanner {
        input: Box::new(io::Cursor::new(head)),
        offset: 0,
    };
    let mut walk = Keys::default();
    let mut names = Vec::new();
    let mut name = Vec::new();
    while let Ok(true) = walk.next(&mut scanner, &mut name) {
        names.push(String::from_utf8_lossy(&name).into_owned());
        if scanner.token().is_err() || scanner.value(None, 0).is_err() {
            break;
        }
    }
    names
}

/// Walks the keys of the top-level object; the caller consumes each value.
#[derive(Default)]
struct Keys {
    begun: bool,
}

impl Keys {
    /// Reads the next key into `name` and stands before its value; `false` at the closing brace.
    fn next(&mut self, scanner: &mut Scanner, name: &mut Vec<u8>) -> Result<bool, ScanError> {
        if self.begun {
            match scanner.token()? {
                b'}' => return Ok(false),
                b',' => scanner.advance(1),
                _ => return Err(scanner.wrong("no `,` or `}` after a value")),
            }
        } else {
            scanner.expect(b'{', "no JSON object")?;
            self.begun = true;
            if scanner.token()? == b'}' {
                return Ok(false);
            }
        }
        if scanner.token()? != b'"' {
            return Err(scanner.wrong("no key where one is due"));
        }
        let mut raw = Vec::new();
        name.clear();
        if scanner.value(Some(&mut raw), KEY_BYTES_MAX)? == Element::Whole {
            // A key with a bad escape is nobody's key; its value is passed over.
            let key: String = serde_json::from_slice(&raw).unwrap_or_default();
            name.extend_from_slice(key.as_bytes());
        }
        scanner.expect(b':', "no `:` after a key")?;
        Ok(true)
    }
}

struct Scanner {
    input: Bytes,
    offset: u64,
}

impl Scanner {
    fn wrong(&self, what: &'static str) -> ScanError {
        ScanError::Structure {
            offset: self.offset,
            what,
        }
    }

    fn advance(&mut self, bytes: usize) {
        self.input.consume(bytes);
        self.offset = self
            .offset
            .saturating_add(u64::try_from(bytes).unwrap_or(u64::MAX));
    }

    /// Passes over white space (and a byte order mark at the beginning) and looks at the next byte.
    fn token(&mut self) -> Result<u8, ScanError> {
        loop {
            let at_start = self.offset < 3;
            let chunk = fill(&mut self.input).map_err(ScanError::Io)?;
            if chunk.is_empty() {
                return Err(ScanError::CutOff);
            }
            let blank = chunk
                .iter()
                .take_while(|byte| {
                    byte.is_ascii_whitespace() || (at_start && matches!(byte, 0xef | 0xbb | 0xbf))
                })
                .count();
            let next = chunk.get(blank).copied();
            self.advance(blank);
            if let Some(byte) = next {
                return Ok(byte);
            }
        }
    }

    /// Reads to the end of the source without looking: checksums are at the end, and a source that
    /// is cut off there must not pass for a whole one.
    fn drain(&mut self) -> Result<Option<Element>, ScanError> {
        loop {
            let rest = fill(&mut self.input).map_err(ScanError::Io)?.len();
            if rest == 0 {
                return Ok(None);
            }
            self.advance(rest);
        }
    }

    fn expect(&mut self, byte: u8, otherwise: &'static str) -> Result<(), ScanError> {
        if self.token()? != byte {
            return Err(self.wrong(otherwise));
        }
        self.advance(1);
        Ok(())
    }

    /// Passes over one value, keeping it in `buffer` if it is within the limit. Stands on its first
    /// byte before and behind its last byte after.
    fn value(
        &mut self,
        mut buffer: Option<&mut Vec<u8>>,
        limit: usize,
    ) -> Result<Element, ScanError> {
        if let Some(buffer) = &mut buffer {
            buffer.clear();
        }
        let mut shape = Shape::default();
        let mut length = 0_u64;
        let mut too_long = false;
        loop {
            let chunk = fill(&mut self.input).map_err(ScanError::Io)?;
            if chunk.is_empty() {
                return Err(ScanError::CutOff);
            }
            let (used, done) = shape.take(chunk);
            let part = chunk.get(..used).unwrap_or_default();
            length = length.saturating_add(u64::try_from(used).unwrap_or(u64::MAX));
            if let Some(buffer) = &mut buffer
                && !too_long
            {
                too_long = buffer.len().saturating_add(used) > limit;
                let room = if too_long {
                    EXCERPT_BYTES.saturating_sub(buffer.len())
                } else {
                    used
                };
                buffer.extend_from_slice(part.get(..room).unwrap_or(part));
                if too_long {
                    buffer.truncate(EXCERPT_BYTES);
                }
            }
            self.advance(used);
            if done {
                break;
            }
        }
        if length == 0 {
            return Err(self.wrong("no value where one is due"));
        }
        Ok(if too_long {
            Element::TooLong(length)
        } else {
            Element::Whole
        })
    }
}

/// Where a value ends: the state of the bytes seen so far.
#[derive(Default)]
struct Shape {
    depth: u64,
    in_string: bool,
    escaped: bool,
    begun: bool,
}

impl Shape {
    /// How many bytes of the chunk belong to the value, and whether it ends there.
    fn take(&mut self, chunk: &[u8]) -> (usize, bool) {
        let mut at = 0;
        while let Some(&byte) = chunk.get(at) {
            if self.in_string {
                if self.escaped {
                    self.escaped = false;
                    at += 1;
                    continue;
                }
                let rest = chunk.get(at..).unwrap_or_default();
                let Some(found) = memchr2(b'"', b'\\', rest) else {
                    return (chunk.len(), false);
                };
                at += found + 1;
                if rest.get(found) == Some(&b'\\') {
                    self.escaped = true;
                } else {
                    self.in_string = false;
                    if self.depth == 0 {
                        return (at, true);
                    }
                }
                continue;
            }
            match byte {
                b'"' => self.in_string = true,
                b'{' | b'[' => self.depth += 1,
                b'}' | b']' | b',' if self.depth == 0 => return (at, true),
                b'}' | b']' => {
                    self.depth -= 1;
                    if self.depth == 0 {
                        return (at + 1, true);
                    }
                }
                _ if self.depth == 0 && self.begun && byte.is_ascii_whitespace() => {
                    return (at, true);
                }
                _ => {}
            }
            self.begun = true;
            at += 1;
        }
        (chunk.len(), false)
    }
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::{Element, Elements, ScanError, headers, keys_of_head};
    use crate::format::input::Bytes;

    fn input(text: &str, capacity: usize) -> Bytes {
        let bytes = std::io::Cursor::new(text.as_bytes().to_vec());
        Box::new(BufReader::with_capacity(capacity, bytes))
    }

    fn all(mut elements: Elements) -> (Vec<String>, Option<ScanError>) {
        let (mut found, mut buffer) = (Vec::new(), Vec::new());
        loop {
            match elements.next(&mut buffer) {
                Ok(None) => return (found, None),
                Ok(Some(Element::Whole)) => {
                    found.push(String::from_utf8(buffer.clone()).unwrap());
                }
                Ok(Some(Element::TooLong(n))) => found.push(format!("too long: {n}")),
                Err(error) => return (found, Some(error)),
            }
        }
    }

    #[test]
    fn elements_are_the_same_however_the_bytes_arrive() {
        let text = "\u{feff} [ {\"a\":[1,2,{\"b\":\"]}\\\"\\\\\"}]} , \"x,y\",12 ,null,[] ,{}]";
        for capacity in [1, 2, 3, 5, 8, 1_000] {
            let (found, error) = all(Elements::of_document(input(text, capacity), 100));
            assert_eq!(
                found,
                [
                    "{\"a\":[1,2,{\"b\":\"]}\\\"\\\\\"}]}",
                    "\"x,y\"",
                    "12",
                    "null",
                    "[]",
                    "{}"
                ]
            );
            assert!(error.is_none());
        }
    }

    #[test]
    fn the_array_is_found_under_its_key_at_the_top_only() {
        let text = r#"{"x":{"messages":[9]},"e\u0061":1,"messages":[1,2],"after":[3]}"#;
        let (found, error) = all(Elements::under(input(text, 4), "messages", 100));
        assert_eq!(found, ["1", "2"]);
        assert!(error.is_none());
        let (_, error) = all(Elements::under(input("{\"x\":1}", 4), "messages", 100));
        assert!(matches!(
            error,
            Some(ScanError::Structure { offset: 6, .. })
        ));
    }

    #[test]
    fn what_comes_before_a_cut_is_given() {
        let (found, error) = all(Elements::of_document(input("[1,{\"a\":2},{\"a\":", 4), 100));
        assert_eq!(found, ["1", "{\"a\":2}"]);
        assert!(matches!(error, Some(ScanError::CutOff)));
    }

    #[test]
    fn an_element_beyond_the_limit_is_measured() {
        let text = format!("[\"{}\",2]", "x".repeat(3_000));
        let (found, error) = all(Elements::of_document(input(&text, 100), 50));
        assert_eq!(found, ["too long: 3002", "2"]);
        assert!(error.is_none());
    }

    #[test]
    fn nonsense_between_elements_is_an_error_not_a_loop() {
        for text in ["[,1]", "[1 2]", "[1,,2]", "[1}", "{}", "", "[", "[1,]", "7"] {
            let (_, error) = all(Elements::of_document(input(text, 4), 100));
            assert!(error.is_some(), "{text}");
        }
    }

    #[test]
    fn headers_are_found_before_or_behind_the_list() {
        for text in [
            r#"{"guild":{"id":1},"channel":{"id":2},"messages":[{"guild":7}]}"#,
            r#"{"messages":[{"guild":7}],"channel":{"id":2},"guild":{"id":1}}"#,
        ] {
            let found = headers(input(text, 5), ["guild", "channel"], "messages", 100).unwrap();
            assert_eq!(
                found,
                [Some(b"{\"id\":1}".to_vec()), Some(b"{\"id\":2}".to_vec())]
            );
        }
    }

    #[test]
    fn the_keys_of_a_head_are_those_before_the_cut() {
        let head = br#"{"guild":{"id":1},"messages":[{"id":"#.to_vec();
        assert_eq!(keys_of_head(head), ["guild", "messages"]);
        assert!(keys_of_head(b"[1]".to_vec()).is_empty());
    }
}
