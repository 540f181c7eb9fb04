//! Making, changing and removing a community's own commands.

use std::sync::Arc;

use ::community::{CommandChange, CustomCommand, Named, VARIABLES, Variable};
use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::Community;
use kernel::{Permission, Role};
use serde::Deserialize;

use super::{NO_SECS, RoleChoice, address, mistake, place, role_choices, secs};
use crate::{
    community,
    error::PageError,
    form::Mistakes,
    layout::{self, Shell},
    router::Face,
    viewer::{SignedIn, Viewer},
};

#[derive(Template)]
#[template(path = "command.html")]
struct Page {
    shell: Shell,
    mistakes: Mistakes,
    slug: String,
    /// The command that is changed; `None` = a new one.
    name: Option<String>,
    typed: Typed,
    roles: Vec<RoleChoice>,
    variables: &'static [Variable],
}

#[derive(Template)]
#[template(path = "command_end.html")]
struct End {
    shell: Shell,
    slug: String,
    name: String,
    reply: String,
    uses: u64,
}

/// The form, as typed. A new command has a name, a known one does not change it.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    #[serde(default)]
    name: String,
    reply: String,
    #[serde(default)]
    aliases: String,
    minimum_role: String,
    cooldown_user_secs: String,
    cooldown_channel_secs: String,
    is_enabled: Option<String>,
}

impl Typed {
    fn of(command: &CustomCommand) -> Self {
        Self {
            name: command.name.clone(),
            reply: command.reply.clone(),
            aliases: command.aliases.join(", "),
            minimum_role: command.minimum_role.as_str().to_owned(),
            cooldown_user_secs: command.cooldown_user_secs.to_string(),
            cooldown_channel_secs: command.cooldown_channel_secs.to_string(),
            is_enabled: command.is_enabled.then(|| "on".to_owned()),
        }
    }

    /// An empty form; what is not told takes its default.
    fn new() -> Self {
        Self {
            minimum_role: Role::Member.as_str().to_owned(),
            is_enabled: Some("on".to_owned()),
            ..Self::default()
        }
    }

    fn change(&self) -> Result<CommandChange, Mistakes> {
        let aliases = self.aliases.split([',', ' ', '\n', '\r']);
        let aliases = aliases.map(|alias| alias.trim_start_matches('!'));
        let number = |field, typed: &str| secs(typed).map_err(|()| Mistakes::one(field, NO_SECS));
        Ok(CommandChange {
            reply: Some(self.reply.replace("\r\n", "\n")),
            aliases: Some(
                aliases
                    .filter(|alias| !alias.is_empty())
                    .map(str::to_owned)
                    .collect(),
            ),
            minimum_role: Some(self.minimum_role.parse().map_err(
                |error: kernel::actor::UnknownRole| {
                    Mistakes::one("minimum_role", &error.to_string())
                },
            )?),
            cooldown_user_secs: number("cooldown_user_secs", &self.cooldown_user_secs)?,
            cooldown_channel_secs: number("cooldown_channel_secs", &self.cooldown_channel_secs)?,
            is_enabled: Some(self.is_enabled.is_some()),
        })
    }
}

/// `GET /c/{slug}/commands/new`
pub(crate) async fn new(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ManageCommands).await?;
    let mistakes = Mistakes::default();
    show(&face, &viewer, &community, None, mistakes, Typed::new()).await
}

/// `POST /c/{slug}/commands/new`
pub(crate) async fn add(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ManageCommands).await?;
    let change = match typed.change() {
        Ok(change) => change,
        Err(mistakes) => return show(&face, &viewer, &community, None, mistakes, typed).await,
    };
    let name = typed.name.trim().trim_start_matches('!');
    let commands = &face.app.commands;
    match commands
        .add_command(&viewer.actor, community.id, name, &change)
        .await
    {
        Ok(_) => Ok(done(&community, "command-added")),
        Err(error) => {
            let (field, message) = mistake(error)?;
            let mistakes = Mistakes::one(field, &message);
            show(&face, &viewer, &community, None, mistakes, typed).await
        }
    }
}

/// `GET /c/{slug}/commands/custom/{name}`
pub(crate) async fn form(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (community, command) = find(&face, &viewer, &slug, &name).await?;
    let (mistakes, typed) = (Mistakes::default(), Typed::of(&command));
    show(
        &face,
        &viewer,
        &community,
        Some(command.name),
        mistakes,
        typed,
    )
    .await
}

/// `POST /c/{slug}/commands/custom/{name}`
pub(crate) async fn save(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, name)): Path<(String, String)>,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let (community, command) = find(&face, &viewer, &slug, &name).await?;
    let name = Some(command.name.clone());
    let change = match typed.change() {
        Ok(change) => change,
        Err(mistakes) => return show(&face, &viewer, &community, name, mistakes, typed).await,
    };
    let commands = &face.app.commands;
    match commands
        .edit_command(&viewer.actor, community.id, &command.name, &change)
        .await
    {
        Ok(_) => Ok(done(&community, "saved")),
        Err(error) => {
            let (field, message) = mistake(error)?;
            let mistakes = Mistakes::one(field, &message);
            show(&face, &viewer, &community, name, mistakes, typed).await
        }
    }
}

/// `GET /c/{slug}/commands/custom/{name}/delete`
pub(crate) async fn ask_delete(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (community, command) = find(&face, &viewer, &slug, &name).await?;
    layout::page(&End {
        shell: Shell::new(&face, &viewer, place("Delete", &community)).await?,
        slug: community.slug.clone(),
        name: command.name,
        reply: command.reply,
        uses: command.uses,
    })
}

/// `POST /c/{slug}/commands/custom/{name}/delete`
pub(crate) async fn delete(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path((slug, name)): Path<(String, String)>,
) -> Result<Response, PageError> {
    let (community, command) = find(&face, &viewer, &slug, &name).await?;
    face.app
        .commands
        .remove_command(&viewer.actor, community.id, &command.name)
        .await?;
    Ok(done(&community, "command-deleted"))
}

fn done(community: &Community, what: &str) -> Response {
    let to = format!("{}?done={what}", address(&community.slug));
    Redirect::to(&to).into_response()
}

async fn find(
    face: &Face,
    viewer: &Viewer,
    slug: &str,
    name: &str,
) -> Result<(Community, CustomCommand), PageError> {
    let community = community::find(face, viewer, slug, Permission::ManageCommands).await?;
    let commands = &face.app.commands;
    let found = commands.find_command(&viewer.actor, community.id, name);
    match found.await? {
        Some(Named::Custom(command)) => Ok((community, command)),
        _ => Err(PageError::not_found()),
    }
}

async fn show(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    name: Option<String>,
    mistakes: Mistakes,
    typed: Typed,
) -> Result<Response, PageError> {
    let title = if name.is_some() {
        "Change a command"
    } else {
        "New command"
    };
    let page = Page {
        shell: Shell::new(face, viewer, place(title, community)).await?,
        slug: community.slug.clone(),
        name,
        roles: role_choices(&typed.minimum_role),
        variables: VARIABLES,
        mistakes,
        typed,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}
