//! Signing in and out. A session is a random token in the browser and its hash here; it ends 7
//! days after the last use, 30 days after it began, on sign-out, or when it is revoked.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use kernel::{Actor, Permission, Secret, SessionId, Timestamp, UserId};
use store::{StoreError, audit::Entry};

use crate::{
    Entered, Identity, IdentityError, Notice, SeenAccount, User, account, notice, password,
    store as tables,
    throttle::Subject,
    token::{self, Purpose},
    user,
};

/// Unused time after which a session ends.
const IDLE: Duration = Duration::from_secs(7 * 86_400);
/// Age at which a session ends.
const ABSOLUTE: Duration = Duration::from_secs(30 * 86_400);
/// How often the time of last use is written, so that reading a page seldom writes.
pub(crate) const TOUCH: Duration = Duration::from_secs(300);

/// What is remembered of the browser, so that people recognise their sessions.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientInfo {
    /// The User-Agent header; cut at 200 characters.
    pub user_agent: String,
    /// The address; only its prefix is stored (/24 for IPv4, /48 for IPv6).
    pub address: Option<IpAddr>,
}

impl ClientInfo {
    fn agent(&self) -> String {
        self.user_agent
            .chars()
            .filter(|c| !c.is_control())
            .take(200)
            .collect()
    }

    /// The network of the address, as it is stored; empty if unknown.
    pub fn network(&self) -> String {
        match self.address {
            Some(IpAddr::V4(ip)) => {
                let [a, b, c, _] = ip.octets();
                format!("{a}.{b}.{c}.0/24")
            }
            Some(IpAddr::V6(ip)) => {
                let [a, b, c, ..] = ip.segments();
                format!("{a:x}:{b:x}:{c:x}::/48")
            }
            None => String::new(),
        }
    }
}

/// A session just begun. The token goes to the browser and is not kept.
#[derive(Debug)]
pub struct NewSession {
    /// 64 hexadecimal characters.
    pub token: Secret<String>,
    /// Who signed in.
    pub user: UserId,
    /// When the session ends at the latest.
    pub expires_at: Timestamp,
}

/// A session as its owner sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Session {
    /// Its id.
    pub id: SessionId,
    /// When it began.
    pub created_at: Timestamp,
    /// When it was last used, within five minutes.
    pub last_seen_at: Timestamp,
    /// The browser.
    pub user_agent: String,
    /// The network the browser was in.
    pub address_prefix: String,
}

/// The answer to «who is this browser?».
#[derive(Debug, Clone)]
pub struct Authenticated {
    /// For service calls.
    pub actor: Actor,
    /// For display.
    pub user: User,
    /// This session.
    pub session: SessionId,
}

impl Identity {
    /// Proves address and password, and lets in who has no second factor. Failures count per account and per network; unknown
    /// address and wrong password answer the same, in the same time.
    pub async fn sign_in(
        &self,
        email: &str,
        password: &Secret<String>,
        client: &ClientInfo,
    ) -> Result<Entered, IdentityError> {
        // What cannot be an address is nobody's, and is not worth a row.
        let Ok((_, folded)) = user::check_email(email) else {
            return Err(IdentityError::WrongCredentials);
        };
        let subjects: Vec<Subject> = std::iter::once(Subject::email(&folded))
            .chain(Subject::network(client))
            .collect();
        self.begin_attempt(&subjects).await?;
        let credentials = tables::user::credentials_by_email(self.db.read(), &folded).await?;
        let stored = credentials
            .as_ref()
            .and_then(|c| c.password_hash.clone())
            .map(Secret::new);
        let fits = password::verify(&self.hashing, password, stored.as_ref()).await;
        let Some(credentials) = credentials else {
            // As long as for somebody whose history is written.
            let work = self.db.begin(&Actor::System("sign-in"), self.clock.now());
            let work = work.await?.reaching(::store::Reach::Nothing);
            work.commit().await?;
            return Err(IdentityError::WrongCredentials);
        };
        if !fits {
            let user = UserId(credentials.id);
            self.note_failure(user, "password", &client.network())
                .await?;
            return Err(IdentityError::WrongCredentials);
        }
        let work = self
            .db
            .begin(&Actor::System("sign-in"), self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        Self::attempt_succeeded(&work, &subjects).await?;
        self.admit(work, UserId(credentials.id), client, "password")
            .await
    }

    /// Makes a link token that signs a person in once, within 15 minutes. For instance
    /// administrators and the program.
    pub async fn issue_sign_in_link(
        &self,
        actor: &Actor,
        user: UserId,
    ) -> Result<Secret<String>, IdentityError> {
        actor.require_instance(Permission::OperateInstance)?;
        let token = token::fresh(&*self.entropy);
        let now = self.clock.now();
        let mut work = self
            .db
            .begin(actor, now)
            .await?
            .reaching(::store::Reach::Nothing);
        if tables::user::by_id(work.conn(), user).await?.is_none() {
            return Err(IdentityError::NotFound);
        }
        let expires = now.plus(Duration::from_secs(Purpose::SignIn.lifetime_secs()));
        tables::session::put_token(
            work.conn(),
            &token::digest(token.expose()),
            Purpose::SignIn.code(),
            Some(user),
            expires,
        )
        .await?;
        work.audit(Entry {
            action: "session.link.issue",
            object: format!("user:{user}"),
            community: None,
            detail: serde_json::json!({}),
        });
        work.commit().await?;
        Ok(token)
    }

    /// Uses a link token: it works once. A second factor is asked for all the same.
    pub async fn redeem_sign_in_link(
        &self,
        token: &str,
        client: &ClientInfo,
    ) -> Result<Entered, IdentityError> {
        let now = self.clock.now();
        let work = self
            .db
            .begin(&Actor::System("sign-in"), now)
            .await?
            .reaching(::store::Reach::Nothing);
        let user = tables::session::use_token(
            work.conn(),
            &token::digest(token),
            Purpose::SignIn.code(),
            now,
        )
        .await?;
        match user {
            Some(Some(user)) => self.admit(work, user, client, "link").await,
            _ => Err(IdentityError::TokenInvalid),
        }
    }

    /// Finishes a sign-in within its unit of work: session row, audit, commit.
    pub(crate) async fn begin_session(
        &self,
        mut work: store::Work,
        user: UserId,
        client: &ClientInfo,
        method: &str,
    ) -> Result<NewSession, IdentityError> {
        let token = token::fresh(&*self.entropy);
        let now = work.now();
        let expires_at = now.plus(ABSOLUTE);
        tables::session::insert(
            work.conn(),
            &token::digest(token.expose()),
            user,
            now,
            expires_at,
            &client.agent(),
            &client.network(),
        )
        .await?;
        Self::note_verification(&work, user, (method, true), client).await?;
        work.audit(Entry {
            action: "session.begin",
            object: format!("user:{user}"),
            community: None,
            // The log outlives people: the network is in the session, which does not.
            detail: serde_json::json!({ "method": method }),
        });
        work.commit().await?;
        Ok(NewSession {
            token,
            user,
            expires_at,
        })
    }

    /// Who a session token belongs to; `None` if it is unknown, expired or revoked.
    pub async fn authenticate(&self, token: &str) -> Result<Option<Authenticated>, IdentityError> {
        let now = self.clock.now();
        let digest = token::digest(token);
        let Some(held) = tables::holder::of_session(self.db.read(), &digest).await? else {
            return Ok(None);
        };
        let last_seen = held.last_used_at.unwrap_or(held.expires_at);
        if held.expires_at <= now || now.since(last_seen) >= IDLE {
            return Ok(None);
        }
        let session = SessionId(held.credential);
        if now.since(last_seen) >= TOUCH {
            tables::session::touch(self.db.write(), session, now).await?;
        }
        Ok(Some(Authenticated {
            actor: held.actor(),
            user: held.user,
            session,
        }))
    }

    /// The actor of a user, with the roles of this moment.
    pub(crate) async fn actor(&self, user: &User) -> Result<Actor, IdentityError> {
        let roles: BTreeMap<_, _> = tables::community::roles_of(self.db.read(), user.id)
            .await?
            .into_iter()
            .collect();
        Ok(Actor::User {
            id: user.id,
            is_instance_admin: user.is_instance_admin,
            roles,
            only: None,
        })
    }

    /// The actor behind a platform account, with the roles of this moment. An account that was never
    /// seen before (it pressed a button before it said anything) is made, like one met in chat. For
    /// chat commands: the platform has vouched for who it is.
    pub async fn actor_of_account(&self, seen: &SeenAccount) -> Result<Actor, IdentityError> {
        let user = match self.user_of_account(seen).await {
            // Somebody else met the same account at the same moment.
            Err(IdentityError::Storage(StoreError::Duplicate(_))) => {
                self.user_of_account(seen).await
            }
            found => found,
        }?;
        let user = tables::user::by_id(self.db.read(), user)
            .await?
            .ok_or(IdentityError::NotFound)?;
        self.actor(&user).await
    }

    async fn user_of_account(&self, seen: &SeenAccount) -> Result<UserId, IdentityError> {
        let id = seen.platform_user_id.as_str();
        let known = tables::account::known(self.db.read(), seen.platform, &[id]).await?;
        if let Some(known) = known.get(id) {
            return Ok(known.resolved.user);
        }
        let work = self
            .db
            .begin(&Actor::System("commands"), self.clock.now())
            .await?;
        let found = account::resolve(&work, std::slice::from_ref(seen)).await?;
        work.commit().await?;
        found
            .people
            .into_values()
            .next()
            .map(|resolved| resolved.user)
            .ok_or(IdentityError::NotFound)
    }

    /// The same actor with the roles of this moment, limited as before; for connections that live
    /// long.
    pub async fn refresh(&self, actor: &Actor) -> Result<Option<Actor>, IdentityError> {
        let Some(id) = actor.user_id() else {
            return Ok(Some(actor.clone()));
        };
        let fresh = tables::holder::of_person(self.db.read(), id).await?;
        Ok(fresh.map(|fresh| match actor.limit() {
            Some(only) => fresh.within(only),
            None => fresh,
        }))
    }

    /// Ends a session. Ending one that is gone already is fine.
    pub async fn sign_out(&self, token: &str) -> Result<(), IdentityError> {
        tables::session::delete_by_digest(self.db.write(), &token::digest(token)).await?;
        Ok(())
    }

    /// One's own live sessions, newest use first, at most 100.
    pub async fn sessions(&self, actor: &Actor) -> Result<Vec<Session>, IdentityError> {
        let id = actor.user_id().ok_or(IdentityError::NotFound)?;
        let now = self.clock.now();
        let rows = tables::session::of_user(self.db.read(), id, now, now.minus(IDLE)).await?;
        Ok(rows.into_iter().map(Session::from).collect())
    }

    /// Ends one of one's own sessions.
    pub async fn revoke_session(
        &self,
        actor: &Actor,
        session: SessionId,
    ) -> Result<(), IdentityError> {
        let id = actor.user_id().ok_or(IdentityError::NotFound)?;
        let mut work = self
            .db
            .begin(actor, self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        if tables::session::delete(work.conn(), id, session).await? == 0 {
            return Err(IdentityError::NotFound);
        }
        work.audit(Entry {
            action: "session.revoke",
            object: format!("session:{session}"),
            community: None,
            detail: serde_json::json!({}),
        });
        Ok(work.commit().await?)
    }

    /// Removes what has expired: sessions, one-time tokens, forgotten failures, installs that
    /// nobody finished, questions to browsers, API keys. Run by a job.
    pub async fn sweep(&self) -> Result<u64, IdentityError> {
        let now = self.clock.now();
        let work = self
            .db
            .begin(&Actor::System("sweep"), now)
            .await?
            .reaching(::store::Reach::Nothing);
        let swept = tables::session::sweep(work.conn(), now, now.minus(IDLE)).await?
            + Self::sweep_keys(&work).await?
            + Self::sweep_email(&work).await?
            + Self::sweep_merges(&work).await?
            + Self::sweep_requests(&work).await?
            + Self::sweep_verifications(&work).await?
            + Self::sweep_notices(&work).await?
            + tables::totp::sweep_confirmations(work.conn()).await?;
        work.commit().await?;
        Ok(swept)
    }

    /// The user who signs in with an address. For the command line over the local database.
    pub async fn find_by_email(
        &self,
        actor: &Actor,
        email: &str,
    ) -> Result<Option<UserId>, IdentityError> {
        actor.require_instance(Permission::OperateInstance)?;
        let (_, folded) = user::check_email(email)?;
        let found = tables::user::credentials_by_email(self.db.read(), &folded).await?;
        Ok(found.map(|row| UserId(row.id)))
    }

    /// Sets somebody's password and ends their sessions and API keys. For the command line over the local
    /// database.
    pub async fn reset_password(
        &self,
        actor: &Actor,
        email: &str,
        new: &Secret<String>,
    ) -> Result<UserId, IdentityError> {
        actor.require_instance(Permission::OperateInstance)?;
        let (_, folded) = user::check_email(email)?;
        user::check_password(new, &folded)?;
        let found = tables::user::credentials_by_email(self.db.read(), &folded).await?;
        let id = UserId(found.ok_or(IdentityError::NotFound)?.id);
        let hash = password::hash(&self.hashing, &*self.entropy, new).await?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        tables::user::set_password(work.conn(), id, &hash).await?;
        tables::session::delete_others(work.conn(), id, SessionId(0)).await?;
        tables::api_key::delete_all(work.conn(), id).await?;
        tables::session::void_tokens_of(work.conn(), id, work.now()).await?;
        Self::attempt_succeeded(&work, &[Subject::email(&folded)]).await?;
        work.audit(Entry {
            action: "user.password.reset",
            object: format!("user:{id}"),
            community: None,
            detail: serde_json::json!({}),
        });
        notice::tell(&mut work, id, &Notice::PasswordSet).await?;
        work.commit().await?;
        Ok(id)
    }
}
