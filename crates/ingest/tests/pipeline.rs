//! The line from an event or a file into the database: in order, once, bounded, whatever fails.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod pipeline {
    mod ear;
    mod faults;
    mod import;
    mod line;
    mod real;
    mod stage;
}
