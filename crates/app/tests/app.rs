//! Service tests: real domains on both databases, a clock that waits for nobody.

mod app {
    mod access;
    mod activity;
    mod identity;
    mod instance;
}
