//! The grants that adapters act with, read from the sealed columns and written back sealed; and what
//! keeping the keys needs: which keys are in use, and sealing everything anew.
//!
//! Keeps no copy of a token: one lookup by a unique key costs less than a token that somebody has
//! just withdrawn.

use std::{collections::BTreeMap, sync::Arc};

use async_trait::async_trait;
use kernel::{Clock, Entropy, Grant, Grants, GrantsError, Platform};
use store::{
    Db, KeyRing, SealError, StoreError,
    seal::{self, Place},
};

use crate::store::{
    connection::{self as table, Tokens},
    link as links, totp,
};

/// Longest trouble that is kept, in characters.
const TROUBLE_MAX: usize = 500;
/// Rows sealed anew in one unit of work.
const BATCH: u64 = 200;

/// The grants in the database. Cheap to clone.
#[derive(Clone)]
pub struct StoredGrants {
    db: Db,
    keys: KeyRing,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl std::fmt::Debug for StoredGrants {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoredGrants").finish_non_exhaustive()
    }
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

impl StoredGrants {
    /// Over a migrated database.
    pub fn new(db: Db, keys: KeyRing, clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self {
            db,
            keys,
            clock,
            entropy,
        }
    }

    fn tokens(&self) -> Tokens<'_> {
        Tokens {
            keys: &self.keys,
            entropy: &*self.entropy,
        }
    }

    /// One bad row must not keep the others from working.
    fn open_all(&self, rows: Vec<table::Sealed>) -> Vec<Grant> {
        let opened = rows.into_iter().filter_map(|row| {
            let id = row.id;
            let opened = row.open(&self.tokens());
            if let Err(error) = &opened {
                tracing::error!(connection.id = id, error = %error, "the tokens of connection {id} cannot be opened");
            }
            opened.ok()
        });
        opened.collect()
    }
}

fn failed(error: impl std::fmt::Display) -> GrantsError {
    GrantsError(error.to_string())
}

#[async_trait]
impl Grants for StoredGrants {
    async fn all(&self, platform: Platform) -> Result<Vec<Grant>, GrantsError> {
        let rows = table::sealed_of(self.db.read(), platform).await;
        Ok(self.open_all(rows.map_err(failed)?))
    }

    async fn of(&self, platform: Platform, server: &str) -> Result<Option<Grant>, GrantsError> {
        let row = table::sealed(self.db.read(), platform, server).await;
        match row.map_err(failed)? {
            Some(row) => row.open(&self.tokens()).map(Some).map_err(failed),
            None => Ok(None),
        }
    }

    async fn renew(&self, grant: &Grant) -> Result<(), GrantsError> {
        let renewed = table::renew(self.db.write(), &self.tokens(), grant, self.clock.now()).await;
        if renewed.map_err(failed)? {
            return Ok(());
        }
        Err(GrantsError(format!(
            "there is no connection to {} `{}` any more",
            grant.platform, grant.server
        )))
    }

    async fn report(
        &self,
        platform: Platform,
        server: &str,
        trouble: Option<&str>,
    ) -> Result<(), GrantsError> {
        let trouble = trouble.map(|text| -> String {
            let plain = text.chars().map(|c| if c.is_control() { ' ' } else { c });
            plain.take(TROUBLE_MAX).collect()
        });
        let now = self.clock.now();
        table::report(self.db.write(), platform, server, trouble.as_deref(), now)
            .await
            .map_err(failed)
    }
}

/// The tables that keep sealed texts.
#[derive(Clone, Copy)]
enum Holder {
    Connections,
    Links,
    SecondFactors,
}

/// Some rows of a table that keeps sealed texts.
struct Batch {
    last: i32,
    texts: Vec<(Place, String)>,
}

impl Holder {
    const ALL: [Self; 3] = [Self::Connections, Self::Links, Self::SecondFactors];

    /// The next rows; `None` after the last one.
    async fn after(self, db: &Db, after: i32) -> Result<Option<Batch>, StoreError> {
        let own = |(place, text): (Place, &str)| (place, text.to_owned());
        match self {
            Self::Connections => {
                let rows = table::sealed_after(db.read(), after, BATCH).await?;
                Ok(rows.last().map(|last| Batch {
                    last: last.id,
                    texts: rows
                        .iter()
                        .flat_map(table::Sealed::texts)
                        .map(own)
                        .collect(),
                }))
            }
            Self::Links => {
                let rows = links::sealed_after(db.read(), after, BATCH).await?;
                Ok(rows.last().map(|last| Batch {
                    last: last.id,
                    texts: rows
                        .iter()
                        .flat_map(links::Sealed::texts)
                        .map(own)
                        .collect(),
                }))
            }
            Self::SecondFactors => {
                let rows = totp::sealed_after(db.read(), after, BATCH).await?;
                Ok(rows.last().map(|last| Batch {
                    last: last.id,
                    texts: rows.iter().flat_map(totp::Row::texts).map(own).collect(),
                }))
            }
        }
    }
}

/// Whose a sealed text is, in words.
fn holder(place: &Place) -> String {
    let noun = match place.table {
        "connection" => "connection",
        "totp" => "second factor",
        _ => "linked account",
    };
    format!("{noun} {}", place.row)
}

/// A key id that sealed rows need and the ring lacks; `None` if every row can be opened, as far as
/// ids tell. Reads ids only.
pub async fn missing_key(db: &Db, keys: &KeyRing) -> Result<Option<String>, StoreError> {
    for kind in Holder::ALL {
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

/// Opens every sealed text and counts them by key. For `waddlebot doctor` and `waddlebot keys list`.
pub async fn check_seals(db: &Db, keys: &KeyRing) -> Result<SealReport, StoreError> {
    let mut report = SealReport::default();
    for kind in Holder::ALL {
        let mut after = 0;
        while let Some(batch) = kind.after(db, after).await? {
            after = batch.last;
            for (place, text) in &batch.texts {
                let id = seal::key_id(text).unwrap_or("?").to_owned();
                *report.by_key.entry(id).or_default() += 1;
                if let Err(error) = keys.open(place, text) {
                    report.trouble.get_or_insert((holder(place), error));
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
) -> Result<Resealed, ResealError> {
    let tokens = Tokens { keys, entropy };
    let active = keys.active();
    let mut done = Resealed::default();
    for kind in Holder::ALL {
        let mut after = 0;
        while let Some(batch) = kind.after(db, after).await? {
            after = batch.last;
            for (place, text) in &batch.texts {
                if seal::key_id(text) == Some(active.as_str()) {
                    continue;
                }
                let cause = |cause| ResealError::Seal {
                    holder: holder(place),
                    cause,
                };
                let fresh = tokens.again(place, text).map_err(cause)?;
                if table::swap(db.write(), place, text, &fresh).await? {
                    done.texts += 1;
                } else {
                    done.overtaken += 1;
                }
            }
        }
    }
    Ok(done)
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
