//! Custom commands: a name that a community gives to a reply of its own.

use std::collections::BTreeSet;

use kernel::{Actor, CommunityId, Denied, Permission, Role, Timestamp, UserId};
use store::{DomainEvent, Work, audit::Entry};

use crate::{
    COMMAND_ADDED, COMMAND_CHANGED, COMMAND_REMOVED, CommandSetting, Commands, CommunityError,
    store as tables,
};

/// The longest name, in characters.
pub const NAME_MAX: usize = 32;
/// The longest reply as written, in characters.
pub const REPLY_MAX: usize = 500;
/// How many aliases a command may have.
pub const ALIASES_MAX: usize = 5;
/// How many custom commands a community may have.
pub const COMMANDS_MAX: usize = 200;
/// The longest cooldown, in seconds.
pub const COOLDOWN_SECS_MAX: u32 = 86_400;

/// How long a person and a channel wait for the same custom command unless somebody decided
/// otherwise, in seconds.
const COOLDOWN_USER_SECS: u32 = 5;
const COOLDOWN_CHANNEL_SECS: u32 = 2;

/// A custom command.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CustomCommand {
    /// Its id.
    pub id: i32,
    /// What is typed after the prefix: 1 to [`NAME_MAX`] of `a-z`, `0-9`, `-`, `_`.
    pub name: String,
    /// Other names of it, in alphabetical order.
    pub aliases: Vec<String>,
    /// The reply with its variables (see [`crate::render`]).
    pub reply: String,
    /// The weakest role that may use it; [`Role::Member`] is everybody who is not banned.
    pub minimum_role: Role,
    /// How long one person waits between two uses, in seconds.
    pub cooldown_user_secs: u32,
    /// How long a channel waits between two uses, in seconds.
    pub cooldown_channel_secs: u32,
    /// Whether it answers.
    pub is_enabled: bool,
    /// How often it was used.
    pub uses: u64,
    /// Who made it; `None` = the program.
    pub created_by: Option<UserId>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When somebody changed it last.
    pub updated_at: Timestamp,
}

/// What is to be different about a custom command; what is `None` stays, or takes its default in a
/// new one.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct CommandChange {
    /// The reply.
    pub reply: Option<String>,
    /// All aliases.
    pub aliases: Option<Vec<String>>,
    /// The weakest role.
    pub minimum_role: Option<Role>,
    /// The cooldown per person, in seconds.
    pub cooldown_user_secs: Option<u32>,
    /// The cooldown per channel, in seconds.
    pub cooldown_channel_secs: Option<u32>,
    /// Whether it answers.
    pub is_enabled: Option<bool>,
}

/// What a name means in a community.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Named {
    /// A command of the program, as the community has it.
    BuiltIn(CommandSetting),
    /// One of the community's own.
    Custom(CustomCommand),
}

/// The name as it is stored: lower-case.
fn check_name(field: &'static str, name: &str) -> Result<String, CommunityError> {
    let name = name.to_ascii_lowercase();
    let fits = (1..=NAME_MAX).contains(&name.len())
        && name
            .bytes()
            .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || matches!(b, b'-' | b'_'));
    if fits {
        return Ok(name);
    }
    Err(CommunityError::invalid(
        field,
        format!("a command's name is 1 to {NAME_MAX} of a-z, 0-9, - and _"),
    ))
}

fn check_reply(reply: &str) -> Result<String, CommunityError> {
    let reply = reply.trim();
    if reply.is_empty() {
        return Err(CommunityError::invalid(
            "reply",
            "say what the command shall answer",
        ));
    }
    if reply.chars().count() > REPLY_MAX {
        return Err(CommunityError::invalid(
            "reply",
            format!("a reply has at most {REPLY_MAX} characters"),
        ));
    }
    if reply.chars().any(|c| c.is_control() && c != '\n') {
        return Err(CommunityError::invalid(
            "reply",
            "a reply has no control characters",
        ));
    }
    Ok(reply.to_owned())
}

/// A role that can be asked for: not the banned.
pub(crate) fn check_role(role: Role) -> Result<Role, CommunityError> {
    if role == Role::Banned {
        return Err(CommunityError::invalid(
            "minimum_role",
            "use member, vip, moderator, admin or owner",
        ));
    }
    Ok(role)
}

pub(crate) fn check_cooldown(field: &'static str, secs: u32) -> Result<u32, CommunityError> {
    if secs > COOLDOWN_SECS_MAX {
        return Err(CommunityError::invalid(
            field,
            format!("a cooldown is 0 to {COOLDOWN_SECS_MAX} seconds"),
        ));
    }
    Ok(secs)
}

fn check_aliases(name: &str, aliases: &[String]) -> Result<Vec<String>, CommunityError> {
    let mut checked = BTreeSet::new();
    for alias in aliases {
        checked.insert(check_name("aliases", alias)?);
    }
    checked.remove(name);
    if checked.len() > ALIASES_MAX {
        return Err(CommunityError::invalid(
            "aliases",
            format!("a command has at most {ALIASES_MAX} aliases"),
        ));
    }
    Ok(checked.into_iter().collect())
}

/// The command after a change.
fn changed(
    before: &CustomCommand,
    change: &CommandChange,
) -> Result<CustomCommand, CommunityError> {
    let mut after = before.clone();
    if let Some(reply) = &change.reply {
        after.reply = check_reply(reply)?;
    }
    if let Some(aliases) = &change.aliases {
        after.aliases = check_aliases(&after.name, aliases)?;
    }
    if let Some(role) = change.minimum_role {
        after.minimum_role = check_role(role)?;
    }
    if let Some(secs) = change.cooldown_user_secs {
        after.cooldown_user_secs = check_cooldown("cooldown_user_secs", secs)?;
    }
    if let Some(secs) = change.cooldown_channel_secs {
        after.cooldown_channel_secs = check_cooldown("cooldown_channel_secs", secs)?;
    }
    if let Some(is_enabled) = change.is_enabled {
        after.is_enabled = is_enabled;
    }
    Ok(after)
}

fn described(command: &CustomCommand) -> serde_json::Value {
    serde_json::json!({
        "name": command.name,
        "aliases": command.aliases,
        "reply": command.reply,
        "minimum_role": command.minimum_role.as_str(),
        "cooldown_user_secs": command.cooldown_user_secs,
        "cooldown_channel_secs": command.cooldown_channel_secs,
        "is_enabled": command.is_enabled,
    })
}

fn entry(
    action: &'static str,
    community: CommunityId,
    name: &str,
    detail: serde_json::Value,
) -> Entry {
    Entry {
        action,
        object: format!("command:{name}"),
        community: Some(community),
        detail,
    }
}

impl Commands {
    /// A community's custom commands, by name.
    pub async fn custom_commands(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<Vec<CustomCommand>, CommunityError> {
        actor.require(Permission::ViewCommunity, community)?;
        Ok(tables::custom::all(self.db.read(), community).await?)
    }

    /// What a name or alias means in a community; `None` if nothing. Upper and lower case are the
    /// same.
    pub async fn find_command(
        &self,
        actor: &Actor,
        community: CommunityId,
        name: &str,
    ) -> Result<Option<Named>, CommunityError> {
        actor.require(Permission::ViewCommunity, community)?;
        let Ok(name) = check_name("name", name) else {
            return Ok(None);
        };
        if let Some(spec) = self.built_in_called(&name) {
            let stored = tables::setting::one(self.db.read(), community, spec.name).await?;
            return Ok(Some(Named::BuiltIn(CommandSetting::of(spec, stored))));
        }
        let found = tables::custom::called(self.db.read(), community, &name).await?;
        Ok(found.map(Named::Custom))
    }

    /// Makes a custom command. `change` must hold a reply.
    pub async fn add_command(
        &self,
        actor: &Actor,
        community: CommunityId,
        name: &str,
        change: &CommandChange,
    ) -> Result<CustomCommand, CommunityError> {
        actor.require(Permission::ManageCommands, community)?;
        let name = check_name("name", name)?;
        check_reply(change.reply.as_deref().unwrap_or_default())?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let draft = CustomCommand {
            id: 0,
            name,
            aliases: Vec::new(),
            reply: String::new(),
            minimum_role: Role::Member,
            cooldown_user_secs: COOLDOWN_USER_SECS,
            cooldown_channel_secs: COOLDOWN_CHANNEL_SECS,
            is_enabled: true,
            uses: 0,
            created_by: actor.user_id(),
            created_at: work.now(),
            updated_at: work.now(),
        };
        let mut command = changed(&draft, change)?;
        let others = self.others(&work, community, None).await?;
        if others.len() >= COMMANDS_MAX {
            return Err(CommunityError::Conflict(format!(
                "there are {COMMANDS_MAX} custom commands already: remove one first"
            )));
        }
        self.check_free(&command, &others)?;
        command.id = tables::custom::insert(work.conn(), community, &command).await?;
        work.audit(entry(
            "command.add",
            community,
            &command.name,
            described(&command),
        ));
        let event = DomainEvent {
            kind: COMMAND_ADDED,
            community: Some(community),
            payload: serde_json::json!({ "community": community.0, "name": command.name, "is_enabled": command.is_enabled }),
        };
        work.emit(event, &[]).await?;
        work.commit().await?;
        Ok(command)
    }

    /// Changes a custom command, known by its name or an alias.
    pub async fn edit_command(
        &self,
        actor: &Actor,
        community: CommunityId,
        name: &str,
        change: &CommandChange,
    ) -> Result<CustomCommand, CommunityError> {
        actor.require(Permission::ManageCommands, community)?;
        let name = check_name("name", name)?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        tables::lock(&work, community).await?;
        let before = tables::custom::called(work.conn(), community, &name)
            .await?
            .ok_or(CommunityError::NotFound)?;
        let mut after = changed(&before, change)?;
        if after == before {
            return Ok(before);
        }
        let others = self.others(&work, community, Some(before.id)).await?;
        self.check_free(&after, &others)?;
        after.updated_at = work.now();
        tables::custom::update(work.conn(), &after).await?;
        let detail =
            serde_json::json!({ "before": described(&before), "after": described(&after) });
        work.audit(entry("command.edit", community, &after.name, detail));
        let event = DomainEvent {
            kind: COMMAND_CHANGED,
            community: Some(community),
            payload: serde_json::json!({ "community": community.0, "name": after.name, "is_enabled": after.is_enabled }),
        };
        work.emit(event, &[]).await?;
        work.commit().await?;
        Ok(after)
    }

    /// Removes a custom command, known by its name or an alias; answers what it was.
    pub async fn remove_command(
        &self,
        actor: &Actor,
        community: CommunityId,
        name: &str,
    ) -> Result<CustomCommand, CommunityError> {
        actor.require(Permission::ManageCommands, community)?;
        let name = check_name("name", name)?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let gone = tables::custom::called(work.conn(), community, &name)
            .await?
            .ok_or(CommunityError::NotFound)?;
        tables::custom::delete(work.conn(), gone.id).await?;
        work.audit(entry(
            "command.remove",
            community,
            &gone.name,
            described(&gone),
        ));
        let event = DomainEvent {
            kind: COMMAND_REMOVED,
            community: Some(community),
            payload: serde_json::json!({ "community": community.0, "name": gone.name }),
        };
        work.emit(event, &[]).await?;
        work.commit().await?;
        Ok(gone)
    }

    /// Counts one use of an enabled custom command by somebody who may use it; answers how often it
    /// was used with this time, `None` if it is gone or switched off.
    pub async fn use_command(
        &self,
        actor: &Actor,
        community: CommunityId,
        command: &CustomCommand,
    ) -> Result<Option<u64>, CommunityError> {
        actor.require(Permission::ViewCommunity, community)?;
        let role = actor.role_in(community);
        if !actor.is_instance_admin() && role < Some(command.minimum_role) {
            return Err(CommunityError::NotAllowed(Denied {
                permission: Permission::ViewCommunity,
                anonymous: false,
            }));
        }
        Ok(tables::custom::count_use(self.db.write(), community, command.id).await?)
    }

    /// The custom commands besides one, locked against a second change of this community's.
    async fn others(
        &self,
        work: &Work,
        community: CommunityId,
        but: Option<i32>,
    ) -> Result<Vec<CustomCommand>, CommunityError> {
        tables::lock(work, community).await?;
        let mut all = tables::custom::all(work.conn(), community).await?;
        all.retain(|command| Some(command.id) != but);
        Ok(all)
    }

    /// Whether none of a command's names means something else already.
    fn check_free(
        &self,
        command: &CustomCommand,
        others: &[CustomCommand],
    ) -> Result<(), CommunityError> {
        for name in std::iter::once(&command.name).chain(&command.aliases) {
            if self.built_in_called(name).is_some() {
                return Err(CommunityError::Conflict(format!(
                    "`{name}` is a command of WaddleBot: choose another name"
                )));
            }
            let is_taken = |other: &CustomCommand| {
                other.name == *name || other.aliases.iter().any(|alias| alias == name)
            };
            if others.iter().any(is_taken) {
                return Err(CommunityError::Conflict(format!(
                    "there is a command `{name}` already"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::{ALIASES_MAX, check_aliases, check_cooldown, check_name, check_reply, check_role};
    use kernel::Role;

    #[test]
    fn a_name_is_short_plain_and_lower_case() {
        assert_eq!(check_name("name", "Hello_W-1").unwrap(), "hello_w-1");
        assert!(check_name("name", &"a".repeat(32)).is_ok());
        for bad in ["", "a b", "!a", "ä", "a.b", &"a".repeat(33)] {
            assert!(check_name("name", bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_reply_says_something_and_fits() {
        assert_eq!(check_reply(" quack \n").unwrap(), "quack");
        assert!(check_reply(&"ä".repeat(500)).is_ok());
        assert!(check_reply("two\nlines").is_ok());
        for bad in ["", " \n ", "a\0b", "a\u{1b}[31m", &"a".repeat(501)] {
            assert!(check_reply(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn aliases_are_few_sorted_and_never_the_name_itself() {
        let of = |names: &[&str]| {
            let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
            check_aliases("hello", &names)
        };
        assert_eq!(of(&["Z", "a", "hello", "a"]).unwrap(), ["a", "z"]);
        assert!(of(&["a b"]).is_err());
        let many: Vec<String> = (0..=ALIASES_MAX).map(|n| format!("n{n}")).collect();
        assert!(check_aliases("hello", &many).is_err());
    }

    #[test]
    fn nobody_makes_a_command_for_the_banned_or_one_that_rests_for_ever() {
        assert!(check_role(Role::Banned).is_err());
        assert!(check_role(Role::Member).is_ok());
        assert!(check_cooldown("cooldown_user_secs", 86_400).is_ok());
        assert!(check_cooldown("cooldown_user_secs", 86_401).is_err());
    }
}
