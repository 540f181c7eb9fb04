//! The key with which tombstones are made. Never edited after a release.

use crate::schema::{
    Kind::{Big, Int, Text},
    Personal::None,
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("grave_key", "identity")
            // There is one, with the id 1.
            .col("id", Int, None)
            // Sealed like the tokens of platforms, and sealed anew with them.
            .col("key_sealed", Text, None)
            .col("created_at", Big, None)
            .primary(&["id"]),
    ]
}
