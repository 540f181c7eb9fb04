//! Questions asked of browsers: each works once, within five minutes, for what it was asked for and
//! for the browser, session or first factor it was asked in. How many there are at once is bounded.

use kernel::{Actor, SessionId, UserId};
use store::StoreError;

use super::{PasskeyQuestion, site};
use crate::{Identity, IdentityError, oauth_state, store::passkey as table, token};

/// Questions of one person that are kept at once.
const OF_ONE_MAX: i64 = 20;
/// Questions of those who are not known yet that are kept at once, of all together.
const OF_ALL_MAX: i64 = 10_000;

/// What a question is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Purpose {
    /// To add a passkey.
    Add,
    /// To sign in.
    SignIn,
    /// To prove the second factor.
    SecondFactor,
    /// To make a session fresh again.
    Confirm,
}

impl Purpose {
    /// The number stored in the database. Never renumber.
    const fn code(self) -> i16 {
        match self {
            Self::Add => 1,
            Self::SignIn => 2,
            Self::SecondFactor => 3,
            Self::Confirm => 4,
        }
    }
}

/// The binding of a browser that is not signed in.
pub(super) fn of_browser(browser: &str) -> String {
    oauth_state::browser_binding(browser)
}

/// The binding of a session.
pub(super) fn of_session(user: UserId, session: SessionId) -> String {
    oauth_state::session_binding(user, session)
}

/// The binding of somebody who proved the first factor.
pub(super) fn of_awaited(awaited: &str) -> String {
    token::digest(&format!("awaited:{awaited}"))
}

/// The state of an invitation holds the handle that it was made for, which the answer does not.
pub(super) fn with_handle(handle: &str, state: &str) -> String {
    format!("{handle} {state}")
}

/// See [`with_handle`].
pub(super) fn without_handle(state: &str) -> Result<(&str, &str), StoreError> {
    let lacking = || StoreError::Data("an invitation has no handle".to_owned());
    state.split_once(' ').ok_or_else(lacking)
}

impl Identity {
    /// Keeps a question until it is answered. Where there are too many, the oldest ones go.
    pub(super) async fn put_question(
        &self,
        purpose: Purpose,
        binding: String,
        user: Option<UserId>,
        options: String,
        state: &str,
    ) -> Result<PasskeyQuestion, IdentityError> {
        let most = user.map_or(OF_ALL_MAX, |_| OF_ONE_MAX);
        let ceremony = token::fresh(&*self.entropy);
        let who = Actor::System("sign-in");
        let work = self
            .db
            .begin(&who, self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        table::make_room(work.conn(), user, most).await?;
        let question = table::Question {
            digest: &token::digest(ceremony.expose()),
            purpose: purpose.code(),
            binding: &binding,
            user,
            state,
            expires_at: site::until(work.now()),
        };
        table::ask(work.conn(), &question).await?;
        work.commit().await?;
        Ok(PasskeyQuestion { ceremony, options })
    }

    /// Uses a question up, whatever its answer is worth: of several answers at once exactly one is
    /// looked at.
    pub(super) async fn take_question(
        &self,
        purpose: Purpose,
        binding: &str,
        ceremony: &str,
    ) -> Result<table::Taken, IdentityError> {
        let who = Actor::System("sign-in");
        let work = self
            .db
            .begin(&who, self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        let digest = token::digest(ceremony);
        let taken =
            table::take(work.conn(), &digest, (purpose.code(), binding), work.now()).await?;
        let taken = taken.ok_or(IdentityError::TokenInvalid)?;
        work.commit().await?;
        Ok(taken)
    }
}
