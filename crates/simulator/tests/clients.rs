//! The simulators against clients that others wrote: what these send and expect is what the platforms take and answer,
//! and every exchange is held against the platform's published contract.
//!
//! `cargo xtask test` installs the clients; without them, or without the contracts, these tests skip and say so.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod clients {
    mod discord;
    mod order;
    mod run;
    mod slack;
    mod twitch;
}
