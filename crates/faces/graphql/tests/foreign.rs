//! The endpoint against clients and audits that others wrote: what they send and expect is what it takes and answers.
//!
//! `cargo xtask test` installs them; without them these tests skip and say so.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod foreign {
    mod apollo;
    mod audits;
    mod fuzz;
    mod old_ws;
    mod pond;
    #[path = "../../../../simulator/tests/clients/run.rs"]
    mod run;
    mod sse;
    mod transport_ws;
}
