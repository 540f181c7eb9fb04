//! The queries of activity's tables. Nothing else may touch them.

pub(crate) mod arrival;
pub(crate) mod channel;
pub(crate) mod feed;
pub(crate) mod follow;
pub(crate) mod import_run;
pub(crate) mod member;
pub(crate) mod message;
pub(crate) mod overview;
pub(crate) mod personal;
pub(crate) mod pulse;
pub(crate) mod quarantine;
pub(crate) mod record;
pub(crate) mod reputation;
pub(crate) mod stream;
pub(crate) mod suspicion;
pub(crate) mod transcript;

use ::store::StoreError;
use kernel::{Platform, event::EventTag};

pub(crate) use ::store::sql::in_list as placeholders;

pub(crate) fn platform(code: i16) -> Result<Platform, StoreError> {
    Platform::from_code(code).ok_or_else(|| StoreError::Data(format!("unknown platform {code}")))
}

pub(crate) fn tag(code: i16) -> Result<EventTag, StoreError> {
    EventTag::from_code(code).ok_or_else(|| StoreError::Data(format!("unknown event kind {code}")))
}

/// A count read from the database; negative ones cannot be.
pub(crate) fn count(value: i64) -> u64 {
    u64::try_from(value).unwrap_or(0)
}
