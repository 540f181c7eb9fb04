//! Which trainings the operator's tracking server was told of. Never edited after a release.

use crate::schema::{Added, Kind::Big, Personal::None};

/// See [`super::columns`]. 0 = never; below 0 = it failed then, less the sign.
pub(super) const COLUMNS: &[Added] = &[Added::number("bot_training", "tracked_at", Big, None, 0)];
