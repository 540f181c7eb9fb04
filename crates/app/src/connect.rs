//! Connecting a community to the platforms: asks the platform's [`Connector`] and writes down what
//! comes of it. The platform is never asked within a database transaction, and never before the
//! asker's right was checked.

use std::{future::Future, sync::Arc, time::Duration};

use identity::{Connection, IdentityError, Install};
use kernel::{
    Actor, ChannelChoice, CommunityId, ConnectError, ConnectionId, Connector, Grant, Grants,
    Platform, Returned, Secret, SessionId,
};

use crate::{App, AppError};

/// How long a platform may take to answer one question; below a page's own limit.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How often the gateway looks at its connections when nobody tells it of changes.
const UNTOLD: Duration = Duration::from_secs(60);

/// What somebody brings back from the platform.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The authorisation code.
    pub code: Secret<String>,
    /// The server the platform names in the address, if it does.
    pub server: Option<String>,
}

/// How an install ended whose state was good.
#[derive(Debug)]
pub struct Completed {
    /// For which community it was begun.
    pub community: CommunityId,
    /// The connection; `None` if the person or the platform said no.
    pub outcome: Result<Option<Connection>, AppError>,
}

/// Tells when connections were made or ended, in any process.
#[derive(Debug)]
pub struct ConnectionChanges(Option<engines::bus::Subscription>);

impl ConnectionChanges {
    /// Waits for a change; without a bus, for a minute.
    pub async fn next(&mut self) {
        if let Some(subscription) = &mut self.0
            && subscription.recv().await.is_none()
        {
            self.0 = None;
        }
        if self.0.is_none() {
            tokio::time::sleep(UNTOLD).await;
        }
    }
}

impl App {
    /// Starts to listen for changes of connections; for the gateway.
    pub async fn connections_changed(&self) -> ConnectionChanges {
        let subscription = self.bus.subscribe(identity::CONNECTION_CHANGES).await;
        ConnectionChanges(subscription.ok())
    }

    /// The platforms that this instance can be connected to, in display order.
    pub fn platforms_available(&self) -> Vec<Platform> {
        let mut all: Vec<Platform> = self.connectors.iter().map(|c| c.platform()).collect();
        all.sort_unstable();
        all
    }

    /// Where a browser may be sent by `install_url`, for the content-security policy: the address
    /// without a state. `None` if the platform is not set up here.
    pub fn install_place(&self, platform: Platform) -> Option<String> {
        let connector = self.connector(platform).ok()?;
        Some(connector.install_url("", ""))
    }

    /// Where a platform sends people back to from an install: exactly what was registered there.
    pub fn install_callback(&self, platform: Platform) -> String {
        format!("{}/connect/{platform}/callback", self.public_url)
    }

    /// Begins an install: the address at the platform to send the person to. `redirect` is where
    /// the platform sends them back.
    pub async fn install_url(
        &self,
        actor: &Actor,
        community: CommunityId,
        platform: Platform,
        session: SessionId,
        redirect: &str,
    ) -> Result<String, AppError> {
        let connector = self.connector(platform);
        // Whoever may not manage the community is told that first.
        actor
            .require(kernel::Permission::ManageCommunity, community)
            .map_err(IdentityError::from)?;
        let connector = connector?;
        let state = self
            .identity
            .begin_install(actor, community, platform, session, redirect)
            .await?;
        Ok(connector.install_url(state.expose(), redirect))
    }

    /// Finishes an install that somebody comes back from. The state is used up first, so that
    /// nobody makes us redeem a code that was not meant for them; `answer` is `None` if the person
    /// or the platform said no.
    pub async fn complete_install(
        &self,
        actor: &Actor,
        platform: Platform,
        session: SessionId,
        state: &str,
        answer: Option<Answer>,
    ) -> Result<Completed, AppError> {
        let connector = self.connector(platform)?;
        let install = self
            .identity
            .redeem_install(actor, state, platform, session)
            .await?;
        let outcome = match answer {
            Some(answer) => self
                .install(actor, &*connector, &install, answer)
                .await
                .map(Some),
            None => Ok(None),
        };
        Ok(Completed {
            community: install.community,
            outcome,
        })
    }

    async fn install(
        &self,
        actor: &Actor,
        connector: &dyn Connector,
        install: &Install,
        answer: Answer,
    ) -> Result<Connection, AppError> {
        let returned = Returned {
            code: answer.code,
            redirect: install.redirect.clone(),
            server: answer.server,
        };
        let installed = patiently(connector.install(&returned)).await?;
        let connection = self
            .identity
            .finish_install(actor, install, &installed)
            .await?;
        Ok(connection)
    }

    /// The channels in which we could speak, as the platform tells now.
    pub async fn channels(
        &self,
        actor: &Actor,
        connection: ConnectionId,
    ) -> Result<Vec<ChannelChoice>, AppError> {
        let (connector, grant) = self.granted(actor, connection).await?;
        patiently(connector.channels(&grant)).await
    }

    /// Chooses one of the platform's channels for announcements by its id; `None` = none. A channel
    /// that the platform does not name is refused.
    pub async fn choose_channel(
        &self,
        actor: &Actor,
        connection: ConnectionId,
        channel: Option<&str>,
    ) -> Result<(), AppError> {
        let chosen = match channel {
            None => None,
            Some(id) => {
                let (connector, grant) = self.granted(actor, connection).await?;
                let offered = patiently(connector.channels(&grant)).await?;
                let found = offered.into_iter().find(|channel| channel.id == id);
                let found = found.ok_or_else(|| {
                    AppError::Conflict("this channel is not there any more".to_owned())
                })?;
                // Slack lets nobody speak or hear in a channel they have not joined.
                patiently(connector.enter(&grant, &found.id)).await?;
                Some(found)
            }
        };
        let written = self
            .identity
            .choose_channel(actor, connection, chosen.as_ref())
            .await;
        Ok(written?)
    }

    /// Tries a connection without saying anything in chat; answers the platform's words, and
    /// remembers whether it is well.
    pub async fn test_connection(
        &self,
        actor: &Actor,
        connection: ConnectionId,
    ) -> Result<String, AppError> {
        let (connector, grant) = self.granted(actor, connection).await?;
        let answer = patiently(connector.check(&grant)).await;
        let trouble = answer.as_ref().err().map(ToString::to_string);
        self.grants
            .report(grant.platform, &grant.server, trouble.as_deref())
            .await?;
        answer
    }

    /// Ends a connection: gives the grant back to the platform as well as that goes, then erases
    /// our side in any case.
    pub async fn disconnect(
        &self,
        actor: &Actor,
        connection: ConnectionId,
    ) -> Result<(), AppError> {
        match self.granted(actor, connection).await {
            Ok((connector, grant)) => {
                if let Err(error) = patiently(connector.revoke(&grant)).await {
                    tracing::warn!(connection.id = %connection, platform = %grant.platform, error = %error, "the platform did not take the grant back");
                }
            }
            Err(AppError::NotSetUp(_) | AppError::Grants(_)) => {
                tracing::warn!(connection.id = %connection, "the grant could not be given back to the platform");
            }
            Err(error) => return Err(error),
        }
        Ok(self.identity.disconnect(actor, connection).await?)
    }

    /// A live connection that the actor manages, with what is needed to use it.
    async fn granted(
        &self,
        actor: &Actor,
        id: ConnectionId,
    ) -> Result<(Arc<dyn Connector>, Grant), AppError> {
        let found = self.identity.connection(actor, id).await?;
        self.grant_of(&found.ok_or(AppError::NotFound)?).await
    }

    /// What is needed to use a connection, for whoever was allowed to.
    pub(crate) async fn grant_of(
        &self,
        connection: &Connection,
    ) -> Result<(Arc<dyn Connector>, Grant), AppError> {
        let connector = self.connector(connection.platform)?;
        let grant = self
            .grants
            .of(connection.platform, &connection.platform_server_id)
            .await?;
        Ok((connector, grant.ok_or(AppError::NotFound)?))
    }

    fn connector(&self, platform: Platform) -> Result<Arc<dyn Connector>, AppError> {
        let found = self.connectors.iter().find(|c| c.platform() == platform);
        found.cloned().ok_or(AppError::NotSetUp(platform))
    }
}

/// Waits for a platform, but not for ever.
pub(crate) async fn patiently<T>(
    question: impl Future<Output = Result<T, ConnectError>>,
) -> Result<T, AppError> {
    match tokio::time::timeout(PATIENCE, question).await {
        Ok(answer) => answer.map_err(AppError::Platform),
        Err(_late) => Err(AppError::Platform(ConnectError(format!(
            "no answer within {} s",
            PATIENCE.as_secs()
        )))),
    }
}
