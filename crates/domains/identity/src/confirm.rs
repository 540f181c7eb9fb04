//! Step-up: what touches money, identity or other people's data needs a session that proved within
//! the last five minutes whose it is; by beginning then, or by a passkey, a code or the password.

use std::time::Duration;

use kernel::{Actor, Secret, SessionId, UserId};

use crate::{
    ClientInfo, Identity, IdentityError,
    store::{self as tables, totp as table},
    throttle::Subject,
};

/// How long a session is fresh.
const FRESH: Duration = Duration::from_secs(300);

/// What is needed before something sensitive.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Confirmation {
    /// Nothing more: the session is fresh.
    Given,
    /// The password.
    Password,
    /// A code of the second factor; see [`Identity::confirm_session`].
    Code,
    /// A passkey, because there is neither; see [`Identity::confirm_with_passkey`]. Where there is one
    /// of the others, a passkey does as well.
    Passkey,
    /// A new session, because there is none of these.
    SignInAgain,
}

impl Confirmation {
    /// Whether it is given on a page of its own rather than beside what it is for.
    pub const fn is_elsewhere(self) -> bool {
        matches!(self, Self::Code | Self::Passkey | Self::SignInAgain)
    }
}

impl Identity {
    /// What something sensitive needs in a session.
    pub async fn confirmation(
        &self,
        actor: &Actor,
        session: SessionId,
    ) -> Result<Confirmation, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let since = table::sure_since(self.db.read(), user, session).await?;
        if since.is_some_and(|since| self.clock.now().since(since) <= FRESH) {
            return Ok(Confirmation::Given);
        }
        if table::on_since(self.db.read(), user).await?.is_some() {
            return Ok(Confirmation::Code);
        }
        let credentials = tables::user::credentials_by_id(self.db.read(), user).await?;
        if credentials.is_some_and(|c| c.password_hash.is_some()) {
            return Ok(Confirmation::Password);
        }
        if !self.usable(user).await?.is_empty() {
            return Ok(Confirmation::Passkey);
        }
        Ok(Confirmation::SignInAgain)
    }

    /// Makes a session fresh again: with a code of the second factor where it is on, else with the
    /// password. Wrong ones are slowed down and written into the history.
    pub async fn confirm_session(
        &self,
        actor: &Actor,
        session: SessionId,
        typed: &Secret<String>,
        client: &ClientInfo,
    ) -> Result<(), IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let since = table::sure_since(self.db.read(), user, session).await?;
        since.ok_or(IdentityError::NotFound)?;
        if table::on_since(self.db.read(), user).await?.is_none() {
            self.prove_password(user, Some(typed), &client.network())
                .await?;
            let work = self
                .db
                .begin(actor, self.clock.now())
                .await?
                .reaching(::store::Reach::Nothing);
            table::put_confirmation(work.conn(), session, work.now()).await?;
            Self::note_verification(&work, user, ("password", true), client).await?;
            return Ok(work.commit().await?);
        }
        let subject = [Subject::second_factor(user)];
        self.begin_attempt(&subject).await?;
        let work = self
            .db
            .begin(actor, self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        let Some(method) = self.accept(&work, user, typed.expose()).await? else {
            drop(work);
            self.note_wrong_code(user, client).await?;
            return Err(IdentityError::invalid(
                "password",
                "this code is wrong or was used already: type the one your app shows now",
            ));
        };
        Self::attempt_succeeded(&work, &subject).await?;
        table::put_confirmation(work.conn(), session, work.now()).await?;
        Self::note_verification(&work, user, (method, true), client).await?;
        Ok(work.commit().await?)
    }

    /// Refuses a session that is not fresh and is not confirmed with the password, which does where
    /// there is no second factor.
    pub(crate) async fn confirm(
        &self,
        user: UserId,
        session: SessionId,
        password: Option<&Secret<String>>,
    ) -> Result<(), IdentityError> {
        let since = table::sure_since(self.db.read(), user, session).await?;
        let since = since.ok_or(IdentityError::NotFound)?;
        if self.clock.now().since(since) <= FRESH {
            return Ok(());
        }
        if table::on_since(self.db.read(), user).await?.is_some() {
            return Err(IdentityError::invalid(
                "password",
                "you proved who you are more than five minutes ago: confirm it with a code or a passkey first",
            ));
        }
        let network = tables::session::network(self.db.read(), user, session).await?;
        self.prove_password(user, password, &network.unwrap_or_default())
            .await
    }

    async fn prove_password(
        &self,
        user: UserId,
        typed: Option<&Secret<String>>,
        network: &str,
    ) -> Result<(), IdentityError> {
        let credentials = tables::user::credentials_by_id(self.db.read(), user).await?;
        let Some(credentials) = credentials.filter(|c| c.password_hash.is_some()) else {
            let words = if self.usable(user).await?.is_empty() {
                "you signed in more than five minutes ago: sign out, sign in again and repeat this"
            } else {
                "you signed in more than five minutes ago: confirm with your passkey that it is you, and repeat this"
            };
            return Err(IdentityError::invalid("password", words));
        };
        let Some(typed) = typed.filter(|typed| !typed.expose().is_empty()) else {
            return Err(IdentityError::invalid(
                "password",
                "you signed in more than five minutes ago: enter your password",
            ));
        };
        if self.knows_password(&credentials, typed, network).await? {
            return Ok(());
        }
        Err(IdentityError::invalid("password", "the password is wrong"))
    }
}
