//! The history of how somebody proved who they are, and of failed attempts to be them; for
//! themselves to see.
//!
//! Must never hold what was typed.

use std::time::Duration;

use kernel::{Actor, Cursor, Page, PageRequest, Timestamp, UserId};
use store::Work;

use crate::{ClientInfo, Identity, IdentityError, notice, store::verification as table};

/// How long attempts are kept.
const KEEP: Duration = Duration::from_secs(365 * 86_400);
/// The method of a code that was wrong, whatever it was meant to be.
const WRONG_CODE: &str = "second-factor";

/// One attempt to prove who one is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verification {
    /// Its id; grows with time.
    pub id: i64,
    /// How: `password`, `link`, `totp`, `recovery-code`, `second-factor`, `passkey`, `passkey-copied`,
    /// `email`, `chat-code`, `register`, `setup`, or `oauth:` and the provider's key.
    pub method: String,
    /// Whether it succeeded.
    pub succeeded: bool,
    /// When.
    pub at: Timestamp,
    /// The network it came from (/24 for IPv4, /48 for IPv6); empty if that is unknown. Of a password
    /// typed beside what it is needed for, the network in which the session began.
    pub network: String,
}

impl Identity {
    /// One's own history, newest first; a year of it is kept.
    pub async fn verifications(
        &self,
        actor: &Actor,
        request: &PageRequest,
    ) -> Result<Page<Verification>, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let before = request.cursor().map(|cursor| cursor.id);
        let rows = table::of_user(self.db.read(), user, before, request.fetch()).await?;
        Ok(Page::from_rows(rows, request, |row| Cursor {
            key: String::new(),
            id: row.id,
        }))
    }

    /// Writes an attempt down within a unit of work.
    pub(crate) async fn note_verification(
        work: &Work,
        user: UserId,
        (method, succeeded): (&str, bool),
        client: &ClientInfo,
    ) -> Result<(), IdentityError> {
        let attempt = (method, succeeded);
        table::insert(work.conn(), user, attempt, &client.network(), work.now()).await?;
        Ok(())
    }

    /// Writes a failed attempt down by itself, because what it belonged to is not kept.
    pub(crate) async fn note_failure(
        &self,
        user: UserId,
        method: &str,
        network: &str,
    ) -> Result<(), IdentityError> {
        let work = self.begin_note().await?;
        table::insert(work.conn(), user, (method, false), network, work.now()).await?;
        Ok(work.commit().await?)
    }

    /// Writes a wrong code of the second factor down by itself, and tells its owner when it was one
    /// too many.
    pub(crate) async fn note_wrong_code(
        &self,
        user: UserId,
        client: &ClientInfo,
    ) -> Result<(), IdentityError> {
        let mut work = self.begin_note().await?;
        Self::note_verification(&work, user, (WRONG_CODE, false), client).await?;
        notice::tell_blocked(&mut work, user).await?;
        Ok(work.commit().await?)
    }

    async fn begin_note(&self) -> Result<Work, IdentityError> {
        let who = Actor::System("sign-in");
        let work = self.db.begin(&who, self.clock.now()).await?;
        Ok(work.reaching(::store::Reach::Nothing))
    }

    pub(crate) async fn sweep_verifications(work: &Work) -> Result<u64, IdentityError> {
        Ok(table::sweep(work.conn(), work.now().minus(KEEP)).await?)
    }
}
