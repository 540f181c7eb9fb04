//! Accounts that may be one person's: names as compared, pairs that were found, and pairs of which
//! somebody said that they are not. Never edited after a release.

use crate::schema::{
    Kind::{Big, Int, Small, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

/// Where people were seen, asked for by person, in a table of an earlier step.
pub(super) const INDEXES: &[&str] = &["CREATE INDEX ix_member_user ON member (user_id)"];

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("account_name", "identity")
            .col("account_id", Big, Pseudonymous)
            // What a name is compared by: lower case, letters and digits only.
            .col("name_key", Text, Personal)
            .primary(&["account_id", "name_key"])
            .index(&["name_key", "account_id"])
            .references("account_id", "platform_account"),
        Table::new("merge_suggestion", "identity")
            .id(Big)
            // Where both people were seen.
            .col("community_id", Int, None)
            // The two accounts in order of id.
            .col("low_account", Big, Pseudonymous)
            .col("high_account", Big, Pseudonymous)
            // 0 to 95.
            .col("confidence", Small, Personal)
            // Names of signs, separated by spaces.
            .col("signs", Text, Personal)
            .col("found_at", Big, None)
            // The run that found it last.
            .col("seen_at", Big, None)
            .unique(&["community_id", "low_account", "high_account"])
            .index(&["community_id", "confidence", "id"])
            .index(&["low_account"])
            .index(&["high_account"])
            .index(&["seen_at"])
            .references("community_id", "community")
            .references("low_account", "platform_account")
            .references("high_account", "platform_account"),
        Table::new("suggestion_dismissal", "identity")
            .col("low_account", Big, Pseudonymous)
            .col("high_account", Big, Pseudonymous)
            // For whose moderators; 0 if the owner of one of the two accounts said so.
            .col("community_id", Int, None)
            // That account; 0 if a moderator said so.
            .col("account_id", Big, Pseudonymous)
            // Null for what the program did.
            .null("dismissed_by", Int, Pseudonymous)
            .col("dismissed_at", Big, Personal)
            .primary(&["low_account", "high_account", "community_id", "account_id"])
            .index(&["high_account"])
            .references("low_account", "platform_account")
            .references("high_account", "platform_account"),
    ]
}
