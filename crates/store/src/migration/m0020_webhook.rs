//! Outgoing webhooks: where a community's events go, each event on its way, and each try. Never
//! edited after a release.

use crate::schema::{
    Kind::{Big, Int, Small, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("webhook", "webhook")
            .id(Int)
            .col("community_id", Int, None)
            .col("url", Text, None)
            .col("description", Text, None)
            // The kinds of events it wants, with spaces between them; empty = all.
            .col("kinds", Text, None)
            // 0 on, 1 paused by a person, 2 switched off by the program, 3 removed.
            .col("state", Small, None)
            // Why it was switched off: 1 the receiver said that it is gone, 2 it failed for days.
            .null("reason", Small, None)
            .null("switched_off_at", Big, None)
            // When its people were told of that.
            .null("told_at", Big, None)
            .col("secret_sealed", Text, None)
            // The secret before, which signs too for a while after a rotation.
            .null("old_secret_sealed", Text, None)
            .null("old_until", Big, None)
            // Tries in a row without success, and since when.
            .col("failures", Int, None)
            .null("failing_since", Big, None)
            .null("last_success_at", Big, None)
            .null("created_by", Int, Pseudonymous)
            .col("created_at", Big, None)
            .col("updated_at", Big, None)
            .index(&["community_id", "id"])
            .references("community_id", "community"),
        Table::new("webhook_message", "webhook")
            .id(Big)
            .col("webhook_id", Int, None)
            .col("community_id", Int, None)
            // What the receiver knows it by; the same in every try.
            .col("public_id", Text, None)
            .col("kind", Text, None)
            // Null for what somebody sent by hand to try it out.
            .null("event_id", Big, None)
            // The body exactly as it is sent; empty once it must be forgotten.
            .col("body", Text, Personal)
            // 0 waiting, 1 delivered, 2 failed.
            .col("state", Small, None)
            // Tries in all, and since it began to wait.
            .col("attempts", Int, None)
            .col("round", Int, None)
            .col("due_at", Big, None)
            // Of the last try.
            .null("status", Int, None)
            .null("trouble", Small, None)
            .col("created_at", Big, None)
            .null("finished_at", Big, None)
            .unique(&["public_id"])
            .unique(&["webhook_id", "event_id"])
            .index(&["webhook_id", "id"])
            .index(&["webhook_id", "state", "id"])
            .index(&["created_at", "id"])
            .index_where("ix_webhook_message_waiting", &["due_at", "id"], "state = 0")
            .references("webhook_id", "webhook"),
        Table::new("webhook_attempt", "webhook")
            .col("message_id", Big, None)
            .col("n", Int, None)
            .col("begun_at", Big, None)
            .col("took_ms", Int, None)
            // The answer's status, or why there was none.
            .null("status", Int, None)
            .null("trouble", Small, None)
            // The beginning of the answer.
            .col("excerpt", Text, Personal)
            .primary(&["message_id", "n"])
            .references("message_id", "webhook_message"),
    ]
}
