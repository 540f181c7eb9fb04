//! Passkeys that come, go or look copied: their owner is told by mail.

use identity::{ClientInfo, IdentityError, NewSession, PasskeyAnswer};
use kernel::{Actor, Button, Draft, PasskeyId, SessionId};

use crate::{App, AppError};

impl App {
    /// Adds a passkey of one's own with the browser's answer, and tells the mailbox.
    pub async fn add_passkey(
        &self,
        actor: &Actor,
        session: SessionId,
        answer: PasskeyAnswer<'_>,
        name: &str,
    ) -> Result<(), AppError> {
        let added = self
            .identity
            .add_passkey(actor, session, answer, name)
            .await?;
        let body = format!(
            "The passkey «{}» was added to your account: whoever holds it can sign in as you. If that was not you, remove it now, change your password and tell an administrator.",
            added.name
        );
        self.tell_about_passkeys(added.tell.as_deref(), body).await;
        Ok(())
    }

    /// Removes a passkey of one's own and tells the mailbox. Needs a fresh session.
    pub async fn remove_passkey(
        &self,
        actor: &Actor,
        session: SessionId,
        id: PasskeyId,
    ) -> Result<(), AppError> {
        let removed = self.identity.remove_passkey(actor, session, id).await?;
        let body = format!(
            "The passkey «{}» was removed from your account: it does not sign you in any more. If that was not you, change your password now and tell an administrator.",
            removed.name
        );
        self.tell_about_passkeys(removed.tell.as_deref(), body)
            .await;
        Ok(())
    }

    /// Signs in whose passkey answered; tells the owner of one that looks copied.
    pub async fn finish_passkey_sign_in(
        &self,
        browser: &str,
        answer: PasskeyAnswer<'_>,
        client: &ClientInfo,
    ) -> Result<NewSession, AppError> {
        let done = self
            .identity
            .finish_passkey_sign_in(browser, answer, client)
            .await;
        self.warned(done).await
    }

    /// Finishes a sign-in with a passkey as the second factor; tells the owner of one that looks
    /// copied.
    pub async fn finish_passkey_second_factor(
        &self,
        awaited: &str,
        answer: PasskeyAnswer<'_>,
        client: &ClientInfo,
    ) -> Result<NewSession, AppError> {
        let done = self
            .identity
            .finish_passkey_second_factor(awaited, answer, client)
            .await;
        self.warned(done).await
    }

    /// Makes a session fresh again with a passkey; tells the owner of one that looks copied.
    pub async fn confirm_with_passkey(
        &self,
        actor: &Actor,
        session: SessionId,
        answer: PasskeyAnswer<'_>,
        client: &ClientInfo,
    ) -> Result<(), AppError> {
        let done = self
            .identity
            .confirm_with_passkey(actor, session, answer, client)
            .await;
        self.warned(done).await
    }

    async fn warned<T>(&self, done: Result<T, IdentityError>) -> Result<T, AppError> {
        if let Err(IdentityError::PasskeyCopied { name, tell }) = &done {
            let body = format!(
                "The passkey «{name}» was just refused: it says that it was used less often than it was, so somebody may have a copy of it. Sign in another way, remove it, and add a new one. Nobody was signed in."
            );
            let tell = tell.as_ref().map(|tell| tell.expose().as_str());
            self.tell_about_passkeys(tell, body).await;
        }
        Ok(done?)
    }

    async fn tell_about_passkeys(&self, address: Option<&str>, body: String) {
        let Some(address) = address else { return };
        let draft = Draft {
            title: Some("Your passkeys at WaddleBot".to_owned()),
            body,
            buttons: vec![Button::Link {
                label: "Your account".to_owned(),
                url: format!("{}/me/security", self.public_url),
            }],
            ..Draft::default()
        };
        self.notify(address, &draft).await;
    }
}
