//! What bot detection knows of accounts and communities, and how sure it is. Never edited after a release.

use crate::schema::{
    Kind::{Big, Bool, Bytes, Int, Small, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

/// The one row of progress: nothing was seen yet.
pub(super) const FILL: &[&str] =
    &["INSERT INTO bot_progress (id, seen, latency_us, at) VALUES (1, 0, 0, 0)"];

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("bot_state", "bots")
            .col("community_id", Int, None)
            .col("account_id", Big, Pseudonymous)
            // Digests of the last messages and sums of the last days; no text. Empty = to be made anew.
            .col("state", Bytes, Personal)
            .col("n_messages", Int, Personal)
            .col("last_at", Big, Personal)
            // How many messages there were when it was scored last; 0 = never.
            .col("scored_n", Int, Personal)
            .null("scored_at", Big, Personal)
            .col("probability_ppm", Int, Personal)
            // What the rules say of the same.
            .col("rule_ppm", Int, Personal)
            // Null = the rules, 0 = the model that ships.
            .null("model_id", Int, None)
            // Why the account is left alone.
            .null("exemption", Small, Personal)
            // What was predicted last in a row of its own.
            .null("predicted_ppm", Int, Personal)
            .primary(&["community_id", "account_id"])
            .index(&["account_id"])
            .index(&["community_id", "probability_ppm", "account_id"])
            .index(&["community_id", "last_at"])
            .references("community_id", "community")
            .references("account_id", "platform_account"),
        Table::new("bot_scene", "bots")
            .col("community_id", Int, None)
            // Hashes of who spoke last, of what was said lately and of usual words.
            .col("scene", Bytes, Pseudonymous)
            // The last message that is in it.
            .col("seen", Big, None)
            // Whether everything of the community is being made anew.
            .col("is_rebuilding", Bool, None)
            // How many came lately and how many usually do.
            .col("arrivals", Text, None)
            .primary(&["community_id"])
            .references("community_id", "community"),
        Table::new("bot_norms", "bots")
            .col("community_id", Int, None)
            .col("norms", Text, None)
            // Who said something in thirty days, and how many messages a day, in thousandths.
            .col("members", Int, None)
            .col("per_day_milli", Big, None)
            .col("made_at", Big, None)
            .primary(&["community_id"])
            .references("community_id", "community"),
        // One row: how far the messages were gone through.
        Table::new("bot_progress", "bots")
            .col("id", Int, None)
            .col("seen", Big, None)
            // What scoring an account took lately, at worst of a hundred.
            .col("latency_us", Int, None)
            .col("at", Big, None)
            .primary(&["id"]),
    ]
}
