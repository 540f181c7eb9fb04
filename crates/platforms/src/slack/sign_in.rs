//! Signing in with Slack (OpenID Connect). Sources: docs.slack.dev «Sign in with Slack», OpenID
//! Connect Core §3.1.3.7.
//!
//! Slack is asked in its own way (errors come with status 200, and its ids of people stand in claims of
//! its own), but its ID tokens are checked like everybody's: see `oidc/id_token.rs`. Must never name
//! somebody of whom no ID token was taken.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{
    AuthorizeRequest, Clock, ConnectError, PersonalTokens, Platform, Proof, Provider, SignInReturn,
    TokenError,
};
use reqwest::Method;
use serde::{Deserialize, de::DeserializeOwned};
use url::Url;

use super::Settings;
use crate::{
    http::{Call, Http, Reply},
    identity::{Given, Party, address},
    oidc::id_token::IdTokens,
};

const SCOPES: &str = "openid profile email";

/// `openid.connect.userInfo`
#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    #[serde(rename = "https://slack.com/user_id")]
    user_id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    picture: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
}

/// What every answer says, whatever its status.
#[derive(Deserialize)]
struct Said {
    ok: bool,
    #[serde(default)]
    error: String,
}

/// Signs people in with Slack.
pub struct SlackSignIn {
    party: Party,
    clock: Arc<dyn Clock>,
    settings: Settings,
    /// Slack's page.
    page: String,
    tokens: IdTokens,
}

impl std::fmt::Debug for SlackSignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SlackSignIn").finish_non_exhaustive()
    }
}

impl SlackSignIn {
    /// As the settings say; the page is beside the one on which the app is installed. `None` if that
    /// address is none.
    pub fn new(settings: &Settings, http: Http, clock: Arc<dyn Clock>) -> Option<Self> {
        let beside = Url::parse(&settings.authorize_url).ok()?;
        let page = beside.join("/openid/connect/authorize").ok()?;
        let party = Party {
            http,
            name: "Slack".to_owned(),
        };
        // Who issues the ID tokens, and says of itself where its keys are.
        let issuer = page.origin().ascii_serialization();
        let client = (settings.client_id.clone(), settings.client_secret.clone());
        Some(Self {
            tokens: IdTokens::new(party.clone(), issuer, client, Arc::clone(&clock)),
            party,
            clock,
            settings: settings.clone(),
            page: page.into(),
        })
    }

    /// Errors come with status 200.
    fn read<T: DeserializeOwned>(&self, reply: &Reply) -> Result<T, ConnectError> {
        let said: Said = self.party.read(reply)?;
        if !said.ok {
            return Err(self.party.refused(reply));
        }
        self.party.read(reply)
    }

    async fn token(&self, fields: &[(&str, &str)]) -> Result<Reply, ConnectError> {
        let ours = [
            ("client_id", self.settings.client_id.as_str()),
            ("client_secret", self.settings.client_secret.expose()),
        ];
        let url = format!("{}/openid.connect.token", self.settings.api_url);
        self.party.form(url, &[&ours, fields].concat()).await
    }
}

#[async_trait]
impl Provider for SlackSignIn {
    fn key(&self) -> &'static str {
        "slack"
    }

    fn label(&self) -> &'static str {
        "Slack"
    }

    fn platform(&self) -> Option<Platform> {
        Some(Platform::Slack)
    }

    async fn authorize_url(&self, request: &AuthorizeRequest) -> Result<String, ConnectError> {
        address(
            &self.page,
            &[
                ("response_type", "code"),
                ("client_id", &self.settings.client_id),
                ("scope", SCOPES),
                ("redirect_uri", &request.redirect),
                ("state", &request.state),
                ("nonce", &request.nonce),
            ],
        )
    }

    async fn authorize_place(&self) -> Option<String> {
        Some(self.page.clone())
    }

    async fn prove(&self, returned: &SignInReturn) -> Result<Proof, ConnectError> {
        let reply = self
            .token(&[
                ("grant_type", "authorization_code"),
                ("code", returned.code.expose()),
                ("redirect_uri", &returned.redirect),
            ])
            .await?;
        let given: Given = self.read(&reply)?;
        let claims = self.tokens.claims(&given, &returned.nonce).await?;
        let tokens = given.tokens(&*self.clock, None);
        let url = format!("{}/openid.connect.userInfo", self.settings.api_url);
        let call = Call::new(Method::GET, url);
        let reply = self
            .party
            .with_token(call, "Bearer", &tokens.access)
            .await?;
        let info: UserInfo = self.read(&reply)?;
        if info.sub != claims.subject().as_str() {
            return Err(self.party.failed("named two people at once"));
        }
        Ok(Proof {
            subject: info.user_id,
            username: info.name,
            display_name: None,
            avatar: info.picture,
            verified_email: info.email.filter(|_| info.email_verified),
            account_created_at: None,
            tokens: Some(tokens),
        })
    }

    async fn refresh(&self, tokens: &PersonalTokens) -> Result<PersonalTokens, TokenError> {
        let refresh = self.party.refresh_token(tokens)?;
        let reply = self
            .token(&[
                ("grant_type", "refresh_token"),
                ("refresh_token", refresh.expose()),
            ])
            .await?;
        let given: Given = self
            .read(&reply)
            .map_err(|_refusal| self.party.not_refreshed(&reply))?;
        Ok(given.tokens(&*self.clock, Some(tokens)))
    }

    async fn revoke(&self, tokens: &PersonalTokens) -> Result<(), ConnectError> {
        let url = format!("{}/auth.revoke", self.settings.api_url);
        let call = Call::new(Method::POST, url);
        let reply = self
            .party
            .with_token(call, "Bearer", &tokens.access)
            .await?;
        let said: Said = self.party.read(&reply)?;
        match said.error.as_str() {
            _ if said.ok => Ok(()),
            "token_revoked" | "invalid_auth" | "account_inactive" | "token_expired" => Ok(()),
            _ => Err(self.party.refused(&reply)),
        }
    }
}
