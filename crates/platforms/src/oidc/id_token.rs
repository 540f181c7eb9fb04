//! Checking ID tokens (OpenID Connect Core §3.1.3.7): one way for every provider that gives them.
//!
//! Must never take one whose signature, issuer, audience, end or nonce is wrong.

use std::{sync::Arc, time::Duration};

use chrono::DateTime;
use kernel::{Clock, ConnectError, Secret};
use openidconnect::{
    ClientId, ClientSecret, Nonce,
    core::{CoreIdToken, CoreIdTokenClaims, CoreIdTokenVerifier},
};

use super::metadata::{Known, Register, SIGNED_WITH};
use crate::identity::{Given, Party};

/// How old what we know of a provider must be before a token that does not fit makes us ask again:
/// its keys may have been exchanged.
const ASK_AGAIN: Duration = Duration::from_secs(60);

/// Takes the ID tokens of one provider that are for us.
pub(crate) struct IdTokens {
    party: Party,
    clock: Arc<dyn Clock>,
    client_id: String,
    client_secret: Secret<String>,
    register: Register,
}

impl IdTokens {
    /// Of the provider with this issuer address, which knows us as this client. Asks nothing yet.
    pub(crate) fn new(
        party: Party,
        issuer: String,
        (client_id, client_secret): (String, Secret<String>),
        clock: Arc<dyn Clock>,
    ) -> Self {
        Self {
            register: Register::new(party.clone(), issuer, Arc::clone(&clock)),
            party,
            clock,
            client_id,
            client_secret,
        }
    }

    /// What is known of the provider.
    pub(super) const fn register(&self) -> &Register {
        &self.register
    }

    /// The claims of the ID token among what was given, which is for us and for the sign-in with this
    /// nonce.
    pub(crate) async fn claims(
        &self,
        given: &Given,
        nonce: &str,
    ) -> Result<CoreIdTokenClaims, ConnectError> {
        let token = given.id_token.as_ref();
        let token: Option<CoreIdToken> = token.and_then(|token| token.parse().ok());
        let token = token.ok_or_else(|| self.party.failed("gave no ID token"))?;
        let nonce = Nonce::new(nonce.to_owned());
        let known = self.register.known().await?;
        if let Some(claims) = self.check(&known, &token, &nonce) {
            return Ok(claims);
        }
        if self.clock.now().since(known.asked_at) >= ASK_AGAIN {
            let fresh = self.register.ask_again(known.asked_at).await?;
            if let Some(claims) = self.check(&fresh, &token, &nonce) {
                return Ok(claims);
            }
        }
        Err(self
            .party
            .failed("gave an ID token that is not for this sign-in"))
    }

    fn check(
        &self,
        known: &Known,
        token: &CoreIdToken,
        nonce: &Nonce,
    ) -> Option<CoreIdTokenClaims> {
        if nonce.secret().is_empty() {
            return None;
        }
        let now = DateTime::from_timestamp_micros(self.clock.now().0)?;
        let verifier = CoreIdTokenVerifier::new_confidential_client(
            ClientId::new(self.client_id.clone()),
            ClientSecret::new(self.client_secret.expose().clone()),
            known.issuer.clone(),
            known.keys.clone(),
        )
        .set_allowed_algs(SIGNED_WITH)
        .set_time_fn(move || now);
        token.claims(&verifier, nonce).ok().cloned()
    }
}
