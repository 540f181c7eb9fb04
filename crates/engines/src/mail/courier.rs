//! Carries orders by mail. A mail that was sent is sent, never known as arrived; it cannot be
//! changed or taken back.
//!
//! Must never put an address or a text into an error.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Act, Address, CarryError, Courier, Haste, Medium, Order, Receipt, Turn};

use super::{Mail, MailError, Mailer, letter};

/// Carries orders through a [`Mailer`].
pub struct MailCourier {
    mailer: Arc<dyn Mailer>,
}

impl std::fmt::Debug for MailCourier {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailCourier")
            .field("mailer", &self.mailer.name())
            .finish()
    }
}

impl MailCourier {
    /// A courier that hands its mails to this engine.
    pub fn new(mailer: Arc<dyn Mailer>) -> Self {
        Self { mailer }
    }
}

/// The receiver, if this is an order that mail can carry.
fn receiver(order: &Order) -> Result<&str, CarryError> {
    let refused = |why: &str| Err(CarryError::Refused(why.to_owned()));
    match (&order.address, &order.act) {
        _ if order.medium != Medium::Email => refused("the order is not for mail"),
        (Address::Mailbox { .. }, Act::Edit { .. } | Act::Delete { .. }) => {
            refused("a mail cannot be changed or taken back")
        }
        (Address::Mailbox { .. }, _) if order.draft.is_empty() => {
            refused("there is nothing to say")
        }
        (Address::Mailbox { to }, Act::Post | Act::Announce) => Ok(to),
        _ => refused("mail goes to mail addresses only"),
    }
}

#[async_trait]
impl Courier for MailCourier {
    fn medium(&self) -> Medium {
        Medium::Email
    }

    /// The mail server limits us by its answers, not by numbers we know.
    fn turn(&self, order: &Order, _haste: Haste) -> Result<Turn, CarryError> {
        receiver(order).map(|_to| Turn::Now)
    }

    fn leave(&self, _order: &Order) {}

    fn knows_nonces(&self, _order: &Order) -> bool {
        false
    }

    async fn carry(&self, order: &Order) -> Result<Receipt, CarryError> {
        let to = receiver(order)?.to_owned();
        let letter = letter::letter(&order.draft);
        let mail = Mail {
            to,
            subject: letter.subject,
            text: letter.text,
            html: Some(letter.html),
        };
        match self.mailer.send(&mail).await {
            Ok(()) => Ok(Receipt {
                message_id: None,
                is_confirmed: false,
                was_cut: letter.was_cut,
            }),
            Err(error) => Err(judge(&error)),
        }
    }
}

fn judge(error: &MailError) -> CarryError {
    // This layer's sentence only: what the server said may repeat the address.
    let why = error.to_string();
    if error.is_permanent() {
        CarryError::Refused(why)
    } else if error.may_have_been_taken() {
        CarryError::Unknown(why)
    } else {
        CarryError::Unavailable(why)
    }
}

#[cfg(test)]
mod tests;
