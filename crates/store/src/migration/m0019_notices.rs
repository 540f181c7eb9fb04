//! Letters to people about their account that are to be sent. Never edited after a release.

use crate::schema::{
    Kind::{Big, Int, Small, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("notice", "identity")
            .id(Big)
            .col("user_id", Int, Pseudonymous)
            // The verified address as of the change it tells of; empty once it was sent.
            .col("address", Text, Personal)
            .col("kind", Small, Personal)
            // A provider's key or an instant, depending on the kind.
            .col("detail", Text, Personal)
            // What is told once only for a while.
            .null("once", Text, None)
            .col("created_at", Big, Personal)
            .null("sent_at", Big, Personal)
            .unique(&["user_id", "once"])
            .index(&["created_at"])
            .references("user_id", "users"),
    ]
}
