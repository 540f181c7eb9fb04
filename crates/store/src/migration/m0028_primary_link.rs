//! Which of their linked accounts stands for a person. Never edited after a release.

use crate::schema::{
    Kind::{Big, Int},
    Personal::{Personal, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        // A row counts while the link is its person's: after a merge it may be somebody else's for
        // as long as that is not undone.
        Table::new("primary_link", "identity")
            .col("user_id", Int, Pseudonymous)
            .col("link_id", Int, Pseudonymous)
            .col("chosen_at", Big, Personal)
            .primary(&["user_id"])
            .index(&["link_id"])
            .references("user_id", "users")
            .references("link_id", "identity_link"),
    ]
}
