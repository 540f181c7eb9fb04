//! What a chat command is, for whoever offers, lists or registers it: the face that runs commands,
//! the platform that shows them as slash commands, the page that switches them on and off. Holds no
//! behaviour.

use crate::Role;

/// A command of the program.
///
/// Invariants: `name` and `aliases` are 1 to 32 of `a-z`, `0-9`, `-` and `_` and unique among all
/// commands; `description` has 1 to 100 characters, because Discord shows no more.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommandSpec {
    /// What is typed after the prefix.
    pub name: &'static str,
    /// Other names of it. Not registered as slash commands.
    pub aliases: &'static [&'static str],
    /// What it does, in one line.
    pub description: &'static str,
    /// What follows the name, in order.
    pub options: &'static [CommandOption],
    /// The weakest role that may use it; [`Role::Member`] is everybody who is not banned.
    pub minimum_role: Role,
    /// How long one person waits between two uses, in seconds.
    pub cooldown_user_secs: u32,
    /// How long a channel waits between two uses, in seconds.
    pub cooldown_channel_secs: u32,
    /// The heading under which it is listed.
    pub category: &'static str,
}

/// A text that follows a command's name.
///
/// Invariants: `name` and `description` as in [`CommandSpec`]; required ones come first; the last
/// one takes the rest of the line.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct CommandOption {
    /// What it is called.
    pub name: &'static str,
    /// What it means, in one line.
    pub description: &'static str,
    /// Whether the command makes no sense without it.
    pub is_required: bool,
}

impl CommandSpec {
    /// Whether it answers to this name (lower-case).
    pub fn is_called(&self, name: &str) -> bool {
        self.name == name || self.aliases.contains(&name)
    }

    /// How it is typed after the prefix: `addcom <name> <reply>`, `help [command]`.
    pub fn usage(&self) -> String {
        let mut usage = self.name.to_owned();
        for option in self.options {
            let (open, close) = if option.is_required {
                (" <", '>')
            } else {
                (" [", ']')
            };
            usage.push_str(open);
            usage.push_str(option.name);
            usage.push(close);
        }
        usage
    }
}

#[cfg(test)]
mod tests {
    use super::{CommandOption, CommandSpec};
    use crate::Role;

    const RAID: CommandSpec = CommandSpec {
        name: "raid",
        aliases: &["r"],
        description: "raids",
        options: &[
            CommandOption {
                name: "channel",
                description: "whom",
                is_required: true,
            },
            CommandOption {
                name: "message",
                description: "what to say",
                is_required: false,
            },
        ],
        minimum_role: Role::Moderator,
        cooldown_user_secs: 0,
        cooldown_channel_secs: 0,
        category: "Stream",
    };

    #[test]
    fn a_usage_tells_what_is_required_and_what_is_not() {
        assert_eq!(RAID.usage(), "raid <channel> [message]");
    }

    #[test]
    fn a_command_answers_to_its_names_only() {
        assert!(RAID.is_called("raid") && RAID.is_called("r"));
        assert!(!RAID.is_called("ra") && !RAID.is_called(""));
    }
}
