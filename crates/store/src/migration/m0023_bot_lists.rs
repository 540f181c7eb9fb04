//! What communities decide about the detection of bots, and lists of known accounts and domains. Never
//! edited after a release.

use crate::schema::{
    Kind::{Big, Bool, Int, Small, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("bot_setting", "bots")
            .col("community_id", Int, None)
            // Probabilities are whole millionths.
            .col("likely_ppm", Int, None)
            .col("possible_ppm", Int, None)
            .col("is_dry_run", Bool, None)
            // The weakest role that is left alone; null = nobody is because of a role.
            .null("exempt_role", Small, None)
            // A regular who is left alone: days since first seen, and points of reputation.
            .null("trusted_days", Int, None)
            .null("trusted_score", Int, None)
            .col("updated_at", Big, None)
            .primary(&["community_id"])
            .references("community_id", "community"),
        Table::new("bot_list", "bots")
            .id(Int)
            .col("name", Text, None)
            // 1 unwanted accounts, 2 service bots, 3 dangerous domains, 4 suspicious domains.
            .col("kind", Small, None)
            // Of accounts; null for domains.
            .null("platform", Small, None)
            .col("source", Text, None)
            .col("reason", Text, None)
            // What day the list says it is of.
            .col("as_of", Big, None)
            // After how many days an entry counts half; 0 = it does not fade.
            .col("half_life_days", Int, None)
            // SHA-256 of what was imported last.
            .col("digest", Text, None)
            .col("n_entries", Int, None)
            .null("imported_by", Int, Pseudonymous)
            .col("imported_at", Big, None)
            .unique(&["name"]),
        Table::new("bot_list_entry", "bots")
            .col("list_id", Int, None)
            // An account's name or a domain, in lower case.
            .col("value", Text, Personal)
            // Where the list itself says it.
            .null("reason", Text, Personal)
            // When it was listed first: importing the list again does not make it younger.
            .col("listed_at", Big, Personal)
            .primary(&["list_id", "value"])
            .index(&["value"])
            .references("list_id", "bot_list"),
        Table::new("bot_list_choice", "bots")
            .col("community_id", Int, None)
            .col("list_id", Int, None)
            .col("is_used", Bool, None)
            .null("decided_by", Int, Pseudonymous)
            .col("decided_at", Big, None)
            .primary(&["community_id", "list_id"])
            .references("community_id", "community")
            .references("list_id", "bot_list"),
        // What somebody decided about an entry; it outlives the next import.
        Table::new("bot_list_correction", "bots")
            // A community; 0 = everywhere.
            .col("scope", Int, None)
            // The platform of an account; 0 = a domain.
            .col("platform", Small, None)
            .col("value", Text, Personal)
            // 1 it is right to be listed, 2 it is not, 3 it is a service bot.
            .col("verdict", Small, Personal)
            .col("reason", Text, Personal)
            .null("decided_by", Int, Pseudonymous)
            .col("decided_at", Big, None)
            .primary(&["scope", "platform", "value"]),
    ]
}
