//! Accounts elsewhere that people sign in with, with sealed tokens, and sign-ins in progress. Never
//! edited after a release.

use crate::schema::{
    Kind::{Big, Int, Small, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("identity_link", "identity")
            .id(Int)
            .col("user_id", Int, Pseudonymous)
            .col("provider", Text, None)
            // The provider's stable id of the account.
            .col("subject", Text, Personal)
            // Null where the provider has no chat.
            .null("account_id", Big, Pseudonymous)
            .col("username", Text, Personal)
            .null("avatar", Text, Personal)
            // For showing only: nobody is ever found by it.
            .null("verified_email", Text, Personal)
            // `v1|key id|nonce|ciphertext`, see `seal.rs`.
            .null("access_sealed", Text, Personal)
            .null("refresh_sealed", Text, Personal)
            .null("expires_at", Big, None)
            // Separated by spaces.
            .col("scopes", Text, None)
            .col("linked_at", Big, Personal)
            .col("last_used_at", Big, Personal)
            .unique(&["provider", "subject"])
            .index(&["user_id"])
            .references("user_id", "users")
            .references("account_id", "platform_account"),
        Table::new("sign_in_state", "identity")
            .col("state_hash", Text, Pseudonymous)
            // 1 sign in, 2 link.
            .col("intent", Small, None)
            .col("provider", Text, None)
            // The hash of the browser's cookie, or of the session that links.
            .col("binding", Text, Pseudonymous)
            .null("user_id", Int, Pseudonymous)
            .col("nonce", Text, Pseudonymous)
            .col("verifier_sealed", Text, Pseudonymous)
            .col("redirect", Text, None)
            .col("return_to", Text, None)
            .col("expires_at", Big, None)
            .null("used_at", Big, None)
            .primary(&["state_hash"])
            .index(&["expires_at"])
            .references("user_id", "users"),
    ]
}
