//! A community's chat commands: its own under `/communities/{id}/commands`, those of the program under
//! `/communities/{id}/built-in-commands`.

use std::sync::Arc;

use ::community::{CommandChange, CommandSetting, CustomCommand, Named, SettingChange};
use axum::{
    Json,
    extract::State,
    http::{HeaderMap, StatusCode},
};
use kernel::{CommunityId, Role};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path},
    page::List,
    problem::Problem,
    tag,
    view::{Moment, RoleName},
};

/// A command of a community.
#[derive(Serialize, ToSchema)]
pub(crate) struct CommandView {
    /// What is typed after the prefix.
    name: String,
    /// Other names of it.
    aliases: Vec<String>,
    /// The reply, with its variables.
    reply: String,
    /// The weakest role that may use it; `member` is everybody who is not banned.
    minimum_role: RoleName,
    /// How long one person waits between two uses, in seconds.
    cooldown_user_secs: u32,
    /// How long a channel waits between two uses, in seconds.
    cooldown_channel_secs: u32,
    /// Whether it answers.
    is_enabled: bool,
    /// Who made it; absent for the program.
    created_by: Option<i32>,
    /// When it was made.
    created_at: Moment,
    /// When somebody changed it last.
    updated_at: Moment,
}

impl From<CustomCommand> for CommandView {
    fn from(command: CustomCommand) -> Self {
        Self {
            name: command.name,
            aliases: command.aliases,
            reply: command.reply,
            minimum_role: command.minimum_role.into(),
            cooldown_user_secs: command.cooldown_user_secs,
            cooldown_channel_secs: command.cooldown_channel_secs,
            is_enabled: command.is_enabled,
            created_by: command.created_by.map(|user| user.0),
            created_at: command.created_at.into(),
            updated_at: command.updated_at.into(),
        }
    }
}

/// A command with how often it was used.
#[derive(Serialize, ToSchema)]
pub(crate) struct UsedCommand {
    /// The command.
    #[serde(flatten)]
    command: CommandView,
    /// How often it was used.
    uses: u64,
}

impl From<CustomCommand> for UsedCommand {
    fn from(command: CustomCommand) -> Self {
        Self {
            uses: command.uses,
            command: command.into(),
        }
    }
}

/// What is to be different about a command; what is left out stays, or takes its default in a new one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct CommandPatch {
    /// The reply, 1 to 500 characters.
    reply: Option<String>,
    /// All other names, at most five.
    aliases: Option<Vec<String>>,
    /// The weakest role.
    minimum_role: Option<RoleName>,
    /// How long one person waits, in seconds.
    #[schema(maximum = 86_400)]
    cooldown_user_secs: Option<u32>,
    /// How long a channel waits, in seconds.
    #[schema(maximum = 86_400)]
    cooldown_channel_secs: Option<u32>,
    /// Whether it answers.
    is_enabled: Option<bool>,
}

impl From<CommandPatch> for CommandChange {
    fn from(patch: CommandPatch) -> Self {
        Self {
            reply: patch.reply,
            aliases: patch.aliases,
            minimum_role: patch.minimum_role.map(Role::from),
            cooldown_user_secs: patch.cooldown_user_secs,
            cooldown_channel_secs: patch.cooldown_channel_secs,
            is_enabled: patch.is_enabled,
        }
    }
}

/// A command to make.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewCommand {
    /// What is typed after the prefix: 1 to 32 of `a-z`, `0-9`, `-` and `_`.
    name: String,
    /// The reply, 1 to 500 characters.
    reply: String,
    /// All other names, at most five.
    aliases: Option<Vec<String>>,
    /// The weakest role; `member` without it.
    minimum_role: Option<RoleName>,
    /// How long one person waits, in seconds; 5 without it.
    #[schema(maximum = 86_400)]
    cooldown_user_secs: Option<u32>,
    /// How long a channel waits, in seconds; 2 without it.
    #[schema(maximum = 86_400)]
    cooldown_channel_secs: Option<u32>,
    /// Whether it answers; it does without this.
    is_enabled: Option<bool>,
}

/// A command of the program as a community has it.
#[derive(Serialize, ToSchema)]
pub(crate) struct BuiltInView {
    /// Its name.
    name: String,
    /// Other names of it.
    aliases: Vec<String>,
    /// How it is typed after the prefix.
    usage: String,
    /// What it does.
    description: String,
    /// The heading under which it is listed.
    category: String,
    /// Whether it answers.
    is_enabled: bool,
    /// The weakest role that may use it here.
    minimum_role: RoleName,
    /// How long one person waits here, in seconds.
    cooldown_user_secs: u32,
    /// How long a channel waits here, in seconds.
    cooldown_channel_secs: u32,
    /// What the community decided itself; the rest is as the program has it.
    own: OwnSetting,
}

/// What a community decides about a command of the program; null = as the program has it.
#[derive(Serialize, Deserialize, ToSchema, Default)]
#[serde(deny_unknown_fields)]
pub(crate) struct OwnSetting {
    /// The weakest role.
    minimum_role: Option<RoleName>,
    /// How long one person waits, in seconds.
    #[schema(maximum = 86_400)]
    cooldown_user_secs: Option<u32>,
    /// How long a channel waits, in seconds.
    #[schema(maximum = 86_400)]
    cooldown_channel_secs: Option<u32>,
}

/// What is to hold for a command of the program, whole.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct BuiltInSetting {
    /// Whether it answers.
    is_enabled: bool,
    /// What the community decides itself; what is left out is as the program has it.
    #[serde(default)]
    own: OwnSetting,
}

impl From<CommandSetting> for BuiltInView {
    fn from(setting: CommandSetting) -> Self {
        let spec = &setting.spec;
        Self {
            name: spec.name.to_owned(),
            aliases: spec.aliases.iter().map(|name| (*name).to_owned()).collect(),
            usage: spec.usage(),
            description: spec.description.to_owned(),
            category: spec.category.to_owned(),
            is_enabled: setting.is_enabled,
            minimum_role: setting.minimum_role().into(),
            cooldown_user_secs: setting.cooldown_user_secs(),
            cooldown_channel_secs: setting.cooldown_channel_secs(),
            own: OwnSetting {
                minimum_role: setting.own_role.map(RoleName::from),
                cooldown_user_secs: setting.own_cooldown_user_secs,
                cooldown_channel_secs: setting.own_cooldown_channel_secs,
            },
        }
    }
}

/// A community's own commands, by name. For members.
#[utoipa::path(get, path = "/communities/{community}/commands", tag = "commands", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = List<UsedCommand>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<List<UsedCommand>>, Problem> {
    let commands = &face.app.commands;
    let found = commands.custom_commands(&who.actor, CommunityId(community));
    let all = found.await?.into_iter().map(UsedCommand::from);
    Ok(List::whole(all.collect()))
}

/// Makes a command. For moderators.
#[utoipa::path(post, path = "/communities/{community}/commands", tag = "commands", params(("community" = i32, Path, description = "The community's id.")), request_body = NewCommand, responses((status = 201, body = CommandView)))]
pub(crate) async fn create(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    Body(new): Body<NewCommand>,
) -> Result<(StatusCode, Json<CommandView>), Problem> {
    let change = CommandChange {
        reply: Some(new.reply),
        aliases: new.aliases,
        minimum_role: new.minimum_role.map(Role::from),
        cooldown_user_secs: new.cooldown_user_secs,
        cooldown_channel_secs: new.cooldown_channel_secs,
        is_enabled: new.is_enabled,
    };
    let commands = &face.app.commands;
    let made = commands
        .add_command(&who.actor, CommunityId(community), &new.name, &change)
        .await?;
    Ok((StatusCode::CREATED, Json(made.into())))
}

async fn find(
    face: &Face,
    who: &SignedIn,
    community: CommunityId,
    name: &str,
) -> Result<CommandView, Problem> {
    let commands = &face.app.commands;
    let found = commands.find_command(&who.actor, community, name);
    match found.await? {
        Some(Named::Custom(command)) => Ok(command.into()),
        Some(Named::BuiltIn(_)) | None => Err(Problem::not_found()),
    }
}

/// One of a community's own commands, by its name or an alias. For members.
#[utoipa::path(get, path = "/communities/{community}/commands/{name}", tag = "commands", params(("community" = i32, Path, description = "The community's id."), ("name" = String, Path, description = "The command's name or an alias.")), responses((status = 200, body = CommandView)))]
pub(crate) async fn show(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, name)): Path<(i32, String)>,
) -> Result<Json<CommandView>, Problem> {
    let found = find(&face, &who, CommunityId(community), &name).await?;
    Ok(Json(found))
}

/// Changes a command. For moderators. With `If-Match` only what has not changed since.
#[utoipa::path(patch, path = "/communities/{community}/commands/{name}", tag = "commands", params(("community" = i32, Path, description = "The community's id."), ("name" = String, Path, description = "The command's name or an alias."), ("If-Match" = Option<String>, Header, description = "The `ETag` of what was read.")), request_body = CommandPatch, responses((status = 200, body = CommandView)))]
pub(crate) async fn change(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, name)): Path<(i32, String)>,
    headers: HeaderMap,
    Body(patch): Body<CommandPatch>,
) -> Result<Json<CommandView>, Problem> {
    let community = CommunityId(community);
    let held = find(&face, &who, community, &name).await?;
    tag::unchanged(&headers, &held)?;
    let commands = &face.app.commands;
    let changed = commands
        .edit_command(&who.actor, community, &name, &patch.into())
        .await?;
    Ok(Json(changed.into()))
}

/// Removes a command. For moderators.
#[utoipa::path(delete, path = "/communities/{community}/commands/{name}", tag = "commands", params(("community" = i32, Path, description = "The community's id."), ("name" = String, Path, description = "The command's name or an alias.")), responses((status = 204)))]
pub(crate) async fn remove(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, name)): Path<(i32, String)>,
) -> Result<StatusCode, Problem> {
    let commands = &face.app.commands;
    commands
        .remove_command(&who.actor, CommunityId(community), &name)
        .await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The commands of the program as the community has them. For members.
#[utoipa::path(get, path = "/communities/{community}/built-in-commands", tag = "commands", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = List<BuiltInView>)))]
pub(crate) async fn built_in(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<List<BuiltInView>>, Problem> {
    let commands = &face.app.commands;
    let found = commands.command_settings(&who.actor, CommunityId(community));
    let all = found.await?.into_iter().map(BuiltInView::from);
    Ok(List::whole(all.collect()))
}

/// Decides about a command of the program. For moderators.
#[utoipa::path(put, path = "/communities/{community}/built-in-commands/{name}", tag = "commands", params(("community" = i32, Path, description = "The community's id."), ("name" = String, Path, description = "The command's name or an alias.")), request_body = BuiltInSetting, responses((status = 200, body = BuiltInView)))]
pub(crate) async fn set(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, name)): Path<(i32, String)>,
    Body(wanted): Body<BuiltInSetting>,
) -> Result<Json<BuiltInView>, Problem> {
    let change = SettingChange {
        is_enabled: wanted.is_enabled,
        minimum_role: wanted.own.minimum_role.map(Role::from),
        cooldown_user_secs: wanted.own.cooldown_user_secs,
        cooldown_channel_secs: wanted.own.cooldown_channel_secs,
    };
    let commands = &face.app.commands;
    let set = commands
        .set_command(&who.actor, CommunityId(community), &name, &change)
        .await?;
    Ok(Json(set.into()))
}
