//! Profiles, who may see what of them, consents, exports, erasures and what keeps erased people from
//! coming back. Never edited after a release.

use crate::schema::{
    Kind::{Big, Int, Small, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

/// What finding everything of one person needs, in tables of earlier steps.
pub(super) const INDEXES: &[&str] = &[
    "CREATE INDEX ix_message_account ON message (account_id, sent_at, id)",
    "CREATE INDEX ix_chat_event_account ON chat_event (account_id, at, id)",
];

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("profile", "identity")
            .col("user_id", Int, Pseudonymous)
            // Lower case; null as long as none was chosen.
            .null("handle", Text, Personal)
            .col("bio", Text, Personal)
            .col("website", Text, Personal)
            .col("location", Text, Personal)
            .col("updated_at", Big, Personal)
            .primary(&["user_id"])
            .unique(&["handle"])
            .references("user_id", "users"),
        Table::new("visibility", "identity")
            .col("user_id", Int, Pseudonymous)
            .col("platform", Small, None)
            // 1 profile, 2 activity, 3 reputation, 4 communities.
            .col("facet", Small, None)
            // 0 nobody, 1 community, 2 everyone.
            .col("audience", Small, Personal)
            .primary(&["user_id", "platform", "facet"])
            .references("user_id", "users"),
        Table::new("consent", "identity")
            .id(Big)
            .col("user_id", Int, Pseudonymous)
            // `discord.profile`.
            .col("subject", Text, None)
            .col("before_value", Text, Personal)
            .col("after_value", Text, Personal)
            .col("at", Big, Personal)
            .col("address_prefix", Text, Personal)
            .index(&["user_id", "id"])
            .references("user_id", "users"),
        Table::new("data_export", "identity")
            .id(Int)
            .col("user_id", Int, Pseudonymous)
            // 0 asked for, 1 ready, 2 failed, 3 fetched, 4 gone.
            .col("state", Small, None)
            .col("done", Int, None)
            .col("total", Int, None)
            // Where the file is; null before there is one and after it was removed.
            .null("blob", Text, Pseudonymous)
            .col("size_bytes", Big, None)
            .col("requested_at", Big, Personal)
            .null("expires_at", Big, None)
            .unique_where("uq_data_export_open", &["user_id"], "state = 0")
            .index(&["user_id", "id"])
            .index(&["expires_at"])
            .references("user_id", "users"),
        Table::new("erasure", "identity")
            .col("user_id", Int, Pseudonymous)
            .col("requested_at", Big, Personal)
            .col("due_at", Big, None)
            .primary(&["user_id"])
            .index(&["due_at"])
            .references("user_id", "users"),
        Table::new("tombstone", "identity")
            // SHA-256 of the platform and the account's id there.
            .col("account_hash", Text, Pseudonymous)
            .col("erased_at", Big, None)
            .primary(&["account_hash"]),
    ]
}
