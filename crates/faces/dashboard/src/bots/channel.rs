//! The form of the channel in which moderators are told of new cases: the channels that the platforms name now, or nowhere.
//! For whoever manages the community.
//!
//! Must never offer a channel where everybody reads along by its nature: Twitch has no other.

use std::sync::Arc;

use ::bots::{BotsError, Level, ModeratorChannel};
use app::{AppError, ChosenChannel};
use askama::Template;
use axum::{
    Form,
    extract::{Path, State},
    response::{IntoResponse, Redirect, Response},
};
use identity::{Community, Connection};
use kernel::{Permission, ServerId};
use serde::Deserialize;

use crate::{
    bots::settings,
    community,
    connections::{named, offered, words},
    error::PageError,
    form::Mistakes,
    layout::{self, Place, Section, Shell},
    router::Face,
    viewer::{SignedIn, Viewer},
};

/// The form, as typed.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Typed {
    /// Our id of a server and the platform's of a channel, with a colon between; empty = nowhere.
    #[serde(default)]
    channel: String,
    #[serde(default)]
    level: String,
}

#[derive(Template)]
#[template(path = "bots_channel.html")]
struct Page {
    shell: Shell,
    slug: String,
    mistakes: Mistakes,
    servers: Vec<Server>,
    is_nowhere: bool,
    is_possible: bool,
}

/// A server and its channels.
struct Server {
    label: String,
    choices: Vec<Choice>,
    /// Why they could not be listed, in the platform's words.
    refused: Option<String>,
}

struct Choice {
    value: String,
    name: String,
    is_current: bool,
}

impl From<&ModeratorChannel> for Typed {
    fn from(held: &ModeratorChannel) -> Self {
        Self {
            channel: value(held.server, &held.channel.id),
            level: held.least.as_str().to_owned(),
        }
    }
}

impl Typed {
    /// What is wanted: nowhere, or a channel; the field and the words if something typed is none.
    fn wanted(&self) -> Result<Option<ChosenChannel>, (&'static str, &'static str)> {
        if self.channel.is_empty() {
            return Ok(None);
        }
        let (server, channel) = self
            .channel
            .split_once(':')
            .and_then(|(server, channel)| Some((server.parse().ok()?, channel)))
            .ok_or(("channel", "choose one of the channels, or nowhere"))?;
        Ok(Some(ChosenChannel {
            server: ServerId(server),
            channel: channel.to_owned(),
            least: Level::from_name(&self.level).ok_or(("level", "choose one of the two"))?,
        }))
    }
}

fn value(server: ServerId, channel: &str) -> String {
    format!("{}:{channel}", server.0)
}

/// `GET /c/{slug}/bots/channel`
pub(crate) async fn page(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ManageCommunity).await?;
    let bots = &face.app.bots;
    let held = bots.channel(&viewer.actor, community.id).await?;
    let typed = held.as_ref().map(Typed::from).unwrap_or_default();
    show(&face, &viewer, &community, &typed, Mistakes::default()).await
}

/// `POST /c/{slug}/bots/channel`
pub(crate) async fn choose(
    State(face): State<Arc<Face>>,
    SignedIn { viewer, .. }: SignedIn,
    Path(slug): Path<String>,
    Form(typed): Form<Typed>,
) -> Result<Response, PageError> {
    let community = community::find(&face, &viewer, &slug, Permission::ManageCommunity).await?;
    let mistakes = match typed.wanted() {
        Err((field, words)) => Mistakes::one(field, words),
        Ok(wanted) => {
            let app = &face.app;
            let chosen = app.choose_bot_channel(&viewer.actor, community.id, wanted);
            match chosen.await {
                Ok(()) => {
                    let home = settings::home(&community.slug);
                    let to = format!("{home}?done=bots-channel#channel");
                    return Ok(Redirect::to(&to).into_response());
                }
                Err(AppError::Bots(BotsError::Invalid { message, .. })) => {
                    Mistakes::one("channel", &message)
                }
                Err(error @ (AppError::Platform(_) | AppError::NotSetUp(_))) => {
                    Mistakes::one("channel", &words(&error.to_string()))
                }
                Err(error) => return Err(error.into()),
            }
        }
    };
    show(&face, &viewer, &community, &typed, mistakes).await
}

async fn show(
    face: &Face,
    viewer: &Viewer,
    community: &Community,
    typed: &Typed,
    mistakes: Mistakes,
) -> Result<Response, PageError> {
    let identity = &face.app.identity;
    let mut connections = identity.connections(&viewer.actor, community.id).await?;
    connections.retain(|one| app::has_private_channels(one.platform));
    // All at once: one that does not answer must not make the page late twice.
    let servers = connections
        .iter()
        .map(|one| server(face, viewer, one, &typed.channel));
    let servers = futures_util::future::join_all(servers).await;
    let place = Place {
        title: "Channel for moderators",
        section: Section::Bots,
        community: Some(community),
    };
    let page = Page {
        shell: Shell::new(face, viewer, place).await?,
        slug: community.slug.clone(),
        servers: servers.into_iter().collect::<Result<_, _>>()?,
        is_nowhere: typed.channel.is_empty(),
        is_possible: typed.level == Level::Possible.as_str(),
        mistakes,
    };
    Ok((page.mistakes.status(), layout::page(&page)?).into_response())
}

async fn server(
    face: &Face,
    viewer: &Viewer,
    connection: &Connection,
    current: &str,
) -> Result<Server, PageError> {
    let (choices, refused) = offered(face, viewer, connection).await?;
    let choice = |channel: kernel::ChannelChoice| {
        let value = value(connection.server, &channel.id);
        Choice {
            is_current: value == current,
            name: channel.name,
            value,
        }
    };
    let platform = connection.platform.label();
    Ok(Server {
        label: format!("{} on {platform}", named(connection)),
        choices: choices.into_iter().map(choice).collect(),
        refused,
    })
}

#[cfg(test)]
mod tests {
    use super::Typed;
    use ::bots::Level;
    use app::ChosenChannel;
    use kernel::ServerId;

    #[test]
    fn what_is_typed_is_a_channel_nowhere_or_a_mistake() {
        let of = |channel: &str, level: &str| {
            let typed = Typed {
                channel: channel.to_owned(),
                level: level.to_owned(),
            };
            typed.wanted().map_err(|(field, _)| field)
        };
        assert_eq!(of("", ""), Ok(None));
        let chosen = ChosenChannel {
            server: ServerId(7),
            channel: "12:3".to_owned(),
            least: Level::Possible,
        };
        assert_eq!(of("7:12:3", "possible"), Ok(Some(chosen)));
        assert_eq!(of("pond:12", "likely"), Err("channel"));
        assert_eq!(of("12", "likely"), Err("channel"));
        assert_eq!(of("7:12", "sure"), Err("level"));
    }
}
