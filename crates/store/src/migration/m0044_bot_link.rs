//! Who linked to which listed domain. Never edited after a release.

use crate::schema::{
    Kind::{Big, Int, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("bot_link", "bots")
            .col("community_id", Int, None)
            .col("account_id", Big, Pseudonymous)
            // As the list or the correction has it; nothing of what was written around it, nor the rest of the address.
            .col("domain", Text, Personal)
            // Messages that led there.
            .col("n", Int, Personal)
            .col("last_at", Big, Personal)
            .primary(&["community_id", "account_id", "domain"])
            .index(&["account_id"])
            .index(&["domain"])
            .index(&["last_at"])
            .references("community_id", "community")
            .references("account_id", "platform_account"),
    ]
}
