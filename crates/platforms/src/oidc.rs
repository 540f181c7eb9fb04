//! Signing in with any OpenID Connect provider. Sources: OpenID Connect Core and Discovery, RFC 7636.
//! Must never take an ID token whose signature, issuer, audience, end or nonce is wrong, or follow a
//! redirect.

use std::sync::Arc;

use async_trait::async_trait;
use kernel::{
    AuthorizeRequest, Clock, ConnectError, PersonalTokens, Platform, Proof, Provider, Secret,
    SignInReturn,
};
use openidconnect::{
    ClientId, ClientSecret, HttpRequest, HttpResponse, IssuerUrl, Nonce,
    core::{CoreIdToken, CoreIdTokenVerifier, CoreProviderMetadata},
};
use tokio::sync::OnceCell;

use crate::{
    http::{Call, Http, HttpError},
    identity::{Given, Party, address, challenge},
};

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

/// Signs people in with an OpenID Connect provider.
pub struct Oidc {
    party: Party,
    clock: Arc<dyn Clock>,
    settings: OidcSettings,
    /// What the provider says of itself, once it was asked.
    metadata: OnceCell<CoreProviderMetadata>,
}

impl std::fmt::Debug for Oidc {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Oidc").finish_non_exhaustive()
    }
}

impl Oidc {
    /// As the settings say. Asks nothing yet.
    pub fn new(settings: OidcSettings, http: Http, clock: Arc<dyn Clock>) -> Self {
        Self {
            party: Party {
                http,
                name: settings.label.clone(),
            },
            clock,
            settings,
            metadata: OnceCell::new(),
        }
    }

    async fn metadata(&self) -> Result<&CoreProviderMetadata, ConnectError> {
        self.metadata.get_or_try_init(|| self.discover()).await
    }

    async fn discover(&self) -> Result<CoreProviderMetadata, ConnectError> {
        let issuer = IssuerUrl::new(self.settings.issuer.clone())
            .map_err(|_| self.party.failed("has an issuer that is no address"))?;
        let ask = |request: HttpRequest| carry(self.party.http.clone(), request);
        let found = CoreProviderMetadata::discover_async(issuer, &ask).await;
        found.map_err(|_| self.party.failed("cannot be discovered"))
    }

    async fn token(&self, fields: &[(&str, &str)]) -> Result<Given, ConnectError> {
        let place = self.metadata().await?.token_endpoint();
        let place = place.ok_or_else(|| self.party.failed("has no token endpoint"))?;
        let ours = [
            ("client_id", self.settings.client_id.as_str()),
            ("client_secret", self.settings.client_secret.expose()),
        ];
        let all = [&ours, fields].concat();
        let reply = self.party.form(place.url().to_string(), &all).await?;
        self.party.read(&reply)
    }
}

/// A request of the library, by our own client.
async fn carry(http: Http, request: HttpRequest) -> Result<HttpResponse, HttpError> {
    let (parts, body) = request.into_parts();
    let mut call = Call::new(parts.method, parts.uri.to_string());
    call.headers = parts.headers;
    call.body = body.into();
    let reply = http.call(call).await?;
    let mut response = HttpResponse::new(reply.body.to_vec());
    *response.status_mut() = reply.status;
    *response.headers_mut() = reply.headers;
    Ok(response)
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
            self.metadata().await?.authorization_endpoint().as_str(),
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

    /// Known once the provider was asked.
    fn authorize_place(&self) -> Option<String> {
        let mut place = self.metadata.get()?.authorization_endpoint().url().clone();
        place.set_query(None);
        Some(place.into())
    }

    async fn prove(&self, returned: &SignInReturn) -> Result<Proof, ConnectError> {
        let given = self
            .token(&[
                ("grant_type", "authorization_code"),
                ("code", returned.code.expose()),
                ("redirect_uri", &returned.redirect),
                ("code_verifier", returned.verifier.expose()),
            ])
            .await?;
        let tokens = given.tokens(&*self.clock, None);
        let token: Option<CoreIdToken> = given.id_token.and_then(|token| token.parse().ok());
        let token = token.ok_or_else(|| self.party.failed("gave no ID token"))?;
        let metadata = self.metadata().await?;
        let verifier = CoreIdTokenVerifier::new_confidential_client(
            ClientId::new(self.settings.client_id.clone()),
            ClientSecret::new(self.settings.client_secret.expose().clone()),
            metadata.issuer().clone(),
            metadata.jwks().clone(),
        );
        let nonce = Nonce::new(returned.nonce.clone());
        let claims = token.claims(&verifier, &nonce).map_err(|_| {
            self.party
                .failed("gave an ID token that is not for this sign-in")
        })?;
        let subject = claims.subject().to_string();
        let full = claims
            .name()
            .and_then(|names| names.get(None))
            .map(|name| name.to_string());
        let is_checked = claims.email_verified() == Some(true);
        Ok(Proof {
            username: claims
                .preferred_username()
                .map(|name| name.to_string())
                .or_else(|| full.clone())
                .unwrap_or_else(|| subject.clone()),
            subject,
            display_name: full,
            avatar: claims
                .picture()
                .and_then(|pictures| pictures.get(None))
                .map(|picture| picture.to_string()),
            verified_email: claims
                .email()
                .filter(|_| is_checked)
                .map(|email| email.to_string()),
            account_created_at: None,
            tokens: Some(tokens),
        })
    }

    async fn refresh(&self, tokens: &PersonalTokens) -> Result<PersonalTokens, ConnectError> {
        let refresh = tokens.refresh.as_ref();
        let refresh = refresh.ok_or_else(|| self.party.failed("gave no refresh token"))?;
        let given = self
            .token(&[
                ("grant_type", "refresh_token"),
                ("refresh_token", refresh.expose()),
            ])
            .await?;
        Ok(given.tokens(&*self.clock, Some(tokens)))
    }

    /// Discovery names no place for it that everybody has; the tokens end by themselves.
    async fn revoke(&self, _tokens: &PersonalTokens) -> Result<(), ConnectError> {
        Ok(())
    }
}
