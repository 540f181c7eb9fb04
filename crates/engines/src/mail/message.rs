//! From a [`Mail`] to the bytes that travel, the same for both engines.
//!
//! Must never let text from outside reach a header with a line break in it, and takes neither the
//! clock nor randomness from the machine.

use std::time::{Duration, UNIX_EPOCH};

use kernel::Timestamp;
use lettre::Message;
use lettre::message::header::{ContentType, MIME_VERSION_1_0};
use lettre::message::{Mailbox, MultiPart, SinglePart};
use sha2::{Digest, Sha256};

use super::{Mail, MailError};

/// The longest receiver, display name included, in bytes.
pub const MAX_ADDRESS_BYTES: usize = 320;
/// The longest subject, in bytes.
pub const MAX_SUBJECT_BYTES: usize = 500;
/// The longest text and the longest HTML, in bytes each.
pub const MAX_BODY_BYTES: usize = 1024 * 1024;

/// Reads the sender's address from the configuration.
pub(super) fn sender(from: &str) -> Result<Mailbox, MailError> {
    mailbox(from).ok_or(MailError::BadConfig(
        "the sender's address of mails is not like `WaddleBot <bot@example.org>`",
    ))
}

fn mailbox(text: &str) -> Option<Mailbox> {
    let plain = text.len() <= MAX_ADDRESS_BYTES && !text.chars().any(char::is_control);
    if plain { text.parse().ok() } else { None }
}

/// Builds the message. `n` tells apart mails of the same instant.
pub(super) fn compose(
    from: &Mailbox,
    mail: &Mail,
    at: Timestamp,
    n: u64,
) -> Result<Message, MailError> {
    let to = mailbox(&mail.to).ok_or(MailError::Malformed(
        "has a receiver that is not one mail address",
    ))?;
    if mail.subject.len() > MAX_SUBJECT_BYTES || mail.subject.chars().any(char::is_control) {
        return Err(MailError::Malformed(
            "has a subject of more than one line or 500 bytes",
        ));
    }
    let html_bytes = mail.html.as_ref().map_or(0, String::len);
    if mail.text.len() > MAX_BODY_BYTES || html_bytes > MAX_BODY_BYTES {
        return Err(MailError::Malformed("has a text of more than 1 MiB"));
    }
    let id = identity(mail, at, n);
    let since_epoch = Duration::from_micros(u64::try_from(at.0).unwrap_or(0));
    let builder = Message::builder()
        .from(from.clone())
        .to(to)
        .subject(mail.subject.as_str())
        .date(UNIX_EPOCH + since_epoch)
        .message_id(Some(format!("<{id}@{}>", from.email.domain())));
    let built = match &mail.html {
        // Not a single part: that would add an empty line to the text.
        None => builder
            .header(MIME_VERSION_1_0)
            .header(ContentType::TEXT_PLAIN)
            .body(mail.text.clone()),
        Some(html) => builder.multipart(
            MultiPart::alternative()
                // Depends on the text, so no text can contain it.
                .boundary(id)
                .singlepart(SinglePart::plain(mail.text.clone()))
                .singlepart(
                    SinglePart::builder()
                        .header(ContentType::TEXT_HTML)
                        .body(html.clone()),
                ),
        ),
    };
    built.map_err(|_why| MailError::Malformed("cannot be put into a message"))
}

fn identity(mail: &Mail, at: Timestamp, n: u64) -> String {
    let mut hash = Sha256::new();
    for part in [
        mail.to.as_str(),
        &mail.subject,
        &mail.text,
        mail.html.as_deref().unwrap_or_default(),
    ] {
        hash.update(part.len().to_le_bytes());
        hash.update(part);
    }
    hash.update(at.0.to_le_bytes());
    hash.update(n.to_le_bytes());
    let digest: [u8; 32] = hash.finalize().into();
    kernel::random::hex(&digest)
}
