//! Proving that an e-mail address is one's own, by a code or a link that only its mailbox knows: to
//! verify or change the address, to set a new password, to register.
//!
//! Must never send a mail, tell somebody who is not signed in whether an address is known, or put
//! an address, a code or a link into a log, an audit entry or an error.

use std::time::Duration;

use kernel::{Actor, Secret, SessionId, Timestamp, UserId};
use store::{StoreError, Work, audit::Entry};

use crate::{
    ClientInfo, Identity, IdentityError, NewAccount, NewSession, Notice, linked_role, notice,
    password,
    store::{self as tables, email as table},
    throttle::Subject,
    token, typed_code, user,
};

/// Letters of a code: 40 bits.
const CODE_LEN: usize = 8;
/// How long a code may be typed.
const CODE_LIFE: Duration = Duration::from_mins(10);
/// How long a link works.
const LINK_LIFE: Duration = Duration::from_hours(1);
/// Wrong codes after which it is void.
const ATTEMPTS_MAX: i16 = 5;
/// Letters to one address in [`SENDS_WITHIN`].
const SENDS_MAX: i64 = 3;
/// See [`SENDS_MAX`].
const SENDS_WITHIN: Duration = Duration::from_hours(1);

/// What a proof is good for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Purpose {
    Verify,
    Reset,
    Register,
}

impl Purpose {
    /// The number stored in the database. Never renumber.
    const fn code(self) -> i16 {
        match self {
            Self::Verify => 1,
            Self::Reset => 2,
            Self::Register => 3,
        }
    }
}

/// What a letter to somebody says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EmailReason {
    /// «This address is to be yours here»: a code to type and a link to open.
    Verify {
        /// Eight letters and figures, as they are shown.
        code: Secret<String>,
        /// What the link carries.
        token: Secret<String>,
    },
    /// «Somebody wants to set a new password for you».
    Reset {
        /// What the link carries.
        token: Secret<String>,
    },
    /// «Somebody wants to register with this address».
    Register {
        /// What the link carries.
        token: Secret<String>,
    },
    /// «Somebody tried to use your address, and you have an account already».
    Known,
}

/// A letter that is to be sent. Whoever asked for it is told the same whether there is one or not.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailLetter {
    /// The receiver's address.
    pub to: String,
    /// What it says.
    pub reason: EmailReason,
}

/// One's own address.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EmailStatus {
    /// The address one signs in with.
    pub address: Option<String>,
    /// When it was proved.
    pub verified_at: Option<Timestamp>,
    /// The address a code was sent to that was not typed yet.
    pub awaited: Option<String>,
    /// Whether one can sign in with a password.
    pub has_password: bool,
}

/// A code as people read it: `ABCD-EFGH`.
fn shown(code: &Secret<String>) -> Secret<String> {
    let (front, back) = code.expose().split_at(CODE_LEN / 2);
    Secret::new(format!("{front}-{back}"))
}

/// What is stored of a code: bound to its person and address, so that it fits nothing else.
fn code_hash(user: UserId, folded: &str, code: &str) -> String {
    token::digest(&format!("email-code:{user}:{folded}:{code}"))
}

fn wrong_code() -> IdentityError {
    IdentityError::invalid(
        "code",
        "this code is wrong or has expired: look at the newest mail, or ask for another one",
    )
}

impl Identity {
    /// One's own address and whether it is proved.
    pub async fn email_status(&self, actor: &Actor) -> Result<EmailStatus, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let known = tables::user::by_id(self.db.read(), user).await?;
        let known = known.ok_or(IdentityError::NotFound)?;
        let (conn, now) = (self.db.read(), self.clock.now());
        let purpose = Purpose::Verify.code();
        let credentials = tables::user::credentials_by_id(conn, user).await?;
        Ok(EmailStatus {
            address: known.email,
            has_password: credentials.is_some_and(|c| c.password_hash.is_some()),
            verified_at: table::verified_at(conn, user).await?,
            awaited: table::awaited(conn, purpose, user, now).await?,
        })
    }

    /// Begins to verify one's address, or to change it to another, which needs a young session or
    /// the password. A code sent before is void.
    ///
    /// # Errors
    /// [`IdentityError::Throttled`] after three letters to an address within an hour.
    pub async fn begin_email(
        &self,
        actor: &Actor,
        session: SessionId,
        password: Option<&Secret<String>>,
        address: &str,
    ) -> Result<EmailLetter, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let (address, folded) = user::check_email(address)?;
        let mine = tables::user::credentials_by_id(self.db.read(), user).await?;
        let mine = mine.ok_or(IdentityError::NotFound)?;
        if mine.email_folded.as_ref() != Some(&folded) {
            self.confirm(user, session, password).await?;
        }
        let owner = tables::user::credentials_by_email(self.db.read(), &folded).await?;
        let is_somebodys = owner.is_some_and(|owner| UserId(owner.id) != user);
        let code = typed_code::fresh::<CODE_LEN>(&*self.entropy);
        let token = token::fresh(&*self.entropy);
        let sent = table::Sent {
            purpose: Purpose::Verify.code(),
            user: Some(user),
            address: &address,
            folded: &folded,
            code_hash: &code_hash(user, &folded, code.expose()),
            link_hash: &token::digest(token.expose()),
            expires_at: self.clock.now().plus(LINK_LIFE),
            is_void: is_somebodys,
        };
        if !self.put_code(actor, &sent).await? {
            return Err(IdentityError::Throttled {
                retry_after: SENDS_WITHIN,
            });
        }
        let reason = if is_somebodys {
            EmailReason::Known
        } else {
            EmailReason::Verify {
                code: shown(&code),
                token,
            }
        };
        Ok(EmailLetter {
            to: address,
            reason,
        })
    }

    /// Proves the address by the code that was sent to it: within ten minutes, and after five wrong
    /// ones never.
    pub async fn confirm_email(&self, actor: &Actor, code: &str) -> Result<(), IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let now = self.clock.now();
        // Counted before it is compared and whatever comes of it, so that guesses made at the same
        // moment count too.
        let work = self
            .db
            .begin(actor, now)
            .await?
            .reaching(::store::Reach::Nothing);
        let tried = table::attempt(
            work.conn(),
            Purpose::Verify.code(),
            user,
            now.minus(CODE_LIFE),
            ATTEMPTS_MAX,
        )
        .await?;
        work.commit().await?;
        let tried = tried.ok_or_else(wrong_code)?;
        if code_hash(user, &tried.address_folded, &typed_code::read(code)) != tried.code_hash {
            return Err(wrong_code());
        }
        let mut work = self.db.begin(actor, now).await?;
        let proved = table::take(work.conn(), tried.id, now).await?;
        let proved = proved.ok_or_else(wrong_code)?;
        adopt(&mut work, user, &proved).await?;
        Ok(work.commit().await?)
    }

    /// Proves the address by the link that was sent to it: once, within an hour, in any browser.
    pub async fn follow_email_link(&self, token: &str) -> Result<(), IdentityError> {
        let now = self.clock.now();
        let who = Actor::System("e-mail link");
        let mut work = self.db.begin(&who, now).await?;
        let (id, user) = self.link(&work, Purpose::Verify, token).await?;
        let user = user.ok_or(IdentityError::TokenInvalid)?;
        let proved = table::take(work.conn(), id, now).await?;
        let proved = proved.ok_or(IdentityError::TokenInvalid)?;
        adopt(&mut work, user, &proved).await?;
        Ok(work.commit().await?)
    }

    /// Begins to set a new password for whoever signs in with an address. `None` if there is nobody,
    /// or letters enough were sent: who asks must be told the same.
    pub async fn begin_reset(
        &self,
        address: &str,
        client: &ClientInfo,
    ) -> Result<Option<EmailLetter>, IdentityError> {
        let (_, folded) = user::check_email(address)?;
        self.count_letter(client).await?;
        let owner = tables::user::credentials_by_email(self.db.read(), &folded).await?;
        let user = owner.map(|owner| UserId(owner.id));
        let token = token::fresh(&*self.entropy);
        let known = match user {
            Some(user) => tables::user::by_id(self.db.read(), user).await?,
            None => None,
        };
        let Some((known, address)) = known.and_then(|known| {
            let address = known.email.clone()?;
            known.claimed.then_some((known, address))
        }) else {
            return Ok(None);
        };
        let reason = EmailReason::Reset {
            token: token.clone(),
        };
        let sent = table::Sent {
            purpose: Purpose::Reset.code(),
            user: Some(known.id),
            address: &address,
            folded: &folded,
            code_hash: "",
            link_hash: &token::digest(token.expose()),
            expires_at: self.clock.now().plus(LINK_LIFE),
            is_void: false,
        };
        let is_sent = self.put_code(&Actor::System("sign-in"), &sent).await?;
        Ok(is_sent.then_some(EmailLetter {
            to: address,
            reason,
        }))
    }

    /// Sets a new password with the link that was sent: once, within an hour. Ends every session and
    /// API key of theirs, and proves the address; a second factor is asked for all the same when
    /// they sign in.
    pub async fn finish_reset(
        &self,
        token: &str,
        new: &Secret<String>,
    ) -> Result<UserId, IdentityError> {
        let now = self.clock.now();
        let digest = token::digest(token);
        let purpose = Purpose::Reset.code();
        let asked = table::by_link(self.db.read(), purpose, &digest, now).await?;
        let asked = asked.ok_or(IdentityError::TokenInvalid)?;
        let user = UserId(asked.user_id.ok_or(IdentityError::TokenInvalid)?);
        // Before the link is used up: a password that will not do can be typed again.
        user::check_password(new, &asked.address_folded)?;
        let hash = password::hash(&self.hashing, &*self.entropy, new).await?;
        let mut work = self.db.begin(&Actor::System("e-mail link"), now).await?;
        let proved = table::take(work.conn(), asked.id, now).await?;
        let proved = proved.ok_or(IdentityError::TokenInvalid)?;
        let now_theirs = tables::user::credentials_by_id(work.conn(), user).await?;
        if now_theirs.and_then(|c| c.email_folded) != Some(proved.address_folded.clone()) {
            return Err(IdentityError::TokenInvalid);
        }
        tables::user::set_password(work.conn(), user, &hash).await?;
        tables::session::delete_others(work.conn(), user, SessionId(0)).await?;
        tables::api_key::delete_all(work.conn(), user).await?;
        tables::session::void_tokens_of(work.conn(), user, now).await?;
        table::put_verified(work.conn(), user, &proved.address_folded, now).await?;
        Self::attempt_succeeded(&work, &[Subject::email(&proved.address_folded)]).await?;
        work.audit(Entry {
            action: "user.password.reset",
            object: format!("user:{user}"),
            community: None,
            detail: serde_json::json!({ "by": "e-mail" }),
        });
        notice::tell(&mut work, user, &Notice::PasswordReset).await?;
        work.commit().await?;
        Ok(user)
    }

    /// Begins to register, if this instance lets people. `None` if letters enough were sent: who
    /// asks must be told the same, also where the address is known already.
    pub async fn begin_registration(
        &self,
        address: &str,
        client: &ClientInfo,
    ) -> Result<Option<EmailLetter>, IdentityError> {
        self.require_open()?;
        let (address, folded) = user::check_email(address)?;
        self.count_letter(client).await?;
        let known = tables::user::credentials_by_email(self.db.read(), &folded).await?;
        let token = token::fresh(&*self.entropy);
        let sent = table::Sent {
            purpose: Purpose::Register.code(),
            user: None,
            address: &address,
            folded: &folded,
            code_hash: "",
            link_hash: &token::digest(token.expose()),
            expires_at: self.clock.now().plus(LINK_LIFE),
            is_void: known.is_some(),
        };
        let is_sent = self.put_code(&Actor::System("sign-in"), &sent).await?;
        let reason = if known.is_some() {
            EmailReason::Known
        } else {
            EmailReason::Register { token }
        };
        Ok(is_sent.then_some(EmailLetter {
            to: address,
            reason,
        }))
    }

    /// The address that a link to register was sent to; `None` if the link works no more.
    pub async fn registration_address(&self, token: &str) -> Result<Option<String>, IdentityError> {
        let digest = token::digest(token);
        let (purpose, now) = (Purpose::Register.code(), self.clock.now());
        let asked = table::by_link(self.db.read(), purpose, &digest, now).await?;
        Ok(asked.map(|asked| asked.address))
    }

    /// Registers with the link that was sent: once, within an hour. The address is proved, the
    /// person signed in; the account's `email` is the one the link was sent to.
    pub async fn finish_registration(
        &self,
        token: &str,
        display_name: &str,
        password: &Secret<String>,
        client: &ClientInfo,
    ) -> Result<NewSession, IdentityError> {
        self.require_open()?;
        let now = self.clock.now();
        let digest = token::digest(token);
        let purpose = Purpose::Register.code();
        let asked = table::by_link(self.db.read(), purpose, &digest, now).await?;
        let asked = asked.ok_or(IdentityError::TokenInvalid)?;
        let account = NewAccount {
            display_name: user::check_name(display_name)?,
            email: asked.address,
            password: password.clone(),
        };
        user::check_password(&account.password, &asked.address_folded)?;
        let hash = password::hash(&self.hashing, &*self.entropy, &account.password).await?;
        let mut work = self.db.begin(&Actor::System("e-mail link"), now).await?;
        let proved = table::take(work.conn(), asked.id, now).await?;
        let proved = proved.ok_or(IdentityError::TokenInvalid)?;
        let folded = proved.address_folded;
        let made = tables::user::insert_registered(work.conn(), &account, &folded, &hash, now);
        let user = made.await.map_err(|error| match error {
            StoreError::Duplicate(_) => IdentityError::TokenInvalid,
            error => error.into(),
        })?;
        table::put_verified(work.conn(), user, &folded, now).await?;
        work.audit(Entry {
            action: "user.register",
            object: format!("user:{user}"),
            community: None,
            detail: serde_json::json!({ "by": "e-mail" }),
        });
        self.begin_session(work, user, client, "register").await
    }

    /// Whether people whom nobody knows may become users.
    pub const fn is_open(&self) -> bool {
        self.is_open
    }

    fn require_open(&self) -> Result<(), IdentityError> {
        if self.is_open {
            return Ok(());
        }
        Err(IdentityError::Conflict(
            "new people cannot register on this instance: ask an administrator".to_owned(),
        ))
    }

    async fn link(
        &self,
        work: &Work,
        purpose: Purpose,
        token: &str,
    ) -> Result<(i64, Option<UserId>), IdentityError> {
        let digest = token::digest(token);
        let found = table::by_link(work.conn(), purpose.code(), &digest, work.now()).await?;
        let found = found.ok_or(IdentityError::TokenInvalid)?;
        Ok((found.id, found.user_id.map(UserId)))
    }

    /// Keeps a code that is to be sent; `false` if letters enough were sent to its address.
    async fn put_code(&self, who: &Actor, sent: &table::Sent<'_>) -> Result<bool, IdentityError> {
        let now = self.clock.now();
        let work = self
            .db
            .begin(who, now)
            .await?
            .reaching(::store::Reach::Nothing);
        // One at a time for a person, so that two of theirs do not both stay open.
        if let Some(user) = sent.user {
            tables::user::lock(work.conn(), user).await?;
        }
        let since = now.minus(SENDS_WITHIN);
        if table::count_since(work.conn(), sent.folded, since).await? >= SENDS_MAX {
            return Ok(false);
        }
        table::put(work.conn(), sent, now).await?;
        work.commit().await?;
        Ok(true)
    }

    /// Bounds how many letters somebody who is not signed in may ask for.
    async fn count_letter(&self, client: &ClientInfo) -> Result<(), IdentityError> {
        let subjects: Vec<Subject> = Subject::letters(client).into_iter().collect();
        self.begin_attempt(&subjects).await
    }

    pub(crate) async fn sweep_email(work: &Work) -> Result<u64, IdentityError> {
        let now = work.now();
        Ok(table::sweep(work.conn(), now, now.minus(SENDS_WITHIN)).await?)
    }
}

/// Makes a proved address the person's, and tells the mailbox of the one it replaces if that was
/// proved too.
async fn adopt(work: &mut Work, user: UserId, proved: &table::Proved) -> Result<(), IdentityError> {
    let now = work.now();
    let known = tables::user::by_id(work.conn(), user).await?;
    let before = known.ok_or(IdentityError::NotFound)?.email;
    let verified_before = table::verified_address(work.conn(), user).await?;
    let folded = proved.address_folded.as_str();
    let set = tables::user::set_email(work.conn(), user, &proved.address, folded).await;
    set.map_err(|error| match error {
        StoreError::Duplicate(_) => IdentityError::Conflict(
            "this address belongs to somebody else here by now: use another one".to_owned(),
        ),
        error => error.into(),
    })?;
    table::put_verified(work.conn(), user, folded, now).await?;
    linked_role::nudge(work, user).await?;
    let is_change = before
        .as_ref()
        .is_none_or(|before| before.to_lowercase() != folded);
    work.audit(Entry {
        action: if is_change {
            "user.email.change"
        } else {
            "user.email.verify"
        },
        object: format!("user:{user}"),
        community: None,
        detail: serde_json::json!({}),
    });
    if let Some(before) = verified_before.filter(|_| is_change) {
        notice::tell_at(work, user, &before, &Notice::EmailChanged).await?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{CODE_LEN, shown};
    use crate::typed_code::{fresh, read};
    use kernel::Entropy;

    struct Ones;

    impl Entropy for Ones {
        fn fill(&self, buffer: &mut [u8]) {
            buffer.fill(0xff);
        }
    }

    #[test]
    fn a_code_is_read_as_it_is_shown_however_it_is_typed() {
        let code = fresh::<CODE_LEN>(&Ones);
        assert_eq!(shown(&code).expose(), "9999-9999");
        for way in ["9999-9999", " 9999 9999 ", "99999999"] {
            assert_eq!(read(way), *code.expose());
        }
        assert_eq!(read("abcd-efgh"), "ABCDEFGH");
        assert_ne!(read("999999999"), *code.expose(), "one too many");
    }
}
