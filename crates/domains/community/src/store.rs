//! The queries of community's tables. Nothing else may touch them.

pub(crate) mod custom;
pub(crate) mod setting;

use ::store::{Engine, StoreError, Work, sql};
use kernel::{CommunityId, Role};

/// The first half of the key of our locks on PostgreSQL; any number that nobody else uses.
const LOCK: i32 = 0x0063_6d64;

/// Lets one transaction at a time change the commands of a community, until it ends. SQLite has one
/// writer anyway.
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

fn role(code: i16) -> Result<Role, StoreError> {
    Role::from_code(code).ok_or_else(|| StoreError::Data(format!("unknown role {code}")))
}

/// Seconds as stored; negative ones cannot be.
fn secs(value: i32) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

/// Seconds to store; the service has checked that they are few.
fn stored(secs: u32) -> i32 {
    i32::try_from(secs).unwrap_or(i32::MAX)
}
