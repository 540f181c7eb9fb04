//! Where a community's moderators are told of new cases.

use ::app::ChosenChannel;
use ::bots::ModeratorChannel;
use async_graphql::{Context, InputObject, Result, SimpleObject};
use kernel::{CommunityId, ServerId};

use super::{BotLevel, failed, setting};
use crate::schema::error::{change_refused, viewer};

/// A channel in which moderators are told of new cases and of crowds.
#[derive(SimpleObject)]
pub(crate) struct BotModeratorChannel {
    /// Our id of the server.
    server_id: i32,
    /// The platform's id of the channel.
    channel_id: String,
    /// Its name when it was chosen.
    name: String,
    /// From which level on.
    level: BotLevel,
}

impl From<ModeratorChannel> for BotModeratorChannel {
    fn from(chosen: ModeratorChannel) -> Self {
        Self {
            server_id: chosen.server.0,
            channel_id: chosen.channel.id,
            name: chosen.channel.name,
            level: chosen.least.into(),
        }
    }
}

/// A channel to tell moderators in.
#[derive(InputObject)]
pub(crate) struct BotModeratorChannelInput {
    /// Our id of one of the community's servers on Discord or Slack.
    server_id: i32,
    /// The platform's id of a channel that the server has and in which we may speak.
    channel_id: String,
    /// From which level on: likely or possible.
    level: BotLevel,
}

/// What was chosen.
pub(super) async fn of(
    ctx: &Context<'_>,
    community: CommunityId,
) -> Result<Option<BotModeratorChannel>> {
    let viewer = viewer(ctx)?;
    let found = viewer.app().bots.channel(viewer.actor(), community).await;
    let found = found.map_err(failed(viewer))?;
    Ok(found.map(BotModeratorChannel::from))
}

/// Chooses, and answers what holds then.
pub(super) async fn choose(
    ctx: &Context<'_>,
    community: CommunityId,
    input: Option<BotModeratorChannelInput>,
) -> Result<setting::BotSetting> {
    let viewer = viewer(ctx)?;
    viewer.signed_in()?;
    let wanted = input.map(|input| ChosenChannel {
        server: ServerId(input.server_id),
        channel: input.channel_id,
        least: input.level.into(),
    });
    let done = viewer
        .app()
        .choose_bot_channel(viewer.actor(), community, wanted)
        .await;
    done.map_err(|cause| change_refused(viewer, &cause))?;
    setting::of(ctx, community).await
}
