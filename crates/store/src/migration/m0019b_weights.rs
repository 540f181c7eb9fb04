//! What communities have decided about what events are worth. Never edited after a release.

use crate::schema::{
    Kind::{Big, Int, Small},
    Personal::None,
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("reputation_weight", "identity")
            .col("community_id", Int, None)
            // See `Reason::code`.
            .col("reason", Small, None)
            // In thousandths of a point.
            .col("weight", Big, None)
            .col("updated_at", Big, None)
            .primary(&["community_id", "reason"])
            .references("community_id", "community"),
    ]
}
