//! Requests of programs that may be sent again, and what they were answered. Never edited after a release.

use crate::schema::{
    Kind::{Big, Int, Small, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("repeatable", "identity")
            // A hash of who asks, what for, and the key they chose.
            .col("id", Text, Pseudonymous)
            .col("user_id", Int, Pseudonymous)
            // A hash of what was sent.
            .col("content_hash", Text, None)
            .col("begun_at", Big, None)
            // The HTTP status of the answer; null = still under way, or nobody knows.
            .null("status", Small, None)
            // JSON, empty for an answer without a body; null = not kept, because it holds a secret or is
            // too large.
            .null("answer", Text, Personal)
            .primary(&["id"])
            .index(&["user_id", "begun_at"])
            .index(&["begun_at"])
            .references("user_id", "users"),
    ]
}
