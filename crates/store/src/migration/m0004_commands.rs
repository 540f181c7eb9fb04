//! The tables of chat commands. Never edited after a release.

use crate::schema::{
    Kind::{Big, Bool, Int, Small, Text},
    Personal::{None, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("custom_command", "community")
            .id(Int)
            .col("community_id", Int, None)
            .col("name", Text, None)
            // ` a b `: each between spaces; empty without.
            .col("aliases", Text, None)
            // What the community says, not what somebody said about themselves.
            .col("reply", Text, None)
            .col("minimum_role", Small, None)
            .col("cooldown_user_secs", Int, None)
            .col("cooldown_channel_secs", Int, None)
            .col("is_enabled", Bool, None)
            .col("uses", Big, None)
            .null("created_by", Int, Pseudonymous)
            .col("created_at", Big, None)
            .col("updated_at", Big, None)
            .unique(&["community_id", "name"])
            .references("community_id", "community"),
        Table::new("command_setting", "community")
            .col("community_id", Int, None)
            .col("name", Text, None)
            .col("is_enabled", Bool, None)
            // Null: as the program has it.
            .null("minimum_role", Small, None)
            .null("cooldown_user_secs", Int, None)
            .null("cooldown_channel_secs", Int, None)
            .col("updated_at", Big, None)
            .primary(&["community_id", "name"])
            .references("community_id", "community"),
    ]
}
