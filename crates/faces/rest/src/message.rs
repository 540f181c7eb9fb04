//! What was said in a community, and where: `/communities/{id}/messages`, `/communities/{id}/channels`.

use std::sync::Arc;

use activity::ChatMessage;
use axum::{Json, extract::State};
use kernel::{CommunityId, Cursor, MessageId, Page, Platform};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use crate::{
    Face,
    asker::SignedIn,
    input::{Path, Query},
    page::{List, Listed, PageParams, Paging},
    problem::Problem,
    view::{Moment, PlatformName},
};

/// A message.
#[derive(Serialize, ToSchema)]
pub(crate) struct MessageView {
    /// Its id; ascending in order of recording.
    id: i64,
    /// Where it was said.
    platform: PlatformName,
    /// The channel's name.
    channel: String,
    /// Who said it.
    user_id: i32,
    /// The name of their account.
    username: String,
    /// Whether the platform marks the account as automated.
    is_bot: bool,
    /// What was said.
    text: String,
    /// When, by the platform's clock.
    sent_at: Moment,
}

/// Which messages.
#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
pub(crate) struct MessageFilter {
    /// Only those said on this platform.
    platform: Option<PlatformName>,
}

/// A channel in which the community was heard.
#[derive(Serialize, ToSchema)]
pub(crate) struct ChannelView {
    /// Where it is.
    platform: PlatformName,
    /// The platform's id of it.
    id: String,
    /// Its name.
    name: String,
}

/// The messages recorded last, newest first, imported history included. For members.
#[utoipa::path(get, path = "/communities/{community}/messages", tag = "messages", params(("community" = i32, Path, description = "The community's id."), MessageFilter, PageParams), responses((status = 200, body = List<MessageView>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
    Query(filter): Query<MessageFilter>,
    paging: Paging,
) -> Result<Listed<MessageView>, Problem> {
    let request = &paging.request;
    let before = request.cursor().map(|cursor| MessageId(cursor.id));
    let mut rows = face
        .app
        .activity
        .recent_messages(
            &who.actor,
            CommunityId(community),
            filter.platform.map(Platform::from),
            before,
            request.limit().saturating_add(1),
        )
        .await?;
    rows.reverse();
    let page = Page::from_rows(rows, request, |message| Cursor {
        key: String::new(),
        id: message.id.0,
    });
    Ok(paging.answer(page, |message: ChatMessage| MessageView {
        id: message.id.0,
        platform: message.platform.into(),
        channel: message.channel,
        user_id: message.user_id.0,
        username: message.username,
        is_bot: message.is_bot,
        text: message.text,
        sent_at: message.sent_at.into(),
    }))
}

/// The channels in which the community was heard and whose names are known, at most 5,000. For members.
#[utoipa::path(get, path = "/communities/{community}/channels", tag = "messages", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = List<ChannelView>)))]
pub(crate) async fn channels(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<List<ChannelView>>, Problem> {
    let activity = &face.app.activity;
    let names = activity.channel_names(&who.actor, CommunityId(community));
    let mut all: Vec<((Platform, String), String)> = names.await?.into_iter().collect();
    all.sort_unstable();
    let view = |((platform, id), name): ((Platform, String), String)| ChannelView {
        platform: platform.into(),
        id,
        name,
    };
    Ok(List::whole(all.into_iter().map(view).collect()))
}
