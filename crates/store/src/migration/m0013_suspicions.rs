//! Patterns that look like abuse by several accounts, for moderators to judge. Never edited after a
//! release.

use crate::schema::{
    Kind::{Big, Int, Small, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

/// What was linked lately, in a table of an earlier step.
pub(super) const INDEXES: &[&str] =
    &["CREATE INDEX ix_identity_link_linked ON identity_link (linked_at)"];

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("suspicion", "activity")
            .id(Int)
            .col("community_id", Int, None)
            // 1 known bad, 2 shared handles, 3 shared timing, 4 one person's links, 5 links of many.
            .col("pattern", Small, Personal)
            // What makes it the same one when it is found again: `account:7`, `from:` and an instant,
            // `stem:` and a hash.
            .col("subject", Text, Pseudonymous)
            // JSON of numbers.
            .col("evidence", Text, Personal)
            .col("first_seen_at", Big, None)
            .col("last_seen_at", Big, None)
            // 0 open, 1 dismissed, 2 confirmed.
            .col("state", Small, Personal)
            .null("decided_by", Int, Pseudonymous)
            .null("decided_at", Big, None)
            .unique(&["community_id", "pattern", "subject"])
            .index(&["community_id", "state", "last_seen_at", "id"])
            .index(&["community_id", "last_seen_at", "id"])
            .index(&["state", "last_seen_at"])
            .references("community_id", "community"),
        Table::new("suspicion_account", "activity")
            .col("suspicion_id", Int, None)
            .col("account_id", Big, Pseudonymous)
            .primary(&["suspicion_id", "account_id"])
            .index(&["account_id"])
            .references("suspicion_id", "suspicion"),
    ]
}
