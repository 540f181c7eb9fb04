//! The face against clients that others wrote, made from its document.
//!
//! `cargo xtask test` installs them; without them these tests skip and say so.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod foreign {
    mod fuzz;
    #[expect(dead_code, reason = "no script here waits to be told to go on")]
    #[path = "../../../../simulator/tests/clients/run.rs"]
    mod run;
}
