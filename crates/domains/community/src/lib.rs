//! What a community decides about itself. Today: its own chat commands, and who may use which of
//! the program's commands how often.
//!
//! Invariants: within a community a name means one command, whether it is the program's, a custom
//! one or an alias; every change is audited in the same transaction. Must never know: HTTP, HTML, a
//! platform's wire format, how a command is typed or run.

mod custom;
mod error;
mod events;
mod personal;
mod reply;
mod setting;
mod store;

use std::sync::Arc;

use kernel::{Clock, CommandSpec};

pub use custom::{
    ALIASES_MAX, COMMANDS_MAX, COOLDOWN_SECS_MAX, CommandChange, CustomCommand, NAME_MAX, Named,
    REPLY_MAX,
};
pub use error::CommunityError;
pub use events::{COMMAND_ADDED, COMMAND_CHANGED, COMMAND_REMOVED, COMMAND_SET};
pub use personal::PERSONAL;
pub use reply::{Occasion, SAID_MAX, VARIABLES, Variable, render};
pub use setting::{CommandSetting, SettingChange};

/// The commands of communities. Cheap to clone.
#[derive(Clone)]
pub struct Commands {
    db: ::store::Db,
    clock: Arc<dyn Clock>,
    built_in: Arc<[CommandSpec]>,
}

impl std::fmt::Debug for Commands {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Commands")
            .field("n_built_in", &self.built_in.len())
            .finish_non_exhaustive()
    }
}

impl Commands {
    /// The service over a migrated database. `built_in` are the commands of the program: their
    /// names cannot be taken by custom ones.
    pub fn new(db: ::store::Db, clock: Arc<dyn Clock>, built_in: Vec<CommandSpec>) -> Self {
        Self {
            db,
            clock,
            built_in: built_in.into(),
        }
    }

    /// The commands of the program, in the order in which they are listed.
    pub fn built_in(&self) -> &[CommandSpec] {
        &self.built_in
    }

    fn built_in_called(&self, name: &str) -> Option<&CommandSpec> {
        self.built_in.iter().find(|spec| spec.is_called(name))
    }
}
