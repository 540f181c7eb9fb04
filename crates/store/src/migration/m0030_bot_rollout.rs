//! Which community is judged by what, while models are rolled out or held against the rules; and how far chat has moved from
//! what a model was made for. Never edited after a release.

use crate::schema::{
    Kind::{Big, Int, Small, Text},
    Personal::{None, Pseudonymous},
    Table,
};

pub(super) fn tables() -> Vec<Table> {
    vec![
        Table::new("bot_rollout", "bots")
            .id(Int)
            .col("model_id", Int, None)
            // Percent of the communities: 10, 50, 100.
            .col("step", Small, None)
            // 0 goes on, 1 halted, 2 finished.
            .col("state", Small, None)
            .null("started_by", Int, Pseudonymous)
            .col("started_at", Big, None)
            // When this step began.
            .col("stepped_at", Big, None)
            .null("ended_at", Big, None)
            .null("halted_why", Text, None)
            .unique_where("uq_bot_rollout_open", &["state"], "state = 0"),
        Table::new("bot_experiment", "bots")
            .id(Int)
            .col("hypothesis", Text, None)
            // Null = whatever is deployed.
            .null("model_id", Int, None)
            // 0 goes on, 1 is over.
            .col("state", Small, None)
            .null("started_by", Int, Pseudonymous)
            .col("started_at", Big, None)
            .null("ended_at", Big, None)
            .null("ended_why", Text, None)
            // The smallest p-value that is true however often one looks, in millionths.
            .col("p_ppm", Int, None)
            .unique_where("uq_bot_experiment_open", &["state"], "state = 0"),
        Table::new("bot_assignment", "bots")
            // 1 a rollout, 2 an experiment.
            .col("kind", Small, None)
            .col("run_id", Int, None)
            .col("community_id", Int, None)
            // 0 as before, or the rules; 1 the model.
            .col("arm", Small, None)
            .col("at", Big, None)
            .primary(&["kind", "run_id", "community_id"])
            .index(&["community_id"])
            .references("community_id", "community"),
        Table::new("bot_drift", "bots")
            // 0 = the instance.
            .col("scope", Int, None)
            .col("signal", Text, None)
            // Population stability index, in millionths.
            .col("psi_ppm", Int, None)
            // Vectors of the last days that were counted.
            .col("n", Int, None)
            .col("at", Big, None)
            .primary(&["scope", "signal"]),
    ]
}
