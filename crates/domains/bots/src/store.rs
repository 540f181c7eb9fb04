//! The queries of the tables of bot detection. Nothing else may touch them.

pub(crate) mod alert;
pub(crate) mod appeal;
pub(crate) mod arm;
pub(crate) mod case;
pub(crate) mod channel;
pub(crate) mod correction;
pub(crate) mod label;
pub(crate) mod link;
pub(crate) mod list;
pub(crate) mod model;
pub(crate) mod monitoring;
pub(crate) mod personal;
pub(crate) mod prediction;
pub(crate) mod reference;
pub(crate) mod report;
pub(crate) mod review;
pub(crate) mod rollout;
pub(crate) mod scene;
pub(crate) mod score;
pub(crate) mod setting;
pub(crate) mod shadow;
pub(crate) mod state;
pub(crate) mod training;
pub(crate) mod viewer;
pub(crate) mod waiting;

use ::store::{Engine, StoreError, Work, sql};
use kernel::{CommunityId, Platform};

pub(crate) use ::store::sql::in_list as placeholders;

/// The first half of the key of our locks on PostgreSQL; any number that nobody else uses.
const LOCK: i32 = 0x0062_6f74;

/// Most values in one IN list.
pub(crate) const IN_MAX: usize = 500;

/// Lets one transaction at a time decide for a community, until it ends; 0 is the instance. SQLite
/// has one writer anyway.
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

/// The community of a scope; 0 is the instance.
pub(crate) fn community(scope: i32) -> Option<CommunityId> {
    (scope != 0).then_some(CommunityId(scope))
}

pub(crate) fn platform(code: i16) -> Result<Platform, StoreError> {
    Platform::from_code(code).ok_or_else(|| StoreError::Data(format!("unknown platform {code}")))
}

/// A count read from the database; negative ones cannot be.
pub(crate) fn count(value: i32) -> u32 {
    u32::try_from(value).unwrap_or(0)
}

/// A count to store.
pub(crate) fn stored(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}
