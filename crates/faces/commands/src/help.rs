//! `!help`: what there is; `!help x`: what one command does. Shows only what who asks may use.

use community::{CommandSetting, CustomCommand, Named};
use kernel::{Draft, Field};

use crate::{
    call::{Answer, Call, Problem},
    parse,
    reply::Reply,
    words,
};

/// How many characters of names stand in one line.
const ROOM: usize = 350;

pub(crate) fn run(call: &Call) -> Answer<'_> {
    Box::pin(async move {
        match call.bare(parse::first_word(&call.line).0) {
            "" => overview(call).await,
            name => explanation(call, name).await,
        }
    })
}

async fn overview(call: &Call) -> Result<Reply, Problem> {
    let open = call.open_built_in().await?;
    let n_custom = call.open_custom().await?.len();
    let names: Vec<String> = open.iter().map(|s| call.typed(s.spec.name)).collect();
    let more = match n_custom {
        0 => String::new(),
        1 => format!("; 1 custom command: {}", call.typed("commands")),
        n => format!("; {n} custom commands: {}", call.typed("commands")),
    };
    let hint = format!("{} explains one", call.typed("help <command>"));
    let line = format!("{} – {hint}{more}", words::listed(&names, ROOM));
    let mut fields: Vec<Field> = Vec::new();
    for setting in &open {
        let about = format!(
            "{} – {}",
            call.typed(&setting.spec.usage()),
            setting.spec.description
        );
        match fields.iter_mut().find(|f| f.name == setting.spec.category) {
            Some(field) => {
                field.value.push('\n');
                field.value.push_str(&about);
            }
            None => fields.push(Field {
                name: setting.spec.category.to_owned(),
                value: about,
                is_inline: false,
            }),
        }
    }
    let card = Draft {
        title: Some("What WaddleBot can do here".to_owned()),
        body: format!("{hint}{more}"),
        fields,
        ..Draft::default()
    };
    Ok(Reply::card(line, card))
}

async fn explanation(call: &Call, name: &str) -> Result<Reply, Problem> {
    let found = call
        .app
        .commands
        .find_command(&call.actor, call.community, name)
        .await?;
    match found {
        Some(Named::BuiltIn(setting)) if call.role >= setting.minimum_role() => {
            Ok(built_in(call, &setting))
        }
        Some(Named::Custom(command)) if call.role >= command.minimum_role => {
            Ok(Reply::line(custom(call, &command)))
        }
        _ => Problem::say(format!("there is no command {}", call.typed(&shown(name)))),
    }
}

/// What somebody typed as a name, for saying it back.
fn shown(name: &str) -> String {
    name.chars().take(community::NAME_MAX).collect()
}

fn built_in(call: &Call, setting: &CommandSetting) -> Reply {
    let spec = &setting.spec;
    let mut notes = vec![format!("for {}", words::audience(setting.minimum_role()))];
    if !setting.is_enabled {
        notes.push("switched off here".to_owned());
    }
    if setting.cooldown_user_secs() > 0 {
        notes.push(format!("once in {} s each", setting.cooldown_user_secs()));
    }
    if setting.cooldown_channel_secs() > 0 {
        let secs = setting.cooldown_channel_secs();
        notes.push(format!("once in {secs} s in a channel"));
    }
    if !spec.aliases.is_empty() {
        let aliases: Vec<String> = spec.aliases.iter().map(|a| call.typed(a)).collect();
        notes.push(format!("also {}", aliases.join(", ")));
    }
    let notes = notes.join("; ");
    let usage = call.typed(&spec.usage());
    let line = format!("{usage} – {} ({notes})", spec.description);
    let field = |option: &kernel::CommandOption| Field {
        name: option.name.to_owned(),
        value: option.description.to_owned(),
        is_inline: false,
    };
    let card = Draft {
        title: Some(usage),
        body: format!("{}\n{notes}", spec.description),
        fields: spec.options.iter().map(field).collect(),
        ..Draft::default()
    };
    Reply::card(line, card)
}

fn custom(call: &Call, command: &CustomCommand) -> String {
    let mut notes = vec![
        format!("for {}", words::audience(command.minimum_role)),
        format!("used {} times", command.uses),
    ];
    if command.uses == 1 {
        notes.pop();
        notes.push("used once".to_owned());
    }
    if !command.is_enabled {
        notes.push("switched off".to_owned());
    }
    if !command.aliases.is_empty() {
        let aliases: Vec<String> = command.aliases.iter().map(|a| call.typed(a)).collect();
        notes.push(format!("also {}", aliases.join(", ")));
    }
    format!(
        "{} is a custom command ({})",
        call.typed(&command.name),
        notes.join("; ")
    )
}
