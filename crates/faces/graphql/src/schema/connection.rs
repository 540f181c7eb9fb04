//! Where we may act for a community: the connections to its servers.
//!
//! Must never show a token.

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use kernel::{CommunityId, ConnectionId};

use super::{
    error::{change_refused, refused, viewer},
    scalar::{DateTime, Platform},
};

/// How a connection is.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "identity::ConnectionStatus")]
pub(crate) enum ConnectionStatus {
    /// Well, as far as is known.
    Ok,
    /// Something a person should look at.
    Trouble,
    /// Ended.
    Revoked,
}

/// The right to act on a server, workspace or channel. Its tokens are shown to nobody.
#[derive(SimpleObject)]
pub(crate) struct Connection {
    /// Its id.
    id: i32,
    /// Where it is.
    platform: Platform,
    /// The platform's id of the server.
    server: String,
    /// The server's name.
    name: String,
    /// How it is.
    status: ConnectionStatus,
    /// What is wrong, in the platform's words.
    trouble: Option<String>,
    /// The name of the channel for announcements; null while none is chosen.
    channel: Option<String>,
    /// What it may do, in the platform's words.
    scopes: Vec<String>,
    /// When it was connected.
    connected_at: DateTime,
    /// When it was last known to be well or ill.
    checked_at: Option<DateTime>,
}

impl From<&identity::Connection> for Connection {
    fn from(connection: &identity::Connection) -> Self {
        Self {
            id: connection.id.0,
            platform: connection.platform.into(),
            server: connection.platform_server_id.clone(),
            name: connection.server_name.clone(),
            status: connection.status.into(),
            trouble: connection.trouble.clone(),
            channel: connection
                .channel
                .as_ref()
                .map(|channel| channel.name.clone()),
            scopes: connection.scopes.clone(),
            connected_at: DateTime(connection.connected_at),
            checked_at: connection.checked_at.map(DateTime),
        }
    }
}

/// A channel in which we could speak.
#[derive(SimpleObject)]
pub(crate) struct Channel {
    /// The platform's id of it.
    id: String,
    /// Its name.
    name: String,
}

/// How a test of a connection came out.
#[derive(SimpleObject)]
pub(crate) struct ConnectionTest {
    /// Whether it is well.
    is_well: bool,
    /// The platform's words.
    message: String,
}

/// Where to go on with connecting a server.
#[derive(SimpleObject)]
pub(crate) struct InstallStart {
    /// The platform's page to open in the same browser, within ten minutes.
    url: String,
}

/// A connection that the viewer may manage.
async fn find(ctx: &Context<'_>, id: ConnectionId) -> Result<Connection> {
    let viewer = viewer(ctx)?;
    let found = viewer.app().identity.connection(viewer.actor(), id).await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    let found = found.as_ref().map(Connection::from);
    found.ok_or_else(|| refused(viewer, &identity::IdentityError::NotFound))
}

/// The channels in which we could speak, as the platform tells now.
pub(crate) async fn channels(ctx: &Context<'_>, id: ConnectionId) -> Result<Vec<Channel>> {
    let viewer = viewer(ctx)?;
    let found = viewer.app().channels(viewer.actor(), id).await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    viewer.spend(ctx, found.len())?;
    let channel = |channel: kernel::ChannelChoice| Channel {
        id: channel.id,
        name: channel.name,
    };
    Ok(found.into_iter().map(channel).collect())
}

/// Changes to connections.
#[derive(Default)]
pub(crate) struct ConnectionMutation;

#[Object]
impl ConnectionMutation {
    /// Begins to connect a server of a platform to a community. Needs a session and the role of an admin.
    async fn connect_server(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "Where the server is.")] platform: Platform,
    ) -> Result<InstallStart> {
        let viewer = viewer(ctx)?;
        let session = viewer.session()?;
        let app = viewer.app();
        let platform = platform.into();
        let redirect = app.install_callback(platform);
        let begun = app
            .install_url(
                viewer.actor(),
                CommunityId(community_id),
                platform,
                session,
                &redirect,
            )
            .await;
        let url = begun.map_err(|cause| change_refused(viewer, &cause))?;
        Ok(InstallStart { url })
    }

    /// Tries a connection without saying anything in chat, and remembers whether it is well. Needs the
    /// role of an admin.
    async fn test_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The connection's id.")] id: i32,
    ) -> Result<ConnectionTest> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let tested = viewer
            .app()
            .test_connection(viewer.actor(), ConnectionId(id))
            .await;
        match tested {
            Ok(message) => Ok(ConnectionTest {
                is_well: true,
                message,
            }),
            Err(app::AppError::Platform(cause)) => Ok(ConnectionTest {
                is_well: false,
                message: cause.to_string(),
            }),
            Err(cause) => Err(change_refused(viewer, &cause)),
        }
    }

    /// Chooses one of the platform's channels for announcements; null = none. Needs the role of an admin.
    async fn choose_channel(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The connection's id.")] id: i32,
        #[graphql(desc = "The platform's id of the channel.")] channel_id: Option<String>,
    ) -> Result<Connection> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let id = ConnectionId(id);
        let app = viewer.app();
        let done = app
            .choose_channel(viewer.actor(), id, channel_id.as_deref())
            .await;
        done.map_err(|cause| change_refused(viewer, &cause))?;
        find(ctx, id).await
    }

    /// Ends a connection: the grant is given back to the platform, the tokens are erased, and the server's
    /// chat is not recorded any more. What was recorded stays. Needs the role of an admin.
    async fn disconnect(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The connection's id.")] id: i32,
    ) -> Result<bool> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let done = viewer
            .app()
            .disconnect(viewer.actor(), ConnectionId(id))
            .await;
        done.map_err(|cause| change_refused(viewer, &cause))?;
        Ok(true)
    }
}
