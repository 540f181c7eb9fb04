//! Signing in with Twitch («Authorization code grant flow»). Twitch documents no PKCE, so none is
//! relied on; state and an exact redirect guard the way. Must never take a token that was made for
//! another application.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{
    AuthorizeRequest, Clock, ConnectError, PersonalTokens, Platform, Proof, Provider, Secret,
    SignInReturn, TokenError,
};
use reqwest::Method;
use serde::Deserialize;

use super::Settings;
use crate::{
    http::{Call, Http, Reply},
    identity::{Given, Party, address, header},
};

/// Twitch reports an address only if it is checked, and only with this.
const SCOPE: &str = "user:read:email";

#[derive(Deserialize)]
struct Valid {
    client_id: String,
    #[serde(default)]
    user_id: String,
}

#[derive(Deserialize)]
struct Users {
    data: Vec<User>,
}

#[derive(Deserialize)]
struct User {
    id: String,
    login: String,
    #[serde(default)]
    display_name: Option<String>,
    #[serde(default)]
    profile_image_url: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    created_at: Option<String>,
}

/// Signs people in with Twitch.
pub struct TwitchSignIn {
    party: Party,
    clock: Arc<dyn Clock>,
    settings: Settings,
}

impl std::fmt::Debug for TwitchSignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TwitchSignIn").finish_non_exhaustive()
    }
}

impl TwitchSignIn {
    /// As the settings say.
    pub fn new(settings: &Settings, http: Http, clock: Arc<dyn Clock>) -> Self {
        Self {
            party: Party {
                http,
                name: "Twitch".to_owned(),
            },
            clock,
            settings: settings.clone(),
        }
    }

    fn at(&self, path: &str) -> String {
        format!("{}/{path}", self.settings.id_url)
    }

    async fn token(&self, fields: &[(&str, &str)]) -> Result<Reply, ConnectError> {
        let ours = [
            ("client_id", self.settings.client_id.as_str()),
            ("client_secret", self.settings.client_secret.expose()),
        ];
        let all = [&ours, fields].concat();
        self.party.form(self.at("token"), &all).await
    }

    /// Who a token of ours is for.
    async fn owner(&self, access: &Secret<String>) -> Result<String, ConnectError> {
        let call = Call::new(Method::GET, self.at("validate"));
        let reply = self.party.with_token(call, "OAuth", access).await?;
        let valid: Valid = self.party.read(&reply)?;
        if valid.client_id != self.settings.client_id || valid.user_id.is_empty() {
            return Err(self.party.failed("gave a token of another application"));
        }
        Ok(valid.user_id)
    }
}

#[async_trait]
impl Provider for TwitchSignIn {
    fn key(&self) -> &'static str {
        "twitch"
    }

    fn label(&self) -> &'static str {
        "Twitch"
    }

    fn platform(&self) -> Option<Platform> {
        Some(Platform::Twitch)
    }

    async fn authorize_url(&self, request: &AuthorizeRequest) -> Result<String, ConnectError> {
        address(
            &self.at("authorize"),
            &[
                ("response_type", "code"),
                ("client_id", &self.settings.client_id),
                ("scope", SCOPE),
                ("redirect_uri", &request.redirect),
                ("state", &request.state),
            ],
        )
    }

    async fn authorize_place(&self) -> Option<String> {
        Some(self.at("authorize"))
    }

    async fn prove(&self, returned: &SignInReturn) -> Result<Proof, ConnectError> {
        let reply = self
            .token(&[
                ("grant_type", "authorization_code"),
                ("code", returned.code.expose()),
                ("redirect_uri", &returned.redirect),
            ])
            .await?;
        let given: Given = self.party.read(&reply)?;
        let tokens = given.tokens(&*self.clock, None);
        let owner = self.owner(&tokens.access).await?;
        let mut call = Call::new(Method::GET, format!("{}/users", self.settings.api_url));
        header(&mut call, "client-id", &self.settings.client_id);
        let reply = self
            .party
            .with_token(call, "Bearer", &tokens.access)
            .await?;
        let users: Users = self.party.read(&reply)?;
        let user = users.data.into_iter().find(|user| user.id == owner);
        let user = user.ok_or_else(|| self.party.failed("did not say whose token it is"))?;
        Ok(Proof {
            subject: user.id,
            display_name: user.display_name.filter(|name| *name != user.login),
            username: user.login,
            avatar: user.profile_image_url,
            verified_email: user.email.filter(|email| !email.is_empty()),
            account_created_at: user.created_at.as_deref().and_then(super::time::parse),
            tokens: Some(tokens),
        })
    }

    /// «Refreshing Access Tokens»: 400 and 401 say that the person has to come again, but with other
    /// words than RFC 6749; 403 is about our own secret.
    async fn refresh(&self, tokens: &PersonalTokens) -> Result<PersonalTokens, TokenError> {
        let refresh = self.party.refresh_token(tokens)?;
        let reply = self
            .token(&[
                ("grant_type", "refresh_token"),
                ("refresh_token", refresh.expose()),
            ])
            .await?;
        match reply.status.as_u16() {
            200..=299 => {}
            400 | 401 => return Err(TokenError::Refused(self.party.refused(&reply))),
            _ => return Err(self.party.not_refreshed(&reply)),
        }
        let given: Given = self.party.read(&reply)?;
        Ok(given.tokens(&*self.clock, Some(tokens)))
    }

    /// The refresh token ends with the access token's authorisation.
    async fn revoke(&self, tokens: &PersonalTokens) -> Result<(), ConnectError> {
        let fields = [
            ("client_id", self.settings.client_id.as_str()),
            ("token", tokens.access.expose()),
        ];
        let reply = self.party.form(self.at("revoke"), &fields).await?;
        self.party.given_back(&reply)
    }
}
