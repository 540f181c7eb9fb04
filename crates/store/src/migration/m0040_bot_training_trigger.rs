//! What asked for a training. Never edited after a release.

use crate::schema::{Added, Kind::Small, Personal::None};

/// See [`super::columns`]. 0 = not known, 1 a person, 2 the command line, 3 the weekly job.
pub(super) const COLUMNS: &[Added] = &[Added::number(
    "bot_training",
    "trigger_kind",
    Small,
    None,
    0,
)];

/// See [`super::statements`]. Who is known was a person.
pub(super) const FILL: &[&str] =
    &["UPDATE bot_training SET trigger_kind = 1 WHERE asked_by IS NOT NULL"];
