//! Connections to servers of platforms, with sealed tokens, and installs in progress. Never edited
//! after a release.

use crate::schema::{
    Kind::{Big, Int, Small, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("connection", "identity")
            .id(Int)
            .col("community_id", Int, None)
            .col("platform", Small, None)
            .col("platform_server_id", Text, None)
            .col("server_id", Int, None)
            // The acting account's id there: a bot's, on Twitch the broadcaster's own.
            .col("account", Text, Personal)
            // `v1|key id|nonce|ciphertext`, see `seal.rs`; null where the program's own token acts.
            .null("access_sealed", Text, Personal)
            .null("refresh_sealed", Text, Personal)
            .null("expires_at", Big, None)
            // Separated by spaces.
            .col("scopes", Text, None)
            .null("announce_channel_id", Text, None)
            .null("announce_channel_name", Text, None)
            // 1 ok, 2 trouble, 3 revoked.
            .col("status", Small, None)
            .null("trouble", Text, None)
            .null("checked_at", Big, None)
            .null("installed_by", Int, Pseudonymous)
            .col("created_at", Big, None)
            .col("updated_at", Big, None)
            .unique(&["platform", "platform_server_id"])
            .index(&["community_id"])
            .references("community_id", "community")
            .references("server_id", "community_server")
            .references("installed_by", "users"),
        Table::new("install_state", "identity")
            .col("state_hash", Text, Pseudonymous)
            .col("platform", Small, None)
            .col("community_id", Int, None)
            .col("user_id", Int, Pseudonymous)
            .col("session_id", Big, Pseudonymous)
            .col("redirect", Text, None)
            .col("expires_at", Big, None)
            .null("used_at", Big, None)
            .primary(&["state_hash"])
            .index(&["expires_at"])
            .index(&["user_id"])
            .references("community_id", "community")
            .references("user_id", "users"),
    ]
}
