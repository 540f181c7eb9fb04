//! What a community has decided about the program's commands: on or off, for whom, how often.

use kernel::{Actor, CommandSpec, CommunityId, Permission, Role};
use store::{DomainEvent, audit::Entry};

use crate::{
    COMMAND_SET, Commands, CommunityError,
    custom::{check_cooldown, check_role},
    store as tables,
};

/// A command of the program as a community has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandSetting {
    /// The command as the program offers it.
    pub spec: CommandSpec,
    /// Whether it answers.
    pub is_enabled: bool,
    /// The community's choice of the weakest role, if it made one.
    pub own_role: Option<Role>,
    /// The community's choice of the cooldown per person in seconds, if it made one.
    pub own_cooldown_user_secs: Option<u32>,
    /// The community's choice of the cooldown per channel in seconds, if it made one.
    pub own_cooldown_channel_secs: Option<u32>,
}

/// New values for all of a setting; `None` = as the program has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SettingChange {
    /// Whether it answers.
    pub is_enabled: bool,
    /// The weakest role.
    pub minimum_role: Option<Role>,
    /// The cooldown per person, in seconds.
    pub cooldown_user_secs: Option<u32>,
    /// The cooldown per channel, in seconds.
    pub cooldown_channel_secs: Option<u32>,
}

impl Default for SettingChange {
    fn default() -> Self {
        Self {
            is_enabled: true,
            minimum_role: None,
            cooldown_user_secs: None,
            cooldown_channel_secs: None,
        }
    }
}

impl CommandSetting {
    pub(crate) fn of(spec: &CommandSpec, stored: Option<SettingChange>) -> Self {
        let stored = stored.unwrap_or_default();
        Self {
            spec: *spec,
            is_enabled: stored.is_enabled,
            own_role: stored.minimum_role,
            own_cooldown_user_secs: stored.cooldown_user_secs,
            own_cooldown_channel_secs: stored.cooldown_channel_secs,
        }
    }

    /// The weakest role that may use it here.
    pub fn minimum_role(&self) -> Role {
        self.own_role.unwrap_or(self.spec.minimum_role)
    }

    /// How long one person waits between two uses here, in seconds.
    pub fn cooldown_user_secs(&self) -> u32 {
        self.own_cooldown_user_secs
            .unwrap_or(self.spec.cooldown_user_secs)
    }

    /// How long a channel waits between two uses here, in seconds.
    pub fn cooldown_channel_secs(&self) -> u32 {
        self.own_cooldown_channel_secs
            .unwrap_or(self.spec.cooldown_channel_secs)
    }

    fn stored(&self) -> SettingChange {
        SettingChange {
            is_enabled: self.is_enabled,
            minimum_role: self.own_role,
            cooldown_user_secs: self.own_cooldown_user_secs,
            cooldown_channel_secs: self.own_cooldown_channel_secs,
        }
    }
}

fn described(change: &SettingChange) -> serde_json::Value {
    serde_json::json!({
        "is_enabled": change.is_enabled,
        "minimum_role": change.minimum_role.map(Role::as_str),
        "cooldown_user_secs": change.cooldown_user_secs,
        "cooldown_channel_secs": change.cooldown_channel_secs,
    })
}

impl Commands {
    /// Every command of the program as a community has it, in the program's order.
    pub async fn command_settings(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<Vec<CommandSetting>, CommunityError> {
        actor.require(Permission::ViewCommunity, community)?;
        let mut stored = tables::setting::all(self.db.read(), community).await?;
        Ok(self
            .built_in
            .iter()
            .map(|spec| CommandSetting::of(spec, stored.remove(spec.name)))
            .collect())
    }

    /// Decides about a command of the program, known by its name or an alias.
    pub async fn set_command(
        &self,
        actor: &Actor,
        community: CommunityId,
        name: &str,
        change: &SettingChange,
    ) -> Result<CommandSetting, CommunityError> {
        actor.require(Permission::ManageCommands, community)?;
        let spec = self
            .built_in_called(&name.to_ascii_lowercase())
            .ok_or(CommunityError::NotFound)?;
        change.minimum_role.map(check_role).transpose()?;
        for (field, secs) in [
            ("cooldown_user_secs", change.cooldown_user_secs),
            ("cooldown_channel_secs", change.cooldown_channel_secs),
        ] {
            secs.map(|secs| check_cooldown(field, secs)).transpose()?;
        }
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let before = tables::setting::one(work.conn(), community, spec.name).await?;
        let before = CommandSetting::of(spec, before);
        let after = CommandSetting::of(spec, Some(*change));
        if after == before {
            return Ok(after);
        }
        tables::setting::put(work.conn(), community, spec.name, change, work.now()).await?;
        work.audit(Entry {
            action: "command.set",
            object: format!("command:{}", spec.name),
            community: Some(community),
            detail: serde_json::json!({
                "before": described(&before.stored()),
                "after": described(change),
            }),
        });
        let event = DomainEvent {
            kind: COMMAND_SET,
            community: Some(community),
            payload: serde_json::json!({
                "community": community.0, "name": spec.name, "is_enabled": change.is_enabled,
            }),
        };
        work.emit(event, &[]).await?;
        work.commit().await?;
        Ok(after)
    }
}
