//! Mails that prove an address: what they say, and that they are sent. Whoever asked for one without
//! being signed in is not kept waiting for it, so that neither words nor time tell whether the
//! address is known.

use std::sync::Arc;

use engines::{Mail, letter};
use identity::{ClientInfo, EmailLetter, EmailReason};
use kernel::{Actor, Button, Draft, Secret, SessionId};

use crate::{App, AppError};

impl App {
    /// Sends a code to an address that is to be the actor's, or to be verified.
    pub async fn send_email_code(
        &self,
        actor: &Actor,
        session: SessionId,
        password: Option<&Secret<String>>,
        address: &str,
    ) -> Result<(), AppError> {
        let letter = self
            .identity
            .begin_email(actor, session, password, address)
            .await?;
        let mail = self.write(&letter);
        self.mailer.send(&mail).await.map_err(AppError::NotSent)
    }

    /// Sends a link to set a new password, if somebody signs in with this address.
    pub async fn request_reset(&self, address: &str, client: &ClientInfo) -> Result<(), AppError> {
        let letter = self.identity.begin_reset(address, client).await?;
        self.send_later(letter);
        Ok(())
    }

    /// Sends a link to register with this address, if this instance lets people; somebody who is
    /// here already is told so by mail.
    pub async fn request_registration(
        &self,
        address: &str,
        client: &ClientInfo,
    ) -> Result<(), AppError> {
        let letter = self.identity.begin_registration(address, client).await?;
        self.send_later(letter);
        Ok(())
    }

    fn send_later(&self, letter: Option<EmailLetter>) {
        if let Some(letter) = letter {
            self.post_later(self.write(&letter));
        }
    }

    /// Sends in the background; who waits for it asks again if it does not come.
    fn post_later(&self, mail: Mail) {
        let mailer = Arc::clone(&self.mailer);
        tokio::spawn(async move {
            if let Err(error) = mailer.send(&mail).await {
                tracing::warn!(error = %error, "a mail that somebody waits for was not sent");
            }
        });
    }

    fn write(&self, letter: &EmailLetter) -> Mail {
        let address = |path: &str, token: &Secret<String>| {
            format!("{}/{path}?token={}", self.public_url, token.expose())
        };
        let draft = match &letter.reason {
            EmailReason::Verify { code, token } => Draft {
                title: Some("Your code for WaddleBot".to_owned()),
                body: format!(
                    "Type this code on the page that asked for it, within ten minutes:\n\n{}\n\nOr open the link within an hour. If you did not ask for this, do nothing: the address stays as it is.",
                    code.expose()
                ),
                buttons: vec![open("Verify the address", address("verify-email", token))],
                ..Draft::default()
            },
            EmailReason::Reset { token } => Draft {
                title: Some("A new password for WaddleBot".to_owned()),
                body: "Open the link within an hour to set a new password. Your browsers are signed out then, and your API keys end. If you did not ask for this, do nothing: your password stays as it is.".to_owned(),
                buttons: vec![open("Set a new password", address("reset", token))],
                ..Draft::default()
            },
            EmailReason::Register { token } => Draft {
                title: Some("Welcome to WaddleBot".to_owned()),
                body: "Open the link within an hour to choose your name and password. If you did not ask for this, do nothing: there is no account then.".to_owned(),
                buttons: vec![open("Register", address("register/finish", token))],
                ..Draft::default()
            },
            EmailReason::Known => Draft {
                title: Some("You have an account at WaddleBot".to_owned()),
                body: "Somebody wanted to use this address, which is yours here already; nothing was changed. If that was you, sign in with it, or set a new password.".to_owned(),
                buttons: vec![
                    open("Sign in", format!("{}/login", self.public_url)),
                    open("Set a new password", format!("{}/forgot", self.public_url)),
                ],
                ..Draft::default()
            },
        };
        mail(&letter.to, &draft)
    }
}

fn open(label: &str, url: String) -> Button {
    Button::Link {
        label: label.to_owned(),
        url,
    }
}

pub(crate) fn mail(to: &str, draft: &Draft) -> Mail {
    let letter = letter(draft);
    Mail {
        to: to.to_owned(),
        subject: letter.subject,
        text: letter.text,
        html: Some(letter.html),
    }
}
