//! Accounts elsewhere that people sign in with: what a provider's proof is good for, linking and
//! unlinking. An account is known by its provider and its id there, never by an e-mail address.
//!
//! Must never call a provider, never take an account from somebody who signs in here, and never put
//! a token, an address or an id of a provider into a log, an audit entry or an error.

use kernel::{
    AccountId, Actor, LinkId, PersonalTokens, Platform, Proof, Secret, SessionId, Timestamp, UserId,
};
use store::{StoreError, Work, audit::Entry};

use crate::{
    Arrival, ClientInfo, Entered, Identity, IdentityError, Intent, Notice, SeenAccount, notice,
    ownership::change_owners,
    store::{self as tables, link as table},
};

/// Longest id, name or address that a provider gives us, in characters.
const TEXT_MAX: usize = 300;
/// Longest display name, in characters.
const NAME_MAX: usize = 80;
/// Longest token, in bytes.
const TOKEN_MAX: usize = 8_192;
/// Most scopes.
const SCOPES_MAX: usize = 100;
/// Most accounts of one person.
pub(crate) const LINKS_MAX: usize = 50;

/// An account elsewhere that somebody signs in with. Holds no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its id.
    pub id: LinkId,
    /// Whose it is.
    pub user: UserId,
    /// The provider's key.
    pub provider: String,
    /// The provider's id of the account.
    pub subject: String,
    /// The account in chat, where the provider has one.
    pub account: Option<AccountId>,
    /// The name it goes by there.
    pub username: String,
    /// Its picture, never fetched.
    pub avatar: Option<String>,
    /// The address the provider checked; for showing to its owner only.
    pub verified_email: Option<String>,
    /// What its tokens allow, in the provider's words.
    pub scopes: Vec<String>,
    /// Whether it is the one that stands for its owner, see [`Identity::choose_primary_link`].
    pub is_primary: bool,
    /// Whether its tokens are good no more, so that its owner has to link it again.
    pub needs_relink: bool,
    /// When it was linked.
    pub linked_at: Timestamp,
    /// When its owner last came in with it.
    pub last_used_at: Timestamp,
}

/// An account that was unlinked, and the tokens that are to be given back.
#[derive(Debug)]
pub struct Unlinked {
    /// The provider's key.
    pub provider: String,
    /// Erased here; `None` if there were none.
    pub tokens: Option<PersonalTokens>,
    /// Whether the provider was told what roles may depend on, which is to be taken back.
    pub told_roles: bool,
}

/// A proof is stored only if it has the form of such things.
fn check(proof: &Proof) -> Result<(), IdentityError> {
    let text = |text: &str| text.chars().count() <= TEXT_MAX && !text.chars().any(char::is_control);
    let maybe = |value: &Option<String>| value.as_ref().is_none_or(|value| text(value));
    let token = |token: &Secret<String>| token.expose().len() <= TOKEN_MAX;
    let tokens = proof.tokens.as_ref().is_none_or(|tokens| {
        token(&tokens.access)
            && tokens.refresh.as_ref().is_none_or(token)
            && tokens.scopes.len() <= SCOPES_MAX
            && tokens.scopes.iter().all(|scope| text(scope))
    });
    let fits = !proof.subject.is_empty()
        && text(&proof.subject)
        && text(&proof.username)
        && maybe(&proof.avatar)
        && maybe(&proof.verified_email)
        && tokens;
    if fits {
        return Ok(());
    }
    Err(IdentityError::invalid(
        "proof",
        "the provider's answer does not have the form it should have",
    ))
}

/// What a new person is called.
fn name(proof: &Proof) -> String {
    let wanted = proof.display_name.as_ref().unwrap_or(&proof.username);
    let plain: String = wanted.chars().filter(|c| !c.is_control()).collect();
    let cut: String = plain.trim().chars().take(NAME_MAX).collect();
    if cut.is_empty() {
        return "Somebody".to_owned();
    }
    cut
}

/// The account in chat that a proof is about, and its owner.
struct Owned {
    account: AccountId,
    user: UserId,
    is_claimed: bool,
}

impl Identity {
    /// Finishes a sign-in with a proof of the provider. Who is known by this account is signed in;
    /// an account that was met in chat becomes a person who signs in; anybody else becomes a new
    /// person, if this instance lets people register.
    ///
    /// # Errors
    /// [`IdentityError::Conflict`] with words for the person where the account is nobody's and
    /// registration is closed, or where it was unlinked from somebody.
    pub async fn finish_sign_in(
        &self,
        arrival: &Arrival,
        platform: Option<Platform>,
        proof: &Proof,
        client: &ClientInfo,
    ) -> Result<Entered, IdentityError> {
        if arrival.intent != Intent::SignIn {
            return Err(IdentityError::TokenInvalid);
        }
        check(proof)?;
        let done = self.enter(arrival, platform, proof, client).await;
        match done {
            // The same account came in twice at the same moment, or spoke for the first time.
            Err(IdentityError::Storage(StoreError::Duplicate(_))) => {
                self.enter(arrival, platform, proof, client).await
            }
            done => done,
        }
    }

    async fn enter(
        &self,
        arrival: &Arrival,
        platform: Option<Platform>,
        proof: &Proof,
        client: &ClientInfo,
    ) -> Result<Entered, IdentityError> {
        let provider = arrival.provider.as_str();
        let who = Actor::System("sign-in");
        let mut work = self.db.begin(&who, self.clock.now()).await?;
        let now = work.now();
        let known = table::by_subject(work.conn(), provider, &proof.subject).await?;
        let user = if let Some(link) = known {
            table::renew(work.conn(), &self.tokens(), link.id, proof, now).await?;
            // Its owner may have been merged with somebody while the row was waited for.
            let link = table::by_subject(work.conn(), provider, &proof.subject).await?;
            link.ok_or(IdentityError::NotFound)?.user
        } else {
            self.welcome(&mut work, arrival, platform, proof).await?
        };
        self.admit(work, user, client, &format!("oauth:{provider}"))
            .await
    }

    /// The person behind an account that nobody signed in with yet.
    async fn welcome(
        &self,
        work: &mut Work,
        arrival: &Arrival,
        platform: Option<Platform>,
        proof: &Proof,
    ) -> Result<UserId, IdentityError> {
        let now = work.now();
        let owned = owner(work, platform, proof).await?;
        let (user, action) = match &owned {
            Some(owned) => {
                if owned.is_claimed || !tables::user::claim(work.conn(), owned.user, now).await? {
                    return Err(IdentityError::Conflict(
                        "this account belongs to somebody here who does not sign in with it: sign in the way you usually do, then link it under «Your account»".to_owned(),
                    ));
                }
                (owned.user, "user.claim")
            }
            None if self.is_open => {
                let made = tables::user::insert_linked(work.conn(), &name(proof), now).await?;
                (made, "user.register")
            }
            None => {
                return Err(IdentityError::Conflict(
                    "nobody here is known by this account, and new people cannot register on this instance: sign in the way you usually do and link it, say something in a community first, or ask an administrator".to_owned(),
                ));
            }
        };
        self.write(work, arrival, platform, proof, (user, owned))
            .await?;
        work.audit(Entry {
            action,
            object: format!("user:{user}"),
            community: None,
            detail: serde_json::json!({ "provider": arrival.provider }),
        });
        Ok(user)
    }

    /// Finishes a link with a proof of the provider: the account becomes one of the actor's, with
    /// everything that is known of it from chat. Linking one's own again renews it.
    ///
    /// # Errors
    /// [`IdentityError::MergeNeeded`] where it belongs to somebody else who signs in here: then a
    /// merge of the two is asked for, and nothing has moved.
    pub async fn finish_link(
        &self,
        actor: &Actor,
        arrival: &Arrival,
        platform: Option<Platform>,
        proof: &Proof,
    ) -> Result<Link, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        if arrival.intent != Intent::Link(user) {
            return Err(IdentityError::TokenInvalid);
        }
        check(proof)?;
        let done = self.attach(actor, user, arrival, platform, proof).await;
        match done {
            Err(IdentityError::Storage(StoreError::Duplicate(_))) => {
                self.attach(actor, user, arrival, platform, proof).await
            }
            done => done,
        }
    }

    async fn attach(
        &self,
        actor: &Actor,
        user: UserId,
        arrival: &Arrival,
        platform: Option<Platform>,
        proof: &Proof,
    ) -> Result<Link, IdentityError> {
        let provider = arrival.provider.as_str();
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let now = work.now();
        change_owners(&work).await?;
        let (found, _) = self.holder(&work, provider, platform, proof).await?;
        let other = found.unwrap_or(user);
        if !tables::user::lock_both(work.conn(), user, other).await? {
            return Err(IdentityError::NotFound);
        }
        let (again, known) = self.holder(&work, provider, platform, proof).await?;
        if again != found {
            // It changed hands while the locks were waited for: asked once more.
            return Err(IdentityError::Storage(StoreError::Duplicate(
                provider.to_owned(),
            )));
        }
        match known {
            Some(link) if link.user == user => {
                table::renew(work.conn(), &self.tokens(), link.id, proof, now).await?;
            }
            Some(_) => return Err(self.ask_to_merge(work, user, other, Some(arrival)).await?),
            None => {
                if table::of_user(work.conn(), user).await?.len() >= LINKS_MAX {
                    return Err(IdentityError::Conflict(
                        "you have linked as many accounts as there may be: unlink one first"
                            .to_owned(),
                    ));
                }
                let owned = owner(&work, platform, proof).await?;
                if let Some(other) = owned.as_ref().filter(|owned| owned.user != user) {
                    // Claiming it keeps anybody else from doing so at the same moment.
                    if other.is_claimed {
                        // It is theirs, but no way in: it proves nothing for them.
                        return Err(self.ask_to_merge(work, user, other.user, None).await?);
                    }
                    if !tables::user::claim(work.conn(), other.user, now).await? {
                        return Err(taken());
                    }
                    self.take_over(&mut work, other.user, user).await?;
                }
                tables::user::claim(work.conn(), user, now).await?;
                self.write(&mut work, arrival, platform, proof, (user, owned))
                    .await?;
                work.audit(Entry {
                    action: "account.link",
                    object: format!("user:{user}"),
                    community: None,
                    detail: serde_json::json!({ "provider": provider }),
                });
                let told = Notice::Linked(provider.to_owned());
                notice::tell(&mut work, user, &told).await?;
            }
        }
        let link = table::by_subject(work.conn(), provider, &proof.subject).await?;
        self.roles_changed(&mut work, user).await?;
        work.commit().await?;
        link.ok_or(IdentityError::NotFound)
    }

    /// Whose an account is: by the link, else by what was seen in chat; and the link.
    async fn holder(
        &self,
        work: &Work,
        provider: &str,
        platform: Option<Platform>,
        proof: &Proof,
    ) -> Result<(Option<UserId>, Option<Link>), IdentityError> {
        let link = table::by_subject(work.conn(), provider, &proof.subject).await?;
        let holder = match &link {
            Some(link) => Some(link.user),
            None => owner(work, platform, proof).await?.map(|owned| owned.user),
        };
        Ok((holder, link))
    }

    /// Writes the link, and the account in chat where it was never met there.
    async fn write(
        &self,
        work: &mut Work,
        arrival: &Arrival,
        platform: Option<Platform>,
        proof: &Proof,
        (user, owned): (UserId, Option<Owned>),
    ) -> Result<(), IdentityError> {
        let account = match (owned, platform) {
            (Some(owned), _) => Some(owned.account),
            (None, None) => None,
            (None, Some(platform)) => {
                let seen = SeenAccount {
                    platform,
                    platform_user_id: proof.subject.clone(),
                    username: proof.username.clone(),
                    is_bot: false,
                    account_created_at: proof.account_created_at,
                };
                let made =
                    tables::account::insert_owned(work.conn(), &seen, user, work.now()).await?;
                Some(made)
            }
        };
        let new = table::New {
            user,
            provider: &arrival.provider,
            account,
            proof,
        };
        table::insert(work.conn(), &self.tokens(), &new, work.now()).await?;
        Ok(())
    }

    /// One's own linked accounts, by provider, at most 100.
    pub async fn links(&self, actor: &Actor) -> Result<Vec<Link>, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        Ok(table::of_user(self.db.read(), user).await?)
    }

    /// Unlinks an account: it no longer signs in, its tokens are erased and handed over to be given
    /// back. What it said in chat stays its owner's. Refused for the last way of signing in, and
    /// like linking it needs a young session or the password.
    pub async fn unlink(
        &self,
        actor: &Actor,
        session: SessionId,
        password: Option<&Secret<String>>,
        link: LinkId,
    ) -> Result<Unlinked, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        self.confirm(user, session, password).await?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        // Two at once must not each leave the other as the last way in.
        tables::user::lock(work.conn(), user).await?;
        let links = table::of_user(work.conn(), user).await?;
        let found = links.iter().find(|mine| mine.id == link);
        let found = found.ok_or(IdentityError::NotFound)?;
        let credentials = tables::user::credentials_by_id(work.conn(), user).await?;
        let has_password = credentials.is_some_and(|c| c.password_hash.is_some());
        if links.len() == 1 && !has_password && !self.has_passkey(&work, user, None).await? {
            return Err(IdentityError::Conflict(
                "this is the only way you can sign in: link another account or add a passkey first"
                    .to_owned(),
            ));
        }
        let sealed = table::sealed(work.conn(), link).await?;
        // Tokens that do not open cannot be given back, but can be erased.
        let tokens = match sealed.map(|sealed| sealed.open(&self.tokens())).transpose() {
            Ok(tokens) => tokens.flatten(),
            Err(error) => {
                tracing::warn!(link.id = %link, error = %error, "the tokens of a linked account could not be opened");
                None
            }
        };
        let told_roles = tables::linked_role::was_told(work.conn(), link).await?;
        table::delete(work.conn(), link).await?;
        self.roles_changed(&mut work, user).await?;
        work.audit(Entry {
            action: "account.unlink",
            object: format!("user:{user}"),
            community: None,
            detail: serde_json::json!({ "provider": found.provider }),
        });
        let provider = found.provider.clone();
        notice::tell(&mut work, user, &Notice::Unlinked(provider.clone())).await?;
        work.commit().await?;
        Ok(Unlinked {
            provider,
            tokens,
            told_roles,
        })
    }
}

/// That an account was linked, without what it is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FreshLink {
    /// By whom.
    pub user: UserId,
    /// The account in chat, where the provider has one.
    pub account: Option<AccountId>,
    /// When.
    pub at: Timestamp,
}

/// What was linked since, in order of time; of more than `limit` the newest. For the domains above,
/// which authorise by community before they tell.
pub async fn fresh_links(
    conn: &impl sea_orm::ConnectionTrait,
    since: Timestamp,
    limit: i64,
) -> Result<Vec<FreshLink>, StoreError> {
    table::fresh(conn, since, limit).await
}

fn taken() -> IdentityError {
    IdentityError::Conflict(
        "this account belongs to somebody else here: if that is you, sign in with it, unlink it there and then link it here".to_owned(),
    )
}

async fn owner(
    work: &Work,
    platform: Option<Platform>,
    proof: &Proof,
) -> Result<Option<Owned>, IdentityError> {
    let Some(platform) = platform else {
        return Ok(None);
    };
    let id = proof.subject.as_str();
    let known = tables::account::known(work.conn(), platform, &[id]).await?;
    let Some(known) = known.get(id) else {
        return Ok(None);
    };
    let user = tables::user::by_id(work.conn(), known.resolved.user).await?;
    Ok(Some(Owned {
        account: known.resolved.account,
        user: known.resolved.user,
        is_claimed: user.is_some_and(|user| user.claimed),
    }))
}
