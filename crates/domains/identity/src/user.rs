//! A person, and the rules for what a person may be called and may type.

use kernel::{Actor, Secret, Timestamp, UserId};

use crate::{Identity, IdentityError, Notice, notice, password, store, throttle::Subject};

/// A person. Most come into being when their platform account is first seen in chat; such a user
/// is unclaimed until somebody proves to be them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    /// Their id.
    pub id: UserId,
    /// The name shown, 1 to 80 characters.
    pub display_name: String,
    /// Their address; shown to themselves only.
    pub email: Option<String>,
    /// Whether they run this instance.
    pub is_instance_admin: bool,
    /// Whether somebody signs in as this user.
    pub claimed: bool,
    /// When the row was made.
    pub created_at: Timestamp,
}

/// Longest display name, in characters.
const NAME_MAX: usize = 80;
/// Longest address (RFC 5321 §4.5.3.1.3), in bytes.
const EMAIL_MAX: usize = 254;
/// Shortest password, in characters (NIST SP 800-63B §5.1.1.2 asks for at least 8).
const PASSWORD_MIN: usize = 10;
/// Longest password, in bytes: bounds the work of hashing.
const PASSWORD_MAX: usize = 512;

/// Trims a display name and refuses empty, long or unprintable ones.
pub(crate) fn check_name(text: &str) -> Result<String, IdentityError> {
    let name = text.trim();
    if name.is_empty() {
        return Err(IdentityError::invalid("display_name", "enter a name"));
    }
    if name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(IdentityError::invalid(
            "display_name",
            format!("use at most {NAME_MAX} characters and no line breaks"),
        ));
    }
    Ok(name.to_owned())
}

/// Trims an address; answers it as typed and folded for comparison. Full RFC 5322 syntax is not
/// checked: only a mail to the address proves it.
pub(crate) fn check_email(text: &str) -> Result<(String, String), IdentityError> {
    let email = text.trim();
    let plausible = email.split_once('@').is_some_and(|(local, domain)| {
        !local.is_empty() && !domain.is_empty() && !domain.contains('@')
    });
    if !plausible
        || email.len() > EMAIL_MAX
        || email.chars().any(|c| c.is_control() || c.is_whitespace())
    {
        return Err(IdentityError::invalid(
            "email",
            "enter an e-mail address like ann@example.org",
        ));
    }
    Ok((email.to_owned(), email.to_lowercase()))
}

/// Refuses passwords that are too short, too long or equal to the address.
pub(crate) fn check_password(
    password: &Secret<String>,
    email_folded: &str,
) -> Result<(), IdentityError> {
    let text = password.expose();
    if text.chars().count() < PASSWORD_MIN {
        return Err(IdentityError::invalid(
            "password",
            format!("use at least {PASSWORD_MIN} characters"),
        ));
    }
    if text.len() > PASSWORD_MAX {
        return Err(IdentityError::invalid(
            "password",
            format!("use at most {PASSWORD_MAX} bytes"),
        ));
    }
    if text.to_lowercase() == email_folded {
        return Err(IdentityError::invalid(
            "password",
            "the password must not be the e-mail address",
        ));
    }
    Ok(())
}

impl Identity {
    /// The signed-in person; `None` for others.
    pub async fn me(&self, actor: &Actor) -> Result<Option<User>, IdentityError> {
        let Some(id) = actor.user_id() else {
            return Ok(None);
        };
        Ok(store::user::by_id(self.db.read(), id).await?)
    }

    /// Whether somebody who is signed in knows their password. Wrong ones count as failed attempts;
    /// the right one forgets them, whatever it is wanted for. A wrong one is written into their
    /// history, with the network it came from.
    pub(crate) async fn knows_password(
        &self,
        credentials: &store::user::Credentials,
        typed: &Secret<String>,
        network: &str,
    ) -> Result<bool, IdentityError> {
        let id = UserId(credentials.id);
        let subject = [Subject::user(id)];
        self.begin_attempt(&subject).await?;
        let stored = credentials.password_hash.clone().map(Secret::new);
        if !password::verify(&self.hashing, typed, stored.as_ref()).await {
            self.note_failure(id, "password", network).await?;
            return Ok(false);
        }
        let actor = Actor::System("sign-in");
        let work = self.db.begin(&actor, self.clock.now()).await?;
        Self::attempt_succeeded(&work, &subject).await?;
        work.commit().await?;
        Ok(true)
    }

    /// Changes one's own password after checking the current one; every other session ends.
    pub async fn change_password(
        &self,
        actor: &Actor,
        current: &Secret<String>,
        new: &Secret<String>,
        keep_session: kernel::SessionId,
    ) -> Result<(), IdentityError> {
        let id = actor.user_id().ok_or(IdentityError::NotFound)?;
        let credentials = store::user::credentials_by_id(self.db.read(), id)
            .await?
            .ok_or(IdentityError::NotFound)?;
        let network = store::session::network(self.db.read(), id, keep_session).await?;
        let network = network.unwrap_or_default();
        if !self.knows_password(&credentials, current, &network).await? {
            return Err(IdentityError::invalid(
                "current",
                "the current password is wrong",
            ));
        }
        check_password(new, credentials.email_folded.as_deref().unwrap_or(""))?;
        let hash = password::hash(&self.hashing, &*self.entropy, new).await?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        store::user::set_password(work.conn(), id, &hash).await?;
        store::session::delete_others(work.conn(), id, keep_session).await?;
        store::session::void_tokens_of(work.conn(), id, work.now()).await?;
        work.audit(::store::audit::Entry {
            action: "user.password.change",
            object: format!("user:{id}"),
            community: None,
            detail: serde_json::json!({}),
        });
        notice::tell(&mut work, id, &Notice::PasswordChanged).await?;
        Ok(work.commit().await?)
    }
}

#[cfg(test)]
mod tests;
