//! The words of the letters that tell people what happened to their account, and the job that sends
//! them.
//!
//! Must never put a code, a token, a key or a name that somebody else chose into one, or an address
//! into the log.

use std::sync::Arc;

use identity::{NOTICE_JOB, Notice};
use kernel::{Actor, Button, Draft, Platform};
use store::job::{Claimed, Handler, Outcome};

use crate::{App, AppError, email};

/// Sends one letter.
pub(crate) struct Notices(pub(crate) Arc<App>);

#[async_trait::async_trait]
impl Handler for Notices {
    fn kind(&self) -> &'static str {
        NOTICE_JOB
    }

    async fn run(&self, job: &Claimed) -> Outcome {
        let named = job.payload.get("notice");
        let Some(id) = named.and_then(serde_json::Value::as_i64) else {
            return Outcome::fail("the job names no notice");
        };
        match self.0.send_notice(job, id).await {
            Ok(()) => Outcome::Done,
            Err(AppError::NotSent(error)) => {
                Outcome::retry(format!("the mail was not taken: {error}"))
            }
            Err(error) => Outcome::retry(error.to_string()),
        }
    }
}

impl App {
    /// Sends a letter and ends its job in one unit of work: of two runs the second finds it sent.
    async fn send_notice(&self, job: &Claimed, id: i64) -> Result<(), AppError> {
        let Some(letter) = self.identity.notice_to_send(id).await? else {
            return Ok(());
        };
        let mail = email::mail(&letter.to, &self.draft(&letter.notice));
        self.mailer.send(&mail).await.map_err(AppError::NotSent)?;
        let who = Actor::System("notices");
        let work = self.db.begin(&who, self.clock.now()).await?;
        let mut work = work.reaching(store::Reach::Nothing);
        self.identity.notice_sent(&work, id).await?;
        match job.complete_in(&mut work).await {
            Ok(()) => Ok(work.commit().await?),
            Err(error) => Err(AppError::Conflict(error.to_string())),
        }
    }

    fn draft(&self, notice: &Notice) -> Draft {
        let (title, body, page) = words(notice, |provider| self.provider_label(provider));
        let button = Button::Link {
            label: if page.starts_with("/admin") {
                "The alerts"
            } else {
                "Your account"
            }
            .to_owned(),
            url: format!("{}{page}", self.public_url),
        };
        Draft {
            title: Some(title.to_owned()),
            body,
            buttons: vec![button],
            ..Draft::default()
        }
    }

    /// What people call a provider, also one that is not set up any more.
    fn provider_label(&self, key: &str) -> String {
        let found = self.providers.iter().find(|p| p.key() == key);
        let platform = Platform::ALL.into_iter().find(|p| p.as_str() == key);
        found
            .map(|provider| provider.label())
            .or_else(|| platform.map(Platform::label))
            .unwrap_or(key)
            .to_owned()
    }
}

/// Title, text and the page that leads further.
fn words(notice: &Notice, label: impl Fn(&str) -> String) -> (&'static str, String, &'static str) {
    match notice {
        Notice::MergeAsked => (
            "A merge with your WaddleBot account was asked for",
            "It was asked to make one person of your account and another one. Nothing moves before both sides have confirmed, and the request ends by itself after seven days. Look at it and confirm or reject it on the page «Merge». If you know nothing of it, reject it and tell an administrator.".to_owned(),
            "/me/merge",
        ),
        Notice::MergeKept(until) => (
            "Two WaddleBot accounts became one",
            format!(
                "Another account was merged into yours: its accounts, communities and messages are yours now. Until {} you can undo this on the page «Merge», which restores both. If that was not you, undo it and tell an administrator.",
                until.day()
            ),
            "/me/merge",
        ),
        Notice::MergeMerged(until) => (
            "Your WaddleBot account became part of another one",
            format!(
                "The account that had this address was merged into another one: its accounts, communities and messages moved there, and this address and its password sign nobody in any more. Until {} it can be undone, which restores both: sign in to the other account and use the page «Merge». If you did not want this, tell an administrator, who can undo it too.",
                until.day()
            ),
            "/me/merge",
        ),
        Notice::MergeUndone => (
            "A merge of your WaddleBot account was undone",
            "The two accounts are two again, each with what it had before. Sessions and API keys that ended with the merge stay ended. If that was not you, change your password and tell an administrator.".to_owned(),
            "/me/merge",
        ),
        Notice::CodesBlocked => (
            "Wrong codes for your WaddleBot account",
            "Five wrong codes of your second factor were typed in a row, so that none is taken for a quarter of an hour. Nobody was signed in by them. Whoever typed them at the sign-in has proved your password or another way you sign in: if that was not you, change your password and look at the history of sign-ins.".to_owned(),
            "/me/verification",
        ),
        Notice::Linked(provider) => (
            "An account was linked to yours at WaddleBot",
            format!(
                "An account of {} was linked to yours: whoever holds it can sign in as you. If that was not you, unlink it now, change your password and tell an administrator.",
                label(provider)
            ),
            "/me/accounts",
        ),
        Notice::Unlinked(provider) => (
            "An account was unlinked from yours at WaddleBot",
            format!(
                "An account of {} was unlinked from yours: it does not sign you in any more. If that was not you, change your password and tell an administrator.",
                label(provider)
            ),
            "/me/accounts",
        ),
        Notice::PasswordChanged => (
            "Your password at WaddleBot was changed",
            "It was changed by somebody who knew the old one; your other browsers were signed out. If that was not you, set a new one with «Forgot your password?» on the sign-in page and tell an administrator.".to_owned(),
            "/me/security",
        ),
        Notice::PasswordReset => (
            "A new password was set at WaddleBot",
            "It was set with a link that was mailed to this address. Your browsers were signed out and your API keys ended. If that was not you, somebody reads your mail: change the password of your mailbox first, then this one, and tell an administrator.".to_owned(),
            "/me/security",
        ),
        Notice::PasswordSet => (
            "A new password was set at WaddleBot",
            "An operator of this instance set a new password for your account. Your browsers were signed out and your API keys ended. If you did not ask for that, talk to them.".to_owned(),
            "/me/security",
        ),
        Notice::KeyMade => (
            "An API key was made for your WaddleBot account",
            "Whoever has it can act as you until it ends or you revoke it. If that was not you, revoke it now and change your password.".to_owned(),
            "/me/keys",
        ),
        Notice::KeyRenewed => (
            "An API key of your WaddleBot account was renewed",
            "The old one is worth nothing any more; whoever has the new one can act as you until it ends or you revoke it. If that was not you, revoke it now and change your password.".to_owned(),
            "/me/keys",
        ),
        Notice::SecondFactorOn => (
            "The second factor of your WaddleBot account was switched on",
            "From now on a code of an authenticator app, a recovery code or a passkey is asked for whenever somebody signs in as you. Your other browsers were signed out. If that was not you, tell an administrator at once: they can take it away.".to_owned(),
            "/me/security",
        ),
        Notice::SecondFactorOff => (
            "The second factor of your WaddleBot account was switched off",
            "From now on no code is asked for when somebody signs in as you. If that was not you, change your password now and switch it on again.".to_owned(),
            "/me/security",
        ),
        Notice::SecondFactorReset => (
            "The second factor of your WaddleBot account was taken away",
            "An administrator took the second factor and the passkeys of your account away and signed your browsers out. If you did not ask for that, talk to them.".to_owned(),
            "/me/security",
        ),
        Notice::RecoveryCodesMade => (
            "Fresh recovery codes were made for your WaddleBot account",
            "The old ones are void; each of the new ones stands once for a code of your app. If that was not you, make fresh ones, change your password and tell an administrator.".to_owned(),
            "/me/security",
        ),
        Notice::PasskeyAdded => (
            "A passkey was added to your WaddleBot account",
            "Whoever holds it can sign in as you, without your password and without a code. If that was not you, remove it now, change your password and tell an administrator.".to_owned(),
            "/me/security",
        ),
        Notice::PasskeyRemoved(added) => (
            "A passkey of your WaddleBot account was removed",
            format!(
                "The passkey that was added on {} does not sign you in any more. If that was not you, change your password now and tell an administrator.",
                added.day()
            ),
            "/me/security",
        ),
        Notice::PasskeyCopied(added) => (
            "A passkey of your WaddleBot account may have been copied",
            format!(
                "The passkey that was added on {} was refused: it says that it was used less often than it was, so somebody may have a copy of it. Nobody was signed in. Sign in another way, remove it, and add a new one.",
                added.day()
            ),
            "/me/security",
        ),
        Notice::ExportAsked => (
            "A file with your data was asked for at WaddleBot",
            "Somebody who is signed in as you asked for a file with everything that is stored about you. Who is signed in as you can fetch it, once. If that was not you, change your password, which signs other browsers out, and tell an administrator.".to_owned(),
            "/me/data",
        ),
        Notice::ErasureAsked(due) => (
            "Your WaddleBot account will be erased",
            format!(
                "Somebody who is signed in as you asked to erase your account and everything in it. That happens on {}, and cannot be undone then. Until then you can take it back on the page «Your data». If that was not you, take it back, change your password and tell an administrator.",
                due.day()
            ),
            "/me/data",
        ),
        Notice::ErasureTakenBack => (
            "Your WaddleBot account stays",
            "Somebody who is signed in as you took back that your account is to be erased: it stays as it is. If that was not you, change your password, and ask for it again.".to_owned(),
            "/me/data",
        ),
        Notice::EmailChanged => (
            "Your e-mail address at WaddleBot was changed",
            "Another address is used for your account from now on: this one signs you in no more, and letters about the account go to the other one. If that was not you, tell an administrator at once; with a passkey or a linked account you can still sign in and change it back.".to_owned(),
            "/me/email",
        ),
        Notice::DetectionAlert => (
            "The detection of bots at WaddleBot needs somebody",
            "Something went wrong with the detection of bots: a model is wrong more often than before, what was known of accounts did not read any more, a score takes too long, a training failed, chat is no longer what a model was made for, a rollout was halted, or the tracking server does not know of a training. Which of these it is stands with the alerts of bot detection. This letter comes at most once a day for each kind of alert.".to_owned(),
            "/admin/models/monitoring#alerts",
        ),
    }
}
