//! How far follows and raids were gone through, beside the messages. Never edited after a release.

use crate::schema::{Added, Kind::Big, Personal::None};

/// See [`super::columns`].
pub(super) const COLUMNS: &[Added] = &[Added::number("bot_progress", "seen_event", Big, None, 0)];

/// See [`super::statements`]. Those of long ago are no arrivals any more.
pub(super) const FILL: &[&str] =
    &["UPDATE bot_progress SET seen_event = COALESCE((SELECT MAX(id) FROM chat_event), 0)"];
