//! Where a community's moderators are told of new cases: `/communities/{id}/bots/channel`.

use std::sync::Arc;

use ::app::ChosenChannel;
use ::bots::{Level, ModeratorChannel};
use axum::{Json, extract::State};
use kernel::{CommunityId, ServerId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Face,
    asker::SignedIn,
    input::{Body, Path},
    problem::Problem,
};

/// From which level on moderators are told.
#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum ToldFrom {
    /// Of whoever is possibly a bot, or likely one.
    Possible,
    /// Of whoever is likely a bot.
    Likely,
}

impl From<Level> for ToldFrom {
    fn from(level: Level) -> Self {
        match level {
            Level::Likely => Self::Likely,
            Level::Possible | Level::Unlikely => Self::Possible,
        }
    }
}

impl From<ToldFrom> for Level {
    fn from(told: ToldFrom) -> Self {
        match told {
            ToldFrom::Possible => Self::Possible,
            ToldFrom::Likely => Self::Likely,
        }
    }
}

/// A channel in which moderators are told.
#[derive(Serialize, ToSchema)]
pub(crate) struct ToldIn {
    /// Our id of the server.
    server_id: i32,
    /// The platform's id of the channel.
    channel: String,
    /// Its name when it was chosen.
    name: String,
    /// From which level on.
    level: ToldFrom,
}

/// Where moderators are told of new cases.
#[derive(Serialize, ToSchema)]
pub(crate) struct ModeratorChannelView {
    /// In which channel; null = nowhere.
    channel: Option<ToldIn>,
}

/// A channel to choose.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ToldInWanted {
    /// Our id of one of the community's servers on Discord or Slack.
    server_id: i32,
    /// The platform's id of a channel that the server has and in which we may speak.
    #[schema(max_length = 200)]
    channel: String,
    /// From which level on.
    level: ToldFrom,
}

/// Where moderators are to be told.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ModeratorChannelWanted {
    /// In which channel; null = nowhere.
    channel: Option<ToldInWanted>,
}

impl From<Option<ModeratorChannel>> for ModeratorChannelView {
    fn from(chosen: Option<ModeratorChannel>) -> Self {
        Self {
            channel: chosen.map(|chosen| ToldIn {
                server_id: chosen.server.0,
                channel: chosen.channel.id,
                name: chosen.channel.name,
                level: chosen.least.into(),
            }),
        }
    }
}

async fn held(
    face: &Face,
    who: &SignedIn,
    community: CommunityId,
) -> Result<Json<ModeratorChannelView>, Problem> {
    let found = face.app.bots.channel(&who.actor, community).await?;
    Ok(Json(found.into()))
}

/// Where moderators are told of new cases and of crowds. For moderators.
#[utoipa::path(get, path = "/communities/{community}/bots/channel", tag = "bots", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = ModeratorChannelView)))]
pub(crate) async fn show(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<ModeratorChannelView>, Problem> {
    held(&face, &who, CommunityId(community)).await
}

/// Chooses where. The platform is asked whether the channel is the server's, and a channel that is new is told so. For the
/// community's administrators.
#[utoipa::path(put, path = "/communities/{community}/bots/channel", tag = "bots", params(("community" = i32, Path, description = "The community's id.")), request_body = ModeratorChannelWanted, responses((status = 200, body = ModeratorChannelView)))]
pub(crate) async fn choose(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    Body(wanted): Body<ModeratorChannelWanted>,
) -> Result<Json<ModeratorChannelView>, Problem> {
    let community = CommunityId(community);
    let wanted = wanted.channel.map(|wanted| ChosenChannel {
        server: ServerId(wanted.server_id),
        channel: wanted.channel,
        least: wanted.level.into(),
    });
    face.app
        .choose_bot_channel(&who.actor, community, wanted)
        .await?;
    held(&face, &who, community).await
}
