//! Keys with which people's programs use the API. Never edited after a release.

use crate::schema::{
    Kind::{Big, Int, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("api_key", "identity")
            .id(Int)
            .col("user_id", Int, Pseudonymous)
            .col("name", Text, Personal)
            // SHA-256 in hexadecimal; the key itself is shown once and not kept.
            .col("key_hash", Text, Personal)
            // The last characters of the key, so that people recognise it.
            .col("hint", Text, Personal)
            // The one community the key is good for; null = all that its owner may.
            .null("community_id", Int, None)
            .col("created_at", Big, Personal)
            .col("expires_at", Big, None)
            .null("last_used_at", Big, Personal)
            .unique(&["key_hash"])
            .index(&["user_id"])
            .index(&["expires_at"])
            .references("user_id", "users")
            .references("community_id", "community"),
    ]
}
