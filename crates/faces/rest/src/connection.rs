//! Where a community is connected: `/communities/{id}/servers`, `/communities/{id}/connections`.
//!
//! Must never show a token, a code or a state; a state leaves within the platform's address only, to the
//! person whose session began the install.

use std::sync::Arc;

use axum::{Json, extract::State, http::StatusCode};
use identity::{Connection, Server};
use kernel::{ChannelChoice, CommunityId, ConnectionId, Platform};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use crate::{
    Face,
    asker::SignedIn,
    identity_link::LinkStart,
    input::{Body, Path},
    page::List,
    problem::Problem,
    view::{Moment, PlatformName},
};

/// A server, workspace or channel that belongs to a community.
#[derive(Serialize, ToSchema)]
pub(crate) struct ServerView {
    /// Its id.
    id: i32,
    /// Where it is.
    platform: PlatformName,
    /// The platform's id of it.
    platform_server_id: String,
    /// Its name.
    name: String,
    /// Whether it is the community's main place on that platform.
    is_primary: bool,
}

impl From<Server> for ServerView {
    fn from(server: Server) -> Self {
        Self {
            id: server.id.0,
            platform: server.platform.into(),
            platform_server_id: server.platform_server_id,
            name: server.name,
            is_primary: server.is_primary,
        }
    }
}

/// The right to act on a server.
#[derive(Serialize, ToSchema)]
pub(crate) struct ConnectionView {
    /// Its id.
    id: i32,
    /// Where.
    platform: PlatformName,
    /// The server's id.
    server_id: i32,
    /// The server's name.
    server_name: String,
    /// The platform's id of the account that acts there.
    account: String,
    /// What it may do, in the platform's words.
    scopes: Vec<String>,
    /// Where announcements go, if somebody chose.
    channel: Option<PlaceView>,
    /// `ok`, `trouble` or `revoked`.
    status: String,
    /// What is wrong, in the platform's words.
    trouble: Option<String>,
    /// When it was last known to be well or ill.
    checked_at: Option<Moment>,
    /// Who installed it; absent for the program itself.
    installed_by: Option<i32>,
    /// When it was installed, or installed anew.
    connected_at: Moment,
}

/// A channel that the platform offers.
#[derive(Serialize, ToSchema)]
pub(crate) struct PlaceView {
    /// The platform's id of it.
    id: String,
    /// Its name.
    name: String,
}

impl From<ChannelChoice> for PlaceView {
    fn from(channel: ChannelChoice) -> Self {
        Self {
            id: channel.id,
            name: channel.name,
        }
    }
}

impl From<Connection> for ConnectionView {
    fn from(connection: Connection) -> Self {
        Self {
            id: connection.id.0,
            platform: connection.platform.into(),
            server_id: connection.server.0,
            server_name: connection.server_name,
            account: connection.account,
            scopes: connection.scopes,
            channel: connection.channel.map(PlaceView::from),
            status: connection.status.as_str().to_owned(),
            trouble: connection.trouble,
            checked_at: connection.checked_at.map(Moment::from),
            installed_by: connection.installed_by.map(|user| user.0),
            connected_at: connection.connected_at.into(),
        }
    }
}

/// Which channel announcements go to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ChosenChannel {
    /// The platform's id of the channel; null = none.
    channel: Option<String>,
}

/// What a platform said to a test.
#[derive(Serialize, ToSchema)]
pub(crate) struct TestView {
    /// In its own words.
    said: String,
}

/// The servers of a community. For members.
#[utoipa::path(get, path = "/communities/{community}/servers", tag = "connections", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = List<ServerView>)))]
pub(crate) async fn servers(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<List<ServerView>>, Problem> {
    let identity = &face.app.identity;
    let found = identity.servers(&who.actor, CommunityId(community)).await?;
    Ok(List::whole(
        found.into_iter().map(ServerView::from).collect(),
    ))
}

/// The live connections of a community. For its administrators.
#[utoipa::path(get, path = "/communities/{community}/connections", tag = "connections", params(("community" = i32, Path, description = "The community's id.")), responses((status = 200, body = List<ConnectionView>)))]
pub(crate) async fn list(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(community): Path<i32>,
) -> Result<Json<List<ConnectionView>>, Problem> {
    let identity = &face.app.identity;
    let found = identity.connections(&who.actor, CommunityId(community));
    let all = found.await?.into_iter().map(ConnectionView::from);
    Ok(List::whole(all.collect()))
}

/// Begins to connect a server: the platform's page to open in the browser that has the session, within
/// ten minutes. For the community's administrators.
#[utoipa::path(post, path = "/communities/{community}/connections/install/{platform}", tag = "connections", params(("community" = i32, Path, description = "The community's id."), ("platform" = PlatformName, Path, description = "Where.")), responses((status = 201, body = LinkStart)))]
pub(crate) async fn install(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path((community, platform)): Path<(i32, PlatformName)>,
) -> Result<(StatusCode, Json<LinkStart>), Problem> {
    let session = who.session()?;
    let platform = Platform::from(platform);
    let redirect = face.app.install_callback(platform);
    let community = CommunityId(community);
    let url = face
        .app
        .install_url(&who.actor, community, platform, session, &redirect)
        .await?;
    Ok((StatusCode::CREATED, Json(LinkStart { url })))
}

async fn find(
    face: &Face,
    who: &SignedIn,
    (community, id): (i32, i32),
) -> Result<Connection, Problem> {
    let id = ConnectionId(id);
    let found = face.app.identity.connection(&who.actor, id).await?;
    found
        .filter(|one| one.community == CommunityId(community))
        .ok_or_else(Problem::not_found)
}

/// A connection. For the community's administrators.
#[utoipa::path(get, path = "/communities/{community}/connections/{id}", tag = "connections", params(("community" = i32, Path, description = "The community's id."), ("id" = i32, Path, description = "The connection's id.")), responses((status = 200, body = ConnectionView)))]
pub(crate) async fn show(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(place): Path<(i32, i32)>,
) -> Result<Json<ConnectionView>, Problem> {
    Ok(Json(find(&face, &who, place).await?.into()))
}

/// Ends a connection: the grant is given back to the platform, and its tokens are erased here. For the
/// community's administrators.
#[utoipa::path(delete, path = "/communities/{community}/connections/{id}", tag = "connections", params(("community" = i32, Path, description = "The community's id."), ("id" = i32, Path, description = "The connection's id.")), responses((status = 204)))]
pub(crate) async fn disconnect(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(place): Path<(i32, i32)>,
) -> Result<StatusCode, Problem> {
    let found = find(&face, &who, place).await?;
    face.app.disconnect(&who.actor, found.id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// The channels in which the program could speak, as the platform tells now. For the community's
/// administrators.
#[utoipa::path(get, path = "/communities/{community}/connections/{id}/channels", tag = "connections", params(("community" = i32, Path, description = "The community's id."), ("id" = i32, Path, description = "The connection's id.")), responses((status = 200, body = List<PlaceView>)))]
pub(crate) async fn channels(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(place): Path<(i32, i32)>,
) -> Result<Json<List<PlaceView>>, Problem> {
    let found = find(&face, &who, place).await?;
    let offered = face.app.channels(&who.actor, found.id).await?;
    Ok(List::whole(
        offered.into_iter().map(PlaceView::from).collect(),
    ))
}

/// Chooses where announcements go. For the community's administrators.
#[utoipa::path(put, path = "/communities/{community}/connections/{id}/channel", tag = "connections", params(("community" = i32, Path, description = "The community's id."), ("id" = i32, Path, description = "The connection's id.")), request_body = ChosenChannel, responses((status = 200, body = ConnectionView)))]
pub(crate) async fn choose(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(place): Path<(i32, i32)>,
    Body(chosen): Body<ChosenChannel>,
) -> Result<Json<ConnectionView>, Problem> {
    let found = find(&face, &who, place).await?;
    face.app
        .choose_channel(&who.actor, found.id, chosen.channel.as_deref())
        .await?;
    Ok(Json(find(&face, &who, place).await?.into()))
}

/// Tries a connection without saying anything in chat. What is wrong is a conflict, in the platform's
/// words. For the community's administrators.
#[utoipa::path(post, path = "/communities/{community}/connections/{id}/test", tag = "connections", params(("community" = i32, Path, description = "The community's id."), ("id" = i32, Path, description = "The connection's id.")), responses((status = 200, body = TestView)))]
pub(crate) async fn test(
    State(face): State<Arc<Face>>,
    who: SignedIn,
    Path(place): Path<(i32, i32)>,
) -> Result<Json<TestView>, Problem> {
    let found = find(&face, &who, place).await?;
    let said = face.app.test_connection(&who.actor, found.id).await?;
    Ok(Json(TestView { said }))
}
