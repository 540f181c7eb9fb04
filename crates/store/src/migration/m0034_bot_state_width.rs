//! PostgreSQL presses rows of more than 2 kB together, slowly: a state, which is written with each message and read with each score, is half as
//! long again without that. Kept beside its row instead of in it, a state takes three look-ups to read, and what it was before stays longer in
//! the way. Rows that are there already change when their state is written next. Never edited after a release.

/// See [`super::settings`]. A row of up to this many bytes is left as it is; more than 8,160 do not fit a page.
pub(super) const SETTINGS: &[&str] = &["ALTER TABLE bot_state SET (toast_tuple_target = 8160)"];
