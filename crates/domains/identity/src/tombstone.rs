//! What stands for an erased account, so that history that is imported later does not bring it back: an
//! HMAC of the platform and the account's id there, with a key that only this instance has. Without
//! the key nobody finds out by trying ids who was here. The key is sealed like the tokens of platforms:
//! it survives `waddlebot keys rotate`.
//!
//! Tombstones from before there was a key are plain hashes. They hold as they are, and are made anew
//! when the account is met again: what they stand for is not known before.
//!
//! Must never put the key, or a platform's id, into a log or an error.

use std::collections::HashMap;

use ::store::{StoreError, Work};
use hmac::{Hmac, KeyInit, Mac};
use kernel::{Platform, Secret, Timestamp, random};
use sha2::Sha256;

use crate::{
    Identity, IdentityError, store::erasure as table, store::grave_key as key_table, token,
};

/// What every tombstone made with a key begins with.
const KEYED: &str = "v2:";

fn text(platform: Platform, id: &str) -> String {
    format!("erased:{}:{id}", platform.as_str())
}

/// A tombstone from before there was a key.
fn plain(platform: Platform, id: &str) -> String {
    token::digest(&text(platform, id))
}

/// What makes tombstones.
#[derive(Clone)]
pub(crate) struct GraveKey(Secret<String>);

impl GraveKey {
    /// A tombstone.
    fn of(&self, platform: Platform, id: &str) -> Result<String, StoreError> {
        let mac = Hmac::<Sha256>::new_from_slice(self.0.expose().as_bytes());
        let mut mac = mac.map_err(|error| StoreError::Data(error.to_string()))?;
        mac.update(text(platform, id).as_bytes());
        let bytes = mac.finalize().into_bytes();
        Ok(format!("{KEYED}{}", random::hex(&bytes)))
    }
}

/// Of some accounts, those that were erased, with the instant. For the recording of chat: what such
/// an account did until then is not recorded again; what it does later is somebody new's.
pub async fn erased(
    work: &Work,
    identity: &Identity,
    accounts: &[(Platform, String)],
) -> Result<Vec<((Platform, String), Timestamp)>, StoreError> {
    if accounts.is_empty() || !table::any_tombstone(work.conn()).await? {
        return Ok(Vec::new());
    }
    let key = identity.known_grave_key(work).await?;
    let mut hashes = Vec::with_capacity(accounts.len() * 2);
    for (platform, id) in accounts {
        hashes.push(plain(*platform, id));
        if let Some(key) = &key {
            hashes.push(key.of(*platform, id)?);
        }
    }
    let found = table::tombstones(work.conn(), &hashes).await?;
    if found.is_empty() {
        return Ok(Vec::new());
    }
    let mut erased = Vec::new();
    for (platform, id) in accounts {
        if let Some(at) = at(work, key.as_ref(), &found, (*platform, id)).await? {
            erased.push(((*platform, id.clone()), at));
        }
    }
    Ok(erased)
}

/// When an account was erased; a plain tombstone of it is made anew with the key.
async fn at(
    work: &Work,
    key: Option<&GraveKey>,
    found: &HashMap<String, Timestamp>,
    (platform, id): (Platform, &str),
) -> Result<Option<Timestamp>, StoreError> {
    let old = plain(platform, id);
    let before = found.get(&old).copied();
    let Some(key) = key else { return Ok(before) };
    let keyed = key.of(platform, id)?;
    if let Some(at) = before {
        table::bury_anew(work.conn(), (&old, &keyed), at).await?;
    }
    Ok(before.max(found.get(&keyed).copied()))
}

impl Identity {
    /// The key, if there is one. It never changes, so it is read once.
    async fn known_grave_key(&self, work: &Work) -> Result<Option<GraveKey>, StoreError> {
        if let Some(key) = self.grave_key.get() {
            return Ok(Some(key.clone()));
        }
        let found = key_table::open(work.conn(), &self.tokens()).await?;
        Ok(found.map(|key| self.grave_key.get_or_init(|| GraveKey(key)).clone()))
    }

    /// The key, made if there is none. Not kept in memory: who makes it may yet roll back.
    async fn made_grave_key(&self, work: &Work) -> Result<GraveKey, StoreError> {
        let fresh = token::fresh(&*self.entropy);
        let tokens = self.tokens();
        let made = key_table::open_or_put(work.conn(), &tokens, &fresh, work.now()).await?;
        Ok(GraveKey(made))
    }

    /// Puts a tombstone up for each account of somebody.
    pub(crate) async fn bury(
        &self,
        work: &Work,
        accounts: &[(Platform, String)],
    ) -> Result<(), StoreError> {
        if accounts.is_empty() {
            return Ok(());
        }
        let key = self.made_grave_key(work).await?;
        for (platform, id) in accounts {
            let (old, new) = (plain(*platform, id), key.of(*platform, id)?);
            table::bury_anew(work.conn(), (&old, &new), work.now()).await?;
        }
        Ok(())
    }

    /// Sees to it that there is a key where there are tombstones, so that those from before are made
    /// anew when they are met. For the job.
    pub async fn key_tombstones(&self) -> Result<(), IdentityError> {
        let who = kernel::Actor::System("erasure");
        let work = self.db.begin(&who, self.clock.now()).await?;
        let work = work.reaching(::store::Reach::Nothing);
        if !table::any_tombstone(work.conn()).await? {
            return Ok(());
        }
        if self.known_grave_key(&work).await?.is_some() {
            return Ok(());
        }
        self.made_grave_key(&work).await?;
        Ok(work.commit().await?)
    }
}

#[cfg(test)]
mod tests {
    use super::{GraveKey, plain};
    use kernel::{Platform, Secret};

    #[test]
    fn a_tombstone_tells_nothing_without_the_key() {
        let key = |text: &str| GraveKey(Secret::new(text.to_owned()));
        let of = |key: &GraveKey, id: &str| key.of(Platform::Discord, id).unwrap();
        let (one, other) = (key("one"), key("other"));
        assert_eq!(of(&one, "7"), of(&one, "7"));
        assert_ne!(of(&one, "7"), of(&one, "8"));
        assert_ne!(of(&one, "7"), of(&other, "7"));
        assert_ne!(of(&one, "7"), plain(Platform::Discord, "7"));
        assert_ne!(of(&one, "7"), one.of(Platform::Twitch, "7").unwrap());
    }
}
