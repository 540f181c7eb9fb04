//! How often something changed that a kept answer may show. Never edited after a release.

use crate::schema::{
    Kind::{Big, Int},
    Personal::None,
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("generation", "store")
            // A community, or 0 for what concerns more than one.
            .col("scope", Int, None)
            .col("n", Big, None)
            .primary(&["scope"]),
    ]
}
