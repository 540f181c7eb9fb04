//! Domain events of the chat commands of communities. Payloads: `{"community": id, "name": text,
//! "is_enabled": flag}`, without the flag for a command that was removed.

/// A community made a command of its own.
pub const COMMAND_ADDED: &str = "community.command_added";
/// A community changed one of its commands.
pub const COMMAND_CHANGED: &str = "community.command_changed";
/// A community removed one of its commands.
pub const COMMAND_REMOVED: &str = "community.command_removed";
/// A community decided about a command of the program.
pub const COMMAND_SET: &str = "community.command_set";
