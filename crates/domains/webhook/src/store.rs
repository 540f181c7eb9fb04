//! The queries of webhook's tables. Nothing else may touch them. States are spelled out: see the
//! codes of the enums.

pub(crate) mod attempt;
pub(crate) mod message;
pub(crate) mod personal;
pub(crate) mod webhook;

use ::store::{Engine, StoreError, Work, sql};
use kernel::{CommunityId, HookError};

/// The first half of the key of our locks on PostgreSQL; any number that nobody else uses.
const LOCK: i32 = 0x0077_6862;

/// Lets one transaction at a time make or change webhooks of a community, until it ends. SQLite has
/// one writer anyway.
pub(crate) async fn lock(work: &Work, community: CommunityId) -> Result<(), StoreError> {
    if work.engine() == Engine::Postgres {
        sql::execute(
            work.conn(),
            "SELECT pg_advisory_xact_lock($1, $2)",
            vec![LOCK.into(), community.0.into()],
        )
        .await?;
    }
    Ok(())
}

fn strange(what: &str) -> StoreError {
    StoreError::Data(format!("a webhook has an unknown {what}"))
}

/// A count as stored; negative ones cannot be.
fn count(value: i32) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

/// What came of a try, as it is stored.
type Answer = (Option<u16>, Option<HookError>);

fn status(value: Option<i32>) -> Option<u16> {
    value.and_then(|value| u16::try_from(value).ok())
}

fn trouble(code: Option<i16>) -> Option<HookError> {
    code.and_then(HookError::from_code)
}

/// PostgreSQL stores no U+0000.
fn clean(text: &str) -> String {
    text.replace('\0', "")
}
