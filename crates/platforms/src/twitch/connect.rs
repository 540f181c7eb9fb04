//! Connects channels («Getting OAuth tokens: authorization code grant flow»). Never accepts a token
//! that Twitch gave to another application.

use std::{sync::Arc, time::Duration};

use async_trait::async_trait;
use kernel::{
    ChannelChoice, ConnectError, Connector, Grant, Installed, Platform, Returned, Secret,
};
use twitch_oauth2::ValidatedToken;
use url::Url;

use super::{
    api::Api,
    settings::SCOPES,
    token::{TokenError, names},
};

/// Connects channels.
pub struct TwitchConnector {
    api: Arc<Api>,
}

impl std::fmt::Debug for TwitchConnector {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TwitchConnector").finish_non_exhaustive()
    }
}

impl TwitchConnector {
    pub(super) const fn new(api: Arc<Api>) -> Self {
        Self { api }
    }

    /// Who a token is for, if it is ours.
    async fn owner(&self, access: &Secret<String>) -> Result<(String, String), ConnectError> {
        let valid = self.api.keeper.look_up(access).await?;
        let valid = valid.ok_or_else(|| failed("Twitch does not accept this access (401)"))?;
        self.ours(&valid)
    }

    fn ours(&self, valid: &ValidatedToken) -> Result<(String, String), ConnectError> {
        if valid.client_id.as_str() != self.api.settings.client_id {
            return Err(failed("the token belongs to another application"));
        }
        match (&valid.user_id, &valid.login) {
            (Some(user), Some(login)) => Ok((user.as_str().to_owned(), login.as_str().to_owned())),
            _ => Err(failed("the token belongs to no account")),
        }
    }
}

fn failed(why: &str) -> ConnectError {
    ConnectError(why.to_owned())
}

impl From<TokenError> for ConnectError {
    fn from(error: TokenError) -> Self {
        Self(error.to_string())
    }
}

#[async_trait]
impl Connector for TwitchConnector {
    fn platform(&self) -> Platform {
        Platform::Twitch
    }

    fn install_url(&self, state: &str, redirect: &str) -> String {
        let settings = &self.api.settings;
        let address = format!("{}/authorize", settings.id_url);
        let query = [
            ("response_type", "code"),
            ("client_id", settings.client_id.as_str()),
            ("redirect_uri", redirect),
            ("scope", &SCOPES.join(" ")),
            ("state", state),
            // Otherwise Twitch sends back whoever is signed in, without asking which channel.
            ("force_verify", "true"),
        ];
        Url::parse_with_params(&address, query).map_or(address, String::from)
    }

    async fn install(&self, returned: &Returned) -> Result<Installed, ConnectError> {
        let exchanged = self
            .api
            .keeper
            .exchange(&returned.code, &returned.redirect)
            .await?;
        let access = Secret::new(exchanged.access_token.secret().to_owned());
        let (account, login) = self.owner(&access).await?;
        let now = self.api.clock.now();
        Ok(Installed {
            name: login,
            grant: Grant {
                platform: Platform::Twitch,
                server: account.clone(),
                account,
                access,
                refresh: exchanged
                    .refresh_token
                    .map(|token| Secret::new(token.secret().to_owned())),
                expires_at: exchanged
                    .expires_in
                    .map(|secs| now.plus(Duration::from_secs(secs))),
                scopes: exchanged.scopes.as_deref().map(names).unwrap_or_default(),
            },
        })
    }

    /// The one channel that a broadcaster has.
    async fn channels(&self, grant: &Grant) -> Result<Vec<ChannelChoice>, ConnectError> {
        let (id, name) = self.owner(&grant.access).await?;
        Ok(vec![ChannelChoice { id, name }])
    }

    async fn check(&self, grant: &Grant) -> Result<String, ConnectError> {
        let mut valid = self.api.keeper.look_up(&grant.access).await?;
        if valid.is_none() {
            // It may only have expired.
            let fresh = self
                .api
                .keeper
                .renewed(&grant.server, &grant.access)
                .await?;
            valid = self.api.keeper.look_up(&fresh.access).await?;
        }
        let valid = valid.ok_or_else(|| failed("Twitch does not accept this access (401)"))?;
        let (account, login) = self.ours(&valid)?;
        if account != grant.account {
            return Err(failed("the token belongs to another channel"));
        }
        let given = valid.scopes.as_deref().map(names).unwrap_or_default();
        let missing: Vec<&str> = SCOPES
            .into_iter()
            .filter(|scope| !given.iter().any(|given| given == scope))
            .collect();
        if missing.is_empty() {
            return Ok(format!("reached as {login}, everything is allowed"));
        }
        let missing = missing.join(", ");
        Ok(format!("reached as {login}; not allowed: {missing}"))
    }

    async fn revoke(&self, grant: &Grant) -> Result<(), ConnectError> {
        Ok(self.api.keeper.revoke(&grant.access).await?)
    }
}
