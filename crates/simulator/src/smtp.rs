//! A mail server for tests and the demo: takes every mail, delivers none, keeps them for inspection,
//! and fails on demand. RFC 5321 as far as a client that delivers needs it, with 8BITMIME
//! (RFC 6152), SMTPUTF8 (RFC 6531) and SIZE (RFC 1870); no TLS, no password.
//!
//! Must never pass a mail on.

mod talk;

use std::{
    collections::VecDeque,
    net::SocketAddr,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use serde::{Deserialize, Serialize};
use tokio::{net::TcpListener, sync::Notify};
use tokio_util::task::AbortOnDropHandle;

/// Mails kept; older ones go.
const MAILS_MAX: usize = 10_000;
/// The largest mail that is taken, in bytes.
pub const MAIL_BYTES_MAX: usize = 4 * 1024 * 1024;

/// A mail as it came.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct KeptMail {
    /// The sender of the envelope.
    pub from: String,
    /// The receivers of the envelope.
    pub to: Vec<String>,
    /// The message, dots undone, lines ending in CR LF.
    pub data: Vec<u8>,
}

impl KeptMail {
    /// The message as text; what is not UTF-8 is replaced.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.data).into_owned()
    }
}

/// What goes wrong.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SmtpFault {
    /// This answer instead of the usual one; nothing is done.
    Reply {
        /// 400 to 599.
        code: u16,
        /// What is said.
        text: String,
    },
    /// The connection is broken without an answer.
    Drop,
    /// The connection is broken after the command was carried out: for `DATA`, after the mail was
    /// kept.
    DropAfter,
}

/// When.
#[derive(Clone, PartialEq, Eq, Debug, Serialize, Deserialize)]
pub struct SmtpRule {
    /// `CONNECT`, `EHLO`, `MAIL`, `RCPT`, `DATA` (the command), `BODY` (after the lonely dot), `RSET`,
    /// `QUIT`, `NOOP`.
    pub verb: String,
    /// A part of the command's line; empty = any.
    #[serde(default)]
    pub contains: String,
    /// How often.
    pub times: u32,
    /// What happens.
    pub fault: SmtpFault,
}

#[derive(Default)]
struct Shared {
    mails: Mutex<VecDeque<KeptMail>>,
    commands: Mutex<VecDeque<String>>,
    rules: Mutex<Vec<SmtpRule>>,
    changed: Notify,
}

impl Shared {
    fn keep(&self, mail: KeptMail) {
        let mut mails = self.mails.lock().unwrap_or_else(PoisonError::into_inner);
        if mails.len() == MAILS_MAX {
            mails.pop_front();
        }
        mails.push_back(mail);
        drop(mails);
        self.changed.notify_waiters();
    }

    fn note(&self, command: &str) {
        let mut commands = self.commands.lock().unwrap_or_else(PoisonError::into_inner);
        if commands.len() == MAILS_MAX {
            commands.pop_front();
        }
        commands.push_back(command.to_owned());
    }

    fn fault(&self, verb: &str, line: &str) -> Option<SmtpFault> {
        let mut rules = self.rules.lock().unwrap_or_else(PoisonError::into_inner);
        let at = rules.iter().position(|rule| {
            rule.times > 0 && rule.verb.eq_ignore_ascii_case(verb) && line.contains(&rule.contains)
        })?;
        let rule = rules.get_mut(at)?;
        rule.times -= 1;
        let fault = rule.fault.clone();
        if rule.times == 0 {
            rules.remove(at);
        }
        Some(fault)
    }
}

/// A running mail server. Dropping it ends it at once.
pub struct SmtpServer {
    address: SocketAddr,
    shared: Arc<Shared>,
    _task: AbortOnDropHandle<()>,
}

impl std::fmt::Debug for SmtpServer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SmtpServer")
            .field("address", &self.address)
            .finish_non_exhaustive()
    }
}

impl SmtpServer {
    /// Listens on loopback; port 0 takes a free one.
    ///
    /// # Errors
    /// If the port is taken.
    pub async fn start(port: u16) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", port)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared::default());
        let task = tokio::spawn(talk::accept(listener, Arc::clone(&shared)));
        Ok(Self {
            address,
            shared,
            _task: AbortOnDropHandle::new(task),
        })
    }

    /// `smtp://127.0.0.1:4711`
    pub fn url(&self) -> String {
        format!("smtp://{}", self.address)
    }

    /// The mails, oldest first.
    pub fn mails(&self) -> Vec<KeptMail> {
        let mails = self
            .shared
            .mails
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        mails.iter().cloned().collect()
    }

    /// The commands that came, oldest first.
    pub fn commands(&self) -> Vec<String> {
        let commands = self
            .shared
            .commands
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        commands.iter().cloned().collect()
    }

    /// Adds a fault; the first that fits is used.
    pub fn fail(&self, rule: SmtpRule) {
        self.shared
            .rules
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .push(rule);
    }

    /// Waits until the mails fulfil a condition, at most so long; answers whether they do.
    pub async fn wait_for(&self, is_so: impl Fn(&[KeptMail]) -> bool, timeout: Duration) -> bool {
        let waiting = async {
            loop {
                let mut changed = std::pin::pin!(self.shared.changed.notified());
                changed.as_mut().enable();
                if is_so(&self.mails()) {
                    return;
                }
                changed.await;
            }
        };
        tokio::time::timeout(timeout, waiting).await.is_ok()
    }
}

#[cfg(test)]
mod tests;
