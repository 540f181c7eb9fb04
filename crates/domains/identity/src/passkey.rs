//! Passkeys (W3C Web Authentication): a key pair that a person's device keeps and unlocks with
//! finger, face or PIN. We keep the public half. A passkey signs in by itself and counts as both
//! factors, because the device has verified its owner.
//!
//! Must never check an answer by itself (the library does), ask a question twice, or put an answer,
//! a handle or a key into a log, an audit entry or an error.

mod ceremony;
mod prove;
mod site;

use std::time::Duration;

use kernel::{Actor, PasskeyId, Secret, SessionId, Timestamp, UserId, random};
use store::{StoreError, Work, audit::Entry};

use self::ceremony::Purpose;
use crate::{
    Identity, IdentityError, Notice, notice,
    store::{self as tables, passkey as table},
};

pub(crate) use site::Kept;
pub use site::PasskeySite;

/// How many passkeys a person may add.
pub const PASSKEYS_MAX: usize = 10;
/// How long a browser may take to answer.
const LIFE: Duration = Duration::from_mins(5);
/// Longest name, in characters.
const NAME_MAX: usize = 80;
/// What one is called that was given no name.
const UNNAMED: &str = "Passkey";
/// Why there are none where nobody said.
pub(crate) const NOT_SET_UP: &str = "Passkeys are off here.";

/// A passkey as its owner sees it. Holds no key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Passkey {
    /// Its id.
    pub id: PasskeyId,
    /// What its owner calls it, 1 to 80 characters.
    pub name: String,
    /// When it was added.
    pub created_at: Timestamp,
    /// When it last proved who they are; `None` = never.
    pub last_used_at: Option<Timestamp>,
    /// Whether it is kept in more than one place, as of its last use: losing one device does not
    /// lose it.
    pub is_backed_up: bool,
    /// The host it was made for, where that is not this one any more: then it is worth nothing.
    pub elsewhere: Option<String>,
}

impl Passkey {
    /// Whether browsers offer it here.
    pub const fn is_usable(&self) -> bool {
        self.elsewhere.is_none()
    }
}

/// A question for a browser.
#[derive(Debug)]
pub struct PasskeyQuestion {
    /// Comes back with the answer: 64 hexadecimal characters.
    pub ceremony: Secret<String>,
    /// What `navigator.credentials` is asked for, as JSON (binary as base64url).
    pub options: String,
}

/// What a browser answered.
#[derive(Clone, Copy)]
pub struct PasskeyAnswer<'a> {
    /// Of the question.
    pub ceremony: &'a str,
    /// What `navigator.credentials` gave, as JSON (binary as base64url).
    pub credential: &'a str,
}

impl std::fmt::Debug for PasskeyAnswer<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PasskeyAnswer")
    }
}

fn check_name(text: &str) -> Result<&str, IdentityError> {
    let name = text.trim();
    if name.chars().count() > NAME_MAX || name.chars().any(char::is_control) {
        return Err(IdentityError::invalid(
            "name",
            format!("use at most {NAME_MAX} characters and no line breaks"),
        ));
    }
    Ok(name)
}

/// The words for every answer that is not accepted, so that they tell nothing about whose it is.
fn not_accepted() -> IdentityError {
    IdentityError::invalid(
        "passkey",
        "this passkey was not accepted: it may have been removed here, or belong to another account",
    )
}

fn owner(actor: &Actor) -> Result<UserId, IdentityError> {
    actor.user_id().ok_or(IdentityError::NotFound)
}

fn entry(action: &'static str, user: UserId, passkey: PasskeyId) -> Entry {
    Entry {
        action,
        object: format!("user:{user}"),
        community: None,
        detail: serde_json::json!({ "passkey": passkey.0 }),
    }
}

impl Identity {
    /// Why there are no passkeys here; `None` = there are.
    pub const fn passkeys_off(&self) -> Option<&'static str> {
        match &self.passkeys {
            Ok(_) => None,
            Err(why) => Some(*why),
        }
    }

    fn site(&self) -> Result<&PasskeySite, IdentityError> {
        self.passkeys
            .as_ref()
            .map_err(|why| IdentityError::Conflict((*why).to_owned()))
    }

    /// Somebody's passkeys that browsers offer here, as they are kept.
    pub(crate) async fn usable(&self, user: UserId) -> Result<Vec<table::Row>, IdentityError> {
        let Ok(site) = &self.passkeys else {
            return Ok(Vec::new());
        };
        let mut rows = table::of_user(self.db.read(), user).await?;
        rows.retain(|row| row.rp_id == site.host());
        Ok(rows)
    }

    /// Whether somebody can sign in with a passkey, within a unit of work.
    pub(crate) async fn has_passkey(
        &self,
        work: &Work,
        user: UserId,
        except: Option<PasskeyId>,
    ) -> Result<bool, StoreError> {
        let Ok(site) = &self.passkeys else {
            return Ok(false);
        };
        let rows = table::of_user(work.conn(), user).await?;
        let counts =
            |row: &table::Row| row.rp_id == site.host() && Some(PasskeyId(row.id)) != except;
        Ok(rows.iter().any(counts))
    }

    /// One's own passkeys, the oldest first.
    pub async fn passkeys(&self, actor: &Actor) -> Result<Vec<Passkey>, IdentityError> {
        let rows = table::of_user(self.db.read(), owner(actor)?).await?;
        let here = self.passkeys.as_ref().ok().map(PasskeySite::host);
        let shown = |row: table::Row| Passkey {
            id: PasskeyId(row.id),
            name: row.name,
            created_at: Timestamp(row.created_at),
            last_used_at: row.last_used_at.map(Timestamp),
            is_backed_up: row.backed_up,
            elsewhere: (here != Some(row.rp_id.as_str())).then_some(row.rp_id),
        };
        Ok(rows.into_iter().map(shown).collect())
    }

    /// Asks the browser for a new passkey. Needs a fresh session; the answer is good in it only.
    pub async fn begin_passkey(
        &self,
        actor: &Actor,
        session: SessionId,
    ) -> Result<PasskeyQuestion, IdentityError> {
        let user = owner(actor)?;
        let site = self.site()?;
        self.confirm(user, session, None).await?;
        let known = tables::user::by_id(self.db.read(), user).await?;
        let known = known.ok_or(IdentityError::NotFound)?;
        let rows = table::of_user(self.db.read(), user).await?;
        if rows.len() >= PASSKEYS_MAX {
            return Err(too_many());
        }
        let here: Vec<_> = rows
            .into_iter()
            .filter(|row| row.rp_id == site.host())
            .collect();
        // One name for one's passkeys, so that a device puts a new one in the place of an old one.
        let handle = here.last().map_or_else(
            || site::handle(random::bytes(&*self.entropy)),
            |row| row.handle.clone(),
        );
        let name = known.email.as_ref().unwrap_or(&known.display_name);
        let present: Vec<String> = here.into_iter().map(|row| row.credential).collect();
        let question = site.invite(&handle, (name, &known.display_name), &present)?;
        let state = ceremony::with_handle(&handle, &question.state);
        let binding = ceremony::of_session(user, session);
        let who = Some(user);
        self.put_question(Purpose::Add, binding, who, question.options, &state)
            .await
    }

    /// Adds the passkey with which the browser answered [`Self::begin_passkey`]. An empty name is
    /// given one.
    ///
    /// # Errors
    /// [`IdentityError::TokenInvalid`] if the question was answered already or took too long.
    pub async fn add_passkey(
        &self,
        actor: &Actor,
        session: SessionId,
        answer: PasskeyAnswer<'_>,
        name: &str,
    ) -> Result<(), IdentityError> {
        let user = owner(actor)?;
        let site = self.site()?;
        let name = Some(check_name(name)?).filter(|name| !name.is_empty());
        let name = name.unwrap_or(UNNAMED);
        let binding = ceremony::of_session(user, session);
        let taken = self
            .take_question(Purpose::Add, &binding, answer.ceremony)
            .await?;
        if taken.user != Some(user) {
            return Err(IdentityError::TokenInvalid);
        }
        let (handle, state) = ceremony::without_handle(&taken.state)?;
        let kept = site.welcome(state, answer.credential)?;
        let kept = kept.map_err(|_refusal| {
            IdentityError::invalid(
                "passkey",
                "this device's answer was not accepted: nothing was added; try again, or use another device",
            )
        })?;
        let mut work = self
            .db
            .begin(actor, self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        let now = work.now();
        // Two at once must not both be the last one that fits.
        if !tables::user::lock(work.conn(), user).await? {
            return Err(IdentityError::NotFound);
        }
        if table::of_user(work.conn(), user).await?.len() >= PASSKEYS_MAX {
            return Err(too_many());
        }
        let new = table::New {
            user,
            rp_id: site.host(),
            handle,
            kept: &kept,
            name,
            now,
        };
        let id = match table::insert(work.conn(), &new).await {
            Err(StoreError::Duplicate(_)) => {
                return Err(IdentityError::Conflict(
                    "this passkey is here already: nothing was added".to_owned(),
                ));
            }
            made => made?,
        };
        work.audit(entry("user.passkey.add", user, id));
        notice::tell(&mut work, user, &Notice::PasskeyAdded).await?;
        Ok(work.commit().await?)
    }

    /// Calls one of one's own passkeys something else.
    pub async fn rename_passkey(
        &self,
        actor: &Actor,
        id: PasskeyId,
        name: &str,
    ) -> Result<(), IdentityError> {
        let user = owner(actor)?;
        let name = check_name(name)?;
        if name.is_empty() {
            return Err(IdentityError::invalid(
                "name",
                "say which one it is, such as the device that keeps it",
            ));
        }
        let work = self
            .db
            .begin(actor, self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        if !table::rename(work.conn(), user, id, name).await? {
            return Err(IdentityError::NotFound);
        }
        Ok(work.commit().await?)
    }

    /// Removes one of one's own passkeys. Needs a fresh session. Refused for the last way of
    /// signing in.
    pub async fn remove_passkey(
        &self,
        actor: &Actor,
        session: SessionId,
        id: PasskeyId,
    ) -> Result<(), IdentityError> {
        let user = owner(actor)?;
        self.confirm(user, session, None).await?;
        let mut work = self
            .db
            .begin(actor, self.clock.now())
            .await?
            .reaching(::store::Reach::Nothing);
        // Two at once must not each leave the other as the last way in.
        tables::user::lock(work.conn(), user).await?;
        let rows = table::of_user(work.conn(), user).await?;
        let found = rows.into_iter().find(|row| PasskeyId(row.id) == id);
        let found = found.ok_or(IdentityError::NotFound)?;
        let credentials = tables::user::credentials_by_id(work.conn(), user).await?;
        let stays = credentials.is_some_and(|c| c.password_hash.is_some())
            || !tables::link::of_user(work.conn(), user).await?.is_empty()
            || self.has_passkey(&work, user, Some(id)).await?;
        if !stays {
            return Err(IdentityError::Conflict(
                "this is the only way you can sign in: add another passkey, link an account or set a password first".to_owned(),
            ));
        }
        table::delete(work.conn(), user, id).await?;
        work.audit(entry("user.passkey.remove", user, id));
        let told = Notice::PasskeyRemoved(Timestamp(found.created_at));
        notice::tell(&mut work, user, &told).await?;
        Ok(work.commit().await?)
    }
}

fn too_many() -> IdentityError {
    IdentityError::Conflict(format!(
        "you have {PASSKEYS_MAX} passkeys already: remove one first"
    ))
}
