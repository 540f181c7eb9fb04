//! Our own format: one JSON object a line, optionally gzipped. `docs/reference/import-formats.md`
//! is its definition. The fastest reader, because large histories come this way.

mod render;
mod row;

pub use render::render;

use super::{
    Fatal, InputFile, OpenError, Options, Position, ReadError, Reader, Record, RejectReason,
    Rejected, Unit,
    input::{self, Consumed},
    lines::{Line, Lines},
    reject::{excerpt, fatal},
    validate,
};

pub(super) fn open(
    input: &InputFile,
    options: &Options,
) -> Result<Box<dyn Reader + Send>, OpenError> {
    let consumed = Consumed::default();
    let bytes = input::open(&input.path, &consumed).map_err(|source| OpenError::Io {
        path: input.path.clone(),
        source,
    })?;
    Ok(Box::new(Jsonl {
        lines: Lines::new(bytes, options.limits.record_bytes_max),
        options: options.clone(),
        name: input.path.display().to_string(),
        buffer: Vec::new(),
        consumed,
        total_bytes: input.bytes,
        ended: false,
    }))
}

struct Jsonl {
    lines: Lines,
    options: Options,
    name: String,
    buffer: Vec<u8>,
    consumed: Consumed,
    total_bytes: u64,
    ended: bool,
}

impl Jsonl {
    fn parse(&self) -> Result<Record, (RejectReason, Option<u64>)> {
        let line = std::str::from_utf8(&self.buffer).map_err(|error| {
            let offset = u64::try_from(error.valid_up_to()).unwrap_or(u64::MAX);
            let column = offset.saturating_add(1);
            (RejectReason::InvalidUtf8 { offset }, Some(column))
        })?;
        RejectReason::unless_object(line).map_err(|reason| (reason, None))?;
        let row: row::Row<'_> =
            serde_json::from_str(line).map_err(|error| RejectReason::json(&error))?;
        let (community, mut event) = row.event().map_err(|reason| (reason, None))?;
        let community = validate::community(community, &self.options.limits)
            .map_err(|reason| (reason, None))?;
        validate::check(&mut event, &self.options).map_err(|reason| (reason, None))?;
        Ok(Record {
            community,
            event,
            position: self.position(),
        })
    }

    fn rejected(&self, reason: RejectReason, column: Option<u64>) -> ReadError {
        Rejected {
            place: None,
            unit: Unit::Line,
            number: self.lines.number,
            column,
            reason,
            excerpt: excerpt(&self.buffer),
        }
        .into()
    }
}

impl Reader for Jsonl {
    fn next(&mut self) -> Option<Result<Record, ReadError>> {
        while !self.ended {
            match self.lines.next(&mut self.buffer) {
                Ok(None) => break,
                Ok(Some(Line::Whole)) if self.buffer.trim_ascii().is_empty() => {}
                Ok(Some(Line::Whole)) => {
                    return Some(
                        self.parse()
                            .map_err(|(reason, column)| self.rejected(reason, column)),
                    );
                }
                Ok(Some(Line::TooLong(bytes))) => {
                    let limit =
                        u64::try_from(self.options.limits.record_bytes_max).unwrap_or(u64::MAX);
                    let reason = RejectReason::TooLong {
                        unit: Unit::Line,
                        bytes,
                        limit,
                    };
                    return Some(Err(self.rejected(reason, None)));
                }
                Err(error) => {
                    self.ended = true;
                    return Some(Err(fatal(&self.name, error).into()));
                }
            }
        }
        self.ended = true;
        None
    }

    fn skip_to(&mut self, records: u64) -> Result<(), Fatal> {
        while !self.ended && self.lines.number < records {
            match self.lines.skip() {
                Ok(true) => {}
                Ok(false) => self.ended = true,
                Err(error) => {
                    self.ended = true;
                    return Err(fatal(&self.name, error));
                }
            }
        }
        Ok(())
    }

    fn position(&self) -> Position {
        Position {
            records: self.lines.number,
            bytes: self.consumed.get(),
        }
    }

    fn total_bytes(&self) -> u64 {
        self.total_bytes
    }

    fn ignored(&self) -> u64 {
        0
    }
}

#[cfg(test)]
mod tests;
