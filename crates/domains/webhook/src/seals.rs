//! The sealed secrets of webhooks, for whoever keeps the keys.

use ::store::{
    Db, StoreError,
    reseal::{Batch, Sealed},
};
use async_trait::async_trait;

use crate::store::webhook as table;

/// Rows read at once.
const BATCH: i64 = 200;

/// The table of the webhooks.
#[derive(Debug, Clone, Copy, Default)]
pub struct Seals;

#[async_trait]
impl Sealed for Seals {
    fn noun(&self) -> &'static str {
        "webhook"
    }

    async fn after(&self, db: &Db, after: i64) -> Result<Option<Batch>, StoreError> {
        table::sealed_after(db.read(), after, BATCH).await
    }
}
