//! Browser tests: people's ways through the built program, in headless Chromium. Run by `cargo xtask test -p e2e`.

mod e2e {
    mod keyboard;
    mod links;
    mod looks;
    mod passkey;
    mod person;
    mod plain;
    mod setup;
    mod tour;
}
