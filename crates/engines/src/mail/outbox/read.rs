//! Reads a mail of the outbox back, for people to see. Must never read more of a file than a mail
//! of ours can have.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use mailparse::{MailHeaderMap, ParsedMail};

use super::name::{OutboxId, file_name};
use crate::mail::message::MAX_BODY_BYTES;

/// Text and HTML, each at most three times as long when encoded, and the headers.
const MAX_FILE_BYTES: usize = 2 * 3 * MAX_BODY_BYTES + 64 * 1024;

/// A line of the outbox list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboxEntry {
    /// Which mail.
    pub id: OutboxId,
    /// The receiver.
    pub to: String,
    /// The subject.
    pub subject: String,
}

/// A mail that was read back.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct OutboxMail {
    /// Which mail; also says when it was sent.
    pub id: OutboxId,
    /// The sender.
    pub from: String,
    /// The receiver.
    pub to: String,
    /// The subject.
    pub subject: String,
    /// The text, its lines ending in `\n`.
    pub text: String,
    /// The HTML, if the mail has one. Not to be shown in a page of ours as it is.
    pub html: Option<String>,
}

/// Reads one mail; `None` if there is none.
pub(super) fn mail(directory: &Path, id: OutboxId) -> io::Result<Option<OutboxMail>> {
    let file = match File::open(directory.join(file_name(id))) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let limit = u64::try_from(MAX_FILE_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    let parsed = mailparse::parse_mail(&bytes).map_err(io::Error::other)?;
    let header = |name| parsed.headers.get_first_value(name).unwrap_or_default();
    Ok(Some(OutboxMail {
        id,
        from: header("From"),
        to: header("To"),
        subject: header("Subject"),
        text: body(&parsed, "text/plain").unwrap_or_default(),
        html: body(&parsed, "text/html"),
    }))
}

fn body(mail: &ParsedMail<'_>, mime: &str) -> Option<String> {
    let part = mail
        .parts()
        .find(|part| part.ctype.mimetype == mime && part.subparts.is_empty())?;
    Some(part.get_body().ok()?.replace("\r\n", "\n"))
}
