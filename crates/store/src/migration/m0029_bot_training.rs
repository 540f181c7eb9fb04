//! How models are made from labels, and what went wrong with them. Never edited after a release.

use crate::schema::{
    Kind::{Big, Int, Small, Text},
    Personal::{None, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("bot_training", "bots")
            .id(Int)
            // The community it is for; 0 = every one that has no model of its own.
            .col("scope", Int, None)
            // 0 waits, 1 runs, 2 done, 3 left out, 4 failed.
            .col("state", Small, None)
            // Null = the weekly job.
            .null("asked_by", Int, Pseudonymous)
            .col("asked_at", Big, None)
            .null("started_at", Big, None)
            .null("finished_at", Big, None)
            // Percent.
            .col("progress", Int, None)
            .col("n_rows", Int, None)
            .col("n_bots", Int, None)
            .col("n_people", Int, None)
            // Labels that are newer than the training before.
            .col("n_new", Int, None)
            // SHA-256 of the rows it learned from.
            .null("snapshot", Text, None)
            .null("model_id", Int, None)
            // JSON: lines of what was done.
            .col("log", Text, None)
            .null("error", Text, None)
            .index(&["scope", "id"])
            .unique_where("uq_bot_training_open", &["scope"], "state < 2"),
        Table::new("bot_alert", "bots")
            .id(Int)
            // 1 precision, 2 extraction, 3 latency, 4 training, 5 drift, 6 rollout.
            .col("kind", Small, None)
            // The community it is about; 0 = the instance.
            .col("scope", Int, None)
            .col("words", Text, None)
            // JSON: the numbers that raised it.
            .col("numbers", Text, None)
            .col("at", Big, None)
            .null("cleared_at", Big, None)
            .null("cleared_by", Int, Pseudonymous)
            .unique_where(
                "uq_bot_alert_open",
                &["kind", "scope"],
                "cleared_at IS NULL",
            ),
    ]
}
