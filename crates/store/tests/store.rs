//! The store's tests, one binary: every test runs on SQLite and, when `WADDLEBOT_TEST_POSTGRES`
//! names a server, on PostgreSQL, each in a database of its own.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "store/audit.rs"]
mod audit;
#[path = "store/cron.rs"]
mod cron;
#[path = "store/db.rs"]
mod db;
#[path = "store/fairness.rs"]
mod fairness;
#[path = "store/generation.rs"]
mod generation;
#[path = "store/jobs.rs"]
mod jobs;
#[path = "store/lease.rs"]
mod lease;
#[path = "store/migration.rs"]
mod migration;
#[path = "store/postgres.rs"]
mod postgres;
#[path = "store/runner.rs"]
mod runner;
#[path = "store/wire.rs"]
mod wire;
#[path = "store/world.rs"]
mod world;
