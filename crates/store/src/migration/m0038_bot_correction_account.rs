//! Which account a correction is about, so that nobody can take it over with the name. Never edited after a release.

use crate::schema::{Added, Kind::Big, Personal::Pseudonymous};

/// See [`super::columns`]. 0 = whoever goes by the name: nobody who does had been seen.
pub(super) const COLUMNS: &[Added] = &[Added::number(
    "bot_list_correction",
    "account_id",
    Big,
    Pseudonymous,
    0,
)];

/// Accounts are asked for by their name, in a table of an earlier step.
pub(super) const INDEXES: &[&str] =
    &["CREATE INDEX ix_platform_account_name ON platform_account (platform, LOWER(username))"];
