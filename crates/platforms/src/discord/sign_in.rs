//! Signing in with Discord. Sources: Discord «OAuth2», «User», «Application Role Connection Metadata».
//! Must never take a token that was made for another application, or an address Discord has not
//! checked.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{
    AuthorizeRequest, Clock, ConnectError, PersonalTokens, Platform, Proof, Provider, RoleMetadata,
    Secret, SignInReturn, TokenError,
};
use reqwest::{
    Method,
    header::{CONTENT_TYPE, HeaderValue},
};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{Settings, created_at};
use crate::{
    http::{Call, Http, Reply},
    identity::{Given, Party, address, challenge},
};

const SCOPES: &str = "identify email";
const ROLE_SCOPE: &str = "role_connections.write";
/// What people read above the values.
const PLATFORM_NAME: &str = "WaddleBot";
/// Longest name of somebody, in characters.
const NAME_MAX: usize = 100;

#[derive(Deserialize)]
struct Authorization {
    application: Application,
}

#[derive(Deserialize)]
struct Application {
    id: String,
}

#[derive(Deserialize)]
struct Me {
    id: String,
    username: String,
    #[serde(default)]
    global_name: Option<String>,
    #[serde(default)]
    avatar: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    verified: bool,
}

/// Signs people in with Discord.
pub struct DiscordSignIn {
    party: Party,
    clock: Arc<dyn Clock>,
    application: String,
    client_id: String,
    client_secret: Secret<String>,
    api_url: String,
    authorize_url: String,
    linked_roles: bool,
}

impl std::fmt::Debug for DiscordSignIn {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DiscordSignIn").finish_non_exhaustive()
    }
}

impl DiscordSignIn {
    /// As the settings say; needs no bot token. With `linked_roles` people may let us tell Discord
    /// what roles may depend on.
    pub fn new(settings: &Settings, http: Http, clock: Arc<dyn Clock>, linked_roles: bool) -> Self {
        Self {
            party: Party {
                http,
                name: "Discord".to_owned(),
            },
            clock,
            application: settings.application_id.trim().to_owned(),
            client_id: settings.client_id.clone(),
            client_secret: settings.client_secret.clone(),
            api_url: settings.api_url.trim_end_matches('/').to_owned(),
            authorize_url: settings.authorize_url.clone(),
            linked_roles,
        }
    }

    async fn token(&self, fields: &[(&str, &str)]) -> Result<Reply, ConnectError> {
        let ours = [
            ("client_id", self.client_id.as_str()),
            ("client_secret", self.client_secret.expose().as_str()),
        ];
        let url = format!("{}/oauth2/token", self.api_url);
        self.party.form(url, &[&ours, fields].concat()).await
    }

    async fn get<T: serde::de::DeserializeOwned>(
        &self,
        path: &str,
        access: &Secret<String>,
    ) -> Result<T, ConnectError> {
        let call = Call::new(Method::GET, format!("{}/v10/{path}", self.api_url));
        let reply = self.party.with_token(call, "Bearer", access).await?;
        self.party.read(&reply)
    }
}

#[async_trait]
impl Provider for DiscordSignIn {
    fn key(&self) -> &'static str {
        "discord"
    }

    fn label(&self) -> &'static str {
        "Discord"
    }

    fn platform(&self) -> Option<Platform> {
        Some(Platform::Discord)
    }

    fn role_scope(&self) -> Option<&str> {
        self.linked_roles.then_some(ROLE_SCOPE)
    }

    async fn authorize_url(&self, request: &AuthorizeRequest) -> Result<String, ConnectError> {
        let scopes = match self.role_scope().filter(|_| request.for_roles) {
            Some(more) => format!("{SCOPES} {more}"),
            None => SCOPES.to_owned(),
        };
        address(
            &self.authorize_url,
            &[
                ("response_type", "code"),
                ("client_id", &self.client_id),
                ("scope", &scopes),
                ("redirect_uri", &request.redirect),
                ("state", &request.state),
                ("code_challenge", &challenge(&request.verifier)),
                ("code_challenge_method", "S256"),
            ],
        )
    }

    async fn authorize_place(&self) -> Option<String> {
        Some(self.authorize_url.clone())
    }

    async fn prove(&self, returned: &SignInReturn) -> Result<Proof, ConnectError> {
        let reply = self
            .token(&[
                ("grant_type", "authorization_code"),
                ("code", returned.code.expose()),
                ("redirect_uri", &returned.redirect),
                ("code_verifier", returned.verifier.expose()),
            ])
            .await?;
        let given: Given = self.party.read(&reply)?;
        let tokens = given.tokens(&*self.clock, None);
        let authorization: Authorization = self.get("oauth2/@me", &tokens.access).await?;
        if authorization.application.id != self.application {
            return Err(self.party.failed("gave a token of another application"));
        }
        let me: Me = self.get("users/@me", &tokens.access).await?;
        Ok(Proof {
            account_created_at: created_at(&me.id),
            subject: me.id,
            username: me.username,
            display_name: me.global_name,
            avatar: me.avatar,
            verified_email: me.email.filter(|_| me.verified),
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
        if !reply.status.is_success() {
            return Err(self.party.not_refreshed(&reply));
        }
        let given: Given = self.party.read(&reply)?;
        Ok(given.tokens(&*self.clock, Some(tokens)))
    }

    async fn revoke(&self, tokens: &PersonalTokens) -> Result<(), ConnectError> {
        for token in [Some(&tokens.access), tokens.refresh.as_ref()]
            .into_iter()
            .flatten()
        {
            let fields = [
                ("client_id", self.client_id.as_str()),
                ("client_secret", self.client_secret.expose()),
                ("token", token.expose()),
            ];
            let url = format!("{}/oauth2/token/revoke", self.api_url);
            let reply = self.party.form(url, &fields).await?;
            if reply.status.as_u16() == 401 {
                return Err(self.party.refused(&reply));
            }
            self.party.given_back(&reply)?;
        }
        Ok(())
    }

    async fn put_roles(
        &self,
        tokens: &PersonalTokens,
        metadata: &RoleMetadata,
    ) -> Result<(), TokenError> {
        let path = format!(
            "users/@me/applications/{}/role-connection",
            self.application
        );
        let mut call = Call::new(Method::PUT, format!("{}/v10/{path}", self.api_url));
        call.body = body(metadata).to_string().into();
        call.headers
            .insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        let reply = self
            .party
            .with_token(call, "Bearer", &tokens.access)
            .await?;
        match reply.status.as_u16() {
            200..=299 => Ok(()),
            401 => Err(TokenError::Refused(self.party.refused(&reply))),
            _ => Err(self.party.not_taken(&reply)),
        }
    }
}

/// The values by the keys of [`super::linked_roles`]; Discord wants all of them as text.
fn body(metadata: &RoleMetadata) -> Value {
    let values: Map<String, Value> = [
        (
            super::linked_roles::VERIFIED,
            metadata
                .verified
                .map(|verified| u8::from(verified).to_string()),
        ),
        (
            super::linked_roles::TIER,
            metadata.tier.map(|tier| tier.to_string()),
        ),
        (
            super::linked_roles::REPUTATION,
            metadata.reputation.map(|score| score.to_string()),
        ),
        (
            super::linked_roles::PLATFORMS,
            metadata.platforms.map(|n| n.to_string()),
        ),
    ]
    .into_iter()
    .filter_map(|(key, value)| Some((key.to_owned(), Value::String(value?))))
    .collect();
    let name: Option<String> = metadata
        .name
        .as_ref()
        .map(|name| name.chars().take(NAME_MAX).collect());
    json!({
        "platform_name": (!metadata.is_empty()).then_some(PLATFORM_NAME),
        "platform_username": name,
        "metadata": values,
    })
}
