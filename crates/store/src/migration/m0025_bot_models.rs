//! Models, and who was given which of two ways to detect bots. Never edited after a release.

use crate::schema::{
    Kind::{Big, Int, Small, Text},
    Personal::{None, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("bot_model", "bots")
            .id(Int)
            .col("name", Text, None)
            .col("version", Int, None)
            // The community it is for; 0 = every one that has none of its own.
            .col("scope", Int, None)
            // 1 trees, 2 linear.
            .col("kind", Small, None)
            // 0 training, 1 testing, 2 deployed, 3 retired.
            .col("state", Small, None)
            // The file: where it is, its SHA-256 and its size.
            .col("blob", Text, None)
            .col("sha256", Text, None)
            .col("size_bytes", Big, None)
            .col("schema_hash", Text, None)
            .null("threshold_ppm", Int, None)
            // JSON: what was measured, and what is to be known of it.
            .col("metrics", Text, None)
            .col("card", Text, None)
            // The one that was deployed before it.
            .null("replaced_id", Int, None)
            .null("added_by", Int, Pseudonymous)
            .col("added_at", Big, None)
            .null("deployed_at", Big, None)
            .null("retired_at", Big, None)
            .unique(&["name", "version"])
            .unique(&["scope", "sha256"])
            .unique_where("uq_bot_model_deployed", &["scope"], "state = 2"),
    ]
}
