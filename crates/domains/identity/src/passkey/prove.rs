//! Proving with a passkey who one is: to sign in, as the second factor, and before something
//! sensitive. An answer to a question that is not good any more is no attempt; any other is, and
//! counts like a wrong code until it turns out to be right.

use kernel::{Actor, PasskeyId, SessionId, Timestamp, UserId};
use store::{Work, audit::Entry};

use super::{
    PasskeyAnswer, PasskeyQuestion,
    ceremony::{self, Purpose},
    not_accepted, owner,
    site::{Claim, Kept, Refusal},
};
use crate::{
    ClientInfo, Identity, IdentityError, NewSession, notice,
    store::{self as tables, passkey as table},
    throttle::Subject,
    token::{self, Purpose as TokenPurpose},
};

/// How the history calls it.
const METHOD: &str = "passkey";
/// How the history calls one whose counter went back.
const COPIED: &str = "passkey-copied";

/// A passkey that proved itself; nothing is written yet.
struct Proved {
    row: table::Row,
    kept: Kept,
}

impl Proved {
    const fn user(&self) -> UserId {
        UserId(self.row.user_id)
    }
}

impl Identity {
    /// Asks the browser for any passkey it has here. `browser` is a random value that it keeps and
    /// brings back.
    pub async fn begin_passkey_sign_in(
        &self,
        browser: &str,
    ) -> Result<PasskeyQuestion, IdentityError> {
        let site = self.site()?;
        if browser.is_empty() {
            return Err(IdentityError::TokenInvalid);
        }
        let question = site.ask(&[])?;
        let binding = ceremony::of_browser(browser);
        self.put_question(
            Purpose::SignIn,
            binding,
            None,
            question.options,
            &question.state,
        )
        .await
    }

    /// Signs in whose passkey answered. It counts as both factors: no code is asked for.
    ///
    /// # Errors
    /// [`IdentityError::TokenInvalid`] if the question was answered already, took too long or was
    /// asked of another browser; [`IdentityError::PasskeyCopied`] if the key seems to exist twice.
    pub async fn finish_passkey_sign_in(
        &self,
        browser: &str,
        answer: PasskeyAnswer<'_>,
        client: &ClientInfo,
    ) -> Result<NewSession, IdentityError> {
        self.site()?;
        let subjects: Vec<Subject> = Subject::network(client).into_iter().collect();
        let binding = ceremony::of_browser(browser);
        let taken = self
            .take_question(Purpose::SignIn, &binding, answer.ceremony)
            .await?;
        self.begin_attempt(&subjects).await?;
        let proved = self.proved(&taken, answer, client).await?;
        let who = Actor::System("sign-in");
        let work = self
            .db
            .begin(&who, self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        Self::spend(&work, &proved).await?;
        Self::attempt_succeeded(&work, &subjects).await?;
        self.begin_session(work, proved.user(), client, METHOD)
            .await
    }

    /// Asks whoever proved the first factor for one of their passkeys.
    ///
    /// # Errors
    /// [`IdentityError::TokenInvalid`] if the first factor must be proved again.
    pub async fn begin_passkey_second_factor(
        &self,
        awaited: &str,
    ) -> Result<PasskeyQuestion, IdentityError> {
        let user = self.awaited(awaited).await?;
        let binding = ceremony::of_awaited(awaited);
        self.ask_for_own(Purpose::SecondFactor, binding, user).await
    }

    /// Whether whoever proved the first factor has a passkey to prove the second with.
    pub async fn may_use_passkey(&self, awaited: &str) -> Result<bool, IdentityError> {
        match self.awaited(awaited).await {
            Ok(user) => Ok(!self.usable(user).await?.is_empty()),
            Err(IdentityError::TokenInvalid) => Ok(false),
            Err(error) => Err(error),
        }
    }

    /// Finishes a sign-in with a passkey of whoever proved the first factor. Wrong ones count like
    /// wrong codes.
    pub async fn finish_passkey_second_factor(
        &self,
        awaited: &str,
        answer: PasskeyAnswer<'_>,
        client: &ClientInfo,
    ) -> Result<NewSession, IdentityError> {
        let user = self.awaited(awaited).await?;
        let subjects: Vec<Subject> = std::iter::once(Subject::second_factor(user))
            .chain(Subject::network(client))
            .collect();
        let binding = ceremony::of_awaited(awaited);
        let taken = self
            .take_question(Purpose::SecondFactor, &binding, answer.ceremony)
            .await?;
        self.begin_attempt(&subjects).await?;
        let proved = self.proved(&taken, answer, client).await?;
        let who = Actor::System("sign-in");
        let work = self
            .db
            .begin(&who, self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        let purpose = TokenPurpose::SecondFactor.code();
        let digest = token::digest(awaited);
        let spent = tables::session::use_token(work.conn(), &digest, purpose, work.now()).await?;
        if spent.flatten() != Some(user) {
            return Err(IdentityError::TokenInvalid);
        }
        Self::spend(&work, &proved).await?;
        Self::attempt_succeeded(&work, &subjects).await?;
        self.begin_session(work, user, client, METHOD).await
    }

    /// Asks for one of one's own passkeys before something sensitive.
    pub async fn begin_passkey_confirmation(
        &self,
        actor: &Actor,
        session: SessionId,
    ) -> Result<PasskeyQuestion, IdentityError> {
        let user = owner(actor)?;
        self.is_own_session(user, session).await?;
        let binding = ceremony::of_session(user, session);
        self.ask_for_own(Purpose::Confirm, binding, user).await
    }

    /// Makes a session fresh again with one of one's own passkeys. Wrong ones count like wrong
    /// codes.
    pub async fn confirm_with_passkey(
        &self,
        actor: &Actor,
        session: SessionId,
        answer: PasskeyAnswer<'_>,
        client: &ClientInfo,
    ) -> Result<(), IdentityError> {
        let user = owner(actor)?;
        self.is_own_session(user, session).await?;
        let subject = [Subject::second_factor(user)];
        let binding = ceremony::of_session(user, session);
        let taken = self
            .take_question(Purpose::Confirm, &binding, answer.ceremony)
            .await?;
        self.begin_attempt(&subject).await?;
        let proved = self.proved(&taken, answer, client).await?;
        let work = self
            .db
            .begin(actor, self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        Self::spend(&work, &proved).await?;
        Self::attempt_succeeded(&work, &subject).await?;
        tables::totp::put_confirmation(work.conn(), session, work.now()).await?;
        Self::note_verification(&work, user, (METHOD, true), client).await?;
        Ok(work.commit().await?)
    }

    /// Who proved the first factor and owes the second.
    async fn awaited(&self, awaited: &str) -> Result<UserId, IdentityError> {
        let purpose = TokenPurpose::SecondFactor.code();
        let (digest, now) = (token::digest(awaited), self.clock.now());
        let user = tables::session::token_owner(self.db.read(), &digest, purpose, now).await?;
        user.ok_or(IdentityError::TokenInvalid)
    }

    async fn is_own_session(&self, user: UserId, session: SessionId) -> Result<(), IdentityError> {
        let since = tables::totp::sure_since(self.db.read(), user, session).await?;
        since.map(drop).ok_or(IdentityError::NotFound)
    }

    async fn ask_for_own(
        &self,
        purpose: Purpose,
        binding: String,
        user: UserId,
    ) -> Result<PasskeyQuestion, IdentityError> {
        let site = self.site()?;
        let own = self.usable(user).await?;
        if own.is_empty() {
            return Err(IdentityError::Conflict(
                "you have no passkey here: use another way".to_owned(),
            ));
        }
        let own: Vec<String> = own.into_iter().map(|row| row.credential).collect();
        let question = site.ask(&own)?;
        let who = Some(user);
        self.put_question(purpose, binding, who, question.options, &question.state)
            .await
    }

    /// Checks the answer to a question that was used up for it. Failures are written down for whom
    /// they concern.
    async fn proved(
        &self,
        question: &table::Taken,
        answer: PasskeyAnswer<'_>,
        client: &ClientInfo,
    ) -> Result<Proved, IdentityError> {
        let site = self.site()?;
        let found = match Claim::read(answer.credential) {
            Ok(claim) => {
                let id = claim.credential_id();
                let row = table::by_credential(self.db.read(), site.host(), &id).await?;
                row.map(|row| (claim, row))
            }
            Err(_unreadable) => None,
        };
        let Some((claim, row)) = found else {
            if let Some(user) = question.user {
                self.note_failure(user, METHOD, &client.network()).await?;
            }
            return Err(not_accepted());
        };
        let user = UserId(row.user_id);
        // Whose it says it is must be said where nobody else said it (WebAuthn Level 3, §7.2, 6).
        let says_so = match (question.user, claim.handle()) {
            (None, None) => false,
            (Some(_), None) => true,
            (_, Some(handle)) => handle == row.handle,
        };
        if !says_so || question.user.is_some_and(|asked| asked != user) {
            self.note_failure(question.user.unwrap_or(user), METHOD, &client.network())
                .await?;
            return Err(not_accepted());
        }
        match site.prove(&question.state, &claim, &row.credential)? {
            Ok(kept) => Ok(Proved { row, kept }),
            Err(Refusal::Wrong) => {
                self.note_failure(user, METHOD, &client.network()).await?;
                Err(not_accepted())
            }
            Err(Refusal::Copied) => Err(self.copied(&row, client).await?),
        }
    }

    /// The signature is right and the counter went back: somebody may have copied the key. Its owner
    /// is told.
    async fn copied(
        &self,
        row: &table::Row,
        client: &ClientInfo,
    ) -> Result<IdentityError, IdentityError> {
        let user = UserId(row.user_id);
        let who = Actor::System("sign-in");
        let mut work = self
            .db
            .begin(&who, self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        Self::note_verification(&work, user, (COPIED, false), client).await?;
        work.audit(Entry {
            action: "user.passkey.copied",
            object: format!("user:{user}"),
            community: None,
            detail: serde_json::json!({ "passkey": row.id }),
        });
        let added = Timestamp(row.created_at);
        notice::tell_copied(&mut work, user, PasskeyId(row.id), added).await?;
        work.commit().await?;
        Ok(IdentityError::PasskeyCopied {
            name: row.name.clone(),
        })
    }

    /// Writes the use of a passkey down. Refused if it changed since it was read: it was used at the
    /// same moment with the same count, removed, or is somebody else's by now.
    async fn spend(work: &Work, proved: &Proved) -> Result<(), IdentityError> {
        let Proved { row, kept } = proved;
        if table::spend(work.conn(), row, kept, work.now()).await? {
            return Ok(());
        }
        Err(not_accepted())
    }
}
