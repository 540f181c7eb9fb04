//! Passkeys, and what was asked of a browser and not answered yet. Never edited after a release.

use crate::schema::{
    Kind::{Big, Bool, Int, Small, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("passkey", "identity")
            .id(Int)
            .col("user_id", Int, Pseudonymous)
            // The host it was made for; browsers offer it nowhere else.
            .col("rp_id", Text, None)
            // Random; what the authenticator calls its owner.
            .col("handle", Text, Pseudonymous)
            // In hexadecimal.
            .col("credential_id", Text, Pseudonymous)
            // JSON of the library: public key, flags and counter as of the last use.
            .col("credential", Text, Personal)
            .col("name", Text, Personal)
            // The counter again, so that it can be compared and set.
            .col("sign_count", Big, None)
            // Whether it is kept in more than one place.
            .col("backed_up", Bool, Personal)
            .col("created_at", Big, Personal)
            .null("last_used_at", Big, Personal)
            .unique(&["credential_id"])
            .index(&["user_id"])
            .references("user_id", "users"),
        Table::new("passkey_ceremony", "identity")
            .col("token_hash", Text, None)
            // 1 add, 2 sign in, 3 second factor, 4 confirm.
            .col("purpose", Small, None)
            // The hash of the browser's cookie, of the session, or of what stands for the first factor.
            .col("binding", Text, Pseudonymous)
            .null("user_id", Int, Pseudonymous)
            // JSON of the library: the challenge and what is wanted of the answer.
            .col("state", Text, Pseudonymous)
            .col("expires_at", Big, None)
            .null("used_at", Big, None)
            .primary(&["token_hash"])
            .index(&["expires_at"])
            .references("user_id", "users"),
    ]
}
