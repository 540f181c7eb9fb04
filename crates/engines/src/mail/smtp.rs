//! Mail through an SMTP server.
//!
//! Must never send a password over a connection that is not encrypted, this machine excepted.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use kernel::{Clock, Secret};
use lettre::message::Mailbox;
use lettre::transport::smtp::{Error, PoolConfig};
use lettre::{AsyncSmtpTransport, AsyncTransport, Tokio1Executor};
use url::Url;

use super::message::{compose, sender};
use super::{Mail, MailError, Mailer};

/// How long the server may take for one step of the conversation.
const STEP_TIMEOUT: Duration = Duration::from_secs(20);
/// How many connections are open at once; a further mail waits for one.
const MAX_CONNECTIONS: u32 = 4;
/// How long an unused connection stays open.
const IDLE: Duration = Duration::from_secs(30);

/// Sends through one SMTP server, over at most four connections. Is opened and dropped within a
/// tokio runtime, which closes idle connections.
pub struct SmtpMailer {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    clock: Arc<dyn Clock>,
    n_composed: AtomicU64,
}

impl SmtpMailer {
    /// Opens a mailer for a server's address. Does not connect yet, see [`Mailer::health`].
    ///
    /// - `smtps://user:password@host` (port 465): encrypted from the start; the best choice.
    /// - `smtp://user:password@host?tls=required` (port 587): encrypted by STARTTLS.
    /// - `smtp://host` (port 25): not encrypted; with a password only to this machine.
    ///
    /// `tls=opportunistic` is refused together with a password, because anybody on the way can
    /// turn it off. Special characters in user and password are percent-encoded.
    pub fn open(
        address: &Secret<String>,
        from: &str,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, MailError> {
        let address = address.expose();
        let builder = AsyncSmtpTransport::<Tokio1Executor>::from_url(address)
            .map_err(MailError::BadAddress)?;
        if tells_password(address) {
            return Err(MailError::BadConfig(
                "the mail server's address has a password but no encryption; use smtps:// or add ?tls=required",
            ));
        }
        let from = sender(from)?;
        let pool = PoolConfig::new()
            .max_size(MAX_CONNECTIONS)
            .idle_timeout(IDLE);
        Ok(Self {
            transport: builder
                .timeout(Some(STEP_TIMEOUT))
                .pool_config(pool)
                .build(),
            from,
            clock,
            n_composed: AtomicU64::new(0),
        })
    }
}

/// Whether a password would travel readable to another machine.
fn tells_password(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else {
        return false;
    };
    let encrypted = url.scheme() == "smtps"
        || url
            .query_pairs()
            .any(|(key, value)| key == "tls" && value == "required");
    let here = matches!(url.host_str(), Some("localhost" | "127.0.0.1" | "[::1]"));
    url.password().is_some() && !encrypted && !here
}

#[async_trait]
impl Mailer for SmtpMailer {
    async fn send(&self, mail: &Mail) -> Result<(), MailError> {
        let n = self.n_composed.fetch_add(1, Ordering::Relaxed);
        let message = compose(&self.from, mail, self.clock.now(), n)?;
        self.transport.send(message).await.map_err(judge)?;
        Ok(())
    }

    async fn health(&self) -> Result<(), MailError> {
        match self.transport.test_connection().await {
            Ok(true) => Ok(()),
            Ok(false) => Err(MailError::NoAnswer),
            Err(error) => Err(MailError::Unavailable(error)),
        }
    }

    fn name(&self) -> &'static str {
        "smtp"
    }
}

/// Whether the server speaks about this mail or about itself. 530 to 538 concern our password: an
/// operator puts that right, and the mail must not be lost meanwhile. 521 and 554 to a greeting look
/// like a refusal of the mail, and are taken as one.
fn judge(error: Error) -> MailError {
    match error.status().map(u16::from) {
        Some(code @ (500..=529 | 539..=599)) => MailError::Rejected {
            code,
            source: error,
        },
        _ => MailError::Unavailable(error),
    }
}
