//! Making one person of two, and what is needed to take it back. Never edited after a release.

use crate::schema::{
    Kind::{Big, Int, Small, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("merge_request", "identity")
            .id(Int)
            .col("kept_id", Int, Pseudonymous)
            .col("merged_id", Int, Pseudonymous)
            // The same two in order of id: one open request per pair.
            .col("low_id", Int, Pseudonymous)
            .col("high_id", Int, Pseudonymous)
            // 1 a proof, 2 by hand.
            .col("origin", Small, None)
            // 1 requested, 2 done, 3 undone, 4 rejected, 5 expired.
            .col("state", Small, None)
            .col("requested_by", Int, Pseudonymous)
            .col("requested_at", Big, Personal)
            .col("expires_at", Big, None)
            // Who confirmed for the kept side, and when.
            .null("kept_by", Int, Pseudonymous)
            .null("kept_at", Big, Personal)
            .null("merged_by", Int, Pseudonymous)
            .null("merged_at", Big, Personal)
            // When it was done or rejected.
            .null("settled_at", Big, Personal)
            .null("undone_at", Big, Personal)
            .unique_where("uq_merge_request_open", &["low_id", "high_id"], "state = 1")
            .index(&["kept_id", "id"])
            .index(&["merged_id", "id"])
            .index(&["state", "expires_at"])
            .references("kept_id", "users")
            .references("merged_id", "users"),
        Table::new("merge_memento", "identity")
            .col("merge_id", Int, None)
            // Whose rows it tells of.
            .col("domain", Text, None)
            // JSON of exactly what was changed. Removed when the merge can be undone no more.
            .col("memento", Text, Personal)
            .primary(&["merge_id", "domain"])
            .references("merge_id", "merge_request"),
    ]
}
