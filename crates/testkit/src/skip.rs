//! Tests that need something outside say so when it is absent; in CI absence is a failure.

use std::io::Write;

/// The address of an engine from the environment; `None`, said loudly, where it is absent. Panics
/// instead if `WADDLEBOT_TEST_REQUIRE_ALL` is set.
pub fn engine(variable: &str) -> Option<String> {
    match std::env::var(variable) {
        Ok(value) if !value.is_empty() => Some(value),
        _ => {
            assert!(
                std::env::var_os("WADDLEBOT_TEST_REQUIRE_ALL").is_none(),
                "{variable} is not set: run `cargo xtask test`, which starts what the tests need"
            );
            skip(&format!("{variable} is not set"));
            None
        }
    }
}

/// Says on standard error that a test is skipped, and why.
pub fn skip(why: &str) {
    // Written past the test harness's capture, so that it is seen.
    let _ = writeln!(std::io::stderr(), "skipped: {why}");
}
