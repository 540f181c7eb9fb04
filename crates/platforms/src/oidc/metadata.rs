//! What an OpenID Connect provider says of itself: asked once by however many wait for it, kept for a
//! day. Sources: OpenID Connect Discovery §3 and §4, RFC 8414 §2.
//!
//! Must never take an endpoint without TLS, but on this machine.

use std::{
    sync::{Arc, PoisonError, RwLock},
    time::Duration,
};

use kernel::{Clock, ConnectError, Timestamp};
use openidconnect::{
    AdditionalProviderMetadata, HttpRequest, HttpResponse, IssuerUrl, ProviderMetadata,
    core::{
        CoreAuthDisplay, CoreClaimName, CoreClaimType, CoreClientAuthMethod, CoreGrantType,
        CoreJsonWebKey, CoreJsonWebKeySet, CoreJweContentEncryptionAlgorithm,
        CoreJweKeyManagementAlgorithm, CoreJwsSigningAlgorithm, CoreResponseMode, CoreResponseType,
        CoreSubjectIdentifierType,
    },
};
use serde::{Deserialize, Serialize};
use tokio::sync::Mutex;
use url::{Host, Url};

use crate::{
    http::{Call, Http, HttpError},
    identity::Party,
};

/// How long what a provider said is believed.
const KEEP: Duration = Duration::from_secs(86_400);
/// How long a page waits for a provider that was not asked yet.
const SOON: Duration = Duration::from_secs(2);
/// How long a provider that did not answer is left alone by pages.
const LEFT_ALONE: Duration = Duration::from_secs(30);

/// The signatures that an ID token may have: those with a public key.
pub(super) const SIGNED_WITH: [CoreJwsSigningAlgorithm; 8] = [
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha256,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha384,
    CoreJwsSigningAlgorithm::RsaSsaPkcs1V15Sha512,
    CoreJwsSigningAlgorithm::RsaSsaPssSha256,
    CoreJwsSigningAlgorithm::RsaSsaPssSha384,
    CoreJwsSigningAlgorithm::RsaSsaPssSha512,
    CoreJwsSigningAlgorithm::EcdsaP256Sha256,
    CoreJwsSigningAlgorithm::EcdsaP384Sha384,
];

/// RFC 8414 §2.
#[derive(Clone, Debug, Deserialize, Serialize)]
struct More {
    revocation_endpoint: Option<String>,
}

impl AdditionalProviderMetadata for More {}

type Metadata = ProviderMetadata<
    More,
    CoreAuthDisplay,
    CoreClientAuthMethod,
    CoreClaimName,
    CoreClaimType,
    CoreGrantType,
    CoreJweContentEncryptionAlgorithm,
    CoreJweKeyManagementAlgorithm,
    CoreJsonWebKey,
    CoreResponseMode,
    CoreResponseType,
    CoreSubjectIdentifierType,
>;

/// What is known of a provider.
#[derive(Clone, Debug)]
pub(super) struct Known {
    pub(super) issuer: IssuerUrl,
    pub(super) keys: CoreJsonWebKeySet,
    pub(super) authorization_endpoint: String,
    pub(super) token_endpoint: String,
    pub(super) userinfo_endpoint: Option<String>,
    pub(super) revocation_endpoint: Option<String>,
    /// `client_secret_post`; else `client_secret_basic`, which is the default.
    pub(super) takes_secret_in_form: bool,
    pub(super) asked_at: Timestamp,
}

impl Known {
    fn is_safe(&self) -> bool {
        let maybe = [&self.userinfo_endpoint, &self.revocation_endpoint];
        [&self.authorization_endpoint, &self.token_endpoint]
            .into_iter()
            .chain(maybe.into_iter().flatten())
            .all(|place| is_safe(place))
    }
}

/// Whether an address has TLS, or is on this machine.
pub(super) fn is_safe(address: &str) -> bool {
    let Ok(url) = Url::parse(address) else {
        return false;
    };
    let is_here = match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(ip)) => ip.is_loopback(),
        Some(Host::Ipv6(ip)) => ip.is_loopback(),
        None => false,
    };
    url.scheme() == "https" || (url.scheme() == "http" && is_here)
}

/// Asks and remembers.
pub(super) struct Register {
    party: Party,
    issuer: String,
    clock: Arc<dyn Clock>,
    known: RwLock<Option<Arc<Known>>>,
    /// Held while asking, so that one asks for all; when asking failed last.
    asking: Mutex<Option<Timestamp>>,
}

impl Register {
    pub(super) fn new(party: Party, issuer: String, clock: Arc<dyn Clock>) -> Self {
        Self {
            party,
            issuer,
            clock,
            known: RwLock::default(),
            asking: Mutex::default(),
        }
    }

    /// What is known, asked for if there is nothing or it is old.
    pub(super) async fn known(&self) -> Result<Arc<Known>, ConnectError> {
        if let Some(known) = self.fresh(None) {
            return Ok(known);
        }
        self.ask(None).await
    }

    /// What is known after asking once more, because what was asked at `before` did not fit.
    pub(super) async fn ask_again(&self, before: Timestamp) -> Result<Arc<Known>, ConnectError> {
        self.ask(Some(before)).await
    }

    /// As [`Self::known`] for a page, which does not wait long for a provider that is away.
    pub(super) async fn soon(&self) -> Option<Arc<Known>> {
        if let Some(known) = self.fresh(None) {
            return Some(known);
        }
        let failed = self.asking.try_lock().ok().and_then(|failed| *failed);
        if failed.is_some_and(|at| self.clock.now().since(at) < LEFT_ALONE) {
            return None;
        }
        tokio::time::timeout(SOON, self.known()).await.ok()?.ok()
    }

    fn fresh(&self, newer_than: Option<Timestamp>) -> Option<Arc<Known>> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let known = known.as_ref()?;
        let is_young = self.clock.now().since(known.asked_at) < KEEP;
        let is_newer = newer_than.is_none_or(|before| known.asked_at > before);
        (is_young && is_newer).then(|| Arc::clone(known))
    }

    async fn ask(&self, newer_than: Option<Timestamp>) -> Result<Arc<Known>, ConnectError> {
        let mut failed = self.asking.lock().await;
        if let Some(known) = self.fresh(newer_than) {
            return Ok(known);
        }
        *failed = Some(self.clock.now());
        let found = Arc::new(self.discover().await?);
        *failed = None;
        *self.known.write().unwrap_or_else(PoisonError::into_inner) = Some(Arc::clone(&found));
        Ok(found)
    }

    async fn discover(&self) -> Result<Known, ConnectError> {
        let issuer = IssuerUrl::new(self.issuer.clone())
            .map_err(|_no_address| self.party.failed("has an issuer that is no address"))?;
        let ask = |request: HttpRequest| carry(self.party.http.clone(), request);
        let found = Metadata::discover_async(issuer, &ask).await;
        let found = found.map_err(|_unreachable| self.party.failed("cannot be discovered"))?;
        let token = found.token_endpoint();
        let token = token.ok_or_else(|| self.party.failed("has no token endpoint"))?;
        let methods = found.token_endpoint_auth_methods_supported();
        let known = Known {
            issuer: found.issuer().clone(),
            keys: found.jwks().clone(),
            authorization_endpoint: found.authorization_endpoint().to_string(),
            token_endpoint: token.to_string(),
            userinfo_endpoint: found.userinfo_endpoint().map(ToString::to_string),
            revocation_endpoint: found.additional_metadata().revocation_endpoint.clone(),
            takes_secret_in_form: methods
                .is_some_and(|all| all.contains(&CoreClientAuthMethod::ClientSecretPost)),
            asked_at: self.clock.now(),
        };
        if known.is_safe() {
            return Ok(known);
        }
        Err(self.party.failed("names an address without TLS"))
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

#[cfg(test)]
mod tests {
    use super::is_safe;

    #[test]
    fn a_provider_needs_tls_unless_it_is_on_this_machine() {
        for good in [
            "https://login.example.org",
            "http://localhost:8080/realm",
            "http://127.0.0.1:1",
            "http://[::1]:1",
        ] {
            assert!(is_safe(good), "{good}");
        }
        for bad in [
            "http://login.example.org",
            "http://localhost.example.org",
            "http://10.0.0.1",
            "ftp://localhost",
            "login.example.org",
            "",
        ] {
            assert!(!is_safe(bad), "{bad}");
        }
    }
}
