//! Sealing of secrets that must be kept and read back (tokens of platforms): XChaCha20-Poly1305
//! with a random 24-byte nonce (draft-irtf-cfrg-xchacha), stored as `v1|key id|nonce|ciphertext`,
//! both in base64url. What is sealed is bound to its place (table, column, row, community): moved to
//! another place it does not open.
//!
//! Must never print a key or what is sealed, and never knows where keys are kept: the program reads
//! them and hands them over.

use std::{
    collections::BTreeMap,
    sync::{Arc, PoisonError, RwLock},
};

use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD};
use chacha20poly1305::{
    KeyInit, XChaCha20Poly1305, XNonce,
    aead::{Aead, Payload},
};
use kernel::{CommunityId, Entropy, Secret, random};

/// The form of sealed text that this program writes and reads.
const FORM: &str = "v1";
/// Bytes of a key.
pub const KEY_BYTES: usize = 32;
const NONCE_BYTES: usize = 24;
/// Longest id of a key, in bytes.
const ID_MAX: usize = 32;
/// Most keys in a ring: one a month for eight years.
const KEYS_MAX: usize = 100;

/// A key that does not print.
pub type Key = Secret<[u8; KEY_BYTES]>;

/// Why a key ring cannot be used. Never contains a key.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RingError {
    /// No key at all.
    #[error("the key ring is empty")]
    Empty,
    /// More keys than a ring may have.
    #[error("the key ring has more than {KEYS_MAX} keys")]
    TooMany,
    /// An id that cannot be part of sealed text.
    #[error("`{0}` cannot be the id of a key: use 1 to 32 of a-z, 0-9 and hyphens")]
    Id(String),
    /// Two keys with one id.
    #[error("the key ring has two keys with the id `{0}`")]
    Twice(String),
    /// The active key is not among the keys.
    #[error("the active key `{0}` is not in the key ring")]
    NoActive(String),
    /// The text of a key is not 32 bytes in base64.
    #[error("the key `{0}` is not 32 bytes in base64")]
    Key(String),
    /// A part of the text is not `id:key`.
    #[error("the key ring must be written as id:base64,id:base64")]
    Form,
    /// The place where the keys are kept could not be read.
    #[error("the key ring could not be read: {0}")]
    Source(String),
}

/// Why a sealed text does not open. Never contains a secret.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum SealError {
    /// Sealed with a key that the ring does not have.
    #[error(
        "it is sealed with the key `{0}`, which is not in the key ring: put the key file that has it back"
    )]
    UnknownKey(String),
    /// Changed, moved from another place, or sealed with another key of the same id.
    #[error("it does not open with the key `{0}`: it was changed or moved, or that is another key")]
    DoesNotOpen(String),
    /// Not sealed text, or of a newer form.
    #[error("it is not sealed text that this version reads")]
    Form,
}

/// Where a sealed text belongs. It opens only at the place it was sealed for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Place {
    /// The table.
    pub table: &'static str,
    /// The column.
    pub column: &'static str,
    /// The row's key.
    pub row: i64,
    /// The community that owns the row.
    pub community: CommunityId,
}

impl Place {
    fn bound(&self) -> Vec<u8> {
        let Self {
            table,
            column,
            row,
            community,
        } = self;
        format!("{table}:{column}:{row}:{community}").into_bytes()
    }
}

/// The keys as they are kept: an active one, with which everything new is sealed, and those with
/// which older texts were sealed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Keys {
    active: String,
    keys: BTreeMap<String, Key>,
}

impl Keys {
    /// Checks and takes keys.
    pub fn new(active: &str, keys: Vec<(String, Key)>) -> Result<Self, RingError> {
        if keys.is_empty() {
            return Err(RingError::Empty);
        }
        if keys.len() > KEYS_MAX {
            return Err(RingError::TooMany);
        }
        let mut ring = BTreeMap::new();
        for (id, key) in keys {
            if !is_id(&id) {
                return Err(RingError::Id(id));
            }
            if ring.insert(id.clone(), key).is_some() {
                return Err(RingError::Twice(id));
            }
        }
        if !ring.contains_key(active) {
            return Err(RingError::NoActive(active.to_owned()));
        }
        Ok(Self {
            active: active.to_owned(),
            keys: ring,
        })
    }

    /// A ring of one fresh key. Its id is random: two rings made apart are told apart.
    pub fn generate(entropy: &dyn Entropy) -> Self {
        let (id, key) = fresh(entropy);
        Self {
            active: id.clone(),
            keys: BTreeMap::from([(id, key)]),
        }
    }

    /// The same keys with a fresh one, which is active.
    pub fn with_fresh(&self, entropy: &dyn Entropy) -> Result<Self, RingError> {
        let (id, key) = fresh(entropy);
        let known = self.keys.iter().map(|(id, key)| (id.clone(), key.clone()));
        Self::new(&id, known.chain([(id.clone(), key)]).collect())
    }

    /// Reads `id:base64,id:base64`; the first is active.
    pub fn parse(text: &str) -> Result<Self, RingError> {
        let mut active = None;
        let mut keys = Vec::new();
        for part in text.split(',').map(str::trim).filter(|p| !p.is_empty()) {
            let (id, key) = part.split_once(':').ok_or(RingError::Form)?;
            active.get_or_insert_with(|| id.to_owned());
            keys.push((id.to_owned(), parse_key(id, key)?));
        }
        Self::new(&active.ok_or(RingError::Empty)?, keys)
    }

    /// The id of the key with which new texts are sealed.
    pub fn active(&self) -> &str {
        &self.active
    }

    /// Ids and texts of all keys, by id; for writing them down.
    pub fn texts(&self) -> impl Iterator<Item = (&str, Secret<String>)> {
        self.keys.iter().map(|(id, key)| {
            (
                id.as_str(),
                Secret::new(URL_SAFE_NO_PAD.encode(key.expose())),
            )
        })
    }
}

fn fresh(entropy: &dyn Entropy) -> (String, Key) {
    let id = format!("k{}", random::hex(&random::bytes::<4>(entropy)));
    (id, Secret::new(random::bytes(entropy)))
}

fn is_id(id: &str) -> bool {
    (1..=ID_MAX).contains(&id.len())
        && id
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-')
}

/// Reads the text of a key: 32 bytes in base64, either alphabet, padded or not.
pub fn parse_key(id: &str, text: &str) -> Result<Key, RingError> {
    let plain = text
        .trim()
        .trim_end_matches('=')
        .replace('+', "-")
        .replace('/', "_");
    let bytes = URL_SAFE_NO_PAD.decode(plain).ok();
    let key = bytes.and_then(|bytes| <[u8; KEY_BYTES]>::try_from(bytes).ok());
    key.map(Secret::new)
        .ok_or_else(|| RingError::Key(id.to_owned()))
}

/// Reads the keys again where they are kept.
pub type Source = Arc<dyn Fn() -> Result<Keys, RingError> + Send + Sync>;

/// The keys made ready. The ciphers erase their keys when the last ring that has them goes.
struct Ready {
    active: String,
    ciphers: BTreeMap<String, Arc<XChaCha20Poly1305>>,
}

impl From<&Keys> for Ready {
    fn from(keys: &Keys) -> Self {
        let ciphers = keys.keys.iter().map(|(id, key)| {
            let cipher = XChaCha20Poly1305::new(key.expose().into());
            (id.clone(), Arc::new(cipher))
        });
        Self {
            active: keys.active.clone(),
            ciphers: ciphers.collect(),
        }
    }
}

/// Seals and opens. Cheap to clone; clones share their keys.
///
/// A ring with a source reads it again when it meets a key it does not know: so another process may
/// add keys (`waddlebot keys rotate`) while this one runs.
#[derive(Clone)]
pub struct KeyRing {
    ready: Arc<RwLock<Ready>>,
    source: Option<Source>,
}

impl std::fmt::Debug for KeyRing {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("KeyRing").finish_non_exhaustive()
    }
}

impl KeyRing {
    /// A ring of fixed keys.
    pub fn new(keys: &Keys) -> Self {
        Self {
            ready: Arc::new(RwLock::new(keys.into())),
            source: None,
        }
    }

    /// A ring that can read its keys again.
    #[must_use]
    pub fn with_source(mut self, source: Source) -> Self {
        self.source = Some(source);
        self
    }

    /// The id of the key with which new texts are sealed.
    pub fn active(&self) -> String {
        self.read(|ready| ready.active.clone())
    }

    /// The ids of all keys.
    pub fn ids(&self) -> Vec<String> {
        self.read(|ready| ready.ciphers.keys().cloned().collect())
    }

    /// Seals a text for a place with the active key and a fresh nonce.
    pub fn seal(
        &self,
        entropy: &dyn Entropy,
        place: &Place,
        plain: &str,
    ) -> Result<String, SealError> {
        let (id, cipher) = self.read(|ready| {
            let cipher = ready.ciphers.get(&ready.active).cloned();
            (ready.active.clone(), cipher)
        });
        let cipher = cipher.ok_or_else(|| SealError::UnknownKey(id.clone()))?;
        let nonce = random::bytes::<NONCE_BYTES>(entropy);
        let bound = place.bound();
        let payload = Payload {
            msg: plain.as_bytes(),
            aad: &bound,
        };
        // Fails only for texts of more than 256 GiB.
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), payload)
            .map_err(|_too_long| SealError::Form)?;
        Ok(format!(
            "{FORM}|{id}|{}|{}",
            URL_SAFE_NO_PAD.encode(nonce),
            URL_SAFE_NO_PAD.encode(sealed)
        ))
    }

    /// Opens a text at its place.
    pub fn open(&self, place: &Place, sealed: &str) -> Result<Secret<String>, SealError> {
        let id = key_id(sealed).ok_or(SealError::Form)?;
        let mut rest = sealed.split('|').skip(2);
        let (Some(nonce), Some(text), None) = (rest.next(), rest.next(), rest.next()) else {
            return Err(SealError::Form);
        };
        let decode = |text: &str| {
            URL_SAFE_NO_PAD
                .decode(text)
                .map_err(|_other| SealError::Form)
        };
        let nonce = <[u8; NONCE_BYTES]>::try_from(decode(nonce)?)
            .map_err(|_other_length| SealError::Form)?;
        let text = decode(text)?;
        let cipher = self.cipher(id)?;
        let bound = place.bound();
        let payload = Payload {
            msg: &text,
            aad: &bound,
        };
        let refused = || SealError::DoesNotOpen(id.to_owned());
        let plain = cipher
            .decrypt(&XNonce::from(nonce), payload)
            .map_err(|_opaque| refused())?;
        String::from_utf8(plain)
            .map(Secret::new)
            .map_err(|_not_text| refused())
    }

    /// Whether the ring can open what was sealed with a key; asks the source if it is new.
    pub fn knows(&self, id: &str) -> bool {
        self.cipher(id).is_ok()
    }

    fn cipher(&self, id: &str) -> Result<Arc<XChaCha20Poly1305>, SealError> {
        let find = |ready: &Ready| ready.ciphers.get(id).cloned();
        if let Some(cipher) = self.read(find) {
            return Ok(cipher);
        }
        let unknown = || SealError::UnknownKey(id.to_owned());
        let keys = self.source.as_ref().ok_or_else(unknown)?().map_err(|error| {
            tracing::error!(error = %error, "the key ring could not be read again");
            unknown()
        })?;
        // A source that lost keys must not take away those that still open what is stored.
        let mut fresh = Ready::from(&keys);
        let mut ready = self.ready.write().unwrap_or_else(PoisonError::into_inner);
        for (known, cipher) in &ready.ciphers {
            fresh
                .ciphers
                .entry(known.clone())
                .or_insert_with(|| Arc::clone(cipher));
        }
        *ready = fresh;
        find(&ready).ok_or_else(unknown)
    }

    fn read<T>(&self, look: impl FnOnce(&Ready) -> T) -> T {
        look(&self.ready.read().unwrap_or_else(PoisonError::into_inner))
    }
}

/// The id of the key that a text was sealed with; `None` if it is not sealed text of ours.
pub fn key_id(sealed: &str) -> Option<&str> {
    let mut parts = sealed.split('|');
    (parts.next() == Some(FORM)).then_some(())?;
    parts.next().filter(|id| is_id(id))
}

#[cfg(test)]
mod tests;
