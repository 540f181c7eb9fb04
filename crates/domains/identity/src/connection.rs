//! Connections: the right to act on a server of a platform, how it comes about (an install bound to
//! the session that began it), and how it ends. Tokens are sealed here and leave only through
//! [`crate::StoredGrants`].
//!
//! Must never call a platform, and never put a token or a state into a log, an audit entry or an
//! error.

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use kernel::{
    Actor, ChannelChoice, CommunityId, ConnectionId, Denied, Installed, Permission, Platform,
    Secret, ServerId, SessionId, Timestamp, UserId,
};
use sea_orm::ConnectionTrait;
use store::{DomainEvent, StoreError, audit::Entry};

use crate::{
    Identity, IdentityError, NewServer, SERVER_DISCONNECTED, community,
    events::ROUTES,
    store::{self as tables, connection::Tokens},
    token,
};

/// How long somebody may take at the platform (RFC 9700 §4.7 asks for a short-lived state).
const INSTALL: Duration = Duration::from_secs(600);
/// Installs that one person may have begun and not finished.
const INSTALLS_OPEN_MAX: i64 = 50;
/// Longest redirect address, in bytes.
const REDIRECT_MAX: usize = 2_000;
/// Longest id or name that a platform gives us, in characters.
const TEXT_MAX: usize = 200;
/// Longest token, in bytes.
const TOKEN_MAX: usize = 8_192;
/// Most scopes of a grant.
const SCOPES_MAX: usize = 100;

/// The topic of the bus on which it is told that connections were made or ended.
pub const CHANGES: &str = "connections";

/// How a connection is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ConnectionStatus {
    /// Well, as far as is known.
    Ok,
    /// Something a person should look at.
    Trouble,
    /// Ended by us; its tokens are gone.
    Revoked,
}

/// Those of some communities that are connected to a platform that tells of timeouts, kicks and bans.
pub async fn hearing_of_moderation(
    conn: &impl ConnectionTrait,
    communities: &[CommunityId],
) -> Result<HashSet<CommunityId>, StoreError> {
    let telling = Platform::ALL
        .into_iter()
        .filter(|one| one.tells_moderation());
    let telling: Vec<Platform> = telling.collect();
    tables::connection::connected_to(conn, communities, &telling).await
}

impl ConnectionStatus {
    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Ok => 1,
            Self::Trouble => 2,
            Self::Revoked => 3,
        }
    }

    pub(crate) const fn from_code(code: i16) -> Option<Self> {
        match code {
            1 => Some(Self::Ok),
            2 => Some(Self::Trouble),
            3 => Some(Self::Revoked),
            _ => None,
        }
    }

    /// The word for people and the API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ok => "ok",
            Self::Trouble => "trouble",
            Self::Revoked => "revoked",
        }
    }
}

/// A connection as those who manage the community see it. Holds no token.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Connection {
    /// Its id.
    pub id: ConnectionId,
    /// Whose it is.
    pub community: CommunityId,
    /// Where.
    pub platform: Platform,
    /// Our server.
    pub server: ServerId,
    /// The platform's id of the server.
    pub platform_server_id: String,
    /// The server's name.
    pub server_name: String,
    /// The platform's id of the account that acts there.
    pub account: String,
    /// What it may do, in the platform's words.
    pub scopes: Vec<String>,
    /// When the access token ends; it is renewed before.
    pub expires_at: Option<Timestamp>,
    /// Where announcements go, if somebody chose.
    pub channel: Option<ChannelChoice>,
    /// How it is.
    pub status: ConnectionStatus,
    /// What is wrong, in the platform's words.
    pub trouble: Option<String>,
    /// When it was last known to be well or ill.
    pub checked_at: Option<Timestamp>,
    /// Who installed it; `None` for the program itself.
    pub installed_by: Option<UserId>,
    /// Their name.
    pub installed_by_name: Option<String>,
    /// When it was installed, or installed anew.
    pub connected_at: Timestamp,
}

/// An install whose state was redeemed: what it was begun for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Install {
    /// For which community.
    pub community: CommunityId,
    /// On which platform.
    pub platform: Platform,
    /// The address that was given to the platform, exactly.
    pub redirect: String,
}

fn printable(text: &str, max: usize) -> bool {
    text.chars().count() <= max && !text.chars().any(char::is_control)
}

/// A server's name as far as we keep it.
fn server_name(name: &str) -> String {
    let plain = name.chars().filter(|c| !c.is_control());
    plain.take(100).collect::<String>().trim().to_owned()
}

/// What a platform tells us is stored only if it has the form of such things.
fn check(installed: &Installed) -> Result<(), IdentityError> {
    let grant = &installed.grant;
    let token = |token: &Secret<String>| token.expose().len() <= TOKEN_MAX;
    let fits = printable(&grant.account, TEXT_MAX)
        && grant.scopes.len() <= SCOPES_MAX
        && grant.scopes.iter().all(|scope| printable(scope, TEXT_MAX))
        && token(&grant.access)
        && grant.refresh.as_ref().is_none_or(token);
    if fits {
        return Ok(());
    }
    Err(IdentityError::invalid(
        "install",
        "the platform's answer does not have the form it should have",
    ))
}

fn entry(action: &'static str, connection: &Connection, detail: serde_json::Value) -> Entry {
    Entry {
        action,
        object: format!("connection:{}", connection.id),
        community: Some(connection.community),
        detail,
    }
}

impl Identity {
    /// Begins an install: makes the state that comes back with the person from the platform. It
    /// works once, within ten minutes, for the same person, session, platform and community.
    pub async fn begin_install(
        &self,
        actor: &Actor,
        community: CommunityId,
        platform: Platform,
        session: SessionId,
        redirect: &str,
    ) -> Result<Secret<String>, IdentityError> {
        actor.require(Permission::ManageCommunity, community)?;
        // The program itself has no session that somebody could come back in.
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        if redirect.is_empty() || redirect.len() > REDIRECT_MAX {
            return Err(IdentityError::invalid("redirect", "use 1 to 2,000 bytes"));
        }
        let state = token::fresh(&*self.entropy);
        let work = self.db.begin(actor, self.clock.now()).await?;
        let now = work.now();
        if tables::community::by_id(work.conn(), community)
            .await?
            .is_none()
        {
            return Err(IdentityError::NotFound);
        }
        if tables::connection::open_states(work.conn(), user, now).await? >= INSTALLS_OPEN_MAX {
            return Err(IdentityError::Throttled {
                retry_after: INSTALL,
            });
        }
        let begun = tables::connection::State {
            digest: token::digest(state.expose()),
            platform,
            community,
            user,
            session,
            redirect: redirect.to_owned(),
            expires_at: now.plus(INSTALL),
        };
        tables::connection::put_state(work.conn(), &begun).await?;
        work.commit().await?;
        Ok(state)
    }

    /// Redeems the state that came back: of several parallel uses exactly one succeeds. Refused as
    /// [`IdentityError::TokenInvalid`] if it is unknown, used or expired, or was made for another
    /// person, session or platform; such an attempt does not use it up.
    pub async fn redeem_install(
        &self,
        actor: &Actor,
        state: &str,
        platform: Platform,
        session: SessionId,
    ) -> Result<Install, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let work = self.db.begin(actor, self.clock.now()).await?;
        let found = tables::connection::use_state(
            work.conn(),
            &token::digest(state),
            platform,
            user,
            session,
            work.now(),
        )
        .await?;
        let (community, redirect) = found.ok_or(IdentityError::TokenInvalid)?;
        // The role may have changed since.
        actor.require(Permission::ManageCommunity, community)?;
        work.commit().await?;
        Ok(Install {
            community,
            platform,
            redirect,
        })
    }

    /// Writes down what an install brought: the server belongs to the community, the connection has
    /// its sealed tokens. Installing again renews both and keeps the chosen channel.
    pub async fn finish_install(
        &self,
        actor: &Actor,
        install: &Install,
        installed: &Installed,
    ) -> Result<Connection, IdentityError> {
        actor.require(Permission::ManageCommunity, install.community)?;
        let grant = &installed.grant;
        if grant.platform != install.platform {
            return Err(IdentityError::TokenInvalid);
        }
        check(installed)?;
        let server = community::checked_server(&NewServer {
            platform: grant.platform,
            platform_server_id: grant.server.clone(),
            name: server_name(&installed.name),
        })?;
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let server = community::connect(&mut work, install.community, &server).await?;
        let tokens = Tokens {
            keys: &self.keys,
            entropy: &*self.entropy,
        };
        let id = tables::connection::put(
            work.conn(),
            &tokens,
            &tables::connection::New {
                community: install.community,
                server: server.id,
                installed_by: actor.user_id(),
                grant,
            },
            work.now(),
        )
        .await?;
        let connection = tables::connection::by_id(work.conn(), id)
            .await?
            .ok_or(IdentityError::NotFound)?;
        let detail = serde_json::json!({
            "platform": grant.platform.as_str(), "server": grant.server,
            "account": grant.account, "scopes": grant.scopes,
        });
        work.audit(entry("connection.install", &connection, detail));
        work.notify(CHANGES, "");
        work.commit().await?;
        Ok(connection)
    }

    /// The live connections of a community, by platform and name, at most 1,000.
    pub async fn connections(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<Vec<Connection>, IdentityError> {
        actor.require(Permission::ManageCommunity, community)?;
        Ok(tables::connection::of_communities(self.db.read(), &[community]).await?)
    }

    /// The live connections of several communities, asked for at once: each has its own, or why the
    /// actor may not know them.
    pub async fn connections_of(
        &self,
        actor: &Actor,
        communities: &[CommunityId],
    ) -> Result<HashMap<CommunityId, Result<Vec<Connection>, Denied>>, IdentityError> {
        let (allowed, denied) = actor.sort_out(Permission::ManageCommunity, communities);
        let mut found: HashMap<CommunityId, Result<Vec<Connection>, Denied>> =
            denied.into_iter().map(|(id, why)| (id, Err(why))).collect();
        found.extend(allowed.iter().map(|id| (*id, Ok(Vec::new()))));
        for connection in tables::connection::of_communities(self.db.read(), &allowed).await? {
            if let Some(Ok(connections)) = found.get_mut(&connection.community) {
                connections.push(connection);
            }
        }
        Ok(found)
    }

    /// A live connection; `None` if absent, ended or not to be known of.
    pub async fn connection(
        &self,
        actor: &Actor,
        id: ConnectionId,
    ) -> Result<Option<Connection>, IdentityError> {
        let found = tables::connection::by_id(self.db.read(), id).await?;
        Ok(found.filter(|connection| may_manage(actor, connection)))
    }

    /// Chooses where announcements go; `None` = nowhere.
    pub async fn choose_channel(
        &self,
        actor: &Actor,
        id: ConnectionId,
        channel: Option<&ChannelChoice>,
    ) -> Result<(), IdentityError> {
        let fits = channel.is_none_or(|channel| {
            !channel.id.is_empty()
                && printable(&channel.id, TEXT_MAX)
                && printable(&channel.name, TEXT_MAX)
        });
        if !fits {
            return Err(IdentityError::invalid(
                "channel",
                "choose one of the channels",
            ));
        }
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let found = tables::connection::by_id(work.conn(), id).await?;
        let connection = found
            .filter(|connection| may_manage(actor, connection))
            .ok_or(IdentityError::NotFound)?;
        tables::connection::set_channel(work.conn(), id, channel, work.now()).await?;
        let name = |channel: Option<&ChannelChoice>| channel.map(|channel| channel.id.clone());
        let detail = serde_json::json!({
            "before": name(connection.channel.as_ref()), "after": name(channel),
        });
        work.audit(entry("connection.channel", &connection, detail));
        Ok(work.commit().await?)
    }

    /// Ends a connection: its tokens are erased and the server's chat is not recorded any more.
    /// What was recorded stays with the community; the server is free to be connected again, also by
    /// another community.
    pub async fn disconnect(&self, actor: &Actor, id: ConnectionId) -> Result<(), IdentityError> {
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let found = tables::connection::by_id(work.conn(), id).await?;
        let connection = found
            .filter(|connection| may_manage(actor, connection))
            .ok_or(IdentityError::NotFound)?;
        tables::connection::revoke(work.conn(), id, work.now()).await?;
        tables::community::disconnect_server(work.conn(), connection.server).await?;
        let detail = serde_json::json!({
            "platform": connection.platform.as_str(), "server": connection.platform_server_id,
        });
        work.audit(entry("connection.disconnect", &connection, detail));
        let payload = serde_json::json!({
            "community": connection.community.0, "server": connection.server.0,
            "platform": connection.platform.as_str(), "name": connection.server_name,
        });
        let event = DomainEvent {
            kind: SERVER_DISCONNECTED,
            community: Some(connection.community),
            payload,
        };
        work.emit(event, ROUTES).await?;
        work.notify(CHANGES, "");
        Ok(work.commit().await?)
    }
}

fn may_manage(actor: &Actor, connection: &Connection) -> bool {
    connection.status != ConnectionStatus::Revoked
        && actor
            .require(Permission::ManageCommunity, connection.community)
            .is_ok()
}
