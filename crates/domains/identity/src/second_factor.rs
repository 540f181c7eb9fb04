//! The second factor: codes of an authenticator app, and recovery codes for when it is lost. With it
//! on, whoever proved the first factor has no session yet but a token that waits for a code.
//!
//! Must never show a secret or a code twice, accept a code twice, or write one into a log, an audit
//! entry or an error.

use std::time::Duration;

use kernel::{Actor, Permission, Secret, SessionId, Timestamp, UserId};
use store::{SealError, StoreError, Work, audit::Entry};

use crate::{
    ClientInfo, Identity, IdentityError, NewSession, Notice, notice,
    store::{self as tables, totp as table},
    throttle::Subject,
    token::{self, Purpose},
    totp, typed_code, user,
};

/// How many recovery codes there are.
const CODES: usize = 10;
/// Characters of one: 80 bits.
const CODE_LEN: usize = 16;

/// What is taken away.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Removed {
    /// The app and the recovery codes.
    Codes,
    /// The passkeys too.
    CodesAndPasskeys,
}

/// What comes of proving the first factor.
#[derive(Debug)]
pub enum Entered {
    /// They are signed in.
    Session(NewSession),
    /// A code is needed yet.
    SecondFactor(AwaitedCode),
}

impl Entered {
    /// The session, if there is one.
    pub fn session(self) -> Option<NewSession> {
        match self {
            Self::Session(session) => Some(session),
            Self::SecondFactor(_) => None,
        }
    }
}

/// Somebody who proved the first factor and owes the second.
#[derive(Debug)]
pub struct AwaitedCode {
    /// Stands for the first factor: 64 hexadecimal characters, for the browser only.
    pub token: Secret<String>,
    /// When it ends: ten minutes after it began.
    pub expires_at: Timestamp,
}

/// One's own second factor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SecondFactor {
    /// Since when it is on; `None` = it is off.
    pub since: Option<Timestamp>,
    /// How many recovery codes were not used yet.
    pub codes_left: i64,
}

/// What an authenticator app needs. Shown once.
#[derive(Debug)]
pub struct TotpSetup {
    /// In base32, to type.
    pub secret: Secret<String>,
    /// `otpauth://totp/…`, for a QR code.
    pub address: Secret<String>,
}

/// A recovery code as people read it: `ABCD-EFGH-JKLM-NPQR`.
fn shown(code: &Secret<String>) -> Secret<String> {
    let letters: Vec<char> = code.expose().chars().collect();
    let groups: Vec<String> = letters
        .chunks(4)
        .map(|group| group.iter().collect())
        .collect();
    Secret::new(groups.join("-"))
}

/// What is stored of a recovery code. Plain hashing is enough at 80 bits.
fn code_hash(user: UserId, code: &str) -> String {
    token::digest(&format!("recovery-code:{user}:{code}"))
}

fn wrong_code() -> IdentityError {
    IdentityError::invalid(
        "code",
        "this code is wrong or was used already: type the one your app shows now",
    )
}

impl Identity {
    /// Whether one's second factor is on.
    pub async fn second_factor(&self, actor: &Actor) -> Result<SecondFactor, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        Ok(SecondFactor {
            since: table::on_since(self.db.read(), user).await?,
            codes_left: table::codes_left(self.db.read(), user).await?,
        })
    }

    /// Begins to switch the second factor on: a secret that is worth nothing until
    /// [`Self::confirm_totp`]. Needs a fresh session. One begun before is void.
    ///
    /// # Errors
    /// [`IdentityError::Conflict`] if it is on.
    pub async fn begin_totp(
        &self,
        actor: &Actor,
        session: SessionId,
    ) -> Result<TotpSetup, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        self.confirm(user, session, None).await?;
        let known = tables::user::by_id(self.db.read(), user).await?;
        let known = known.ok_or(IdentityError::NotFound)?;
        let secret = totp::fresh(&*self.entropy);
        let account = known.email.unwrap_or(known.display_name);
        let address = totp::address(&secret, &account)?;
        let work = self.db.begin(actor, self.clock.now()).await?;
        let (tokens, now) = (self.tokens(), work.now());
        if !table::put(work.conn(), &tokens, user, &secret, now).await? {
            return Err(IdentityError::Conflict(
                "it is on already: switch it off first".to_owned(),
            ));
        }
        work.commit().await?;
        Ok(TotpSetup { secret, address })
    }

    /// Switches the second factor on with a code of the app; answers the recovery codes, which are
    /// shown once. Every other session ends.
    pub async fn confirm_totp(
        &self,
        actor: &Actor,
        session: SessionId,
        code: &str,
    ) -> Result<Vec<Secret<String>>, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        self.confirm(user, session, None).await?;
        let subject = [Subject::second_factor(user)];
        self.begin_attempt(&subject).await?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let now = work.now();
        let row = table::of_user(work.conn(), user).await?;
        let row = row.filter(|row| row.confirmed_at.is_none());
        let row = row.ok_or_else(|| {
            IdentityError::Conflict("nothing was begun: begin to switch it on first".to_owned())
        })?;
        let secret = opened(row.open(&self.tokens()))?;
        let step = totp::step(&secret, code, now).ok_or_else(wrong_code)?;
        if !table::advance(work.conn(), row.id, step).await?
            || !table::confirm(work.conn(), row.id, now).await?
        {
            return Err(wrong_code());
        }
        Self::attempt_succeeded(&work, &subject).await?;
        tables::session::delete_others(work.conn(), user, session).await?;
        let codes = self.put_recovery_codes(&work, user).await?;
        audit(&mut work, "user.second_factor.on", user);
        notice::tell(&mut work, user, &Notice::SecondFactorOn).await?;
        work.commit().await?;
        Ok(codes)
    }

    /// Switches the second factor off; its recovery codes go too. Needs a fresh session, which with
    /// a second factor means a code.
    pub async fn disable_totp(
        &self,
        actor: &Actor,
        session: SessionId,
    ) -> Result<(), IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        self.confirm(user, session, None).await?;
        self.remove_second_factor(actor, user, Removed::Codes).await
    }

    /// Makes fresh recovery codes, which are shown once; the old ones are void. Needs a fresh
    /// session.
    pub async fn renew_recovery_codes(
        &self,
        actor: &Actor,
        session: SessionId,
    ) -> Result<Vec<Secret<String>>, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        self.confirm(user, session, None).await?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        if table::on_since(work.conn(), user).await?.is_none() {
            return Err(IdentityError::Conflict(
                "switch the second factor on first".to_owned(),
            ));
        }
        let codes = self.put_recovery_codes(&work, user).await?;
        audit(&mut work, "user.recovery_codes.renew", user);
        notice::tell(&mut work, user, &Notice::RecoveryCodesMade).await?;
        work.commit().await?;
        Ok(codes)
    }

    /// Takes somebody's second factor and all their passkeys away who lost them, or whose passkey
    /// somebody else has; ends their sessions. For instance administrators.
    pub async fn reset_second_factor(
        &self,
        actor: &Actor,
        email: &str,
    ) -> Result<(), IdentityError> {
        actor.require_instance(Permission::OperateInstance)?;
        let (_, folded) = user::check_email(email)?;
        let found = tables::user::credentials_by_email(self.db.read(), &folded).await?;
        let id = UserId(found.ok_or(IdentityError::NotFound)?.id);
        self.remove_second_factor(actor, id, Removed::CodesAndPasskeys)
            .await
    }

    async fn remove_second_factor(
        &self,
        actor: &Actor,
        user: UserId,
        what: Removed,
    ) -> Result<(), IdentityError> {
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let was_on = table::delete(work.conn(), user).await?;
        let (action, detail, told) = match what {
            Removed::Codes if was_on => (
                "user.second_factor.off",
                serde_json::json!({}),
                Notice::SecondFactorOff,
            ),
            Removed::Codes => {
                return Err(IdentityError::Conflict("it is off already".to_owned()));
            }
            Removed::CodesAndPasskeys => {
                let n_passkeys = tables::passkey::delete_all(work.conn(), user).await?;
                if !was_on && n_passkeys == 0 {
                    return Err(IdentityError::Conflict(
                        "they have neither a second factor nor a passkey".to_owned(),
                    ));
                }
                let detail = serde_json::json!({ "passkeys": n_passkeys });
                (
                    "user.second_factor.reset",
                    detail,
                    Notice::SecondFactorReset,
                )
            }
        };
        if actor.user_id() != Some(user) {
            tables::session::delete_others(work.conn(), user, SessionId(0)).await?;
            tables::session::void_tokens_of(work.conn(), user, work.now()).await?;
        }
        Self::attempt_succeeded(&work, &[Subject::second_factor(user)]).await?;
        work.audit(Entry {
            action,
            object: format!("user:{user}"),
            community: None,
            detail,
        });
        notice::tell(&mut work, user, &told).await?;
        Ok(work.commit().await?)
    }

    /// Finishes a sign-in with a code of the app or a recovery code. The token stays good until a
    /// code was right; of several parallel uses of one code exactly one succeeds.
    ///
    /// # Errors
    /// [`IdentityError::TokenInvalid`] if the first factor must be proved again,
    /// [`IdentityError::Throttled`] after five wrong codes.
    pub async fn finish_second_factor(
        &self,
        awaited: &str,
        code: &str,
        client: &ClientInfo,
    ) -> Result<NewSession, IdentityError> {
        let (digest, purpose) = (token::digest(awaited), Purpose::SecondFactor.code());
        let now = self.clock.now();
        let user = tables::session::token_owner(self.db.read(), &digest, purpose, now).await?;
        let user = user.ok_or(IdentityError::TokenInvalid)?;
        let subjects: Vec<Subject> = std::iter::once(Subject::second_factor(user))
            .chain(Subject::network(client))
            .collect();
        self.begin_attempt(&subjects).await?;
        let work = self
            .db
            .begin(&Actor::System("sign-in"), now)
            .await?
            .reaching(::store::Reach::Nothing);
        let Some(method) = self.accept(&work, user, code).await? else {
            drop(work);
            self.note_wrong_code(user, client).await?;
            return Err(wrong_code());
        };
        let taken = tables::session::use_token(work.conn(), &digest, purpose, now).await?;
        if taken.flatten() != Some(user) {
            return Err(IdentityError::TokenInvalid);
        }
        Self::attempt_succeeded(&work, &subjects).await?;
        self.begin_session(work, user, client, method).await
    }

    /// Lets somebody in who proved the first factor: with a session, or with a token that waits for
    /// the second.
    pub(crate) async fn admit(
        &self,
        work: Work,
        user: UserId,
        client: &ClientInfo,
        method: &str,
    ) -> Result<Entered, IdentityError> {
        if table::on_since(work.conn(), user).await?.is_none() {
            let session = self.begin_session(work, user, client, method).await?;
            return Ok(Entered::Session(session));
        }
        let token = token::fresh(&*self.entropy);
        let lifetime = Duration::from_secs(Purpose::SecondFactor.lifetime_secs());
        let expires_at = work.now().plus(lifetime);
        tables::session::put_token(
            work.conn(),
            &token::digest(token.expose()),
            Purpose::SecondFactor.code(),
            Some(user),
            expires_at,
        )
        .await?;
        Self::note_verification(&work, user, (method, true), client).await?;
        work.commit().await?;
        Ok(Entered::SecondFactor(AwaitedCode { token, expires_at }))
    }

    /// Accepts a code within a unit of work, and says what it was; `None` if it is wrong or used.
    pub(crate) async fn accept(
        &self,
        work: &Work,
        user: UserId,
        code: &str,
    ) -> Result<Option<&'static str>, IdentityError> {
        let row = table::of_user(work.conn(), user).await?;
        let Some(row) = row.filter(|row| row.confirmed_at.is_some()) else {
            return Ok(None);
        };
        let secret = opened(row.open(&self.tokens()))?;
        if let Some(step) = totp::step(&secret, code, work.now()) {
            let is_new = table::advance(work.conn(), row.id, step).await?;
            return Ok(is_new.then_some("totp"));
        }
        let hash = code_hash(user, &typed_code::read(code));
        let is_taken = table::use_code(work.conn(), user, &hash, work.now()).await?;
        Ok(is_taken.then_some("recovery-code"))
    }

    async fn put_recovery_codes(
        &self,
        work: &Work,
        user: UserId,
    ) -> Result<Vec<Secret<String>>, IdentityError> {
        let fresh = std::iter::repeat_with(|| typed_code::fresh::<CODE_LEN>(&*self.entropy));
        let codes: Vec<Secret<String>> = fresh.take(CODES).collect();
        let hashes: Vec<String> = codes
            .iter()
            .map(|code| code_hash(user, code.expose()))
            .collect();
        table::put_codes(work.conn(), user, &hashes, work.now()).await?;
        Ok(codes.iter().map(shown).collect())
    }
}

/// A secret that does not open is a fault of ours: a key is missing.
fn opened(secret: Result<Secret<String>, SealError>) -> Result<Secret<String>, IdentityError> {
    secret.map_err(|error| StoreError::Data(format!("a second factor: {error}")).into())
}

fn audit(work: &mut Work, action: &'static str, user: UserId) {
    work.audit(Entry {
        action,
        object: format!("user:{user}"),
        community: None,
        detail: serde_json::json!({}),
    });
}
