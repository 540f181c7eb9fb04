//! Beginning to sign in with, or to link, an account elsewhere: a state that works once, within ten
//! minutes, in the browser that asked for it and with the provider it was made for.
//!
//! Must never call a provider, and never put a state, a nonce or a verifier into a log, an audit
//! entry or an error.

use std::time::Duration;

use kernel::{Actor, AuthorizeRequest, Secret, SessionId, UserId};

use crate::{
    Identity, IdentityError,
    store::{connection::Tokens, oauth_state as table},
    token,
};

/// How long somebody may take at the provider (RFC 9700 §4.7 asks for a short-lived state).
const AWAY: Duration = Duration::from_secs(600);
/// Sign-ins that may be begun and not finished, of everybody together: bounds the table.
const SIGN_INS_OPEN_MAX: i64 = 10_000;
/// Links that one person may have begun and not finished.
const LINKS_OPEN_MAX: i64 = 50;
/// Longest address, in bytes.
const ADDRESS_MAX: usize = 2_000;

/// What somebody went to a provider for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Intent {
    /// To be signed in here.
    SignIn,
    /// To add the account to the person they are signed in as.
    Link(UserId),
}

impl Intent {
    /// The number stored in the database. Never renumber.
    const fn code(self) -> i16 {
        match self {
            Self::SignIn => 1,
            Self::Link(_) => 2,
        }
    }
}

/// Where somebody goes, and comes back to.
#[derive(Debug, Clone, Copy)]
pub struct Trip<'a> {
    /// The provider's key.
    pub provider: &'a str,
    /// Where the provider sends them back to, exactly as registered there.
    pub redirect: &'a str,
    /// Where to go afterwards: a path on this server.
    pub return_to: &'a str,
}

/// Which browser comes back, as far as it can prove it.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seat<'a> {
    /// The random value it was given when it began to sign in.
    pub browser: Option<&'a str>,
    /// The session it has.
    pub session: Option<SessionId>,
}

/// Somebody who is back from a provider with a good state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Arrival {
    /// Which provider.
    pub provider: String,
    /// What for.
    pub intent: Intent,
    /// As it went to the provider.
    pub nonce: String,
    /// The PKCE verifier.
    pub verifier: Secret<String>,
    /// As it went to the provider.
    pub redirect: String,
    /// Where to go afterwards.
    pub return_to: String,
}

impl Arrival {
    /// Whether they were at the provider; codes typed in chat have no nonce.
    pub(crate) const fn is_from_provider(&self) -> bool {
        !self.nonce.is_empty()
    }
}

/// The values of a browser and of a session never meet: each has its own prefix before hashing.
pub(crate) fn browser_binding(browser: &str) -> String {
    token::digest(&format!("browser:{browser}"))
}

pub(crate) fn session_binding(user: UserId, session: SessionId) -> String {
    token::digest(&format!("session:{user}:{session}"))
}

/// A path on this server that no browser reads as another host.
fn is_local(path: &str) -> bool {
    path.starts_with('/')
        && !path.starts_with("//")
        && path.len() <= ADDRESS_MAX
        && !path
            .chars()
            .any(|c| c == '\\' || c.is_control() || c.is_whitespace())
}

impl Identity {
    /// Begins to sign in: what to send the browser to the provider with. `browser` is a random
    /// value that the browser keeps and brings back.
    pub async fn begin_sign_in(
        &self,
        trip: Trip<'_>,
        browser: &str,
    ) -> Result<AuthorizeRequest, IdentityError> {
        if browser.is_empty() {
            return Err(IdentityError::TokenInvalid);
        }
        let who = Actor::System("sign-in");
        self.depart(&who, trip, Intent::SignIn, browser_binding(browser))
            .await
    }

    /// Begins to link an account to oneself. The session must be younger than five minutes, or the
    /// password be given.
    pub async fn begin_link(
        &self,
        actor: &Actor,
        session: SessionId,
        password: Option<&Secret<String>>,
        trip: Trip<'_>,
    ) -> Result<AuthorizeRequest, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        self.confirm(user, session, password).await?;
        self.depart(
            actor,
            trip,
            Intent::Link(user),
            session_binding(user, session),
        )
        .await
    }

    /// Redeems the state that came back: of several parallel uses exactly one succeeds. Refused as
    /// [`IdentityError::TokenInvalid`] if it is unknown, used or expired, or was made for another
    /// browser, session, person or provider; such an attempt does not use it up.
    pub async fn redeem_state(
        &self,
        actor: &Actor,
        state: &str,
        provider: &str,
        seat: Seat<'_>,
    ) -> Result<Arrival, IdentityError> {
        let none = String::new;
        let session = actor.user_id().zip(seat.session);
        let bindings = [
            seat.browser.map_or_else(none, browser_binding),
            session.map_or_else(none, |(user, session)| session_binding(user, session)),
        ];
        let who = Actor::System("sign-in");
        let work = self
            .db
            .begin(&who, self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        let used = table::take(
            work.conn(),
            &self.tokens(),
            &token::digest(state),
            provider,
            &bindings,
            work.now(),
        )
        .await?;
        let used = used.ok_or(IdentityError::TokenInvalid)?;
        let intent = match (used.intent, used.user) {
            (1, None) => Intent::SignIn,
            (2, Some(owner)) if actor.user_id() == Some(owner) => Intent::Link(owner),
            _ => return Err(IdentityError::TokenInvalid),
        };
        work.commit().await?;
        Ok(Arrival {
            provider: provider.to_owned(),
            intent,
            nonce: used.nonce,
            verifier: used.verifier,
            redirect: used.redirect,
            return_to: used.return_to,
        })
    }

    pub(crate) fn tokens(&self) -> Tokens<'_> {
        Tokens {
            keys: &self.keys,
            entropy: &*self.entropy,
        }
    }

    async fn depart(
        &self,
        who: &Actor,
        trip: Trip<'_>,
        intent: Intent,
        binding: String,
    ) -> Result<AuthorizeRequest, IdentityError> {
        if trip.redirect.is_empty() || trip.redirect.len() > ADDRESS_MAX {
            return Err(IdentityError::invalid("redirect", "use 1 to 2,000 bytes"));
        }
        if !is_local(trip.return_to) {
            return Err(IdentityError::invalid(
                "return_to",
                "use a path on this server",
            ));
        }
        let state = token::fresh(&*self.entropy);
        let request = AuthorizeRequest {
            state: state.expose().clone(),
            nonce: token::fresh(&*self.entropy).expose().clone(),
            verifier: token::fresh(&*self.entropy),
            redirect: trip.redirect.to_owned(),
            for_roles: false,
        };
        let (user, most) = match intent {
            Intent::SignIn => (None, SIGN_INS_OPEN_MAX),
            Intent::Link(user) => (Some(user), LINKS_OPEN_MAX),
        };
        let work = self
            .db
            .begin(who, self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        let now = work.now();
        if table::open(work.conn(), user, now).await? >= most {
            return Err(IdentityError::Throttled { retry_after: AWAY });
        }
        let begun = table::State {
            digest: token::digest(&request.state),
            intent: intent.code(),
            provider: trip.provider,
            binding,
            user,
            nonce: &request.nonce,
            verifier: &request.verifier,
            redirect: trip.redirect,
            return_to: trip.return_to,
            expires_at: now.plus(AWAY),
        };
        table::put(work.conn(), &self.tokens(), &begun).await?;
        work.commit().await?;
        Ok(request)
    }
}
