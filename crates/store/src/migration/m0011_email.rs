//! Proving e-mail addresses. Never edited after a release.

use crate::schema::{
    Kind::{Big, Int, Small, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("email_code", "identity")
            .id(Big)
            // 1 verify or change, 2 set a new password, 3 register.
            .col("purpose", Small, None)
            .null("user_id", Int, Pseudonymous)
            // As typed, and as it is compared.
            .col("address", Text, Personal)
            .col("address_folded", Text, Personal)
            .col("code_hash", Text, Pseudonymous)
            .col("link_hash", Text, Pseudonymous)
            // Wrong codes that were typed.
            .col("attempts", Small, None)
            .col("created_at", Big, None)
            .col("expires_at", Big, None)
            // Also set when a newer one replaces it.
            .null("used_at", Big, None)
            .unique(&["link_hash"])
            .index(&["address_folded", "created_at"])
            .index(&["user_id", "purpose"])
            .index(&["expires_at"])
            .references("user_id", "users"),
        Table::new("verified_email", "identity")
            .col("user_id", Int, Pseudonymous)
            // The address it was; worth nothing once the person has another.
            .col("address_folded", Text, Personal)
            .col("verified_at", Big, Personal)
            .primary(&["user_id"])
            .references("user_id", "users"),
    ]
}
