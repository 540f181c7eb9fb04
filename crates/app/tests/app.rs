//! Service tests: real domains on both databases, a clock that waits for nobody.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod app {
    mod access;
    mod activity;
    mod allowances;
    mod api_keys;
    mod bot_appeals;
    mod bot_cases;
    mod bot_channel;
    mod bot_links;
    mod bot_lists;
    mod bot_memory;
    mod bot_models;
    mod bot_monitoring;
    mod bot_nights;
    mod bot_queue;
    mod bot_reports;
    mod bot_rollouts;
    mod bot_scores;
    mod bot_shadow;
    mod bot_tracking;
    mod bot_training;
    mod chat_code;
    mod commands;
    mod connections;
    mod delivery;
    mod doubts;
    mod email;
    mod events;
    mod identity;
    mod instance;
    mod linked_roles;
    mod links;
    mod merges;
    mod notices;
    mod owners;
    mod passkeys;
    mod privacy;
    mod profiles;
    mod repeat;
    mod reputation;
    mod second_factor;
    mod suggestions;
    mod suspicions;
    mod webhooks;
}
