//! What keeping the keys needs, over every table with sealed texts: which keys are in use, whether
//! everything opens, and sealing everything anew. The domains say where their sealed texts are.
//!
//! Must never print a key or what is sealed.

use std::collections::BTreeMap;

use async_trait::async_trait;
use kernel::Entropy;

use crate::{
    Db, KeyRing, SealError, StoreError,
    seal::{self, Place},
    sql,
};

/// Some rows of a table that keeps sealed texts.
pub struct Batch {
    /// The id of the last one.
    pub last: i64,
    /// Their texts.
    pub texts: Vec<(Place, String)>,
}

/// A table that keeps sealed texts, in columns of rows with an `id`.
#[async_trait]
pub trait Sealed: Send + Sync {
    /// What a row is, in words: `connection`.
    fn noun(&self) -> &'static str;

    /// The rows after an id; `None` after the last one.
    async fn after(&self, db: &Db, after: i64) -> Result<Option<Batch>, StoreError>;
}

/// How the sealed columns are.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SealReport {
    /// Sealed texts by the id of their key.
    pub by_key: BTreeMap<String, u64>,
    /// The first text that does not open: whose it is («connection 5»), and why.
    pub trouble: Option<(String, SealError)>,
}

/// What sealing anew did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Resealed {
    /// Texts sealed with the active key now.
    pub texts: u64,
    /// Texts that somebody else wrote at the same moment; they are looked at again.
    pub overtaken: u64,
}

/// Whose a sealed text is, in words.
fn holder(kind: &dyn Sealed, place: &Place) -> String {
    format!("{} {}", kind.noun(), place.row)
}

/// A key id that sealed rows need and the ring lacks; `None` if every row can be opened, as far as
/// ids tell. Reads ids only.
pub async fn missing_key(
    db: &Db,
    keys: &KeyRing,
    holders: &[&dyn Sealed],
) -> Result<Option<String>, StoreError> {
    for kind in holders {
        let mut after = 0;
        while let Some(batch) = kind.after(db, after).await? {
            after = batch.last;
            let missing = batch.texts.iter().find_map(|(_, text)| {
                let id = seal::key_id(text).unwrap_or("?");
                (!keys.knows(id)).then(|| id.to_owned())
            });
            if missing.is_some() {
                return Ok(missing);
            }
        }
    }
    Ok(None)
}

/// Opens every sealed text and counts them by key.
pub async fn check(
    db: &Db,
    keys: &KeyRing,
    holders: &[&dyn Sealed],
) -> Result<SealReport, StoreError> {
    let mut report = SealReport::default();
    for kind in holders {
        let mut after = 0;
        while let Some(batch) = kind.after(db, after).await? {
            after = batch.last;
            for (place, text) in &batch.texts {
                let id = seal::key_id(text).unwrap_or("?").to_owned();
                *report.by_key.entry(id).or_default() += 1;
                if let Err(error) = keys.open(place, text) {
                    report.trouble.get_or_insert((holder(*kind, place), error));
                }
            }
        }
    }
    Ok(report)
}

/// Seals everything anew that is not sealed with the active key, in bounded batches, while others
/// read and write: a text that changed meanwhile is left alone and looked at again. Breaking it off
/// loses nothing; running it again goes on where it was.
pub async fn reseal(
    db: &Db,
    keys: &KeyRing,
    entropy: &dyn Entropy,
    holders: &[&dyn Sealed],
) -> Result<Resealed, ResealError> {
    let active = keys.active();
    let mut done = Resealed::default();
    for kind in holders {
        let mut after = 0;
        while let Some(batch) = kind.after(db, after).await? {
            after = batch.last;
            for (place, text) in &batch.texts {
                if seal::key_id(text) == Some(active.as_str()) {
                    continue;
                }
                let again = || -> Result<String, SealError> {
                    let open = keys.open(place, text)?;
                    keys.seal(entropy, place, open.expose())
                };
                let fresh = again().map_err(|cause| ResealError::Seal {
                    holder: holder(*kind, place),
                    cause,
                })?;
                if swap(db, place, text, &fresh).await? {
                    done.texts += 1;
                } else {
                    done.overtaken += 1;
                }
            }
        }
    }
    Ok(done)
}

/// Puts a text in the place of another, if that is still there.
async fn swap(db: &Db, place: &Place, old: &str, new: &str) -> Result<bool, StoreError> {
    let (table, column) = (place.table, place.column);
    let n = sql::execute(
        db.write(),
        &format!("UPDATE {table} SET {column} = $3 WHERE id = $1 AND {column} = $2"),
        vec![place.row.into(), old.into(), new.into()],
    )
    .await?;
    Ok(n == 1)
}

/// Why sealing anew stopped. What was done stays done.
#[derive(Debug, thiserror::Error)]
pub enum ResealError {
    /// A text does not open.
    #[error("the tokens of {holder} cannot be sealed anew")]
    Seal {
        /// Whose it is.
        holder: String,
        /// Why.
        #[source]
        cause: SealError,
    },
    /// The database failed.
    #[error("the tokens could not be read or written")]
    Storage(#[from] StoreError),
}
