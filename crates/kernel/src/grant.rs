//! The right to act on a server of a platform: tokens that somebody gave us, where adapters find
//! them, and how they come about. Holds no wire format and no way of storing.

use async_trait::async_trait;

use crate::{Platform, Secret, Timestamp};

/// A right to act on one server (guild, broadcaster, workspace).
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Grant {
    /// Where.
    pub platform: Platform,
    /// The platform's id of the server.
    pub server: String,
    /// The platform's id of the account that acts there: the bot user, on Twitch the broadcaster.
    pub account: String,
    /// The access token; empty where the program's own token is used (Discord).
    pub access: Secret<String>,
    /// The refresh token, if there is one.
    pub refresh: Option<Secret<String>>,
    /// When the access token ends; `None` = never.
    pub expires_at: Option<Timestamp>,
    /// What it allows, in the platform's words.
    pub scopes: Vec<String>,
}

/// The storage of grants could not be used; what it says is for the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the connections could not be read or written: {0}")]
pub struct GrantsError(pub String);

/// Where adapters find grants. Tokens are sealed at rest; whoever holds a [`Grant`] holds them open.
#[async_trait]
pub trait Grants: Send + Sync {
    /// Every grant of a platform.
    async fn all(&self, platform: Platform) -> Result<Vec<Grant>, GrantsError>;

    /// The grant of one server, if there is one.
    async fn of(&self, platform: Platform, server: &str) -> Result<Option<Grant>, GrantsError>;

    /// Stores fresh tokens of a grant that is there already.
    async fn renew(&self, grant: &Grant) -> Result<(), GrantsError>;

    /// Remembers how a connection is: `None` = well, else what a person should know.
    async fn report(
        &self,
        platform: Platform,
        server: &str,
        trouble: Option<&str>,
    ) -> Result<(), GrantsError>;
}

/// What somebody who installs us comes back with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Returned {
    /// The authorisation code.
    pub code: Secret<String>,
    /// The address they were sent back to, exactly as in the request.
    pub redirect: String,
    /// The server the platform names in the address, if it does (Discord's `guild_id`).
    pub server: Option<String>,
}

/// A server on which we were installed.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Installed {
    /// Its name.
    pub name: String,
    /// The right to act there.
    pub grant: Grant,
}

/// A channel one may choose.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ChannelChoice {
    /// The platform's id.
    pub id: String,
    /// Its name.
    pub name: String,
}

/// Why installing, listing or testing failed, in the platform's words, for the person who does it.
/// Never contains a token.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ConnectError(pub String);

/// Installs the program on servers of one platform.
#[async_trait]
pub trait Connector: Send + Sync {
    /// Which platform.
    fn platform(&self) -> Platform;

    /// Where to send the person who installs us. `state` comes back with them.
    fn install_url(&self, state: &str, redirect: &str) -> String;

    /// Turns what they came back with into a grant.
    async fn install(&self, returned: &Returned) -> Result<Installed, ConnectError>;

    /// The channels in which we could speak.
    async fn channels(&self, grant: &Grant) -> Result<Vec<ChannelChoice>, ConnectError>;

    /// Makes sure that we hear and may speak in a channel that was chosen: joins it where a platform
    /// wants that. Nothing to do on the others.
    async fn enter(&self, _grant: &Grant, _channel: &str) -> Result<(), ConnectError> {
        Ok(())
    }

    /// Checks the grant with the platform without saying anything in chat; answers what to tell
    /// the person («reached as WaddleBot#1234, 14 channels»).
    async fn check(&self, grant: &Grant) -> Result<String, ConnectError>;

    /// Gives the grant back; a platform that knows it no more is fine.
    async fn revoke(&self, grant: &Grant) -> Result<(), ConnectError>;
}
