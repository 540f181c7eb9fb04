//! What goes out: messages to platforms and mailboxes, and each try. Never edited after a release.

use crate::schema::{
    Kind::{Big, Bool, Int, Small, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("delivery", "delivery")
            .id(Big)
            .col("community_id", Int, None)
            // Discord 1, Twitch 2, Slack 3, e-mail 100.
            .col("medium", Small, None)
            // Where it goes, JSON, without what is secret.
            .col("address", Text, Personal)
            // The whole order, JSON; empty once it is of no more use.
            .col("body", Text, Personal)
            .col("idem_key", Text, Pseudonymous)
            // 0 pending, 1 sending, 2 sent, 3 failed, 4 expired, 5 unknown, 6 cancelled.
            .col("state", Small, None)
            .col("priority", Small, None)
            .col("due_at", Big, None)
            .null("not_after", Big, None)
            // Calls made so far; the number of the newest row in `delivery_attempt`.
            .col("attempts", Int, None)
            .null("message_id", Text, Pseudonymous)
            .col("was_cut", Bool, None)
            .col("is_confirmed", Bool, None)
            .null("last_error", Text, Pseudonymous)
            .col("requested_by", Text, Pseudonymous)
            .col("created_at", Big, None)
            .null("finished_at", Big, None)
            .unique(&["community_id", "idem_key"])
            .index(&["community_id", "id"])
            .index(&["community_id", "state", "id"])
            .index_where(
                "ix_delivery_finished",
                &["finished_at", "id"],
                "finished_at IS NOT NULL",
            )
            .references("community_id", "community"),
        Table::new("delivery_attempt", "delivery")
            .col("delivery_id", Big, Pseudonymous)
            .col("n", Int, None)
            .col("begun_at", Big, None)
            // Null while the call is under way, and for ever if the process ended in it.
            .null("ended_at", Big, None)
            // 0 done, 1 rate limited, 2 closed, 3 unavailable, 4 unknown, 5 refused, 6 cut off.
            .null("outcome", Small, None)
            .null("error", Text, Pseudonymous)
            .primary(&["delivery_id", "n"])
            .references("delivery_id", "delivery"),
    ]
}
