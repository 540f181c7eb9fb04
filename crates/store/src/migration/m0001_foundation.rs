//! The tables of the first release: jobs, audit, identity, activity. Never edited after a release.

use crate::schema::{
    Kind::{Big, Bool, Int, Small, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    let mut tables = store();
    tables.extend(identity());
    tables.extend(activity());
    tables
}

fn store() -> Vec<Table> {
    vec![
        Table::new("job", "store")
            .id(Big)
            .col("kind", Text, None)
            .col("payload", Text, Pseudonymous)
            .null("unique_key", Text, Pseudonymous)
            .null("community_id", Int, None)
            // The queue it stands in for fairness: the community, 0 without one.
            .col("lane", Int, None)
            .col("priority", Small, None)
            .col("state", Small, None)
            .col("due_at", Big, None)
            .null("not_after", Big, None)
            .col("attempt", Int, None)
            .col("max_attempts", Int, None)
            // Leases that ran out without an outcome since the last outcome.
            .col("crashes", Int, None)
            .null("lease_until", Big, None)
            .col("fence", Big, None)
            .null("worker", Text, None)
            .null("last_error", Text, Pseudonymous)
            .col("created_at", Big, None)
            .null("finished_at", Big, None)
            // States: 0 waiting, 1 ready, 2 leased, 3 done, 4 dead, 5 expired, 6 discarded.
            .unique_where(
                "uq_job_unique_key_open",
                &["kind", "unique_key"],
                "state < 3 AND unique_key IS NOT NULL",
            )
            .index_where("ix_job_waiting", &["due_at", "id", "kind"], "state = 0")
            .index_where(
                "ix_job_ready",
                &["priority", "kind", "lane", "due_at", "id"],
                "state = 1",
            )
            .index_where("ix_job_leased", &["lease_until", "id"], "state = 2")
            .index_where(
                "ix_job_not_after",
                &["not_after"],
                "state < 2 AND not_after IS NOT NULL",
            )
            .index_where(
                "ix_job_finished",
                &["state", "finished_at", "id"],
                "state > 2",
            ),
        Table::new("cron", "store")
            .col("name", Text, None)
            .col("expression", Text, None)
            .col("kind", Text, None)
            // 0 latest, 1 all, 2 skip.
            .col("catch_up", Small, None)
            .col("catch_up_max", Int, None)
            .col("next_at", Big, None)
            .null("last_at", Big, None)
            .primary(&["name"]),
        Table::new("domain_event", "store")
            .id(Big)
            .col("kind", Text, None)
            .null("community_id", Int, None)
            .col("payload", Text, Pseudonymous)
            .col("at", Big, None),
        Table::new("audit", "store")
            .col("seq", Big, None)
            .col("at", Big, None)
            .col("actor", Text, Pseudonymous)
            .col("action", Text, None)
            .col("object", Text, Pseudonymous)
            .null("community_id", Int, None)
            .col("detail", Text, Pseudonymous)
            .col("hash", Text, None)
            .primary(&["seq"])
            .index(&["community_id", "seq"]),
        Table::new("audit_head", "store")
            .col("id", Small, None)
            .col("seq", Big, None)
            .col("hash", Text, None)
            .primary(&["id"])
            .check("id = 1"),
    ]
}

fn identity() -> Vec<Table> {
    vec![
        Table::new("users", "identity")
            .id(Int)
            .col("display_name", Text, Personal)
            .null("email", Text, Personal)
            .null("email_folded", Text, Personal)
            .null("password_hash", Text, Personal)
            .col("is_instance_admin", Bool, None)
            .null("claimed_at", Big, Personal)
            .col("created_at", Big, Personal)
            .unique(&["email_folded"]),
        Table::new("platform_account", "identity")
            .id(Big)
            .col("platform", Small, None)
            .col("platform_user_id", Text, Personal)
            .col("username", Text, Personal)
            .col("user_id", Int, Pseudonymous)
            .col("is_bot", Bool, Personal)
            .null("account_created_at", Big, Personal)
            .col("first_seen_at", Big, Personal)
            .unique(&["platform", "platform_user_id"])
            .index(&["user_id"])
            .references("user_id", "users"),
        Table::new("community", "identity")
            .id(Int)
            .col("slug", Text, None)
            .col("name", Text, None)
            .col("description", Text, None)
            .col("retention_days", Int, None)
            .col("created_at", Big, None)
            .unique(&["slug"]),
        Table::new("community_server", "identity")
            .id(Int)
            .col("community_id", Int, None)
            .col("platform", Small, None)
            .col("platform_server_id", Text, None)
            .col("name", Text, None)
            // 0 whole server, 1 single channel.
            .col("link_type", Small, None)
            // 0 pending, 1 approved, 2 rejected.
            .col("status", Small, None)
            .col("is_primary", Bool, None)
            .col("created_at", Big, None)
            .unique(&["platform", "platform_server_id"])
            .index(&["community_id"])
            .references("community_id", "community"),
        Table::new("membership", "identity")
            .col("community_id", Int, None)
            .col("user_id", Int, Pseudonymous)
            .col("role", Small, Personal)
            .col("joined_at", Big, Personal)
            .primary(&["community_id", "user_id"])
            .index(&["user_id"])
            .references("community_id", "community")
            .references("user_id", "users"),
        Table::new("session", "identity")
            .id(Big)
            .col("token_hash", Text, Personal)
            .col("user_id", Int, Pseudonymous)
            .col("created_at", Big, Personal)
            .col("last_seen_at", Big, Personal)
            .col("expires_at", Big, Personal)
            .col("user_agent", Text, Personal)
            .col("address_prefix", Text, Personal)
            .unique(&["token_hash"])
            .index(&["user_id"])
            .index(&["expires_at"])
            .references("user_id", "users"),
        Table::new("one_time_token", "identity")
            .col("token_hash", Text, Pseudonymous)
            // 1 set-up, 2 sign-in, 3 second factor, 4 code typed in chat.
            .col("purpose", Small, None)
            .null("user_id", Int, Pseudonymous)
            .col("expires_at", Big, None)
            .null("used_at", Big, None)
            .primary(&["token_hash"])
            .index(&["expires_at"]),
        Table::new("sign_in_throttle", "identity")
            .col("subject", Text, Personal)
            .col("failures", Int, Personal)
            .col("blocked_until", Big, Personal)
            .col("updated_at", Big, Personal)
            .primary(&["subject"])
            .index(&["updated_at"]),
    ]
}

fn activity() -> Vec<Table> {
    vec![
        Table::new("channel", "activity")
            .id(Big)
            .col("community_id", Int, None)
            .col("platform", Small, None)
            .col("platform_channel_id", Text, None)
            .col("name", Text, None)
            .unique(&["community_id", "platform", "platform_channel_id"])
            .references("community_id", "community"),
        Table::new("message", "activity")
            .id(Big)
            .col("platform", Small, None)
            .col("message_id", Text, Pseudonymous)
            .col("community_id", Int, None)
            .col("channel_id", Big, None)
            .col("account_id", Big, Pseudonymous)
            .col("sent_at", Big, Personal)
            .col("text", Text, Personal)
            .col("n_mentions", Int, None)
            .col("n_embeds", Int, None)
            .null("reply_to", Text, Pseudonymous)
            .col("imported", Bool, None)
            .unique(&["platform", "message_id"])
            .index(&["community_id", "id"])
            .index_where(
                "ix_message_retention",
                &["community_id", "sent_at"],
                "NOT imported",
            ),
        Table::new("chat_event", "activity")
            .id(Big)
            .col("platform", Small, None)
            .col("event_id", Text, Pseudonymous)
            .col("kind", Small, None)
            .col("community_id", Int, None)
            .col("channel_id", Big, None)
            .col("account_id", Big, Pseudonymous)
            .col("at", Big, Personal)
            .col("amount", Big, Personal)
            .col("detail", Text, Personal)
            .col("imported", Bool, None)
            .unique(&["platform", "event_id"])
            .index(&["community_id", "at"]),
        Table::new("activity_day", "activity")
            .col("community_id", Int, None)
            .col("day", Int, Personal)
            .col("account_id", Big, Pseudonymous)
            .col("user_id", Int, Pseudonymous)
            .col("platform", Small, None)
            .col("messages", Int, Personal)
            .col("first_at", Big, Personal)
            .col("last_at", Big, Personal)
            .primary(&["community_id", "day", "account_id"])
            // Counting people per day, week or platform reads this index only.
            .index(&["community_id", "day", "user_id", "platform"])
            .index(&["community_id", "user_id", "day"])
            .index(&["account_id"]),
        Table::new("activity_hour", "activity")
            .col("community_id", Int, None)
            .col("day", Int, None)
            .col("hour", Small, None)
            .col("platform", Small, None)
            .col("messages", Int, None)
            .primary(&["community_id", "day", "hour", "platform"]),
        Table::new("activity_kind", "activity")
            .col("community_id", Int, None)
            .col("day", Int, None)
            .col("platform", Small, None)
            .col("kind", Small, None)
            .col("events", Int, None)
            .col("amount", Big, None)
            .primary(&["community_id", "day", "platform", "kind"]),
        Table::new("member", "activity")
            .col("community_id", Int, None)
            .col("user_id", Int, Pseudonymous)
            .col("name", Text, Personal)
            .col("name_folded", Text, Personal)
            // Bit n set: seen on the platform with code n.
            .col("platforms", Int, Personal)
            .col("first_at", Big, Personal)
            .col("last_at", Big, Personal)
            .null("first_message_day", Int, Personal)
            .col("messages", Big, Personal)
            .primary(&["community_id", "user_id"])
            .index(&["community_id", "last_at", "user_id"])
            .index(&["community_id", "first_at", "user_id"])
            .index(&["community_id", "messages", "user_id"])
            .index(&["community_id", "name_folded", "user_id"])
            .index(&["community_id", "first_message_day"]),
        Table::new("import_run", "activity")
            .id(Int)
            // 0: each record names its community.
            .col("community_id", Int, None)
            .col("input_key", Text, None)
            .col("input_name", Text, None)
            .col("format", Text, None)
            .col("consumed", Big, None)
            .col("recorded", Big, None)
            .col("duplicates", Big, None)
            .col("rejected", Big, None)
            .col("finished", Bool, None)
            .col("started_at", Big, None)
            .col("updated_at", Big, None)
            .unique(&["community_id", "input_key"]),
        Table::new("quarantine", "activity")
            .id(Big)
            .col("community_id", Int, None)
            .col("at", Big, None)
            .col("platform", Small, None)
            .col("event_id", Text, Pseudonymous)
            .col("reason", Text, Pseudonymous)
            .col("payload", Text, Personal)
            .index(&["community_id", "id"]),
    ]
}
