//! What linked accounts are told elsewhere, and the refreshing of their tokens. Never edited after a
//! release.

use crate::schema::{
    Kind::{Big, Bool, Int, Small, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        // One row for each account whose owner lets us tell what roles may depend on.
        Table::new("linked_role", "identity")
            .col("account_id", Big, Pseudonymous)
            .col("link_id", Int, Pseudonymous)
            // Its owner does not want it any more: what was told is taken back.
            .col("is_stopped", Bool, Personal)
            // 1 waiting, 2 told, 3 given up, 4 must be linked again.
            .col("state", Small, None)
            // Hashes of what should be told and of what was told last.
            .null("wanted_hash", Text, Personal)
            .null("told_hash", Text, Personal)
            .null("told_at", Big, Personal)
            .null("trouble", Text, None)
            .col("attempts", Int, None)
            // When it is looked at next; null = not before something changes.
            .null("next_at", Big, None)
            .primary(&["account_id"])
            .unique(&["link_id"])
            .index(&["next_at"])
            .references("account_id", "platform_account")
            .references("link_id", "identity_link"),
        // A row exists while tokens are being refreshed, and after the provider refused to.
        Table::new("link_refresh", "identity")
            .col("link_id", Int, Pseudonymous)
            // Who refreshes, and until when nobody else does; null = nobody.
            .null("holder", Text, None)
            .null("held_until", Big, None)
            // Since when its owner has to link it again.
            .null("refused_at", Big, Personal)
            .primary(&["link_id"])
            .references("link_id", "identity_link"),
    ]
}
