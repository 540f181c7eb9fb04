//! Program tests: the built binary on a fresh directory does its jobs, also when it is killed.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "a test that cannot be set up has failed"
)]

mod program {
    mod backup;
    mod bots;
    mod demo;
    mod keys;
    mod kill;
    mod run;
    mod serve;
    mod slow;
    mod webhooks;
}
