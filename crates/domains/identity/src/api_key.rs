//! API keys: a person's programs show one instead of a session. A key is `wbot_user_` and 256 random
//! bits in hexadecimal; it is shown once, and only its SHA-256 is stored. It acts as its owner with
//! the rights of the moment, in all communities or in one, until it expires or is revoked.
//!
//! Must never give a key more rights than its owner has.

use std::time::Duration;

use kernel::{Actor, ApiKeyId, CommunityId, Permission, Secret, SessionId, Timestamp, UserId};
use store::audit::Entry;

use crate::{
    Identity, IdentityError, Notice, User, notice, session::TOUCH, store as tables, token,
};

/// How every key begins, so that scanners of leaked secrets recognise it.
pub const KEY_PREFIX: &str = "wbot_user_";
/// How many valid keys a person may have.
pub const KEYS_MAX: i64 = 5;
/// How many days a key may be valid.
pub const KEY_DAYS_MAX: u16 = 365;
/// Longest name, in characters.
const NAME_MAX: usize = 80;
/// Characters of the key that stay visible.
const HINT: usize = 4;
/// How long an expired key is still listed, so that its owner sees why a program stopped.
const LISTED: Duration = Duration::from_secs(30 * 86_400);

/// Where a key is good for something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyScope {
    /// Wherever its owner has rights, the instance included.
    Everything,
    /// In one community only; nothing of the instance.
    Community(CommunityId),
}

/// A key as its owner sees it; not the key itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// What its owner calls it, 1 to 80 characters.
    pub name: String,
    /// The last four characters of the key.
    pub hint: String,
    /// Where it is good.
    pub scope: KeyScope,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last used, within five minutes; `None` = never.
    pub last_used_at: Option<Timestamp>,
}

/// What somebody asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewApiKey {
    /// What to call it, 1 to 80 characters.
    pub name: String,
    /// Where it is to be good.
    pub scope: KeyScope,
    /// For how many days, 1 to 365.
    pub days: u16,
}

/// A key just made. The text is not kept.
#[derive(Debug)]
pub struct MadeApiKey {
    /// Its id.
    pub id: ApiKeyId,
    /// The key.
    pub key: Secret<String>,
}

/// Who shows a valid key.
#[derive(Debug, Clone)]
pub struct KeyHolder {
    /// The key.
    pub key: ApiKeyId,
    /// For service calls; limited to the key's scope.
    pub actor: Actor,
    /// For display.
    pub user: User,
}

fn check_name(text: &str) -> Result<&str, IdentityError> {
    let name = text.trim();
    if name.is_empty() {
        return Err(IdentityError::invalid("name", "say what the key is for"));
    }
    if name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(IdentityError::invalid(
            "name",
            format!("use at most {NAME_MAX} characters and no line breaks"),
        ));
    }
    Ok(name)
}

fn owner(actor: &Actor) -> Result<UserId, IdentityError> {
    actor.user_id().ok_or(IdentityError::NotFound)
}

fn entry(action: &'static str, id: ApiKeyId, scope: Option<KeyScope>) -> Entry {
    let community = match scope {
        Some(KeyScope::Community(id)) => Some(id),
        Some(KeyScope::Everything) | None => None,
    };
    Entry {
        action,
        object: format!("api_key:{id}"),
        community,
        detail: serde_json::json!({}),
    }
}

impl Identity {
    fn fresh_key(&self) -> Secret<String> {
        let random = token::fresh(&*self.entropy);
        Secret::new(format!("{KEY_PREFIX}{}", random.expose()))
    }

    /// One's own keys, newest first: the valid ones and those that expired within a month.
    pub async fn api_keys(&self, actor: &Actor) -> Result<Vec<ApiKey>, IdentityError> {
        let rows = tables::api_key::of_user(self.db.read(), owner(actor)?).await?;
        Ok(rows.into_iter().map(ApiKey::from).collect())
    }

    /// Makes a key of one's own. Needs a fresh session or the password, because a key outlives the
    /// session. At most [`KEYS_MAX`] valid keys.
    pub async fn create_api_key(
        &self,
        actor: &Actor,
        session: SessionId,
        new: &NewApiKey,
        password: &Secret<String>,
    ) -> Result<MadeApiKey, IdentityError> {
        let user = owner(actor)?;
        let name = check_name(&new.name)?;
        if new.days == 0 || new.days > KEY_DAYS_MAX {
            return Err(IdentityError::invalid(
                "days",
                format!("choose 1 to {KEY_DAYS_MAX} days"),
            ));
        }
        let community = match new.scope {
            KeyScope::Everything => None,
            KeyScope::Community(id) => {
                let known = actor.require(Permission::ViewCommunity, id);
                known.map_err(|_denied| {
                    IdentityError::invalid("community", "choose a community you belong to")
                })?;
                Some(id)
            }
        };
        self.confirm(user, session, Some(password)).await?;
        let key = self.fresh_key();
        let mut work = self
            .db
            .begin(actor, self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        let now = work.now();
        if tables::api_key::lock_owner(work.conn(), user).await? == 0 {
            return Err(IdentityError::NotFound);
        }
        if tables::api_key::count_valid(work.conn(), user, now).await? >= KEYS_MAX {
            return Err(IdentityError::Conflict(format!(
                "you have {KEYS_MAX} keys already: revoke one first"
            )));
        }
        let row = tables::api_key::New {
            user,
            name,
            digest: &token::digest(key.expose()),
            hint: hint(&key),
            community,
            now,
            expires_at: now.plus(Duration::from_secs(u64::from(new.days) * 86_400)),
        };
        let id = tables::api_key::insert(work.conn(), &row).await?;
        work.audit(entry("api_key.create", id, Some(new.scope)));
        notice::tell(&mut work, user, &Notice::KeyMade).await?;
        work.commit().await?;
        Ok(MadeApiKey { id, key })
    }

    /// Puts a fresh key in the place of one of one's own valid keys; name, scope and end stay, the
    /// old text is worth nothing at once. Needs a fresh session or the password like making one.
    pub async fn regenerate_api_key(
        &self,
        actor: &Actor,
        session: SessionId,
        id: ApiKeyId,
        password: &Secret<String>,
    ) -> Result<MadeApiKey, IdentityError> {
        let user = owner(actor)?;
        self.confirm(user, session, Some(password)).await?;
        let key = self.fresh_key();
        let mut work = self
            .db
            .begin(actor, self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        let fresh = (token::digest(key.expose()), hint(&key));
        let now = work.now();
        if !tables::api_key::replace(work.conn(), user, id, (&fresh.0, fresh.1), now).await? {
            return Err(IdentityError::NotFound);
        }
        work.audit(entry("api_key.regenerate", id, None));
        notice::tell(&mut work, user, &Notice::KeyRenewed).await?;
        work.commit().await?;
        Ok(MadeApiKey { id, key })
    }

    /// Ends one of one's own keys at once.
    pub async fn revoke_api_key(&self, actor: &Actor, id: ApiKeyId) -> Result<(), IdentityError> {
        let user = owner(actor)?;
        let mut work = self
            .db
            .begin(actor, self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        if !tables::api_key::delete(work.conn(), user, id).await? {
            return Err(IdentityError::NotFound);
        }
        work.audit(entry("api_key.revoke", id, None));
        Ok(work.commit().await?)
    }

    /// Who shows a key; `None` if it is unknown, revoked or expired.
    pub async fn authenticate_key(&self, key: &str) -> Result<Option<KeyHolder>, IdentityError> {
        if !key.starts_with(KEY_PREFIX) {
            return Ok(None);
        }
        let now = self.clock.now();
        let found = tables::holder::of_key(self.db.read(), &token::digest(key)).await?;
        let Some(held) = found.filter(|held| held.expires_at > now) else {
            return Ok(None);
        };
        let id = i32::try_from(held.credential).map_err(|error| {
            store::StoreError::Data(format!("the id of a key is not one: {error}"))
        })?;
        let is_stale = |last: Timestamp| now.since(last) >= TOUCH;
        if held.last_used_at.is_none_or(is_stale) {
            tables::api_key::touch(self.db.write(), id, now).await?;
        }
        Ok(Some(KeyHolder {
            key: ApiKeyId(id),
            actor: held.actor(),
            user: held.user,
        }))
    }

    /// Removes keys that expired more than a month ago.
    pub(crate) async fn sweep_keys(work: &store::Work) -> Result<u64, IdentityError> {
        let before = work.now().minus(LISTED);
        Ok(tables::api_key::sweep(work.conn(), before).await?)
    }
}

fn hint(key: &Secret<String>) -> &str {
    let text = key.expose();
    text.get(text.len().saturating_sub(HINT)..).unwrap_or("")
}
