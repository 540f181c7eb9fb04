//! Logs of irssi, WeeChat and ZNC: one text file per channel, or per channel and day. The log says
//! neither its channel nor its time zone; both come from the file name and the options.
//!
//! Must never: invent a date, or give the same line two ids.

mod irssi;
mod line;
mod place;
mod text;
mod weechat;
mod znc;

use std::collections::HashMap;

use kernel::{
    Account, ChatEvent, Day, EventKind, Origin, Platform, Source, Timestamp,
    event::{Message, Moderation, ModerationAction},
};

use self::line::{Entry, Parsed};
use super::{
    Encoding, Fatal, InputFile, OpenError, Options, Position, ReadError, Reader, Record,
    RejectReason, Rejected, Unit,
    input::{self, Consumed},
    lines::{Line, Lines},
    reject::{excerpt, fatal},
    time::local,
    validate,
};

/// How many different lines of one moment are remembered to tell repetitions apart. More than
/// that many in one minute of one channel is no conversation.
const ORDINALS_MAX: usize = 65_536;

pub(super) fn open(
    input: &InputFile,
    options: &Options,
) -> Result<Box<dyn Reader + Send>, OpenError> {
    let consumed = Consumed::default();
    let bytes = input::open(&input.path, &consumed).map_err(|source| OpenError::Io {
        path: input.path.clone(),
        source,
    })?;
    let mut place = place::of(&input.path);
    if let Some(channel) = &options.channel {
        place.channel.clone_from(channel);
    }
    if let Some(server) = &options.server {
        place.server.clone_from(server);
    }
    if place.channel.is_empty() {
        return Err(OpenError::NotThisFormat {
            path: input.path.clone(),
            format: input.format,
            what: "its name does not tell the channel".to_owned(),
        });
    }
    Ok(Box::new(Irc {
        lines: Lines::new(bytes, options.limits.record_bytes_max),
        origin: Origin {
            server: place.server.to_lowercase(),
            channel: place.channel.to_lowercase(),
            channel_name: place.channel,
        },
        day: place.day,
        ordinals: Ordinals::default(),
        options: options.clone(),
        name: input.path.display().to_string(),
        buffer: Vec::new(),
        ignored: 0,
        consumed,
        total_bytes: input.bytes,
        ended: false,
    }))
}

/// Whether a line is one of the known logs; for recognising a file.
pub(super) fn is_line(line: &str) -> bool {
    line::parse(line).is_some()
}

struct Irc {
    lines: Lines,
    origin: Origin,
    /// The date of lines that only have a time.
    day: Option<Day>,
    ordinals: Ordinals,
    options: Options,
    name: String,
    buffer: Vec<u8>,
    ignored: u64,
    consumed: Consumed,
    total_bytes: u64,
    ended: bool,
}

impl Irc {
    /// The event of the line in the buffer; `None` if it carries nothing to import.
    fn event(&mut self) -> Result<Option<ChatEvent>, RejectReason> {
        let text = match std::str::from_utf8(&self.buffer) {
            Ok(text) => text.to_owned(),
            Err(error) => match self.options.encoding {
                Encoding::Utf8 => {
                    return Err(RejectReason::InvalidUtf8 {
                        offset: u64::try_from(error.valid_up_to()).unwrap_or(u64::MAX),
                    });
                }
                Encoding::Latin1Fallback => self.buffer.iter().copied().map(char::from).collect(),
            },
        };
        let Parsed { stamp, entry } = line::parse(&text).ok_or(RejectReason::UnknownLine)?;
        if let Entry::Day(words) = entry {
            let day = line::english_day(words);
            self.day = Some(day.ok_or_else(|| {
                RejectReason::value("date", words, "a date like `Sat Nov 27 2004`")
            })?);
            return Ok(None);
        }
        if matches!(entry, Entry::Nothing) {
            return Ok(None);
        }
        let stamp = stamp.ok_or(RejectReason::UnknownLine)?;
        let day = stamp.day.or(self.day).ok_or(RejectReason::NoDate)?;
        let sent_at = local(day, stamp.secs_of_day, self.options.utc_offset_secs);
        let Some((nick, kind)) = kind(entry) else {
            return Ok(None);
        };
        let mut event = ChatEvent {
            platform: Platform::Irc,
            event_id: self.ordinals.id(&self.origin, sent_at, nick, &kind),
            origin: self.origin.clone(),
            account: Account {
                standing: None,
                platform_user_id: nick.to_lowercase(),
                username: nick.to_owned(),
                created_at: None,
                is_bot: false,
            },
            sent_at,
            source: Source::Import,
            kind,
        };
        validate::check(&mut event, &self.options)?;
        Ok(Some(event))
    }

    fn rejected(&self, reason: RejectReason) -> ReadError {
        Rejected {
            place: None,
            unit: Unit::Line,
            number: self.lines.number,
            column: match reason {
                RejectReason::InvalidUtf8 { offset } => Some(offset.saturating_add(1)),
                _ => None,
            },
            reason,
            excerpt: excerpt(&self.buffer),
        }
        .into()
    }

    /// One line: an event, nothing (`Ok(None)`), or why not.
    fn line(&mut self, line: Line) -> Result<Option<ChatEvent>, RejectReason> {
        match line {
            Line::TooLong(bytes) => Err(RejectReason::TooLong {
                unit: Unit::Line,
                bytes,
                limit: u64::try_from(self.options.limits.record_bytes_max).unwrap_or(u64::MAX),
            }),
            Line::Whole if self.buffer.trim_ascii().is_empty() => Ok(None),
            Line::Whole => self.event(),
        }
    }
}

impl Reader for Irc {
    fn next(&mut self) -> Option<Result<Record, ReadError>> {
        while !self.ended {
            match self.lines.next(&mut self.buffer) {
                Ok(None) => self.ended = true,
                Ok(Some(line)) => match self.line(line) {
                    Ok(None) => self.ignored += 1,
                    Ok(Some(event)) => {
                        return Some(Ok(Record {
                            community: None,
                            event,
                            position: self.position(),
                        }));
                    }
                    Err(reason) => return Some(Err(self.rejected(reason))),
                },
                Err(error) => {
                    self.ended = true;
                    return Some(Err(fatal(&self.name, error).into()));
                }
            }
        }
        None
    }

    /// Reads the lines it passes over: the dates they set and the repetitions they contain decide
    /// about the lines that follow.
    fn skip_to(&mut self, records: u64) -> Result<(), Fatal> {
        while !self.ended && self.lines.number < records {
            match self.lines.next(&mut self.buffer) {
                Ok(None) => self.ended = true,
                // Rejected lines were reported when they were first read.
                Ok(Some(line)) => drop(self.line(line)),
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
        self.ignored
    }
}

/// Who it is about and what happened; `None` if it is nothing to import.
fn kind(entry: Entry<'_>) -> Option<(&str, EventKind)> {
    match entry {
        Entry::Said { nick, text } => Some((
            nick,
            EventKind::Message(Message {
                text: text::plain(text),
                ..Message::default()
            }),
        )),
        Entry::Joined { nick } => Some((nick, EventKind::Join)),
        Entry::Kicked { nick, by, reason } => Some((
            nick,
            moderation(ModerationAction::Kick, by, text::plain(reason)),
        )),
        Entry::Banned { mask, by } => Some((
            line::nick_of_mask(mask)?,
            moderation(ModerationAction::Ban, by, String::new()),
        )),
        Entry::Day(_) | Entry::Nothing => None,
    }
}

fn moderation(action: ModerationAction, by: &str, reason: String) -> EventKind {
    EventKind::Moderation(Moderation {
        action,
        moderator: Some(by.to_lowercase()).filter(|by| !by.is_empty()),
        reason,
        duration_secs: None,
    })
}

/// Makes ids from content: the same line of the same log always gets the same id, wherever the log
/// was cut, and the second of two equal lines in one moment gets another.
#[derive(Default)]
struct Ordinals {
    moment: Timestamp,
    seen: HashMap<[u8; 16], u32>,
}

impl Ordinals {
    fn id(&mut self, origin: &Origin, at: Timestamp, nick: &str, kind: &EventKind) -> String {
        if at != self.moment || self.seen.len() >= ORDINALS_MAX {
            self.moment = at;
            self.seen.clear();
        }
        let mut hasher = blake3::Hasher::new();
        let detail = match kind {
            EventKind::Message(message) => message.text.as_str(),
            EventKind::Moderation(moderation) => moderation.reason.as_str(),
            _ => "",
        };
        let tag = kind.tag().as_str();
        for part in [&origin.server, &origin.channel, tag, nick, detail] {
            hasher.update(part.as_bytes());
            hasher.update(&[0]);
        }
        hasher.update(&at.0.to_le_bytes());
        let mut short = [0; 16];
        hasher.finalize_xof().fill(&mut short);
        let ordinal = self.seen.entry(short).or_insert(0);
        let hex = kernel::random::hex(&short);
        let id = match *ordinal {
            0 => hex,
            n => format!("{hex}-{n}"),
        };
        *ordinal = ordinal.saturating_add(1);
        id
    }
}

#[cfg(test)]
mod tests;
