//! The reader of every format that is JSON arrays: one file with one array (DiscordChatExporter,
//! TwitchDownloader) or many files (Slack). The [`Shape`] of a format says how an element becomes
//! events; this file does the counting, the limits and the reporting.

use std::collections::VecDeque;

use kernel::ChatEvent;
use serde::de::DeserializeOwned;

use super::{
    Fatal, InputFile, Limits, OpenError, Options, Position, ReadError, Reader, Record,
    RejectReason, Rejected, Unit,
    elements::{self, Element, Elements, ScanError},
    input::{self, Bytes, Consumed},
    reject::{excerpt, fatal},
    validate,
};

/// What is particular to a format.
pub(super) trait Shape: Send {
    /// Opens the next file of the input.
    fn next_part(&mut self) -> Result<Part, Fatal>;

    /// Turns one element into events; none if it carries nothing to import.
    fn parse(&mut self, json: &str, events: &mut Vec<ChatEvent>) -> Result<(), RejectReason>;

    /// Files that were passed over on purpose; they count as ignored.
    fn ignored_parts(&self) -> u64 {
        0
    }
}

/// What [`Shape::next_part`] found.
pub(super) enum Part {
    /// A file with elements.
    File {
        elements: Elements,
        /// Its name inside the export; `None` if it is the whole input. A broken file among
        /// others is reported and passed over; a broken whole input ends the reader.
        place: Option<String>,
    },
    /// Something that is not imported, counted as one record.
    Rejected { place: String, reason: RejectReason },
    /// There are no more.
    End,
}

/// How [`Documents::advance`] treats what it meets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Mode {
    Report,
    PassOver,
}

/// The reader.
pub(super) struct Documents<S> {
    shape: S,
    options: Options,
    /// The input's name in messages.
    name: String,
    current: Option<Current>,
    buffer: Vec<u8>,
    events: Vec<ChatEvent>,
    pending: VecDeque<Result<Record, ReadError>>,
    /// Records taken from the input, including the one whose events are pending.
    taken: u64,
    ignored: u64,
    consumed: Consumed,
    total_bytes: u64,
    ended: bool,
}

struct Current {
    elements: Elements,
    place: Option<String>,
    number: u64,
}

impl<S: Shape> Documents<S> {
    pub(super) fn new(
        shape: S,
        options: &Options,
        name: String,
        consumed: Consumed,
        total_bytes: u64,
    ) -> Self {
        Self {
            shape,
            options: options.clone(),
            name,
            current: None,
            buffer: Vec::new(),
            events: Vec::new(),
            pending: VecDeque::new(),
            taken: 0,
            ignored: 0,
            consumed,
            total_bytes,
            ended: false,
        }
    }

    /// Takes one record (or opens the next file); sets `ended` when there is nothing more.
    fn advance(&mut self, mode: Mode) -> Result<(), Fatal> {
        let Some(current) = &mut self.current else {
            match self.shape.next_part()? {
                Part::End => self.ended = true,
                Part::File { elements, place } => {
                    self.current = Some(Current {
                        elements,
                        place,
                        number: 0,
                    });
                }
                Part::Rejected { place, reason } => {
                    self.taken += 1;
                    let rejected = Rejected {
                        place: Some(place),
                        unit: Unit::Record,
                        number: 1,
                        column: None,
                        reason,
                        excerpt: String::new(),
                    };
                    self.report(mode, rejected);
                }
            }
            return Ok(());
        };
        let found = match mode {
            Mode::Report => current.elements.next(&mut self.buffer),
            Mode::PassOver => current
                .elements
                .skip()
                .map(|any| any.then_some(Element::Whole)),
        };
        match found {
            Ok(None) => self.current = None,
            Ok(Some(element)) => {
                current.number += 1;
                self.taken += 1;
                if mode == Mode::Report {
                    self.take(element);
                }
            }
            Err(error) => {
                let number = current.number + 1;
                let place = current.place.take();
                self.current = None;
                return self.broken(mode, error, number, place);
            }
        }
        Ok(())
    }

    /// A file that cannot be read on.
    fn broken(
        &mut self,
        mode: Mode,
        error: ScanError,
        number: u64,
        place: Option<String>,
    ) -> Result<(), Fatal> {
        let name = self.name.clone();
        let (error, place) = match (error, place) {
            (ScanError::Io(source), None) => return Err(fatal(&name, source)),
            (ScanError::Io(source), Some(place)) => {
                return Err(fatal(&format!("{name}/{place}"), source));
            }
            (ScanError::CutOff, None) => {
                return Err(Fatal::CutOff {
                    place: name,
                    number,
                });
            }
            (ScanError::Structure { offset, what }, None) => {
                return Err(Fatal::Structure {
                    place: name,
                    what,
                    offset,
                });
            }
            (ScanError::CutOff, Some(place)) => ("it ends too early".to_owned(), place),
            (ScanError::Structure { offset, what }, Some(place)) => {
                (format!("{what} at byte {offset}"), place)
            }
        };
        self.taken += 1;
        let rejected = Rejected {
            place: Some(place),
            unit: Unit::Record,
            number,
            column: None,
            reason: RejectReason::BrokenFile { what: error },
            excerpt: String::new(),
        };
        self.report(mode, rejected);
        Ok(())
    }

    fn report(&mut self, mode: Mode, rejected: Rejected) {
        if mode == Mode::Report {
            self.pending.push_back(Err(rejected.into()));
        }
    }

    /// Turns the element in the buffer into pending events and rejections.
    fn take(&mut self, element: Element) {
        self.events.clear();
        let outcome = match element {
            Element::TooLong(bytes) => Err(RejectReason::TooLong {
                unit: Unit::Record,
                bytes,
                limit: limit(&self.options.limits),
            }),
            Element::Whole => match std::str::from_utf8(&self.buffer) {
                Ok(json) => self.shape.parse(json, &mut self.events),
                Err(error) => Err(RejectReason::InvalidUtf8 {
                    offset: u64::try_from(error.valid_up_to()).unwrap_or(u64::MAX),
                }),
            },
        };
        let mut pending = VecDeque::new();
        for mut event in self.events.drain(..) {
            pending.push_back(validate::check(&mut event, &self.options).map(|()| event));
        }
        if let Err(reason) = outcome {
            pending.push_back(Err(reason));
        } else if pending.is_empty() {
            self.ignored += 1;
        }
        let bytes = self.consumed.get();
        while let Some(outcome) = pending.pop_front() {
            let records = self.taken - u64::from(!pending.is_empty());
            let item = match outcome {
                Ok(event) => Ok(Record {
                    community: None,
                    event,
                    position: Position { records, bytes },
                }),
                Err(reason) => Err(self.rejected(reason).into()),
            };
            self.pending.push_back(item);
        }
    }

    fn rejected(&self, reason: RejectReason) -> Rejected {
        let current = self.current.as_ref();
        Rejected {
            place: current.and_then(|current| current.place.clone()),
            unit: Unit::Record,
            number: current.map_or(0, |current| current.number),
            column: None,
            reason,
            excerpt: excerpt(&self.buffer),
        }
    }
}

fn limit(limits: &Limits) -> u64 {
    u64::try_from(limits.record_bytes_max).unwrap_or(u64::MAX)
}

impl<S: Shape> Reader for Documents<S> {
    fn next(&mut self) -> Option<Result<Record, ReadError>> {
        loop {
            if let Some(item) = self.pending.pop_front() {
                return Some(item);
            }
            if self.ended {
                return None;
            }
            if let Err(fatal) = self.advance(Mode::Report) {
                self.ended = true;
                return Some(Err(fatal.into()));
            }
        }
    }

    fn skip_to(&mut self, records: u64) -> Result<(), Fatal> {
        if self.position().records < records {
            self.pending.clear();
        }
        while self.taken < records && !self.ended {
            if let Err(fatal) = self.advance(Mode::PassOver) {
                self.ended = true;
                return Err(fatal);
            }
        }
        Ok(())
    }

    fn position(&self) -> Position {
        Position {
            records: self.taken - u64::from(!self.pending.is_empty()),
            bytes: self.consumed.get(),
        }
    }

    fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    fn ignored(&self) -> u64 {
        self.ignored.saturating_add(self.shape.ignored_parts())
    }
}

/// Parses one element into a type. Errors carry no column: elements have many lines.
pub(super) fn element<'a, T: serde::Deserialize<'a>>(json: &'a str) -> Result<T, RejectReason> {
    RejectReason::unless_object(json)?;
    serde_json::from_str(json).map_err(|error| RejectReason::json(&error).0)
}

/// Opens the file of a format that is one file.
pub(super) fn open_file(input: &InputFile, consumed: &Consumed) -> Result<Bytes, OpenError> {
    input::open(&input.path, consumed).map_err(|source| OpenError::Io {
        path: input.path.clone(),
        source,
    })
}

/// Reads what a file says about itself outside its list; see [`elements::headers`].
pub(super) fn headers<const N: usize>(
    input: &InputFile,
    keys: [&str; N],
    list: &str,
    limit: usize,
) -> Result<[Option<Vec<u8>>; N], OpenError> {
    let bytes = open_file(input, &Consumed::default())?;
    elements::headers(bytes, keys, list, limit).map_err(|error| match error {
        ScanError::Io(source) => OpenError::Io {
            path: input.path.clone(),
            source,
        },
        ScanError::CutOff => not_this(input, format!("it ends before its list of {list}")),
        ScanError::Structure { offset, what } => {
            not_this(input, format!("it has {what} at byte {offset}"))
        }
    })
}

/// Parses a header that must be there.
pub(super) fn header<T: DeserializeOwned>(
    input: &InputFile,
    key: &str,
    value: Option<Vec<u8>>,
) -> Result<T, OpenError> {
    let value = value.ok_or_else(|| not_this(input, format!("it has no `{key}`")))?;
    serde_json::from_slice(&value)
        .map_err(|error| not_this(input, format!("`{key}` is unusable: {error}")))
}

fn not_this(input: &InputFile, what: String) -> OpenError {
    OpenError::NotThisFormat {
        path: input.path.clone(),
        format: input.format,
        what,
    }
}
