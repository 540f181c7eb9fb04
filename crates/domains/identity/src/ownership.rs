//! Whose accounts are: batches of chat that resolved accounts and changes of owners wait for each
//! other, so that nothing is recorded for somebody who was emptied meanwhile. Where one writes at a
//! time anyway, as on SQLite, nothing is done.
//!
//! Invariants: it is taken before anything is read that depends on it, and by changes before any row
//! is locked, so that two units of work wait for each other instead of for ever.

use store::{Engine, StoreError, Work, sql};

/// Any number that nobody else uses.
const LOCK: i64 = 0x6f77_6e65_7273;

/// Nobody changes owners until the unit of work ends; others may hold it too. For the recording of
/// chat: one statement for each batch.
pub async fn hold_owners(work: &Work) -> Result<(), StoreError> {
    lock(work, "SELECT pg_advisory_xact_lock_shared($1)").await
}

/// Waits for batches that are being recorded; others wait until the unit of work ends.
pub(crate) async fn change_owners(work: &Work) -> Result<(), StoreError> {
    lock(work, "SELECT pg_advisory_xact_lock($1)").await
}

/// Waits until every batch that is being recorded is written: whatever is recorded later has larger ids.
/// For who goes through what was recorded; the unit of work is ended at once, because others wait for it.
pub async fn let_batches_end(work: &Work) -> Result<(), StoreError> {
    change_owners(work).await
}

/// The same without waiting: `false` if a batch is being recorded right now. Nobody waits for it.
pub async fn no_batch_is_open(work: &Work) -> Result<bool, StoreError> {
    match work.engine() {
        Engine::Sqlite => Ok(true),
        Engine::Postgres => {
            sql::scalar(
                work.conn(),
                "SELECT pg_try_advisory_xact_lock($1)",
                vec![LOCK.into()],
            )
            .await
        }
    }
}

async fn lock(work: &Work, statement: &str) -> Result<(), StoreError> {
    if work.engine() == Engine::Postgres {
        sql::execute(work.conn(), statement, vec![LOCK.into()]).await?;
    }
    Ok(())
}
