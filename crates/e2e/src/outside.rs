//! What must be there before a browser test can run. Absence is said on standard error; where everything is required,
//! absence is a failure.

use std::{io::Write, path::PathBuf};

/// The two programs of every test.
pub(crate) struct Outside {
    /// The browser.
    pub(crate) chromium: PathBuf,
}

/// Finds the browser, and makes sure that the program is there too. `cargo xtask test` sets the variables; by hand:
/// `WADDLEBOT_TEST_BIN=target/debug/waddlebot WADDLEBOT_TEST_CHROMIUM=/usr/bin/chromium cargo test -p e2e`.
pub(crate) fn find() -> Option<Outside> {
    binary()?;
    Some(Outside {
        chromium: engine("WADDLEBOT_TEST_CHROMIUM")?.into(),
    })
}

/// The program under test.
pub(crate) fn binary() -> Option<PathBuf> {
    let given = PathBuf::from(engine("WADDLEBOT_TEST_BIN")?);
    // Tests run in the folder of the crate; people give paths from the root.
    let from_root = PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/../..")).join(&given);
    Some(if given.exists() { given } else { from_root })
}

fn engine(variable: &str) -> Option<String> {
    let value = std::env::var(variable)
        .ok()
        .filter(|value| !value.is_empty());
    if value.is_none() {
        assert!(
            std::env::var_os("WADDLEBOT_TEST_REQUIRE_ALL").is_none(),
            "{variable} is not set: run `cargo xtask test`, which sets what the tests need"
        );
        // Written past the test harness's capture, so that it is seen; a closed standard error stops no test.
        let _ = writeln!(std::io::stderr(), "skipped: {variable} is not set");
    }
    value
}
