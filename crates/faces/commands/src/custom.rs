//! Custom commands: `!addcom`, `!editcom`, `!delcom`, and running one.
//!
//! Flags stand before or after the name: `!addcom -ul=mod -cd=30 !rules Be kind`. A word that only
//! looks like a flag belongs to the reply once the reply has begun.

use community::{CommandChange, CustomCommand, Occasion};

use crate::{
    call::{Answer, Call, Problem},
    parse,
    reply::Reply,
    words,
};

/// A flag, for those who document them.
pub(crate) struct Flag {
    /// How it is written.
    pub(crate) written: &'static str,
    /// What it does.
    pub(crate) meaning: &'static str,
}

/// Every flag.
pub(crate) const FLAGS: &[Flag] = &[
    Flag {
        written: "-ul=everyone",
        meaning: "the weakest role that may use it: everyone, vip, mod, admin or owner",
    },
    Flag {
        written: "-cd=30",
        meaning: "how many seconds a channel waits between two uses (2 if not told)",
    },
    Flag {
        written: "-ucd=30",
        meaning: "how many seconds one person waits between two uses (5 if not told)",
    },
    Flag {
        written: "-a=hi,hey",
        meaning: "other names of it, at most 5; `-a=` takes them away",
    },
    Flag {
        written: "-on",
        meaning: "it answers",
    },
    Flag {
        written: "-off",
        meaning: "it stays silent",
    },
];

/// What was typed after `!addcom` or `!editcom`.
#[derive(Debug, Default, PartialEq, Eq)]
struct Wanted {
    name: String,
    change: CommandChange,
}

/// Takes one flag; `Ok(false)` if the word is none.
fn take_flag(call: &Call, word: &str, change: &mut CommandChange) -> Result<bool, Problem> {
    match word {
        "-on" => change.is_enabled = Some(true),
        "-off" => change.is_enabled = Some(false),
        _ => {
            let Some((flag, value)) = word.strip_prefix('-').and_then(|rest| rest.split_once('='))
            else {
                return Ok(false);
            };
            match flag {
                "ul" => match words::role(value) {
                    Some(role) => change.minimum_role = Some(role),
                    None => {
                        return Problem::say("-ul= takes everyone, vip, mod, admin or owner");
                    }
                },
                "cd" | "ucd" => {
                    let Ok(secs) = value.parse() else {
                        return Problem::say(format!("-{flag}= takes a number of seconds"));
                    };
                    if flag == "cd" {
                        change.cooldown_channel_secs = Some(secs);
                    } else {
                        change.cooldown_user_secs = Some(secs);
                    }
                }
                "a" | "alias" => {
                    let names = value.split(',').map(|name| call.bare(name.trim()));
                    let names = names.filter(|name| !name.is_empty());
                    change.aliases = Some(names.map(str::to_owned).collect());
                }
                _ => return Ok(false),
            }
        }
    }
    Ok(true)
}

/// Flags, the name, flags, the reply.
fn wanted(call: &Call) -> Result<Wanted, Problem> {
    let mut wanted = Wanted::default();
    let mut rest = call.line.as_str();
    loop {
        let (word, after) = parse::first_word(rest);
        if word.is_empty() {
            break;
        }
        if take_flag(call, word, &mut wanted.change)? {
            rest = after;
        } else if wanted.name.is_empty() {
            call.bare(word).clone_into(&mut wanted.name);
            rest = after;
        } else {
            wanted.change.reply = Some(rest.to_owned());
            break;
        }
    }
    Ok(wanted)
}

pub(crate) fn add(call: &Call) -> Answer<'_> {
    Box::pin(async move {
        let wanted = wanted(call)?;
        if wanted.name.is_empty() || wanted.change.reply.is_none() {
            let usage = call.typed("addcom <name> <reply>");
            return Problem::say(format!("how to use it: {usage}"));
        }
        let made = call
            .app
            .commands
            .add_command(&call.actor, call.community, &wanted.name, &wanted.change)
            .await?;
        Ok(Reply::line(format!("added {}", call.typed(&made.name))))
    })
}

pub(crate) fn edit(call: &Call) -> Answer<'_> {
    Box::pin(async move {
        let wanted = wanted(call)?;
        if wanted.name.is_empty() || wanted.change == CommandChange::default() {
            let usage = call.typed("editcom <name> [flags] [reply]");
            return Problem::say(format!("how to use it: {usage}"));
        }
        let answer = call
            .app
            .commands
            .edit_command(&call.actor, call.community, &wanted.name, &wanted.change)
            .await;
        let changed = known(call, &wanted.name, answer)?;
        Ok(Reply::line(format!(
            "changed {}",
            call.typed(&changed.name)
        )))
    })
}

pub(crate) fn remove(call: &Call) -> Answer<'_> {
    Box::pin(async move {
        let name = call.bare(parse::first_word(&call.line).0);
        if name.is_empty() {
            let usage = call.typed("delcom <name>");
            return Problem::say(format!("how to use it: {usage}"));
        }
        let answer = call
            .app
            .commands
            .remove_command(&call.actor, call.community, name)
            .await;
        let gone = known(call, name, answer)?;
        Ok(Reply::line(format!("removed {}", call.typed(&gone.name))))
    })
}

/// Says of what is not found what it was.
fn known(
    call: &Call,
    name: &str,
    answer: Result<CustomCommand, community::CommunityError>,
) -> Result<CustomCommand, Problem> {
    match answer {
        Err(community::CommunityError::NotFound) => {
            let name: String = name.chars().take(community::NAME_MAX).collect();
            Problem::say(format!("there is no custom command {}", call.typed(&name)))
        }
        answer => Ok(answer?),
    }
}

/// Says what a custom command says; `None` if that is nothing.
pub(crate) async fn run(call: &Call, command: &CustomCommand) -> Result<Option<Reply>, Problem> {
    let app = &call.app;
    let count = app
        .commands
        .use_command(&call.actor, call.community, command)
        .await?;
    let Some(count) = count else { return Ok(None) };
    let community = app.identity.community(&call.actor, call.community).await?;
    let occasion = Occasion {
        user: &call.user,
        line: &call.line,
        arguments: &parse::arguments(&call.line),
        channel: &call.channel,
        community: community.as_ref().map_or("", |c| c.name.as_str()),
        platform: call.platform,
        count,
        now: app.clock.now(),
    };
    let said = community::render(&command.reply, &occasion, &*app.entropy);
    Ok((!said.is_empty()).then(|| Reply::line(said)))
}
