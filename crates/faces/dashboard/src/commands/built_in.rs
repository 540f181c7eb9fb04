//! What a community decides about one of the program's commands.

use std::sync::Arc;

use ::community::{CommandSetting, Named, SettingChange};
use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::Community;
use kernel::{Permission, Role};
use serde::Deserialize;

use super::{NO_SECS, RoleChoice, address, audience, mistake, place, role_choices, secs};
use crate::{
    community,
    error::PageError,
    form::Mistakes,
    layout::{self, Shell},
    router::Face,
    viewer::{SignedIn, Viewer},
};

#[derive(Template)]
#[template(path = "command_setting.html")]
struct Page {
    shell: Shell,
    mistakes: Mistakes,
    slug: String,
    name: &'static str,
    usage: String,
    description: &'static str,
    own_audience: &'static str,
    own_user_secs: u32,
    own_channel_secs: u32,
    typed: Typed,
    roles: Vec<RoleChoice>,
}

/// The form, as typed; empty = as the program has it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    is_enabled: Option<String>,
    #[serde(default)]
    minimum_role: String,
    #[serde(default)]
    cooldown_user_secs: String,
    #[serde(default)]
    cooldown_channel_secs: String,
}

impl Typed {
    fn of(setting: &CommandSetting) -> Self {
        let text = |secs: Option<u32>| secs.map_or_else(String::new, |secs| secs.to_string());
        Self {
            is_enabled: setting.is_enabled.then(|| "on".to_owned()),
            minimum_role: setting.own_role.map_or("", Role::as_str).to_owned(),
            cooldown_user_secs: text(setting.own_cooldown_user_secs),
            cooldown_channel_secs: text(setting.own_cooldown_channel_secs),
        }
    }

    fn change(&self) -> Result<SettingChange, Mistakes> {
        let number = |field, typed: &str| secs(typed).map_err(|()| Mistakes::one(field, NO_SECS));
        let minimum_role = match self.minimum_role.as_str() {
            "" => None,
            name => Some(name.parse().map_err(|error: kernel::actor::UnknownRole| {
                Mistakes::one("minimum_role", &error.to_string())
            })?),
        };
        Ok(SettingChange {
            is_enabled: self.is_enabled.is_some(),
            minimum_role,
            cooldown_user_secs: number("cooldown_user_secs", &self.cooldown_user_secs)?,
            cooldown_channel_secs: number("cooldown_channel_secs", &self.cooldown_channel_secs)?,
        })
    }
}

/// `GET /c/{slug}/commands/built-in/{name}`
pub(crate) async fn form(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (community, setting) = find(&face, &viewer, &slug, &name).await?;
    let (mistakes, typed) = (Mistakes::default(), Typed::of(&setting));
    show(&face, &viewer, &community, &setting, mistakes, typed).await
}

/// `POST /c/{slug}/commands/built-in/{name}`
pub(crate) async fn save(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, name)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let (community, setting) = find(&face, &viewer, &slug, &name).await?;
    let change = match typed.change() {
        Ok(change) => change,
        Err(mistakes) => {
            return show(&face, &viewer, &community, &setting, mistakes, typed).await;
        }
    };
    let commands = &face.app.commands;
    match commands
        .set_command(&viewer.actor, community.id, setting.spec.name, &change)
        .await
    {
        Ok(_) => {
            let to = format!("{}?done=saved", address(&community.slug));
            Ok(Redirect::to(&to).into_response())
        }
        Err(error) => {
            let (field, message) = mistake(error)?;
            let mistakes = Mistakes::one(field, &message);
            show(&face, &viewer, &community, &setting, mistakes, typed).await
        }
    }
}

async fn find(
    face: &Face,
    viewer: &Viewer,
    slug: &str,
    name: &str,
) -> Result<(Community, CommandSetting), PageError> {
    let community = community::find(face, viewer, slug, Permission::ManageCommands).await?;
    let commands = &face.app.commands;
    let found = commands.find_command(&viewer.actor, community.id, name);
    match found.await? {
        Some(Named::BuiltIn(setting)) => Ok((community, setting)),
        _ => Err(PageError::not_found()),
    }
}

async fn show(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    setting: &CommandSetting,
    mistakes: Mistakes,
    typed: Typed,
) -> Result<Response, PageError> {
    let spec = &setting.spec;
    let page = Page {
        shell: Shell::new(face, viewer, place("Change a command", community)).await?,
        slug: community.slug.clone(),
        name: spec.name,
        usage: spec.usage(),
        description: spec.description,
        own_audience: audience(spec.minimum_role),
        own_user_secs: spec.cooldown_user_secs,
        own_channel_secs: spec.cooldown_channel_secs,
        roles: role_choices(&typed.minimum_role),
        mistakes,
        typed,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}
