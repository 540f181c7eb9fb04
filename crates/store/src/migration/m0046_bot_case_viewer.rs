//! Who has a case before them: several may, and see each other. Before, a case knew the first alone. And predictions of a community by
//! time. Never edited after a release.

use crate::schema::{
    Dropped,
    Kind::{Big, Int},
    Personal::{None, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("bot_case_viewer", "bots")
            .col("case_id", Int, None)
            .col("user_id", Int, Pseudonymous)
            .col("since", Big, None)
            .col("until", Big, None)
            .primary(&["case_id", "user_id"])
            .index(&["user_id"])
            .references("case_id", "bot_case")
            .references("user_id", "users"),
    ]
}

/// See [`super::statements`]. Whom other thresholds would have flagged in thirty days is asked of one community.
pub(super) const INDEXES: &[&str] =
    &["CREATE INDEX ix_bot_prediction_community_id_at ON bot_prediction (community_id, at)"];

/// See [`super::dropped`]. What is forgotten holds for five minutes.
pub(super) const DROPPED: &[Dropped] = &[
    Dropped::column("bot_case", "looked_by"),
    Dropped::column("bot_case", "looked_at"),
    Dropped::column("bot_case", "looked_until"),
];
