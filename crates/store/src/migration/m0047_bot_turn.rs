//! How often what is known of a community's accounts was changed, by which a process knows whether what it remembers of them still holds.
//! Never edited after a release.

use crate::schema::{Added, Kind::Big, Personal::None};

/// See [`super::columns`].
pub(super) const COLUMNS: &[Added] = &[Added::number("bot_scene", "turn", Big, None, 0)];
