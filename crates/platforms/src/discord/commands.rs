//! Slash commands: what Discord shows when somebody types `/`. Source: Discord «Application Commands».
//! Must never register a command Discord would refuse: it refuses all of them then.

use serde_json::{Value, json};
use twilight_http::routing::Route;

use super::{ApiError, Discord, api::Ask};
use crate::text::{Measure, cut, one_line};

/// Commands of one application.
const COMMANDS_MAX: usize = 100;
/// Options of one command.
const OPTIONS_MAX: usize = 25;
const DESCRIPTION: usize = 100;

/// A command as Discord shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSpec {
    /// 1 to 32 lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// One line; cut at 100.
    pub description: String,
    /// What can be given, required ones first. Every option is a text: what it means is for the
    /// command to say, so that it says the same on every platform.
    pub options: Vec<CommandOption>,
}

/// Something a command can be given.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandOption {
    /// 1 to 32 lower-case letters, digits, `-` and `_`.
    pub name: String,
    /// One line; cut at 100.
    pub description: String,
    /// Whether it must be given.
    pub is_required: bool,
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
    check_name(&command.name)?;
    if command.options.len() > OPTIONS_MAX {
        return Err(ApiError::Invalid(format!(
            "`{}` has more than {OPTIONS_MAX} options",
            command.name
        )));
    }
    let mut options = Vec::new();
    for option in &command.options {
        check_name(&option.name)?;
        options.push(json!({
            "type": 3,
            "name": option.name,
            "description": describe(&option.description, &option.name),
            "required": option.is_required,
        }));
    }
    // Discord demands that required options come first.
    options.sort_by_key(|option| option.get("required") != Some(&Value::Bool(true)));
    Ok(json!({
        "type": 1,
        "name": command.name,
        "description": describe(&command.description, &command.name),
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
        self.api
            .ask(Ask::new(&route).json(&bodies))
            .await
            .map(|_| ())
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::{CommandOption, CommandSpec, body};

    #[test]
    fn a_command_is_described_as_discord_demands() {
        let option = |name: &str, is_required| CommandOption {
            name: name.into(),
            description: String::new(),
            is_required,
        };
        let command = CommandSpec {
            name: "give".into(),
            description: "x ".repeat(80),
            options: vec![option("why", false), option("whom", true)],
        };
        let made = body(&command).unwrap();
        assert!(made["description"].as_str().unwrap().ends_with('…'));
        assert_eq!(
            made["options"][0],
            json!({ "type": 3, "name": "whom", "description": "whom", "required": true })
        );
        let loud = CommandSpec {
            name: "Give".into(),
            ..command
        };
        assert!(body(&loud).is_err());
    }
}
