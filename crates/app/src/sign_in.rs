//! Signing in with, linking and unlinking accounts of providers: asks the [`Provider`] and has the
//! identity service decide what its proof is good for. A provider is never asked within a database
//! transaction, and never before the state that came back was used up.

use std::{collections::BTreeMap, sync::Arc};

use identity::{
    Arrival, ClientInfo, Entered, IdentityError, Intent, Link, Seat, SeenAccount, Trip, Unlinked,
};
use kernel::{Actor, LinkId, Platform, Provider, Secret, SessionId, SignInReturn};

use crate::{App, AppError, connect::patiently};

/// How a visit at a provider ended whose state was good.
#[derive(Debug)]
pub struct Returned {
    /// What they went for.
    pub intent: Intent,
    /// Where to go now: a path on this server.
    pub return_to: String,
    /// What came of it.
    pub outcome: Result<Outcome, AppError>,
}

/// What a visit at a provider brought.
#[derive(Debug)]
pub enum Outcome {
    /// They proved who they are, and are signed in or owe a second factor.
    SignedIn(Entered),
    /// The account is theirs.
    Linked(Link),
    /// They or the provider said no.
    Declined,
}

impl App {
    /// The providers people can sign in with here, in the order of the configuration.
    pub fn providers(&self) -> &[Arc<dyn Provider>] {
        &self.providers
    }

    /// Where the providers may send a browser, for the content-security policy; those that do not
    /// say so soon are left out.
    pub async fn sign_in_places(&self) -> Vec<String> {
        let asked = self.providers.iter().map(|p| p.authorize_place());
        futures_util::future::join_all(asked)
            .await
            .into_iter()
            .flatten()
            .collect()
    }

    /// Where a provider sends people back to: exactly what was registered there.
    pub fn callback(&self, provider: &str) -> String {
        format!("{}/auth/{provider}/callback", self.public_url)
    }

    /// Begins to sign in: the address at the provider to send the browser to. `browser` is a random
    /// value that the browser keeps and brings back.
    pub async fn sign_in_url(&self, trip: Trip<'_>, browser: &str) -> Result<String, AppError> {
        let provider = self.provider(trip.provider)?;
        let request = self.identity.begin_sign_in(trip, browser).await?;
        patiently(provider.authorize_url(&request)).await
    }

    /// Begins to link an account to oneself: the address at the provider. Needs a young session or
    /// the password.
    pub async fn link_url(
        &self,
        actor: &Actor,
        session: SessionId,
        password: Option<&Secret<String>>,
        trip: Trip<'_>,
    ) -> Result<String, AppError> {
        actor
            .user_id()
            .ok_or(AppError::Identity(IdentityError::NotFound))?;
        self.link_address(actor, session, password, (trip, false))
            .await
    }

    /// The same, and asks for leave to tell the provider what roles there may depend on.
    pub async fn link_for_roles_url(
        &self,
        actor: &Actor,
        session: SessionId,
        password: Option<&Secret<String>>,
        trip: Trip<'_>,
    ) -> Result<String, AppError> {
        actor
            .user_id()
            .ok_or(AppError::Identity(IdentityError::NotFound))?;
        if !self.has_roles(trip.provider) {
            return Err(AppError::NotFound);
        }
        self.link_address(actor, session, password, (trip, true))
            .await
    }

    async fn link_address(
        &self,
        actor: &Actor,
        session: SessionId,
        password: Option<&Secret<String>>,
        (trip, for_roles): (Trip<'_>, bool),
    ) -> Result<String, AppError> {
        let provider = self.provider(trip.provider)?;
        let mut request = self
            .identity
            .begin_link(actor, session, password, trip)
            .await?;
        request.for_roles = for_roles;
        patiently(provider.authorize_url(&request)).await
    }

    /// Finishes what somebody comes back from. The state is used up first, so that nobody makes us
    /// redeem a code that was not meant for them; `code` is `None` if the person or the provider
    /// said no.
    pub async fn complete_sign_in(
        &self,
        actor: &Actor,
        key: &str,
        seat: Seat<'_>,
        (state, code): (&str, Option<Secret<String>>),
        client: &ClientInfo,
    ) -> Result<Returned, AppError> {
        let provider = self.provider(key)?;
        let arrival = self.identity.redeem_state(actor, state, key, seat).await?;
        let outcome = match code {
            Some(code) => self.arrive(actor, &*provider, &arrival, code, client).await,
            None => Ok(Outcome::Declined),
        };
        Ok(Returned {
            intent: arrival.intent,
            return_to: arrival.return_to,
            outcome,
        })
    }

    async fn arrive(
        &self,
        actor: &Actor,
        provider: &dyn Provider,
        arrival: &Arrival,
        code: Secret<String>,
        client: &ClientInfo,
    ) -> Result<Outcome, AppError> {
        let returned = SignInReturn {
            code,
            nonce: arrival.nonce.clone(),
            verifier: arrival.verifier.clone(),
            redirect: arrival.redirect.clone(),
        };
        let proof = patiently(provider.prove(&returned)).await?;
        let platform = provider.platform();
        match arrival.intent {
            Intent::SignIn => {
                let entered = self
                    .identity
                    .finish_sign_in(arrival, platform, &proof, client)
                    .await?;
                Ok(Outcome::SignedIn(entered))
            }
            Intent::Link(_) => {
                let link = self
                    .identity
                    .finish_link(actor, arrival, platform, &proof)
                    .await?;
                Ok(Outcome::Linked(link))
            }
        }
    }

    /// Unlinks an account: erases our side, then gives the tokens back to the provider as well as
    /// that goes.
    pub async fn unlink(
        &self,
        actor: &Actor,
        session: SessionId,
        password: Option<&Secret<String>>,
        link: LinkId,
    ) -> Result<(), AppError> {
        let unlinked = self.identity.unlink(actor, session, password, link).await?;
        self.give_back(unlinked).await;
        Ok(())
    }

    /// Gives the tokens of an account that was unlinked back to its provider, as well as that goes.
    pub(crate) async fn give_back(&self, unlinked: Unlinked) {
        let Some(tokens) = unlinked.tokens.clone() else {
            return;
        };
        match self.provider(&unlinked.provider) {
            Ok(provider) => {
                let tokens = self.take_roles_back(&*provider, &unlinked, tokens).await;
                if let Err(error) = patiently(provider.revoke(&tokens)).await {
                    tracing::warn!(provider = %unlinked.provider, error = %error, "the provider did not take the tokens back");
                }
            }
            Err(_absent) => {
                tracing::warn!(provider = %unlinked.provider, "the tokens could not be given back: the provider is not set up any more");
            }
        }
    }

    /// The short address of one's linked accounts, for chat.
    pub fn link_page(&self) -> String {
        format!("{}/link", self.public_url)
    }

    /// The address of a page of a community, such as `bots/queue`, for chat.
    pub fn page_of(&self, community: &identity::Community, page: &str) -> String {
        format!("{}/c/{}/{page}", self.public_url, community.slug)
    }

    /// The platforms whose accounts are linked by a code typed in chat: those that are connected
    /// here and whose sign-in is not set up.
    pub fn code_platforms(&self) -> Vec<Platform> {
        let has_sign_in = |platform: &Platform| {
            self.providers
                .iter()
                .any(|p| p.platform() == Some(*platform))
        };
        let mut all = self.platforms_available();
        all.retain(|platform| !has_sign_in(platform));
        all
    }

    /// Makes a code that links the account which types it in chat. Needs a young session or the
    /// password.
    pub async fn chat_code(
        &self,
        actor: &Actor,
        session: SessionId,
        password: Option<&Secret<String>>,
        platform: Platform,
    ) -> Result<Secret<String>, AppError> {
        actor
            .user_id()
            .ok_or(AppError::Identity(IdentityError::NotFound))?;
        if !self.code_platforms().contains(&platform) {
            return Err(AppError::NotFound);
        }
        let code = self
            .identity
            .begin_chat_code(actor, session, password, platform)
            .await?;
        Ok(code)
    }

    /// Links the account that typed a code in chat; answers whose it is now, by name.
    pub async fn redeem_chat_code(
        &self,
        seen: &SeenAccount,
        code: &str,
    ) -> Result<String, AppError> {
        let user = self.identity.redeem_chat_code(seen, code).await?;
        let who = Actor::User {
            id: user,
            is_instance_admin: false,
            roles: BTreeMap::new(),
            only: None,
        };
        let known = self.identity.me(&who).await?;
        Ok(known.map_or_else(|| "somebody".to_owned(), |user| user.display_name))
    }

    pub(crate) fn provider(&self, key: &str) -> Result<Arc<dyn Provider>, AppError> {
        let found = self.providers.iter().find(|p| p.key() == key);
        found.cloned().ok_or(AppError::NotFound)
    }
}
