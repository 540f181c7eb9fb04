//! Open cases of accounts that were drawn by chance are looked for whenever somebody has the lot and whenever it is their turn in the queue:
//! few of many. Never edited after a release.

/// See [`super::statements`].
pub(super) const INDEXES: &[&str] = &[
    "CREATE INDEX ix_bot_case_drawn ON bot_case (community_id, opened_at, id) WHERE state = 0 AND (reasons & 16) <> 0",
];
