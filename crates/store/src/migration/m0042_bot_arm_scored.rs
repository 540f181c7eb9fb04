//! How many accounts a side of an experiment had scored when it ended: scores change afterwards. Never edited after a release.

use crate::schema::{Added, Kind::Int, Personal::None};

/// See [`super::columns`]. Of a community in an experiment that is over; 0 before.
pub(super) const COLUMNS: &[Added] = &[Added::number("bot_assignment", "n_scored", Int, None, 0)];

/// See [`super::statements`]. Of experiments that ended before this was written down: what is scored now is nearest.
pub(super) const FILL: &[&str] = &[
    "UPDATE bot_assignment SET n_scored = (SELECT COUNT(*) FROM bot_score s \
     WHERE s.community_id = bot_assignment.community_id AND s.scored_at IS NOT NULL) \
     WHERE kind = 2 AND run_id IN (SELECT id FROM bot_experiment WHERE ended_at IS NOT NULL)",
];
