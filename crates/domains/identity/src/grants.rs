//! The grants that adapters act with, read from the sealed columns and written back sealed; and where
//! identity's sealed texts are, for whoever keeps the keys.
//!
//! Keeps no copy of a token: one lookup by a unique key costs less than a token that somebody has
//! just withdrawn.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{Clock, Entropy, Grant, Grants, GrantsError, Platform};
use store::{
    Db, KeyRing, StoreError,
    reseal::{Batch, Sealed},
    seal::Place,
};

use crate::store::{
    connection::{self as table, Tokens},
    grave_key, link as links, totp,
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

/// A table of identity's that keeps sealed texts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Seals {
    /// Tokens of connections.
    Connections,
    /// Tokens of linked accounts.
    Links,
    /// Secrets of second factors.
    SecondFactors,
    /// The key of tombstones.
    Tombstones,
}

impl Seals {
    /// Every table.
    pub const ALL: [Self; 4] = [
        Self::Connections,
        Self::Links,
        Self::SecondFactors,
        Self::Tombstones,
    ];
}

fn batch<'a>(last: i32, texts: impl Iterator<Item = (Place, &'a str)>) -> Batch {
    Batch {
        last: last.into(),
        texts: texts
            .map(|(place, text)| (place, text.to_owned()))
            .collect(),
    }
}

#[async_trait]
impl Sealed for Seals {
    fn noun(&self) -> &'static str {
        match self {
            Self::Connections => "connection",
            Self::Links => "linked account",
            Self::SecondFactors => "second factor",
            Self::Tombstones => "key of tombstones",
        }
    }

    async fn after(&self, db: &Db, after: i64) -> Result<Option<Batch>, StoreError> {
        let after = i32::try_from(after).unwrap_or(i32::MAX);
        Ok(match self {
            Self::Connections => {
                let rows = table::sealed_after(db.read(), after, BATCH).await?;
                rows.last()
                    .map(|last| batch(last.id, rows.iter().flat_map(table::Sealed::texts)))
            }
            Self::Links => {
                let rows = links::sealed_after(db.read(), after, BATCH).await?;
                rows.last()
                    .map(|last| batch(last.id, rows.iter().flat_map(links::Sealed::texts)))
            }
            Self::SecondFactors => {
                let rows = totp::sealed_after(db.read(), after, BATCH).await?;
                rows.last()
                    .map(|last| batch(last.id, rows.iter().flat_map(totp::Row::texts)))
            }
            Self::Tombstones => {
                let rows = grave_key::sealed_after(db.read(), after, BATCH).await?;
                rows.last()
                    .map(|last| batch(last.id, rows.iter().flat_map(grave_key::Row::texts)))
            }
        })
    }
}
