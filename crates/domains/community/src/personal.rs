//! What this domain keeps about people.

use ::store::personal::{By, Declared};

/// Its tables.
pub const PERSONAL: &[Declared] = &[Declared::exported(
    "custom_command",
    By::User("created_by"),
    &[],
)];
