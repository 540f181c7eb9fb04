//! Slash commands: what Discord shows when somebody types `/`. Source: Discord «Application Commands».
//! Must never register a command Discord would refuse: it refuses all of them then.

use std::{
    collections::HashMap,
    sync::{Mutex, PoisonError},
};

use kernel::CommandSpec;
use serde_json::{Value, json};
use twilight_http::routing::Route;

use super::{ApiError, Discord, api::Ask, translate::Given};
use crate::text::{Measure, cut, one_line};

/// Commands of one application.
const COMMANDS_MAX: usize = 100;
/// Options of one command.
const OPTIONS_MAX: usize = 25;
const DESCRIPTION: usize = 100;

/// In which order the options of our commands are meant. Discord tells them in the order in which a
/// person happened to fill them in.
#[derive(Debug, Default)]
pub(super) struct OptionOrder(Mutex<HashMap<&'static str, Vec<&'static str>>>);

impl OptionOrder {
    pub(super) fn learn(&self, commands: &[CommandSpec]) {
        let names = |command: &CommandSpec| command.options.iter().map(|option| option.name);
        let known = commands
            .iter()
            .map(|command| (command.name, names(command).collect()));
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = known.collect();
    }

    /// Puts what was given into the order of the command; what it does not know comes last.
    pub(super) fn sort(&self, command: &str, options: &mut [Given]) {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(names) = known.get(command) {
            let place = |given: &Given| names.iter().position(|name| *name == given.name);
            options.sort_by_key(|given| place(given).unwrap_or(usize::MAX));
        }
    }
}

fn check_name(name: &str) -> Result<(), ApiError> {
    let is_plain = |c: char| (c.is_alphanumeric() && !c.is_uppercase()) || matches!(c, '-' | '_');
    if (1..=32).contains(&name.chars().count()) && name.chars().all(is_plain) {
        return Ok(());
    }
    Err(ApiError::Invalid(format!(
        "`{name}` is not a name for a slash command"
    )))
}

fn describe(text: &str, name: &str) -> String {
    let line = one_line(text);
    let line = if line.is_empty() {
        name.to_owned()
    } else {
        line
    };
    cut(&line, DESCRIPTION, Measure::Utf16).0
}

fn body(command: &CommandSpec) -> Result<Value, ApiError> {
    check_name(command.name)?;
    if command.options.len() > OPTIONS_MAX {
        return Err(ApiError::Invalid(format!(
            "`{}` has more than {OPTIONS_MAX} options",
            command.name
        )));
    }
    let mut options = Vec::new();
    for option in command.options {
        check_name(option.name)?;
        options.push(json!({
            "type": 3,
            "name": option.name,
            "description": describe(option.description, option.name),
            "required": option.is_required,
        }));
    }
    // Discord demands that required options come first.
    options.sort_by_key(|option| option.get("required") != Some(&Value::Bool(true)));
    Ok(json!({
        "type": 1,
        "name": command.name,
        "description": describe(command.description, command.name),
        "options": options,
        "contexts": [0],
        "integration_types": [0],
    }))
}

impl Discord {
    /// Makes the application's commands these and no others, in every guild. Saying the same again
    /// changes nothing; a change is visible at once.
    pub async fn sync_commands(&self, commands: &[CommandSpec]) -> Result<(), ApiError> {
        if commands.len() > COMMANDS_MAX {
            return Err(ApiError::Invalid(format!(
                "there are more than {COMMANDS_MAX} slash commands"
            )));
        }
        let bodies = commands.iter().map(body).collect::<Result<Vec<_>, _>>()?;
        let route = Route::SetGlobalCommands {
            application_id: self.settings.application,
        };
        self.option_order.learn(commands);
        self.api
            .ask(Ask::new(&route).json(&bodies))
            .await
            .map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use kernel::{CommandOption, CommandSpec, Role};
    use serde_json::json;

    use super::body;

    const GIVE: CommandSpec = CommandSpec {
        name: "give",
        aliases: &[],
        description: "x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x x",
        options: &[
            CommandOption {
                name: "why",
                description: "",
                is_required: false,
            },
            CommandOption {
                name: "whom",
                description: "",
                is_required: true,
            },
        ],
        minimum_role: Role::Member,
        cooldown_user_secs: 0,
        cooldown_channel_secs: 0,
        category: "Test",
    };

    #[test]
    fn a_command_is_described_as_discord_demands() {
        let made = body(&GIVE).unwrap();
        assert!(made["description"].as_str().unwrap().ends_with('…'));
        assert_eq!(
            made["options"][0],
            json!({ "type": 3, "name": "whom", "description": "whom", "required": true })
        );
        let loud = CommandSpec {
            name: "Give",
            ..GIVE
        };
        assert!(body(&loud).is_err());
    }
}
