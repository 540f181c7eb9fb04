//! What the rows were like that a model learned from, and against what drift was measured. Never edited after a release.

use crate::schema::{
    Added,
    Kind::{Int, Text},
    Personal::None,
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("bot_reference", "bots")
            .col("model_id", Int, None)
            // Rows it learned from.
            .col("n_bots", Int, None)
            .col("n_people", Int, None)
            // JSON: of each signal where its ranges end, and how many bots and people lie in each.
            .col("signals", Text, None)
            .primary(&["model_id"])
            .references("model_id", "bot_model"),
    ]
}

/// See [`super::columns`]. 0 = the month before.
pub(super) const COLUMNS: &[Added] = &[Added::number("bot_drift", "model_id", Int, None, 0)];
