//! Taking a second factor away, and telling its owner by mail.

use kernel::{Actor, Button, Draft, SessionId};

use crate::{App, AppError};

impl App {
    /// Switches one's own second factor off and tells the mailbox. Needs a fresh session.
    pub async fn disable_totp(&self, actor: &Actor, session: SessionId) -> Result<(), AppError> {
        let told = self.identity.disable_totp(actor, session).await?;
        self.tell_mailbox(
            told,
            "The second factor of your account was switched off. If that was not you, change your password now and switch it on again.",
        )
        .await;
        Ok(())
    }

    /// Takes the second factor and the passkeys of somebody away who lost them, and tells their
    /// mailbox. For instance administrators.
    pub async fn reset_second_factor(&self, actor: &Actor, email: &str) -> Result<(), AppError> {
        let told = self.identity.reset_second_factor(actor, email).await?;
        self.tell_mailbox(
            told,
            "An administrator took the second factor and the passkeys of your account away and signed your browsers out. If you did not ask for that, talk to them.",
        )
        .await;
        Ok(())
    }

    /// Waits, because the command line ends when this is done.
    async fn tell_mailbox(&self, address: Option<String>, body: &str) {
        let Some(address) = address else { return };
        let draft = Draft {
            title: Some("Your second factor at WaddleBot".to_owned()),
            body: body.to_owned(),
            buttons: vec![Button::Link {
                label: "Your account".to_owned(),
                url: format!("{}/me/security", self.public_url),
            }],
            ..Draft::default()
        };
        self.notify(&address, &draft).await;
    }
}
