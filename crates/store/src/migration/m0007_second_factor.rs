//! The second factor, confirmed sessions and the history of verifications. Never edited after a
//! release.

use crate::schema::{
    Kind::{Big, Int, Small, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("totp", "identity")
            .id(Int)
            .col("user_id", Int, Pseudonymous)
            // `v1|key id|nonce|ciphertext`, see `seal.rs`.
            .col("secret_sealed", Text, Personal)
            // The last time step whose code was accepted (RFC 6238 §5.2).
            .col("last_step", Big, None)
            .col("created_at", Big, Personal)
            // Null until a code proved that the secret arrived.
            .null("confirmed_at", Big, Personal)
            .unique(&["user_id"])
            .references("user_id", "users"),
        Table::new("recovery_code", "identity")
            .col("user_id", Int, Pseudonymous)
            .col("code_hash", Text, Pseudonymous)
            .col("created_at", Big, None)
            .null("used_at", Big, Personal)
            .primary(&["user_id", "code_hash"])
            .references("user_id", "users"),
        Table::new("session_confirmation", "identity")
            .col("session_id", Big, Pseudonymous)
            .col("confirmed_at", Big, Personal)
            .primary(&["session_id"]),
        Table::new("verification_attempt", "identity")
            .id(Big)
            .col("user_id", Int, Pseudonymous)
            // `password`, `link`, `totp`, `recovery-code`, `email`, `chat-code`, `oauth:<provider>`, …
            .col("method", Text, Personal)
            // 1 succeeded, 2 failed.
            .col("result", Small, None)
            .col("at", Big, Personal)
            .col("address_prefix", Text, Personal)
            .index(&["user_id", "id"])
            .index(&["at"])
            .references("user_id", "users"),
    ]
}
