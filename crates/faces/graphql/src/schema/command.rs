//! A community's chat commands: its own, and how it has those of the program.
//!
//! Must never run one.

use ::community::{CommandChange, CommandSetting as Setting, SettingChange};
use async_graphql::{Context, InputObject, Object, Result, SimpleObject};
use kernel::CommunityId;

use super::{
    error::{bad_input, fault, refused, viewer},
    scalar::{DateTime, Role, count},
};

/// A chat command that a community made.
#[derive(SimpleObject)]
pub(crate) struct CustomCommand {
    /// Its id.
    id: i32,
    /// What is typed after the prefix.
    name: String,
    /// Other names of it, in alphabetical order.
    aliases: Vec<String>,
    /// The reply with its variables.
    reply: String,
    /// The weakest role that may use it.
    minimum_role: Role,
    /// How long one person waits between two uses, in seconds.
    cooldown_user_secs: i32,
    /// How long a channel waits between two uses, in seconds.
    cooldown_channel_secs: i32,
    /// Whether it answers.
    is_enabled: bool,
    /// How often it was used.
    uses: i32,
    /// When it was made.
    created_at: DateTime,
    /// When somebody changed it last.
    updated_at: DateTime,
}

impl From<::community::CustomCommand> for CustomCommand {
    fn from(command: ::community::CustomCommand) -> Self {
        Self {
            id: command.id,
            name: command.name,
            aliases: command.aliases,
            reply: command.reply,
            minimum_role: command.minimum_role.into(),
            cooldown_user_secs: count(command.cooldown_user_secs.into()),
            cooldown_channel_secs: count(command.cooldown_channel_secs.into()),
            is_enabled: command.is_enabled,
            uses: count(command.uses),
            created_at: DateTime(command.created_at),
            updated_at: DateTime(command.updated_at),
        }
    }
}

/// A chat command of the program, as a community has it.
#[derive(SimpleObject)]
pub(crate) struct CommandSetting {
    /// What is typed after the prefix.
    name: &'static str,
    /// Other names of it.
    aliases: Vec<&'static str>,
    /// What it does.
    description: &'static str,
    /// The heading under which it is listed.
    category: &'static str,
    /// Whether it answers here.
    is_enabled: bool,
    /// The weakest role that may use it here.
    minimum_role: Role,
    /// How long one person waits between two uses here, in seconds.
    cooldown_user_secs: i32,
    /// How long a channel waits between two uses here, in seconds.
    cooldown_channel_secs: i32,
}

impl From<Setting> for CommandSetting {
    fn from(setting: Setting) -> Self {
        Self {
            name: setting.spec.name,
            aliases: setting.spec.aliases.to_vec(),
            description: setting.spec.description,
            category: setting.spec.category,
            is_enabled: setting.is_enabled,
            minimum_role: setting.minimum_role().into(),
            cooldown_user_secs: count(setting.cooldown_user_secs().into()),
            cooldown_channel_secs: count(setting.cooldown_channel_secs().into()),
        }
    }
}

/// A community's own commands, by name.
pub(crate) async fn custom(
    ctx: &Context<'_>,
    community: CommunityId,
) -> Result<Vec<CustomCommand>> {
    let viewer = viewer(ctx)?;
    let commands = &viewer.app().commands;
    let found = commands.custom_commands(viewer.actor(), community).await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    viewer.spend(ctx, found.len())?;
    Ok(found.into_iter().map(CustomCommand::from).collect())
}

/// The program's commands as a community has them.
pub(crate) async fn settings(
    ctx: &Context<'_>,
    community: CommunityId,
) -> Result<Vec<CommandSetting>> {
    let viewer = viewer(ctx)?;
    let commands = &viewer.app().commands;
    let found = commands.command_settings(viewer.actor(), community).await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    viewer.spend(ctx, found.len())?;
    Ok(found.into_iter().map(CommandSetting::from).collect())
}

/// What a community's own command is to be; what is left out stays as it is, or is what is usual for a
/// new one.
#[derive(InputObject)]
pub(crate) struct CommandInput {
    /// The reply with its variables; a new command needs one.
    reply: Option<String>,
    /// All of its other names.
    #[graphql(validator(max_items = 100))]
    aliases: Option<Vec<String>>,
    /// The weakest role that may use it.
    minimum_role: Option<Role>,
    /// How long one person waits between two uses, in seconds.
    cooldown_user_secs: Option<i32>,
    /// How long a channel waits between two uses, in seconds.
    cooldown_channel_secs: Option<i32>,
    /// Whether it answers.
    is_enabled: Option<bool>,
}

/// How a community is to have a command of the program; what is left out is as the program has it.
#[derive(InputObject)]
pub(crate) struct CommandSettingInput {
    /// Whether it answers.
    #[graphql(default = true)]
    is_enabled: bool,
    /// The weakest role that may use it.
    minimum_role: Option<Role>,
    /// How long one person waits between two uses, in seconds.
    cooldown_user_secs: Option<i32>,
    /// How long a channel waits between two uses, in seconds.
    cooldown_channel_secs: Option<i32>,
}

fn secs(field: &str, typed: Option<i32>) -> Result<Option<u32>> {
    typed
        .map(|secs| {
            u32::try_from(secs)
                .map_err(|_negative| bad_input(format!("`{field}` must not be negative")))
        })
        .transpose()
}

impl CommandInput {
    fn change(self) -> Result<CommandChange> {
        Ok(CommandChange {
            reply: self.reply,
            aliases: self.aliases,
            minimum_role: self.minimum_role.map(Into::into),
            cooldown_user_secs: secs("cooldownUserSecs", self.cooldown_user_secs)?,
            cooldown_channel_secs: secs("cooldownChannelSecs", self.cooldown_channel_secs)?,
            is_enabled: self.is_enabled,
        })
    }
}

/// Changes to chat commands.
#[derive(Default)]
pub(crate) struct CommandMutation;

#[Object]
impl CommandMutation {
    /// Makes a chat command of a community's own. Needs the role of a moderator.
    async fn add_command(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "What is typed after the prefix.")] name: String,
        #[graphql(desc = "What it is to be.")] input: CommandInput,
    ) -> Result<CustomCommand> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let (commands, community) = (&viewer.app().commands, CommunityId(community_id));
        let change = input.change()?;
        let done = commands
            .add_command(viewer.actor(), community, &name, &change)
            .await;
        done.map(CustomCommand::from)
            .map_err(|cause| fault(viewer, &cause))
    }

    /// Changes a chat command of a community's own. Needs the role of a moderator.
    async fn edit_command(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "One of its names.")] name: String,
        #[graphql(desc = "What is to change.")] input: CommandInput,
    ) -> Result<CustomCommand> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let (commands, community) = (&viewer.app().commands, CommunityId(community_id));
        let change = input.change()?;
        let done = commands
            .edit_command(viewer.actor(), community, &name, &change)
            .await;
        done.map(CustomCommand::from)
            .map_err(|cause| fault(viewer, &cause))
    }

    /// Removes a chat command of a community's own. Answers what it was. Needs the role of a moderator.
    async fn remove_command(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "One of its names.")] name: String,
    ) -> Result<CustomCommand> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let (commands, community) = (&viewer.app().commands, CommunityId(community_id));
        let done = commands
            .remove_command(viewer.actor(), community, &name)
            .await;
        done.map(CustomCommand::from)
            .map_err(|cause| fault(viewer, &cause))
    }

    /// Decides who may use a command of the program in a community, and how often. Needs the role of a
    /// moderator.
    async fn set_command(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "One of its names.")] name: String,
        #[graphql(desc = "How it is to be.")] input: CommandSettingInput,
    ) -> Result<CommandSetting> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let (commands, community) = (&viewer.app().commands, CommunityId(community_id));
        let change = SettingChange {
            is_enabled: input.is_enabled,
            minimum_role: input.minimum_role.map(Into::into),
            cooldown_user_secs: secs("cooldownUserSecs", input.cooldown_user_secs)?,
            cooldown_channel_secs: secs("cooldownChannelSecs", input.cooldown_channel_secs)?,
        };
        let done = commands
            .set_command(viewer.actor(), community, &name, &change)
            .await;
        done.map(CommandSetting::from)
            .map_err(|cause| fault(viewer, &cause))
    }
}
