//! PostgreSQL presses values of more than 2 kB together, slowly, and a state is written with each message and read with each score. It is kept
//! beside its row as it is, so that a row of scores is short. Rows that are there already change when their state is written next. Never edited
//! after a release.

/// See [`super::settings`].
pub(super) const SETTINGS: &[&str] =
    &["ALTER TABLE bot_state ALTER COLUMN state SET STORAGE EXTERNAL"];
