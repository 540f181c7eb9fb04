//! What accounts earned and lost in communities. Never edited after a release.

use crate::schema::{
    Kind::{Big, Int, Small, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("reputation", "identity")
            .col("community_id", Int, None)
            .col("account_id", Big, Pseudonymous)
            // How far from 600, in thousandths of a point: -300,000 to 250,000.
            .col("change", Big, Personal)
            .col("updated_at", Big, Personal)
            .primary(&["community_id", "account_id"])
            .index(&["account_id"])
            .references("community_id", "community")
            .references("account_id", "platform_account"),
        Table::new("reputation_event", "identity")
            .id(Big)
            .col("community_id", Int, None)
            .col("account_id", Big, Pseudonymous)
            // See `Reason::code`.
            .col("reason", Small, Personal)
            // Scores of the account, in thousandths of a point.
            .col("score_before", Big, Personal)
            .col("score_after", Big, Personal)
            .col("at", Big, Personal)
            // A moderator's words; empty where the reason says all.
            .col("note", Text, Personal)
            // Who adjusted by hand; null for what the program did.
            .null("moderator_id", Int, Pseudonymous)
            // Makes an adjustment happen once.
            .null("idem_key", Text, None)
            .index(&["account_id", "community_id", "id"])
            .unique_where(
                "uq_reputation_event_key",
                &["community_id", "idem_key"],
                "idem_key IS NOT NULL",
            )
            .references("community_id", "community")
            .references("account_id", "platform_account"),
    ]
}
