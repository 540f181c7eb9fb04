//! One's own accounts elsewhere, and how somebody proved to be oneself.
//!
//! Must never show a token, nor anything of these to anybody but their owner.

use async_graphql::{Context, Enum, Object, Result, SimpleObject};
use identity::Trip;
use kernel::LinkId;

use super::{
    error::{change_refused, refused, viewer},
    scalar::DateTime,
};

/// Where somebody who linked an account comes out.
const HOME: &str = "/me/accounts";

/// An account elsewhere that a person signs in with.
#[derive(SimpleObject)]
pub(crate) struct Link {
    /// Its id.
    id: i32,
    /// The provider's key, such as `discord`.
    provider: String,
    /// The name it goes by there.
    username: String,
    /// The address of its picture.
    avatar_url: Option<String>,
    /// The address the provider checked.
    verified_email: Option<String>,
    /// Whether it stands for its owner: it comes first where others see their accounts, and its picture
    /// is shown.
    is_primary: bool,
    /// What it allows this instance to do, in the provider's words.
    scopes: Vec<String>,
    /// When it was linked.
    linked_at: DateTime,
    /// When its owner last came in with it.
    last_used_at: DateTime,
}

impl From<identity::Link> for Link {
    fn from(link: identity::Link) -> Self {
        Self {
            id: link.id.0,
            provider: link.provider,
            username: link.username,
            avatar_url: link.avatar,
            verified_email: link.verified_email,
            is_primary: link.is_primary,
            scopes: link.scopes,
            linked_at: DateTime(link.linked_at),
            last_used_at: DateTime(link.last_used_at),
        }
    }
}

/// One attempt to prove who somebody is.
#[derive(SimpleObject)]
pub(crate) struct Verification {
    /// How, such as `password`, `totp` or `oauth:discord`.
    method: String,
    /// Whether it succeeded.
    succeeded: bool,
    /// When.
    at: DateTime,
    /// The network it came from, such as `203.0.113.0/24`; empty if that is unknown.
    network: String,
}

impl From<identity::Verification> for Verification {
    fn from(attempt: identity::Verification) -> Self {
        Self {
            method: attempt.method,
            succeeded: attempt.succeeded,
            at: DateTime(attempt.at),
            network: attempt.network,
        }
    }
}

/// How telling a provider stands.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "identity::RoleState")]
pub(crate) enum LinkedRoleState {
    /// It is still to be told.
    Waiting,
    /// The provider knows it.
    Told,
    /// It failed too often; tried again when something changes.
    GivenUp,
    /// The tokens are good no more: the account must be linked again.
    NeedsRelink,
}

/// What a provider is told of one, so that servers there can give roles by it.
#[derive(SimpleObject)]
pub(crate) struct LinkedRole {
    /// The id of the linked account.
    link_id: i32,
    /// Whether one stopped it.
    is_stopped: bool,
    /// How it stands.
    state: LinkedRoleState,
    /// The name that is told.
    name: Option<String>,
    /// Whether it is told that one proved an address.
    verified: Option<bool>,
    /// The tier of the reputation that is told, 1 to 5.
    tier: Option<i32>,
    /// The reputation that is told.
    reputation: Option<i32>,
    /// On how many services one proved an account, as it is told.
    platforms: Option<i32>,
    /// When the provider was told last.
    told_at: Option<DateTime>,
    /// What went wrong last.
    trouble: Option<String>,
    /// When it is tried again.
    next_at: Option<DateTime>,
}

impl From<identity::LinkedRole> for LinkedRole {
    fn from(role: identity::LinkedRole) -> Self {
        Self {
            link_id: role.link.0,
            is_stopped: role.is_stopped,
            state: role.state.into(),
            name: role.wanted.name,
            verified: role.wanted.verified,
            tier: role.wanted.tier.map(i32::from),
            reputation: role.wanted.reputation.map(i32::from),
            platforms: role.wanted.platforms.map(i32::from),
            told_at: role.told_at.map(DateTime),
            trouble: role.trouble,
            next_at: role.next_at.map(DateTime),
        }
    }
}

/// What providers are told of the viewer.
pub(crate) async fn roles(ctx: &Context<'_>) -> Result<Vec<LinkedRole>> {
    let viewer = viewer(ctx)?;
    let found = viewer.app().identity.linked_roles(viewer.actor()).await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    viewer.spend(ctx, found.len())?;
    Ok(found.into_iter().map(LinkedRole::from).collect())
}

/// Where to go on with linking an account.
#[derive(SimpleObject)]
pub(crate) struct LinkStart {
    /// The provider's page to open in the same browser, within ten minutes.
    url: String,
}

/// One's own accounts elsewhere.
pub(crate) async fn own(ctx: &Context<'_>) -> Result<Vec<Link>> {
    let viewer = viewer(ctx)?;
    let found = viewer.app().identity.links(viewer.actor()).await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    viewer.spend(ctx, found.len())?;
    Ok(found.into_iter().map(Link::from).collect())
}

/// Changes to one's own accounts elsewhere.
#[derive(Default)]
pub(crate) struct LinkedMutation;

#[Object]
impl LinkedMutation {
    /// Begins to link an account of a provider (`discord`, `twitch`, `slack` or one of the
    /// instance's own). Needs a session that proved who it belongs to within five minutes, else
    /// `confirmSession` first.
    async fn link_identity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The provider's key.")] provider: String,
    ) -> Result<LinkStart> {
        let viewer = viewer(ctx)?;
        let session = viewer.session()?;
        let app = viewer.app();
        let redirect = app.callback(&provider);
        let trip = Trip {
            provider: &provider,
            redirect: &redirect,
            return_to: HOME,
        };
        let begun = app.link_url(viewer.actor(), session, None, trip).await;
        let url = begun.map_err(|cause| change_refused(viewer, &cause))?;
        Ok(LinkStart { url })
    }

    /// Chooses which of one's own accounts elsewhere stands for oneself: it comes first where others
    /// see them, and its picture is shown. Answers all of them.
    async fn choose_primary_identity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of one of one's own links; null takes the choice back.")]
        id: Option<i32>,
    ) -> Result<Vec<Link>> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let identity = &viewer.app().identity;
        let done = identity
            .choose_primary_link(viewer.actor(), id.map(LinkId))
            .await;
        done.map_err(|cause| change_refused(viewer, &cause.into()))?;
        own(ctx).await
    }

    /// Unlinks an account: it no longer signs in, and its tokens are given back. Refused for the last
    /// way of signing in. Needs a session that proved who it belongs to within five minutes, else
    /// `confirmSession` first. Answers what is left.
    async fn unlink_identity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of one of one's own links.")] id: i32,
    ) -> Result<Vec<Link>> {
        let viewer = viewer(ctx)?;
        let session = viewer.session()?;
        let done = viewer
            .app()
            .unlink(viewer.actor(), session, None, LinkId(id));
        done.await.map_err(|cause| change_refused(viewer, &cause))?;
        own(ctx).await
    }

    /// Has a provider told now what roles there may depend on, also if that was stopped; at most once a
    /// minute.
    async fn push_linked_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the linked account.")] link_id: i32,
    ) -> Result<Vec<LinkedRole>> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let identity = &viewer.app().identity;
        let done = identity.push_roles(viewer.actor(), LinkId(link_id), viewer.client());
        done.await
            .map_err(|cause| change_refused(viewer, &cause.into()))?;
        roles(ctx).await
    }

    /// Stops telling a provider anything, and has what was told taken back.
    async fn stop_linked_role(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The id of the linked account.")] link_id: i32,
    ) -> Result<Vec<LinkedRole>> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        let identity = &viewer.app().identity;
        let done = identity.stop_roles(viewer.actor(), LinkId(link_id), viewer.client());
        done.await
            .map_err(|cause| change_refused(viewer, &cause.into()))?;
        roles(ctx).await
    }
}
