//! How sure the program is about accounts, in rows of their own: a score changes by night for many, and on PostgreSQL a changed row is written
//! anew as a whole, with the kilobytes of state that it used to stand beside. Never edited after a release.

use crate::schema::{
    Dropped,
    Kind::{Big, Int, Small},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        // Who was scored once. No row = never.
        Table::new("bot_score", "bots")
            .col("community_id", Int, None)
            .col("account_id", Big, Pseudonymous)
            // How many messages there were; 0 = what is known of the account is being made anew.
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
            // In this order it finds all of an account too: each index less is written less often.
            .primary(&["account_id", "community_id"])
            .index(&["community_id", "probability_ppm", "account_id"])
            .references("community_id", "community")
            .references("account_id", "platform_account"),
    ]
}

/// See [`super::statements`]. `scored_at` tells a score that was forgotten to be found anew from one that never was.
pub(super) const FILL: &[&str] = &[
    "INSERT INTO bot_score (community_id, account_id, scored_n, scored_at, probability_ppm, rule_ppm, model_id, exemption, predicted_ppm) \
     SELECT community_id, account_id, scored_n, scored_at, probability_ppm, rule_ppm, model_id, exemption, predicted_ppm \
     FROM bot_state WHERE scored_n > 0 OR scored_at IS NOT NULL OR predicted_ppm IS NOT NULL",
    // SQLite removes no column that an index has.
    "DROP INDEX ix_bot_state_community_id_probability_ppm_account_id",
];

/// See [`super::settings`]. A row that changes without its probability is written into the room that is left in its page, and no index
/// with it.
pub(super) const SETTINGS: &[&str] = &["ALTER TABLE bot_score SET (fillfactor = 70)"];

/// See [`super::dropped`].
pub(super) const DROPPED: &[Dropped] = &[
    Dropped::column("bot_state", "scored_n"),
    Dropped::column("bot_state", "scored_at"),
    Dropped::column("bot_state", "probability_ppm"),
    Dropped::column("bot_state", "rule_ppm"),
    Dropped::column("bot_state", "model_id"),
    Dropped::column("bot_state", "exemption"),
    Dropped::column("bot_state", "predicted_ppm"),
];
