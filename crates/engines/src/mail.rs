//! Mail: sign-in links, reports and warnings go out through an SMTP server, or into an outbox
//! directory that the dashboard shows.
//!
//! Sends one mail when asked, and says whether trying again can help; must never retry or queue by
//! itself (the job queue does), and never show an address or a text in a log.

mod courier;
mod letter;
mod message;
mod outbox;
mod smtp;

use std::fmt;

use async_trait::async_trait;

pub use self::courier::MailCourier;
pub use self::letter::{Letter, letter};
pub use self::message::{MAX_ADDRESS_BYTES, MAX_BODY_BYTES, MAX_SUBJECT_BYTES};
pub use self::outbox::{NotAnOutboxId, OutboxEntry, OutboxId, OutboxMail, OutboxMailer};
pub use self::smtp::SmtpMailer;

/// A mail to one person. `Debug` shows sizes only.
#[derive(Clone, PartialEq, Eq, Default)]
pub struct Mail {
    /// The receiver: `ann@example.org` or `Ann <ann@example.org>`; one, at most
    /// [`MAX_ADDRESS_BYTES`].
    pub to: String,
    /// The subject: one line, at most [`MAX_SUBJECT_BYTES`].
    pub subject: String,
    /// The text, which every mail has; at most [`MAX_BODY_BYTES`].
    pub text: String,
    /// The same as HTML, if there is one; at most [`MAX_BODY_BYTES`].
    pub html: Option<String>,
}

impl fmt::Debug for Mail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Mail")
            .field("text_bytes", &self.text.len())
            .field("html_bytes", &self.html.as_ref().map(String::len))
            .finish_non_exhaustive()
    }
}

/// Sends mail.
#[async_trait]
pub trait Mailer: Send + Sync {
    /// Hands one mail over; when this returns `Ok` it is the engine's. After an error it may still
    /// have been taken (the connection broke just then), so a second try may send it twice; the
    /// error says whether a second try makes sense ([`MailError::is_permanent`]).
    async fn send(&self, mail: &Mail) -> Result<(), MailError>;

    /// Whether mail can be handed over right now.
    async fn health(&self) -> Result<(), MailError>;

    /// The engine's name for logs and metrics.
    fn name(&self) -> &'static str;
}

/// Why a mail was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The mail breaks a rule; which one. Permanent.
    #[error("the mail {0}")]
    Malformed(&'static str),
    /// The server refuses this mail for good (5xx). Permanent.
    #[error("the mail server refuses the mail for good (code {code})")]
    Rejected {
        /// The server's reply code, 500 to 599.
        code: u16,
        /// What it said.
        #[source]
        source: lettre::transport::smtp::Error,
    },
    /// The server cannot be reached, is busy (4xx) or does not accept our password. Transient:
    /// the mail is good, and will be taken when the server or its configuration is put right.
    #[error("the mail server does not take mail now")]
    Unavailable(#[source] lettre::transport::smtp::Error),
    /// The mail server did not greet us as one. Transient.
    #[error("the mail server does not answer as one")]
    NoAnswer,
    /// The outbox directory cannot be written or read. Transient: full disk, rights.
    #[error("the outbox directory does not work")]
    Outbox(#[source] std::io::Error),
    /// The configuration is wrong; how to put it right. Only from `open`.
    #[error("{0}")]
    BadConfig(&'static str),
    /// The server's address is wrong. Only from `open`.
    #[error(
        "the mail server's address is not like smtps://user:password@host or smtp://host:587?tls=required"
    )]
    BadAddress(#[source] lettre::transport::smtp::Error),
}

impl MailError {
    /// Whether sending the same mail again is pointless.
    pub const fn is_permanent(&self) -> bool {
        match self {
            Self::Malformed(_)
            | Self::Rejected { .. }
            | Self::BadConfig(_)
            | Self::BadAddress(_) => true,
            Self::Unavailable(_) | Self::NoAnswer | Self::Outbox(_) => false,
        }
    }

    /// Whether the mail may be on its way all the same: the connection broke while it was handed
    /// over, so that sending it again may send it twice.
    pub fn may_have_been_taken(&self) -> bool {
        let Self::Unavailable(error) = self else {
            return false;
        };
        // lettre names the kinds of its errors in what it prints only: a connection that was never
        // made begins with «Connection error».
        let was_connected = !error.to_string().starts_with("Connection error");
        error.status().is_none() && was_connected && !error.is_tls() && !error.is_client()
    }
}

#[cfg(test)]
mod tests;
