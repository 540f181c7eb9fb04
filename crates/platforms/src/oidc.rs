//! Signing in with any OpenID Connect provider. Sources: OpenID Connect Core and Discovery, RFC 7636,
//! RFC 7009.
//!
//! Must never take an ID token whose signature, issuer, audience, end or nonce is wrong, talk to a
//! provider without TLS (but on this machine), or follow a redirect.

pub(crate) mod id_token;
mod metadata;

use std::sync::Arc;

use async_trait::async_trait;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use kernel::{
    AuthorizeRequest, Clock, ConnectError, PersonalTokens, Platform, Proof, Provider, Secret,
    SignInReturn, TokenError,
};
use reqwest::{
    Method,
    header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue},
};
use serde::Deserialize;
use url::form_urlencoded::byte_serialize;

use crate::{
    http::{Call, Http, Reply},
    identity::{Given, Party, address, challenge},
};
use id_token::IdTokens;
use metadata::Known;

/// An OpenID Connect provider of the configuration.
#[derive(Clone, Debug)]
pub struct OidcSettings {
    /// Its name in addresses and in the database.
    pub key: String,
    /// Its name for people.
    pub label: String,
    /// Its issuer address, exactly as it writes it.
    pub issuer: String,
    /// Our client id there.
    pub client_id: String,
    /// Our client secret there.
    pub client_secret: Secret<String>,
    /// What is asked for beside `openid`.
    pub scopes: Vec<String>,
}

/// What the UserInfo endpoint says (OpenID Connect Core §5.1). A provider may leave it out of the ID
/// token.
#[derive(Deserialize)]
struct UserInfo {
    sub: String,
    name: Option<String>,
    preferred_username: Option<String>,
    picture: Option<String>,
    email: Option<String>,
    #[serde(default)]
    email_verified: bool,
}

/// Signs people in with an OpenID Connect provider.
pub struct Oidc {
    party: Party,
    clock: Arc<dyn Clock>,
    settings: OidcSettings,
    tokens: IdTokens,
}

impl std::fmt::Debug for Oidc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Oidc").finish_non_exhaustive()
    }
}

impl Oidc {
    /// As the settings say. Asks nothing yet.
    ///
    /// # Errors
    /// With words for the operator if a setting cannot be right.
    pub fn new(
        settings: OidcSettings,
        http: Http,
        clock: Arc<dyn Clock>,
    ) -> Result<Self, ConnectError> {
        let is_key = (1..=32).contains(&settings.key.len())
            && settings
                .key
                .bytes()
                .all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
        if !is_key {
            return Err(ConnectError(
                "the name may have 1 to 32 characters of a-z, 0-9 and hyphens".to_owned(),
            ));
        }
        if settings.label.trim().is_empty() || settings.client_id.is_empty() {
            return Err(ConnectError(
                "`label` and `client_id` must be given".to_owned(),
            ));
        }
        if !metadata::is_safe(&settings.issuer) {
            return Err(ConnectError(
                "`issuer` must be an https:// address (http:// on this machine only)".to_owned(),
            ));
        }
        let party = Party {
            http,
            name: settings.label.clone(),
        };
        let client = (settings.client_id.clone(), settings.client_secret.clone());
        let tokens = IdTokens::new(
            party.clone(),
            settings.issuer.clone(),
            client,
            Arc::clone(&clock),
        );
        Ok(Self {
            party,
            clock,
            settings,
            tokens,
        })
    }

    async fn token(&self, fields: &[(&str, &str)]) -> Result<Reply, ConnectError> {
        let known = self.tokens.register().known().await?;
        self.ask(&known, known.token_endpoint.clone(), fields).await
    }

    /// Posts a form as the client that we are there (RFC 6749 §2.3.1).
    async fn ask(
        &self,
        known: &Known,
        url: String,
        fields: &[(&str, &str)],
    ) -> Result<Reply, ConnectError> {
        let (id, secret) = (&self.settings.client_id, &self.settings.client_secret);
        if known.takes_secret_in_form {
            let ours = [
                ("client_id", id.as_str()),
                ("client_secret", secret.expose()),
            ];
            return self.party.form(url, &[&ours, fields].concat()).await;
        }
        let mut call = Call::new(Method::POST, url);
        call.body = url::form_urlencoded::Serializer::new(String::new())
            .extend_pairs(fields)
            .finish()
            .into();
        call.headers.insert(
            CONTENT_TYPE,
            HeaderValue::from_static("application/x-www-form-urlencoded"),
        );
        let encoded = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
        let pair = STANDARD.encode(format!("{}:{}", encoded(id), encoded(secret.expose())));
        if let Ok(mut value) = HeaderValue::try_from(format!("Basic {pair}")) {
            value.set_sensitive(true);
            call.headers.insert(AUTHORIZATION, value);
        }
        self.party.send(call).await
    }

    /// What the provider says of somebody beside the ID token; nothing if it has no such place.
    async fn user_info(
        &self,
        tokens: &PersonalTokens,
        subject: &str,
    ) -> Result<Option<UserInfo>, ConnectError> {
        let known = self.tokens.register().known().await?;
        let Some(url) = &known.userinfo_endpoint else {
            return Ok(None);
        };
        let call = Call::new(Method::GET, url.clone());
        let reply = self.party.with_token(call, "Bearer", &tokens.access);
        let info: UserInfo = self.party.read(&reply.await?)?;
        // OpenID Connect Core §5.3.2: else it may be about somebody else.
        if info.sub != subject {
            return Err(self.party.failed("named two people at once"));
        }
        Ok(Some(info))
    }
}

#[async_trait]
impl Provider for Oidc {
    fn key(&self) -> &str {
        &self.settings.key
    }

    fn label(&self) -> &str {
        &self.settings.label
    }

    fn platform(&self) -> Option<Platform> {
        None
    }

    async fn authorize_url(&self, request: &AuthorizeRequest) -> Result<String, ConnectError> {
        let mut scopes = vec!["openid"];
        let more = self.settings.scopes.iter().map(String::as_str);
        scopes.extend(more.filter(|scope| *scope != "openid"));
        address(
            &self.tokens.register().known().await?.authorization_endpoint,
            &[
                ("response_type", "code"),
                ("client_id", &self.settings.client_id),
                ("scope", &scopes.join(" ")),
                ("redirect_uri", &request.redirect),
                ("state", &request.state),
                ("nonce", &request.nonce),
                ("code_challenge", &challenge(&request.verifier)),
                ("code_challenge_method", "S256"),
            ],
        )
    }

    /// Asks the provider if that is not known yet; nothing while it does not answer.
    async fn authorize_place(&self) -> Option<String> {
        let known = self.tokens.register().soon().await?;
        let mut place = url::Url::parse(&known.authorization_endpoint).ok()?;
        place.set_query(None);
        Some(place.into())
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
        let claims = self.tokens.claims(&given, &returned.nonce).await?;
        let subject = claims.subject().to_string();
        let said = UserInfo {
            sub: subject.clone(),
            name: claims
                .name()
                .and_then(|names| names.get(None))
                .map(|name| name.to_string()),
            preferred_username: claims.preferred_username().map(|name| name.to_string()),
            picture: claims
                .picture()
                .and_then(|pictures| pictures.get(None))
                .map(|picture| picture.to_string()),
            email: claims.email().map(|email| email.to_string()),
            email_verified: claims.email_verified() == Some(true),
        };
        let is_nameless = said.preferred_username.is_none() && said.name.is_none();
        let more = if is_nameless {
            self.user_info(&tokens, &subject).await?
        } else {
            None
        };
        let said = more.unwrap_or(said);
        let names = [&said.preferred_username, &said.name];
        let username = names.into_iter().flatten().next();
        Ok(Proof {
            username: username.unwrap_or(&subject).clone(),
            subject,
            display_name: said.name,
            avatar: said.picture,
            verified_email: said.email.filter(|_| said.email_verified),
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
        if !reply.status.is_success() {
            return Err(self.party.not_refreshed(&reply));
        }
        let given: Given = self.party.read(&reply)?;
        Ok(given.tokens(&*self.clock, Some(tokens)))
    }

    /// RFC 7009, where the provider has it; else the tokens end by themselves.
    async fn revoke(&self, tokens: &PersonalTokens) -> Result<(), ConnectError> {
        let known = self.tokens.register().known().await?;
        let Some(url) = &known.revocation_endpoint else {
            return Ok(());
        };
        // With the refresh token ends what was made from it (§2.1).
        let token = tokens.refresh.as_ref().unwrap_or(&tokens.access);
        let reply = self
            .ask(&known, url.clone(), &[("token", token.expose())])
            .await?;
        self.party.given_back(&reply)
    }
}
