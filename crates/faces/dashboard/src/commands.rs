//! A community's chat commands: those of the program as the community has them, and its own; with a
//! page each to make, change and remove them.

pub(crate) mod built_in;
pub(crate) mod custom;

use std::sync::Arc;

use ::community::CommunityError;
use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use identity::Community;
use kernel::{Permission, Role};

use crate::{
    community,
    error::PageError,
    layout::{self, Place, Section, Shell},
    router::Face,
    viewer::SignedIn,
};

#[derive(Template)]
#[template(path = "commands.html")]
struct Page {
    shell: Shell,
    slug: String,
    built_in: Vec<BuiltIn>,
    custom: Vec<Custom>,
    n_max: usize,
}

struct BuiltIn {
    name: &'static str,
    usage: String,
    description: &'static str,
    audience: &'static str,
    waits: String,
    is_enabled: bool,
    is_changed: bool,
}

struct Custom {
    name: String,
    aliases: String,
    reply: String,
    audience: &'static str,
    waits: String,
    uses: u64,
    is_enabled: bool,
}

/// A role that can be asked for, in a list of choices.
struct RoleChoice {
    value: &'static str,
    label: &'static str,
    is_current: bool,
}

/// `GET /c/{slug}/commands`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ManageCommands).await?;
    let commands = &face.app.commands;
    let settings = commands.command_settings(&viewer.actor, community.id);
    let built_in = settings.await?.into_iter().map(|setting| BuiltIn {
        name: setting.spec.name,
        usage: setting.spec.usage(),
        description: setting.spec.description,
        audience: audience(setting.minimum_role()),
        waits: waits(
            setting.cooldown_user_secs(),
            setting.cooldown_channel_secs(),
        ),
        is_enabled: setting.is_enabled,
        is_changed: setting.own_role.is_some()
            || setting.own_cooldown_user_secs.is_some()
            || setting.own_cooldown_channel_secs.is_some(),
    });
    let own = commands.custom_commands(&viewer.actor, community.id);
    let custom = own.await?.into_iter().map(|command| Custom {
        aliases: command.aliases.join(", "),
        audience: audience(command.minimum_role),
        waits: waits(command.cooldown_user_secs, command.cooldown_channel_secs),
        uses: command.uses,
        is_enabled: command.is_enabled,
        name: command.name,
        reply: command.reply,
    });
    layout::page(&Page {
        built_in: built_in.collect(),
        custom: custom.collect(),
        n_max: ::community::COMMANDS_MAX,
        shell: Shell::new(&face, &viewer, place("Commands", &community)).await?,
        slug: community.slug.clone(),
    })
}

const fn place<'a>(title: &'a str, community: &'a Community) -> Place<'a> {
    Place {
        title,
        section: Section::Commands,
        community: Some(community),
    }
}

fn address(slug: &str) -> String {
    format!("/c/{slug}/commands")
}

const fn audience(role: Role) -> &'static str {
    match role {
        Role::Banned | Role::Member => "everybody",
        Role::Vip => "VIPs and above",
        Role::Moderator => "moderators and above",
        Role::Admin => "admins and above",
        Role::Owner => "owners",
    }
}

/// `3 s, channel 5 s`; empty if nobody waits.
fn waits(user_secs: u32, channel_secs: u32) -> String {
    let parts = [(user_secs, "each"), (channel_secs, "the channel")];
    let told = parts.iter().filter(|(secs, _)| *secs > 0);
    let told: Vec<String> = told.map(|(secs, who)| format!("{secs} s {who}")).collect();
    told.join(", ")
}

/// Every role one can ask for; `current` is chosen.
fn role_choices(current: &str) -> Vec<RoleChoice> {
    let roles = Role::ALL.into_iter().filter(|role| *role > Role::Banned);
    roles
        .map(|role| RoleChoice {
            value: role.as_str(),
            label: audience(role),
            is_current: role.as_str() == current,
        })
        .collect()
}

/// A typed number of seconds; empty = none told.
fn secs(typed: &str) -> Result<Option<u32>, ()> {
    match typed.trim() {
        "" => Ok(None),
        number => number.parse().map(Some).map_err(|_not_a_number| ()),
    }
}

/// What stands under a field that holds no number of seconds.
const NO_SECS: &str = "enter a whole number of seconds";

/// What is wrong with a form, by field; anything else is a page of its own.
fn mistake(error: CommunityError) -> Result<(&'static str, String), PageError> {
    match error {
        CommunityError::Invalid { field, message } => Ok((field, message)),
        CommunityError::Conflict(message) => Ok(("", message)),
        other => Err(other.into()),
    }
}
