//! Signing in with an account somewhere else: what a provider is asked and what it vouches for.
//! Platforms and OpenID Connect providers implement it; the identity service decides what a proof is
//! good for. Holds no wire format and no way of storing.

use std::time::Duration;

use async_trait::async_trait;

use crate::{ConnectError, Platform, Secret, Timestamp};

/// What a person is sent to a provider with. Every value is fresh for every request.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct AuthorizeRequest {
    /// Comes back with the person; single use.
    pub state: String,
    /// Comes back inside the ID token, where the provider speaks OpenID Connect
    /// (OpenID Connect Core §3.1.2.1).
    pub nonce: String,
    /// The verifier of PKCE; the request carries its S256 challenge (RFC 7636 §4.2), where the
    /// provider knows PKCE.
    pub verifier: Secret<String>,
    /// Where the provider sends them back to, exactly as registered there.
    pub redirect: String,
    /// Whether leave is asked for to tell the provider what roles there may depend on; without
    /// meaning where there is no such thing.
    pub for_roles: bool,
}

/// What a person comes back with, and what they were sent with.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct SignInReturn {
    /// The authorisation code.
    pub code: Secret<String>,
    /// As in the request.
    pub nonce: String,
    /// As in the request.
    pub verifier: Secret<String>,
    /// As in the request.
    pub redirect: String,
}

/// Tokens that let us ask the provider about the person later.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PersonalTokens {
    /// The access token.
    pub access: Secret<String>,
    /// The refresh token, if there is one.
    pub refresh: Option<Secret<String>>,
    /// When the access token ends; `None` = never.
    pub expires_at: Option<Timestamp>,
    /// What it allows, in the provider's words.
    pub scopes: Vec<String>,
}

/// What a provider vouches for: this browser belongs to that account.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Proof {
    /// The provider's stable id of the account; on a platform the same id that its chat events carry.
    pub subject: String,
    /// The name the account goes by.
    pub username: String,
    /// The name people see, if it is another.
    pub display_name: Option<String>,
    /// A hash or address of the picture, to compare accounts by; never fetched.
    pub avatar: Option<String>,
    /// The address, only if the provider says that it checked it.
    pub verified_email: Option<String>,
    /// When the account was made, where the provider says so.
    pub account_created_at: Option<Timestamp>,
    /// Tokens to keep; `None` where none is needed.
    pub tokens: Option<PersonalTokens>,
}

/// What Discord's linked roles are fed with («application role connection metadata»). What somebody
/// does not want told is `None`; nothing at all takes back what was told before.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct RoleMetadata {
    /// The name of the person here, at most 100 characters.
    pub name: Option<String>,
    /// Whether they proved an e-mail address here.
    pub verified: Option<bool>,
    /// The tier of their reputation, 1 (poor) to 5 (exceptional).
    pub tier: Option<u8>,
    /// Their reputation, 300 to 850.
    pub reputation: Option<u16>,
    /// On how many services they proved an account.
    pub platforms: Option<u16>,
}

impl RoleMetadata {
    /// Whether nothing is told.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}

/// Why a question that brings somebody's tokens was not answered.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// The provider does not take the token any more.
    #[error("{0}")]
    Refused(ConnectError),
    /// It asks to wait.
    #[error("{why}")]
    Later {
        /// How long.
        after: Duration,
        /// Its words.
        why: ConnectError,
    },
    /// Anything else; perhaps it works another time.
    #[error("{0}")]
    Failed(ConnectError),
}

impl From<ConnectError> for TokenError {
    fn from(error: ConnectError) -> Self {
        Self::Failed(error)
    }
}

/// Somewhere people have accounts that they can prove to be theirs.
#[async_trait]
pub trait Provider: Send + Sync {
    /// Its name in addresses and in the database: `discord`, `twitch`, `slack`, or the name of an
    /// OpenID Connect provider in the configuration (`a-z`, `0-9`, hyphens; at most 32 bytes).
    fn key(&self) -> &str;

    /// Its name for people.
    fn label(&self) -> &str;

    /// The platform whose chat has the same accounts; `None` for a mere provider of identities.
    fn platform(&self) -> Option<Platform>;

    /// Where to send the person.
    async fn authorize_url(&self, request: &AuthorizeRequest) -> Result<String, ConnectError>;

    /// Where a browser may be sent, for the content-security policy: the address without a query.
    async fn authorize_place(&self) -> Option<String>;

    /// Turns what the person came back with into a proof. Checks that the token was made for us
    /// (audience), the nonce and the signature of an ID token.
    async fn prove(&self, returned: &SignInReturn) -> Result<Proof, ConnectError>;

    /// Exchanges a refresh token for fresh tokens. [`TokenError::Refused`] only if the person has to
    /// come again.
    async fn refresh(&self, tokens: &PersonalTokens) -> Result<PersonalTokens, TokenError>;

    /// Gives the tokens back; a provider that knows them no more, or knows no revocation, is fine.
    async fn revoke(&self, tokens: &PersonalTokens) -> Result<(), ConnectError>;

    /// The scope with which people let us tell the provider what roles there may depend on; `None`
    /// where there is no such thing, or the operator does not want it.
    fn role_scope(&self) -> Option<&str> {
        None
    }

    /// Tells the provider what the person's roles may depend on; telling nothing takes back what was
    /// told. A provider without such a thing was told all there is.
    async fn put_roles(
        &self,
        _tokens: &PersonalTokens,
        _metadata: &RoleMetadata,
    ) -> Result<(), TokenError> {
        Ok(())
    }
}
