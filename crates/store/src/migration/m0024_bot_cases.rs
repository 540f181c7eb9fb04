//! Who may be a bot and what people said about it. Never edited after a release.

use crate::schema::{
    Kind::{Big, Bool, Int, Small, Text},
    Personal::{None, Personal, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        // What was predicted, from what.
        Table::new("bot_prediction", "bots")
            .id(Big)
            .col("community_id", Int, None)
            .col("account_id", Big, Pseudonymous)
            // Null = the rules.
            .null("model_id", Int, None)
            .col("probability_ppm", Int, Personal)
            // What the rules say of the same, to compare.
            .col("rule_ppm", Int, Personal)
            .col("schema_hash", Text, None)
            // JSON: the values of the signals in the order of the schema, null where one is missing.
            .col("features", Text, Personal)
            // JSON: what counted most, in the words shown to people.
            .col("why", Text, Personal)
            .col("n_messages", Int, Personal)
            .col("at", Big, Personal)
            .index(&["community_id", "account_id", "id"])
            .index(&["account_id"])
            .index(&["at", "id"])
            .references("community_id", "community")
            .references("account_id", "platform_account"),
        Table::new("bot_case", "bots")
            .id(Int)
            .col("community_id", Int, None)
            .col("account_id", Big, Pseudonymous)
            // 0 open, 1 a bot, 2 human, 3 withdrawn: nothing speaks for it any more.
            .col("state", Small, Personal)
            // Bits: why somebody should look.
            .col("reasons", Small, Personal)
            .col("probability_ppm", Int, Personal)
            // How much a verdict would teach.
            .col("value_ppm", Int, Personal)
            .null("prediction_id", Big, Pseudonymous)
            .col("opened_at", Big, Personal)
            // When what speaks for it changed last.
            .col("changed_at", Big, Personal)
            // Who has it before them, and until when that counts.
            .null("looked_by", Int, Pseudonymous)
            .null("looked_at", Big, None)
            .null("looked_until", Big, None)
            // Every decision is made about one revision.
            .col("revision", Int, None)
            .null("decided_by", Int, Pseudonymous)
            .null("decided_at", Big, None)
            .unique(&["community_id", "account_id"])
            .index(&["account_id"])
            .index(&["community_id", "state", "probability_ppm", "id"])
            .index(&["community_id", "state", "value_ppm", "id"])
            .references("community_id", "community")
            .references("account_id", "platform_account"),
        Table::new("bot_review", "bots")
            .id(Big)
            .col("case_id", Int, None)
            .col("community_id", Int, None)
            .col("account_id", Big, Pseudonymous)
            // 1 a bot, 2 human, 3 left to others.
            .col("verdict", Small, Personal)
            .null("reviewer_id", Int, Pseudonymous)
            .col("reason", Text, Personal)
            // What was predicted then.
            .col("probability_ppm", Int, Personal)
            .null("prediction_id", Big, Pseudonymous)
            // Whether the case came by chance, and not because somebody looked suspicious.
            .col("was_sampled", Bool, None)
            // From looking to deciding.
            .null("took_secs", Int, None)
            .col("at", Big, None)
            .null("undone_at", Big, None)
            .null("undone_by", Int, Pseudonymous)
            .index(&["case_id", "id"])
            .index(&["account_id"])
            .index(&["community_id", "at", "id"])
            .references("case_id", "bot_case"),
        Table::new("bot_report", "bots")
            .id(Int)
            .col("community_id", Int, None)
            .col("account_id", Big, Pseudonymous)
            .null("reporter_id", Int, Pseudonymous)
            .col("reason", Text, Personal)
            // How much the reporter's word counted.
            .col("weight_ppm", Int, Personal)
            .col("at", Big, None)
            // 0 nobody knows yet, 1 they were right, 2 they were not.
            .col("outcome", Small, Personal)
            // The review that told.
            .null("review_id", Big, Pseudonymous)
            .index(&["community_id", "account_id", "outcome"])
            .index(&["account_id"])
            .index(&["reporter_id", "community_id", "at"])
            .unique_where(
                "uq_bot_report_open",
                &["community_id", "account_id", "reporter_id"],
                "outcome = 0 AND reporter_id IS NOT NULL",
            )
            .references("community_id", "community")
            .references("account_id", "platform_account"),
        Table::new("bot_appeal", "bots")
            .id(Int)
            .col("case_id", Int, None)
            .col("community_id", Int, None)
            .col("account_id", Big, Pseudonymous)
            .col("words", Text, Personal)
            // 0 open, 1 granted, 2 refused.
            .col("state", Small, Personal)
            .col("made_at", Big, Personal)
            .col("answer", Text, Personal)
            .null("answered_by", Int, Pseudonymous)
            .null("answered_at", Big, None)
            .index(&["case_id", "id"])
            .index(&["account_id"])
            .index(&["community_id", "state", "id"])
            .unique_where("uq_bot_appeal_open", &["case_id"], "state = 0")
            .references("case_id", "bot_case"),
        // What models learn from: what somebody is, with what could be seen of them then.
        Table::new("bot_label", "bots")
            .id(Big)
            .col("community_id", Int, None)
            .col("account_id", Big, Pseudonymous)
            .col("is_bot", Bool, Personal)
            // 1 a review, 2 the rules, 3 a list, 4 a service bot, 5 imported.
            .col("source", Small, Personal)
            .col("weight_ppm", Int, Personal)
            .null("review_id", Big, Pseudonymous)
            .col("schema_hash", Text, None)
            .col("features", Text, Personal)
            .col("n_messages", Int, Personal)
            .col("at", Big, Personal)
            .unique(&["community_id", "account_id", "source"])
            .index(&["account_id"])
            .index(&["schema_hash", "id"])
            .references("community_id", "community")
            .references("account_id", "platform_account"),
    ]
}
