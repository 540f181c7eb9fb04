//! How the bot comes to a guild, which channels are there, whether all is well, and how it leaves.
//! Sources: Discord «OAuth2», «Guild». Must never keep the installing person's token.

use async_trait::async_trait;
use kernel::{
    ChannelChoice, ConnectError, Connector, Grant, Installed, Platform, Returned, Secret,
};
use serde::Deserialize;
use twilight_http::routing::Route;

use super::{ApiError, Discord, api::Ask, id::number};

/// What the bot asks for: see channels, send, embed, attach, read history, add reactions, use
/// external emoji, kick, ban, moderate members, manage roles, manage events, create events, view the
/// audit log (who moderated whom), send in threads.
const PERMISSIONS: u64 = 1 << 1
    | 1 << 2
    | 1 << 6
    | 1 << 7
    | 1 << 10
    | 1 << 11
    | 1 << 14
    | 1 << 15
    | 1 << 16
    | 1 << 18
    | 1 << 28
    | 1 << 33
    | 1 << 38
    | 1 << 40
    | 1 << 44;

#[derive(Deserialize)]
struct Granted {
    #[serde(default)]
    scope: String,
    #[serde(default)]
    guild: Option<Named>,
}

#[derive(Deserialize)]
struct Named {
    id: String,
    name: String,
}

#[derive(Deserialize)]
struct Me {
    username: String,
}

#[derive(Deserialize)]
struct Listed {
    id: String,
    #[serde(default)]
    name: Option<String>,
    #[serde(rename = "type")]
    kind: u16,
    #[serde(default)]
    position: i64,
}

impl Listed {
    /// A text channel, or one for announcements.
    const fn is_for_text(&self) -> bool {
        matches!(self.kind, 0 | 5)
    }
}

fn said(error: &ApiError) -> ConnectError {
    ConnectError(error.to_string())
}

impl Discord {
    async fn listed(&self, guild: &str) -> Result<Vec<Listed>, ApiError> {
        let route = Route::GetChannels {
            guild_id: number(guild)?,
        };
        let mut all: Vec<Listed> = self.api.read(Ask::new(&route)).await?;
        all.retain(Listed::is_for_text);
        all.sort_by(|a, b| (a.position, &a.id).cmp(&(b.position, &b.id)));
        Ok(all)
    }

    async fn named(&self, guild: &str) -> Result<Named, ApiError> {
        let route = Route::GetGuild {
            guild_id: number(guild)?,
            with_counts: false,
        };
        self.api.read(Ask::new(&route)).await
    }
}

#[async_trait]
impl Connector for Discord {
    fn platform(&self) -> Platform {
        Platform::Discord
    }

    fn install_url(&self, state: &str, redirect: &str) -> String {
        let mut url = self.settings.authorize_url.clone();
        url.query_pairs_mut()
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("response_type", "code")
            .append_pair("scope", "bot applications.commands")
            .append_pair("permissions", &PERMISSIONS.to_string())
            .append_pair("integration_type", "0")
            .append_pair("redirect_uri", redirect)
            .append_pair("state", state);
        url.into()
    }

    async fn install(&self, returned: &Returned) -> Result<Installed, ConnectError> {
        let form = [
            ("grant_type", "authorization_code"),
            ("code", returned.code.expose().as_str()),
            ("redirect_uri", returned.redirect.as_str()),
            ("client_id", self.settings.client_id.as_str()),
            (
                "client_secret",
                self.settings.client_secret.expose().as_str(),
            ),
        ];
        let reply = self
            .api
            .form("oauth2/token", &form)
            .await
            .map_err(|error| said(&error))?;
        let granted: Granted = reply
            .json()
            .ok_or_else(|| ConnectError("Discord's answer could not be read".to_owned()))?;
        let guild = match (granted.guild, &returned.server) {
            (Some(guild), named) => {
                if named.as_ref().is_some_and(|named| *named != guild.id) {
                    return Err(ConnectError(
                        "the address names another server than Discord".to_owned(),
                    ));
                }
                guild
            }
            (None, Some(server)) => self.named(server).await.map_err(|error| said(&error))?,
            (None, None) => return Err(ConnectError("no server was chosen".to_owned())),
        };
        Ok(Installed {
            name: guild.name,
            grant: Grant {
                platform: Platform::Discord,
                server: guild.id,
                account: self.settings.application.to_string(),
                // The program's own token is used; the person's is not kept.
                access: Secret::default(),
                refresh: None,
                expires_at: None,
                scopes: granted
                    .scope
                    .split_whitespace()
                    .map(str::to_owned)
                    .collect(),
            },
        })
    }

    async fn channels(&self, grant: &Grant) -> Result<Vec<ChannelChoice>, ConnectError> {
        let listed = self
            .listed(&grant.server)
            .await
            .map_err(|error| said(&error))?;
        let choice = |channel: Listed| ChannelChoice {
            name: channel.name.unwrap_or_default(),
            id: channel.id,
        };
        Ok(listed.into_iter().map(choice).collect())
    }

    async fn check(&self, grant: &Grant) -> Result<String, ConnectError> {
        let me: Me = self
            .api
            .read(Ask::new(&Route::GetCurrentUser))
            .await
            .map_err(|error| said(&error))?;
        let guild = self
            .named(&grant.server)
            .await
            .map_err(|error| said(&error))?;
        let listed = self
            .listed(&grant.server)
            .await
            .map_err(|error| said(&error))?;
        let n = listed.len();
        Ok(format!(
            "reached {} as {}, {n} text channels",
            guild.name, me.username
        ))
    }

    async fn revoke(&self, grant: &Grant) -> Result<(), ConnectError> {
        let guild_id = number(&grant.server).map_err(|error| said(&error))?;
        match self
            .api
            .ask(Ask::new(&Route::LeaveGuild { guild_id }))
            .await
        {
            Ok(_) => Ok(()),
            Err(error) if error.code() == Some(10_004) => Ok(()),
            Err(error) => Err(said(&error)),
        }
    }
}
