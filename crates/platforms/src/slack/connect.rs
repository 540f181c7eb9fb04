//! Installs the app in workspaces («Installing with OAuth»), lists channels, tests and revokes.

use std::time::Duration;

use async_trait::async_trait;
use kernel::{
    ChannelChoice, ConnectError, Connector, Grant, Installed, Platform, Returned, Secret, Timestamp,
};
use serde::{Deserialize, Serialize};
use slack_morphism::{
    SlackApiToken, SlackChannelInfo, SlackClientHttpConnector, SlackClientId, SlackClientSecret,
    SlackConversationType,
    api::{SlackApiConversationsListRequest, SlackApiConversationsListResponse},
};

use super::{
    Core, Slack,
    api::{AUTH_TEST, ApiError, METHODS, TIER2, TIER3, TIER4, token_of},
    methods::{Done, PATIENCE},
};

/// What we ask for, and nothing more. No e-mail addresses: we send mail only to addresses that
/// people gave us.
const SCOPES: [&str; 15] = [
    "app_mentions:read",
    "channels:history",
    "channels:join",
    "channels:read",
    "chat:write",
    "commands",
    "groups:history",
    "groups:read",
    "im:history",
    "im:read",
    "im:write",
    "reactions:read",
    "reactions:write",
    "team:read",
    "users:read",
];
/// How long before its end a token is renewed; Slack's live twelve hours.
const RENEW_BEFORE: Duration = Duration::from_secs(30 * 60);
/// Pages of channels read at most, 200 each.
const PAGES_MAX: usize = 50;

/// `oauth.v2.access`. slack-morphism's model knows no expiry (token rotation), and refuses what has
/// no team.
#[derive(Deserialize)]
struct Approved {
    access_token: Option<String>,
    refresh_token: Option<String>,
    /// Seconds.
    expires_in: Option<i64>,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    bot_user_id: String,
    team: Option<Team>,
}

#[derive(Deserialize)]
struct Team {
    id: String,
    name: Option<String>,
}

/// `auth.test`
#[derive(Deserialize)]
struct Tested {
    #[serde(default)]
    user: String,
    #[serde(default)]
    team: String,
    #[serde(default)]
    team_id: String,
}

#[derive(Serialize)]
struct Nothing {}

fn ends_at(now: Timestamp, expires_in: Option<i64>) -> Option<Timestamp> {
    expires_in.map(|secs| Timestamp::from_secs(now.secs().saturating_add(secs)))
}

fn told(error: &ApiError) -> ConnectError {
    ConnectError(error.to_string())
}

#[async_trait]
impl Connector for Slack {
    fn platform(&self) -> Platform {
        Platform::Slack
    }

    fn install_url(&self, state: &str, redirect: &str) -> String {
        let settings = &self.core.settings;
        let query = url::form_urlencoded::Serializer::new(String::new())
            .append_pair("client_id", &settings.client_id)
            .append_pair("scope", &SCOPES.join(","))
            .append_pair("redirect_uri", redirect)
            .append_pair("state", state)
            .finish();
        format!("{}?{query}", settings.authorize_url)
    }

    async fn install(&self, returned: &Returned) -> Result<Installed, ConnectError> {
        let access = self.core.access(returned).await;
        let access = access.map_err(|error| told(&error))?;
        let (Some(token), Some(team)) = (access.access_token, access.team) else {
            return Err(ConnectError(
                "Slack gave no token for a workspace; installing for a whole organisation is not supported"
                    .to_owned(),
            ));
        };
        let now = self.core.clock.now();
        Ok(Installed {
            name: team.name.unwrap_or_else(|| team.id.clone()),
            grant: Grant {
                platform: Platform::Slack,
                server: team.id,
                account: access.bot_user_id,
                access: Secret::new(token),
                refresh: access.refresh_token.map(Secret::new),
                expires_at: ends_at(now, access.expires_in),
                scopes: access
                    .scope
                    .split(',')
                    .filter(|scope| !scope.is_empty())
                    .map(str::to_owned)
                    .collect(),
            },
        })
    }

    /// Channels the bot is in, and public ones, which it joins when it is told to
    /// ([`Connector::enter`]); no archived ones.
    async fn channels(&self, grant: &Grant) -> Result<Vec<ChannelChoice>, ConnectError> {
        let mut choices = Vec::new();
        for channel in self.core.list(grant).await.map_err(|error| told(&error))? {
            let yes = |flag: Option<bool>| flag == Some(true);
            let flags = &channel.flags;
            let is_open = yes(flags.is_member) || !yes(flags.is_private);
            if is_open && !yes(flags.is_archived) {
                choices.push(ChannelChoice {
                    name: channel.name.unwrap_or_else(|| channel.id.0.clone()),
                    id: channel.id.0,
                });
            }
        }
        choices.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(choices)
    }

    async fn enter(&self, grant: &Grant, channel: &str) -> Result<(), ConnectError> {
        let joined = self.core.join(&grant.server, channel).await;
        joined.map_err(|error| told(&error))
    }

    async fn check(&self, grant: &Grant) -> Result<String, ConnectError> {
        let tested: Tested = self
            .core
            .with_grant(grant, "auth.test", AUTH_TEST)
            .await
            .map_err(|error| told(&error))?;
        if tested.team_id != grant.server {
            return Err(ConnectError(
                "the token belongs to another workspace".to_owned(),
            ));
        }
        let channels = self.core.list(grant).await.map_err(|error| told(&error))?;
        let n = channels
            .iter()
            .filter(|channel| channel.flags.is_member == Some(true))
            .count();
        let noun = if n == 1 { "channel" } else { "channels" };
        Ok(format!(
            "reached {} as {}, in {n} {noun}",
            tested.team, tested.user
        ))
    }

    async fn revoke(&self, grant: &Grant) -> Result<(), ConnectError> {
        let revoked: Result<Done, ApiError> =
            self.core.with_grant(grant, "auth.revoke", TIER3).await;
        match revoked {
            Ok(Done {}) => Ok(()),
            // Slack knows it no more.
            Err(ApiError::Named(name))
                if matches!(
                    name.as_str(),
                    "token_revoked" | "invalid_auth" | "account_inactive" | "token_expired"
                ) =>
            {
                Ok(())
            }
            Err(error) => Err(told(&error)),
        }
    }
}

impl Core {
    async fn access(&self, returned: &Returned) -> Result<Approved, ApiError> {
        self.ask_for_token(&[
            ("code", returned.code.expose()),
            ("redirect_uri", &returned.redirect),
        ])
        .await
    }

    /// `oauth.v2.access` with our credentials.
    async fn ask_for_token(&self, query: &[(&str, &str)]) -> Result<Approved, ApiError> {
        let method = "oauth.v2.access";
        let lanes = self.api.begin("", method, TIER4, PATIENCE).await?;
        let wire = &self.api.client.http_api.connector;
        let id = SlackClientId(self.settings.client_id.clone());
        let secret = SlackClientSecret(self.settings.client_secret.expose().clone());
        let mut url = wire.create_method_uri_path(method)?;
        url.query_pairs_mut().extend_pairs(query);
        let result = wire.http_get_with_client_secret(url, &id, &secret).await;
        self.api.end(METHODS, "", &lanes, result).await
    }

    /// The token of a workspace, renewed before it ends (only apps with token rotation have tokens
    /// that end).
    pub(super) async fn token(&self, team: &str) -> Result<SlackApiToken, ApiError> {
        let grant = self.api.grant(team).await?;
        if !self.ends_soon(&grant) {
            return Ok(token_of(&grant));
        }
        let _renewing = self.api.renewing.lock().await;
        // Somebody else may have been quicker, here or in another process.
        let grant = self.api.grant(team).await?;
        if !self.ends_soon(&grant) {
            return Ok(token_of(&grant));
        }
        match self.renew(&grant).await {
            Ok(renewed) => Ok(token_of(&renewed)),
            Err(error) => {
                let now = self.api.grant(team).await?;
                let is_good = now.access != grant.access
                    || now.expires_at.is_some_and(|ends| ends > self.clock.now());
                if is_good {
                    tracing::warn!(error = %error, "a token was not renewed; the old one is still good");
                    return Ok(token_of(&now));
                }
                self.api.is_unwell(team, &error.to_string()).await;
                Err(error)
            }
        }
    }

    fn ends_soon(&self, grant: &Grant) -> bool {
        let soon = self.clock.now().plus(RENEW_BEFORE);
        grant.refresh.is_some() && grant.expires_at.is_some_and(|ends| ends <= soon)
    }

    async fn renew(&self, grant: &Grant) -> Result<Grant, ApiError> {
        let refresh = grant.refresh.as_ref().ok_or(ApiError::NotConnected)?;
        let given = self
            .ask_for_token(&[
                ("grant_type", "refresh_token"),
                ("refresh_token", refresh.expose()),
            ])
            .await?;
        let renewed = Grant {
            access: Secret::new(given.access_token.ok_or(ApiError::Garbled)?),
            refresh: given
                .refresh_token
                .map(Secret::new)
                .or_else(|| grant.refresh.clone()),
            expires_at: ends_at(self.clock.now(), given.expires_in),
            ..grant.clone()
        };
        if let Err(error) = self.api.grants.renew(&renewed).await {
            tracing::error!(error = %error, "a renewed token could not be stored: the workspace must be connected again");
        }
        Ok(renewed)
    }

    /// A method without arguments, with the token of a grant that may not be stored yet.
    async fn with_grant<RS>(
        &self,
        grant: &Grant,
        method: &'static str,
        per_minute: u32,
    ) -> Result<RS, ApiError>
    where
        RS: for<'de> Deserialize<'de> + Send,
    {
        let token = token_of(grant);
        let lanes = self
            .api
            .begin(&grant.server, method, per_minute, PATIENCE)
            .await?;
        let session = self.api.client.open_session(&token);
        let result = session
            .http_session_api
            .http_post(method, &Nothing {}, None)
            .await;
        // Nobody's connection is judged by a test of a grant.
        self.api.end(METHODS, "", &lanes, result).await
    }

    async fn list(&self, grant: &Grant) -> Result<Vec<SlackChannelInfo>, ApiError> {
        let token = token_of(grant);
        let session = self.api.client.open_session(&token);
        let mut request = SlackApiConversationsListRequest::new()
            .with_limit(200)
            .with_exclude_archived(true)
            .with_types(vec![
                SlackConversationType::Public,
                SlackConversationType::Private,
            ]);
        let mut all = Vec::new();
        for _ in 0..PAGES_MAX {
            let lanes = self
                .api
                .begin(&grant.server, "conversations.list", TIER2, PATIENCE)
                .await?;
            let result = session.conversations_list(&request).await;
            let page: SlackApiConversationsListResponse =
                self.api.end(METHODS, "", &lanes, result).await?;
            all.extend(page.channels);
            let cursor = page
                .response_metadata
                .and_then(|metadata| metadata.next_cursor)
                .filter(|cursor| !cursor.0.is_empty());
            match cursor {
                Some(cursor) => request = request.with_cursor(cursor),
                None => break,
            }
        }
        Ok(all)
    }
}
