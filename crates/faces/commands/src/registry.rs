//! Every command of the program, in the order in which they are listed. A new command is a file
//! beside this one and a row here.

use kernel::{CommandOption, CommandSpec, Role};

use crate::{
    botscore,
    call::{Answer, Call},
    commands, custom, help, link, mydata, ping, report, reputation, uptime,
};

/// A command and what it does.
pub(crate) struct Row {
    /// How it is offered.
    pub(crate) spec: CommandSpec,
    /// Runs it.
    pub(crate) run: Run,
}

/// Runs a command.
pub(crate) type Run = for<'a> fn(&'a Call) -> Answer<'a>;

/// Answers a button of one of our messages; the text is the end of its id.
pub(crate) type Press = for<'a> fn(&'a Call, &'a str) -> Answer<'a>;

/// A command that everybody may use, once in three seconds each.
const PLAIN: CommandSpec = CommandSpec {
    name: "",
    aliases: &[],
    description: "",
    options: &[],
    minimum_role: Role::Member,
    cooldown_user_secs: 3,
    cooldown_channel_secs: 0,
    category: "General",
};

/// A command that changes commands.
const MANAGING: CommandSpec = CommandSpec {
    minimum_role: Role::Moderator,
    cooldown_user_secs: 0,
    category: "Custom commands",
    ..PLAIN
};

/// A command about who somebody is.
const ACCOUNTS: CommandSpec = CommandSpec {
    category: "Accounts",
    ..PLAIN
};

const fn required(name: &'static str, description: &'static str) -> CommandOption {
    CommandOption {
        name,
        description,
        is_required: true,
    }
}

const fn optional(name: &'static str, description: &'static str) -> CommandOption {
    CommandOption {
        name,
        description,
        is_required: false,
    }
}

/// Every command.
pub(crate) const ROWS: &[Row] = &[
    Row {
        spec: CommandSpec {
            name: "help",
            aliases: &["h"],
            description: "Says what WaddleBot can do, or explains one command",
            options: &[optional("command", "the command to explain")],
            ..PLAIN
        },
        run: help::run,
    },
    Row {
        spec: CommandSpec {
            name: "commands",
            aliases: &["cmds"],
            description: "Lists the commands that you may use here",
            ..PLAIN
        },
        run: commands::run,
    },
    Row {
        spec: CommandSpec {
            name: "ping",
            description: "Answers, so that you know WaddleBot is listening",
            ..PLAIN
        },
        run: ping::run,
    },
    Row {
        spec: CommandSpec {
            name: "uptime",
            aliases: &["up"],
            description: "Says how long WaddleBot has been running and the stream has been live",
            cooldown_channel_secs: 5,
            ..PLAIN
        },
        run: uptime::run,
    },
    Row {
        spec: CommandSpec {
            name: "report",
            description: "Tells the moderators that somebody looks like a bot; ten a day",
            options: &[
                required("who", "whom: a mention or the name"),
                optional("reason", "why you think so"),
            ],
            ..PLAIN
        },
        run: report::run,
    },
    Row {
        spec: CommandSpec {
            name: "botscore",
            description: "Says how free of bots this community is",
            cooldown_channel_secs: 10,
            ..PLAIN
        },
        run: botscore::run,
    },
    Row {
        spec: CommandSpec {
            name: "link",
            description: "Says where you link your accounts on other platforms to this one",
            ..ACCOUNTS
        },
        run: link::begin,
    },
    Row {
        spec: CommandSpec {
            name: "unlink",
            description: "Says where you see and unlink your accounts",
            ..ACCOUNTS
        },
        run: link::end,
    },
    Row {
        spec: CommandSpec {
            name: "verify",
            description: "Links this account to you with the code that your page of accounts shows",
            options: &[required("code", "the code from the page")],
            ..ACCOUNTS
        },
        run: link::verify,
    },
    Row {
        spec: CommandSpec {
            name: "mydata",
            description: "Says where you get a copy of your data or erase it",
            ..ACCOUNTS
        },
        run: mydata::run,
    },
    Row {
        spec: CommandSpec {
            name: "reputation",
            aliases: &["rep"],
            description: "Says what your reputation is, here and everywhere",
            ..ACCOUNTS
        },
        run: reputation::run,
    },
    Row {
        spec: CommandSpec {
            name: "whoami",
            description: "Says who you are here",
            ..ACCOUNTS
        },
        run: reputation::who,
    },
    Row {
        spec: CommandSpec {
            name: "addcom",
            aliases: &["addcommand"],
            description: "Makes a custom command",
            options: &[
                required("name", "what to type after the prefix"),
                required("reply", "what it answers; may hold flags and variables"),
            ],
            ..MANAGING
        },
        run: custom::add,
    },
    Row {
        spec: CommandSpec {
            name: "editcom",
            aliases: &["editcommand"],
            description: "Changes a custom command",
            options: &[
                required("name", "the command to change"),
                optional("reply", "what it answers from now on; may hold flags"),
            ],
            ..MANAGING
        },
        run: custom::edit,
    },
    Row {
        spec: CommandSpec {
            name: "delcom",
            aliases: &["delcommand"],
            description: "Removes a custom command",
            options: &[required("name", "the command to remove")],
            ..MANAGING
        },
        run: custom::remove,
    },
];

/// Who answers the buttons: by the first part of a button's id, `module:action:context`; the rest
/// is handed over. A button is pressed with the rights of the command that is named here.
pub(crate) const PRESSES: &[(&str, Press)] = &[("commands", commands::press)];

/// Every command of the program, as it is offered.
pub fn specs() -> impl Iterator<Item = CommandSpec> {
    ROWS.iter().map(|row| row.spec)
}

/// The row of a command.
pub(crate) fn row(name: &str) -> Option<&'static Row> {
    ROWS.iter().find(|row| row.spec.name == name)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use kernel::Role;

    use super::{PRESSES, ROWS, row, specs};
    use crate::parse;

    #[test]
    fn every_row_fits_a_slash_command_and_no_name_is_used_twice() {
        let mut names = BTreeSet::new();
        for spec in specs() {
            for name in std::iter::once(spec.name).chain(spec.aliases.iter().copied()) {
                assert!(
                    parse::is_name(name) && name == name.to_lowercase(),
                    "{name}"
                );
                assert!(names.insert(name), "`{name}` twice");
            }
            let fits = |text: &str| (1..=100).contains(&text.chars().count());
            assert!(fits(spec.description), "{}", spec.name);
            assert!(spec.minimum_role > Role::Banned);
            assert!(!spec.category.is_empty());
            let mut is_optional = false;
            for option in spec.options {
                assert!(parse::is_name(option.name) && fits(option.description));
                assert!(
                    !(is_optional && option.is_required),
                    "{}: required options come first",
                    spec.name
                );
                is_optional = !option.is_required;
            }
        }
    }

    #[test]
    fn every_button_belongs_to_a_command() {
        for (module, _) in PRESSES {
            assert!(row(module).is_some(), "{module}");
        }
        assert!(ROWS.iter().all(|r| row(r.spec.name).is_some()));
    }
}
