//! Linking an account by a code that its owner types in chat (`!verify CODE`): only for platforms
//! whose sign-in is not set up here, because a provider's proof is worth more.
//!
//! Must never put a code into a log, an audit entry or an error.

use std::time::Duration;

use kernel::{Actor, Platform, Proof, Secret, SessionId, UserId};

use crate::{
    Arrival, Identity, IdentityError, Intent, SeenAccount, store as tables,
    throttle::Subject,
    token::{self, Purpose},
    typed_code,
};

/// Characters of a code: 30 bits, enough for ten minutes and five attempts.
const CODE_LEN: usize = 6;

/// What is stored of a code: it is typed on its platform only.
fn code_hash(platform: Platform, code: &str) -> String {
    token::digest(&format!("chat-code:{}:{code}", platform.as_str()))
}

impl Identity {
    /// Makes a code that links the account which types it on the platform to the actor: once,
    /// within ten minutes. One made before is void. Needs a young session or the password.
    pub async fn begin_chat_code(
        &self,
        actor: &Actor,
        session: SessionId,
        password: Option<&Secret<String>>,
        platform: Platform,
    ) -> Result<Secret<String>, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        self.confirm(user, session, password).await?;
        let code = typed_code::fresh::<CODE_LEN>(&*self.entropy);
        let work = self
            .db
            .begin(actor, self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        let now = work.now();
        let purpose = Purpose::ChatCode;
        tables::session::void_tokens_for(work.conn(), purpose.code(), user, now).await?;
        let expires = now.plus(Duration::from_secs(purpose.lifetime_secs()));
        tables::session::put_token(
            work.conn(),
            &code_hash(platform, code.expose()),
            purpose.code(),
            Some(user),
            expires,
        )
        .await?;
        work.commit().await?;
        Ok(code)
    }

    /// Links the account that typed a code to the person who was shown it; answers who that is. The
    /// platform vouches for the account. Guesses are slowed down for the account.
    ///
    /// # Errors
    /// [`IdentityError::Conflict`] with words for the person where somebody else signs in with it.
    pub async fn redeem_chat_code(
        &self,
        seen: &SeenAccount,
        code: &str,
    ) -> Result<UserId, IdentityError> {
        let subject = [Subject::account(seen)];
        self.begin_attempt(&subject).await?;
        let who = Actor::System("chat code");
        let work = self.db.begin(&who, self.clock.now()).await?;
        let digest = code_hash(seen.platform, &typed_code::read(code));
        let (purpose, now) = (Purpose::ChatCode.code(), work.now());
        let taken = tables::session::use_token(work.conn(), &digest, purpose, now).await?;
        let user = taken.flatten().ok_or_else(|| {
            IdentityError::invalid("code", "this code is wrong or has expired: get a new one")
        })?;
        Self::attempt_succeeded(&work, &subject).await?;
        work.commit().await?;
        let known = tables::user::by_id(self.db.read(), user).await?;
        let actor = self.actor(&known.ok_or(IdentityError::NotFound)?).await?;
        let arrival = Arrival {
            provider: seen.platform.as_str().to_owned(),
            intent: Intent::Link(user),
            nonce: String::new(),
            verifier: Secret::new(String::new()),
            redirect: String::new(),
            return_to: String::new(),
        };
        let proof = Proof {
            subject: seen.platform_user_id.clone(),
            username: seen.username.clone(),
            display_name: None,
            avatar: None,
            verified_email: None,
            account_created_at: seen.account_created_at,
            tokens: None,
        };
        self.finish_link(&actor, &arrival, Some(seen.platform), &proof)
            .await?;
        Ok(user)
    }
}
