//! What one signs in with and stays signed in by: sessions, API keys, passkeys.
//!
//! Must never show any of it to anybody but its owner, nor a key after the answer that made it.

use async_graphql::{Context, ID, InputObject, Object, Result, SimpleObject};
use identity::{KeyScope, MadeApiKey, NewApiKey};
use kernel::{ApiKeyId, CommunityId, PasskeyId, Secret, SessionId};

use super::{
    error::{bad_input, change_refused, refused, viewer},
    scalar::DateTime,
};

/// A session of a browser.
#[derive(SimpleObject)]
pub(crate) struct Session {
    /// Its id.
    id: ID,
    /// Whether it is the one that asks.
    is_current: bool,
    /// When it began.
    created_at: DateTime,
    /// When it was last used, within five minutes.
    last_seen_at: DateTime,
    /// The browser, in its own words.
    user_agent: String,
    /// The network it was in.
    network: String,
}

/// An API key; not the key itself.
#[derive(SimpleObject)]
pub(crate) struct ApiKey {
    /// Its id.
    id: i32,
    /// What its owner calls it.
    name: String,
    /// The last four characters of the key.
    hint: String,
    /// The only community it is good for; null for one that is good for everything.
    community_id: Option<i32>,
    /// When it was made.
    created_at: DateTime,
    /// When it ends.
    expires_at: DateTime,
    /// When it was last used, within five minutes.
    last_used_at: Option<DateTime>,
}

impl From<identity::ApiKey> for ApiKey {
    fn from(key: identity::ApiKey) -> Self {
        Self {
            id: key.id.0,
            name: key.name,
            hint: key.hint,
            community_id: match key.scope {
                KeyScope::Everything => None,
                KeyScope::Community(id) => Some(id.0),
            },
            created_at: DateTime(key.created_at),
            expires_at: DateTime(key.expires_at),
            last_used_at: key.last_used_at.map(DateTime),
        }
    }
}

/// A key just made. Shown once.
#[derive(SimpleObject)]
pub(crate) struct MadeKey {
    /// Its id.
    id: i32,
    /// The key.
    key: String,
}

impl From<MadeApiKey> for MadeKey {
    fn from(made: MadeApiKey) -> Self {
        Self {
            id: made.id.0,
            key: made.key.expose().clone(),
        }
    }
}

/// A key to make.
#[derive(InputObject)]
pub(crate) struct ApiKeyInput {
    /// What to call it, 1 to 80 characters.
    name: String,
    /// The only community it is to be good for; without it, it is good for everything.
    community_id: Option<i32>,
    /// For how many days, 1 to 365.
    days: i32,
}

/// A passkey.
#[derive(SimpleObject)]
pub(crate) struct Passkey {
    /// Its id.
    id: i32,
    /// What its owner calls it.
    name: String,
    /// When it was added.
    created_at: DateTime,
    /// When it last proved who they are; null = never.
    last_used_at: Option<DateTime>,
    /// Whether it is kept in more than one place, as of its last use.
    is_backed_up: bool,
    /// The host it was made for, where that is not this one any more: then it is worth nothing.
    elsewhere: Option<String>,
}

impl From<identity::Passkey> for Passkey {
    fn from(passkey: identity::Passkey) -> Self {
        Self {
            id: passkey.id.0,
            name: passkey.name,
            created_at: DateTime(passkey.created_at),
            last_used_at: passkey.last_used_at.map(DateTime),
            is_backed_up: passkey.is_backed_up,
            elsewhere: passkey.elsewhere,
        }
    }
}

/// One's own sessions.
pub(crate) async fn sessions(ctx: &Context<'_>) -> Result<Vec<Session>> {
    let viewer = viewer(ctx)?;
    let current = viewer.current();
    let found = viewer.app().identity.sessions(viewer.actor()).await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    viewer.spend(ctx, found.len())?;
    let session = |session: identity::Session| Session {
        id: ID(session.id.to_string()),
        is_current: Some(session.id) == current,
        created_at: DateTime(session.created_at),
        last_seen_at: DateTime(session.last_seen_at),
        user_agent: session.user_agent,
        network: session.address_prefix,
    };
    Ok(found.into_iter().map(session).collect())
}

/// One's own API keys.
pub(crate) async fn keys(ctx: &Context<'_>) -> Result<Vec<ApiKey>> {
    let viewer = viewer(ctx)?;
    let found = viewer.app().identity.api_keys(viewer.actor()).await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    viewer.spend(ctx, found.len())?;
    Ok(found.into_iter().map(ApiKey::from).collect())
}

/// One's own passkeys.
pub(crate) async fn passkeys(ctx: &Context<'_>) -> Result<Vec<Passkey>> {
    let viewer = viewer(ctx)?;
    let found = viewer.app().identity.passkeys(viewer.actor()).await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    viewer.spend(ctx, found.len())?;
    Ok(found.into_iter().map(Passkey::from).collect())
}

/// Changes to what one signs in with.
#[derive(Default)]
pub(crate) struct SecurityMutation;

#[Object]
impl SecurityMutation {
    /// Ends one of one's own sessions. Answers those that are left.
    async fn revoke_session(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The session's id.")] id: ID,
    ) -> Result<Vec<Session>> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let session = id.parse().map(SessionId);
        let session =
            session.map_err(|_not_a_number| bad_input("`id` is not the id of a session"))?;
        let identity = &viewer.app().identity;
        let done = identity.revoke_session(viewer.actor(), session).await;
        done.map_err(|cause| change_refused(viewer, &cause.into()))?;
        sessions(ctx).await
    }

    /// Makes an API key of one's own, at most five valid ones. Needs a session that proved who it belongs
    /// to within five minutes, else `confirmSession` first.
    async fn create_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "What key.")] input: ApiKeyInput,
    ) -> Result<MadeKey> {
        let viewer = viewer(ctx)?;
        let session = viewer.session()?;
        let days = u16::try_from(input.days);
        let new = NewApiKey {
            name: input.name,
            scope: input.community_id.map_or(KeyScope::Everything, |id| {
                KeyScope::Community(CommunityId(id))
            }),
            days: days.map_err(|_out_of_range| bad_input("choose 1 to 365 days"))?,
        };
        let none = Secret::new(String::new());
        let identity = &viewer.app().identity;
        let made = identity
            .create_api_key(viewer.actor(), session, &new, &none)
            .await;
        made.map(MadeKey::from)
            .map_err(|cause| change_refused(viewer, &cause.into()))
    }

    /// Puts a fresh key in the place of a valid one; the old one is worth nothing at once. Needs a session
    /// that proved who it belongs to within five minutes, else `confirmSession` first.
    async fn regenerate_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key's id.")] id: i32,
    ) -> Result<MadeKey> {
        let viewer = viewer(ctx)?;
        let session = viewer.session()?;
        let none = Secret::new(String::new());
        let identity = &viewer.app().identity;
        let made = identity
            .regenerate_api_key(viewer.actor(), session, ApiKeyId(id), &none)
            .await;
        made.map(MadeKey::from)
            .map_err(|cause| change_refused(viewer, &cause.into()))
    }

    /// Ends one of one's own API keys at once. Answers those that are left.
    async fn revoke_api_key(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The key's id.")] id: i32,
    ) -> Result<Vec<ApiKey>> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let identity = &viewer.app().identity;
        let done = identity.revoke_api_key(viewer.actor(), ApiKeyId(id)).await;
        done.map_err(|cause| change_refused(viewer, &cause.into()))?;
        keys(ctx).await
    }

    /// Calls one of one's own passkeys something else. Answers all of them.
    async fn rename_passkey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The passkey's id.")] id: i32,
        #[graphql(desc = "What to call it, 1 to 80 characters.")] name: String,
    ) -> Result<Vec<Passkey>> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let identity = &viewer.app().identity;
        let done = identity
            .rename_passkey(viewer.actor(), PasskeyId(id), &name)
            .await;
        done.map_err(|cause| change_refused(viewer, &cause.into()))?;
        passkeys(ctx).await
    }

    /// Removes one of one's own passkeys. Refused for the last way of signing in. Needs a session that
    /// proved who it belongs to within five minutes, else `confirmSession` first. Answers what is left.
    async fn remove_passkey(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The passkey's id.")] id: i32,
    ) -> Result<Vec<Passkey>> {
        let viewer = viewer(ctx)?;
        let session = viewer.session()?;
        let removed = viewer
            .app()
            .identity
            .remove_passkey(viewer.actor(), session, PasskeyId(id));
        removed
            .await
            .map_err(|cause| change_refused(viewer, &cause.into()))?;
        passkeys(ctx).await
    }
}
