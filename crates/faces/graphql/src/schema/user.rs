//! A person as the viewer may see them; one's own private side is in [`super::own`].
//!
//! Must never show an address or a platform's id of anybody but the viewer.

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use identity::{PlatformAccount, ProfileView};
use kernel::UserId;
use tokio::sync::OnceCell;

use super::{
    community::{self, Community},
    cost,
    error::{refused, viewer},
    loaders::Seen,
    node::NodeId,
    own::OwnData,
    paged,
    reputation::Reputation,
    scalar::{DateTime, Platform, count},
};

/// A person as the viewer may see them; what they do not show to the viewer is left out.
pub(crate) struct User {
    /// The viewer themselves.
    own: Option<identity::User>,
    id: UserId,
    /// Looked up when it is first asked for.
    seen: OnceCell<Arc<ProfileView>>,
}

/// An account of a person on a platform, or one elsewhere that they sign in with.
pub(crate) struct Identity {
    id: String,
    platform: String,
    platform_user_id: Option<String>,
    platform_username: String,
    linked_at: Option<DateTime>,
}

/// How active a person was on a platform.
pub(crate) struct UserActivity(::activity::PlatformActivity);

impl User {
    /// The viewer themselves.
    pub(crate) fn me(user: identity::User) -> Self {
        Self {
            id: user.id,
            own: Some(user),
            seen: OnceCell::new(),
        }
    }

    /// Anybody whom the viewer may see.
    pub(crate) fn other(ctx: &Context<'_>, view: Arc<ProfileView>) -> Result<Self> {
        let me = viewer(ctx)?.user().filter(|me| me.id == view.user);
        Ok(Self {
            own: me.cloned(),
            id: view.user,
            seen: OnceCell::new_with(Some(view)),
        })
    }

    async fn view(&self, ctx: &Context<'_>) -> Result<&Arc<ProfileView>> {
        let load = async || {
            let viewer = viewer(ctx)?;
            let found = viewer.loaders().profiles.load_one(self.id).await;
            let found = found.map_err(|cause| refused(viewer, &cause))?;
            found.ok_or_else(|| refused(viewer, &identity::IdentityError::NotFound))
        };
        self.seen.get_or_try_init(load).await
    }
}

/// A person as the viewer may see them; what they do not show to the viewer is left out.
#[Object]
impl User {
    /// The person's id.
    async fn id(&self) -> i32 {
        self.id.0
    }

    /// The person's id.
    async fn hub_user_id(&self) -> i32 {
        self.id.0
    }

    /// The person's id among everything.
    pub(crate) async fn node_id(&self) -> ID {
        NodeId::User(self.id).encode()
    }

    /// The name shown.
    async fn display_name(&self, ctx: &Context<'_>) -> Result<&str> {
        match &self.own {
            Some(own) => Ok(&own.display_name),
            None => Ok(&self.view(ctx).await?.display_name),
        }
    }

    /// The handle, or the name shown of somebody without one.
    #[graphql(complexity = "cost::LOOKUP")]
    async fn username(&self, ctx: &Context<'_>) -> Result<&str> {
        let view = self.view(ctx).await?;
        Ok(view.profile.handle.as_deref().unwrap_or(&view.display_name))
    }

    /// What the person's page is found by; null without a page.
    #[graphql(complexity = "cost::LOOKUP")]
    async fn handle(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        Ok(self.view(ctx).await?.profile.handle.as_deref())
    }

    /// A few words about themselves.
    #[graphql(complexity = "cost::LOOKUP")]
    async fn bio(&self, ctx: &Context<'_>) -> Result<&str> {
        Ok(&self.view(ctx).await?.profile.bio)
    }

    /// An `https:` or `http:` address, or empty.
    #[graphql(complexity = "cost::LOOKUP")]
    async fn website(&self, ctx: &Context<'_>) -> Result<&str> {
        Ok(&self.view(ctx).await?.profile.website)
    }

    /// Where they say they are.
    #[graphql(complexity = "cost::LOOKUP")]
    async fn location(&self, ctx: &Context<'_>) -> Result<&str> {
        Ok(&self.view(ctx).await?.profile.location)
    }

    /// The address used to sign in; null for anybody but oneself.
    async fn email(&self) -> Option<&str> {
        self.own.as_ref()?.email.as_deref()
    }

    /// The address of a picture that a provider has of the person, where the viewer may see the
    /// account it belongs to.
    #[graphql(complexity = "cost::LOOKUP")]
    async fn avatar_url(&self, ctx: &Context<'_>) -> Result<Option<&str>> {
        let view = self.view(ctx).await?;
        Ok(view.links.iter().find_map(|link| link.avatar.as_deref()))
    }

    /// Whether the person administers this instance; null for anybody but oneself.
    async fn is_instance_admin(&self) -> Option<bool> {
        self.own.as_ref().map(|own| own.is_instance_admin)
    }

    /// When the person was first known here.
    async fn created_at(&self, ctx: &Context<'_>) -> Result<DateTime> {
        match &self.own {
            Some(own) => Ok(DateTime(own.created_at)),
            None => Ok(DateTime(self.view(ctx).await?.since)),
        }
    }

    /// Accounts on the platforms whose profile the viewer may see, and for oneself everything one
    /// signs in with.
    #[graphql(complexity = "cost::list(5, child_complexity)")]
    async fn identities(&self, ctx: &Context<'_>) -> Result<Vec<Identity>> {
        let view = self.view(ctx).await?;
        viewer(ctx)?.spend(ctx, view.accounts.len() + view.links.len())?;
        Ok(identities(view))
    }

    /// The reputation over all communities, from the platforms where the viewer may see it; null if
    /// there are none.
    #[graphql(complexity = "cost::LOOKUP + child_complexity")]
    async fn reputation(&self, ctx: &Context<'_>) -> Result<Option<Reputation>> {
        let seen = Seen(Arc::clone(self.view(ctx).await?));
        let viewer = viewer(ctx)?;
        let found = viewer.loaders().reputations.load_one(seen).await;
        let found = found.map_err(|cause| refused(viewer, &cause))?;
        Ok(found.map(Reputation::from))
    }

    /// Messages by platform in the last 90 days, where the viewer may see them.
    #[graphql(complexity = "cost::list(5, child_complexity)")]
    async fn activity(&self, ctx: &Context<'_>) -> Result<Vec<UserActivity>> {
        let seen = Seen(Arc::clone(self.view(ctx).await?));
        let viewer = viewer(ctx)?;
        let found = viewer.loaders().activities.load_one(seen).await;
        let found = found.map_err(|cause| refused(viewer, &cause))?;
        Ok(found
            .unwrap_or_default()
            .into_iter()
            .map(UserActivity)
            .collect())
    }

    /// The communities the person has a role in, by name; of somebody else those that they show and
    /// the viewer may know of.
    #[graphql(complexity = "cost::list(limit.unwrap_or(20), child_complexity)")]
    async fn communities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100.", default = 20)] limit: Option<i32>,
        #[graphql(desc = "How many to leave out at the beginning.", default = 0)] offset: Option<
            i32,
        >,
    ) -> Result<Vec<Community>> {
        if self.own.is_some() {
            return community::visible(ctx, limit, offset, |role| role.is_some()).await;
        }
        let (limit, offset) = community::window(limit, offset)?;
        let mut shown: Vec<_> = self.view(ctx).await?.communities.clone();
        shown.sort_by(|(a, _), (b, _)| a.name.cmp(&b.name));
        let page = shown.into_iter().skip(offset).take(limit);
        let page: Vec<Community> = page.map(|(community, _)| Community(community)).collect();
        viewer(ctx)?.spend(ctx, page.len())?;
        Ok(page)
    }

    /// The same communities in pages.
    #[graphql(complexity = "cost::list(first.unwrap_or(25), child_complexity)")]
    async fn communities_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100.", default = 25)] first: Option<i32>,
        #[graphql(desc = "The cursor to continue after.")] after: Option<String>,
    ) -> Result<paged::Connection<Community>> {
        let request = paged::request(first, after.as_deref())?;
        if self.own.is_some() {
            return community::visible_pages(ctx, &request, |role| role.is_some()).await;
        }
        let shown = self.view(ctx).await?.communities.iter();
        let all = shown.map(|(community, _)| community.clone()).collect();
        community::page(ctx, &request, all)
    }

    /// What only the person themselves may see; null for anybody else.
    async fn own(&self) -> Option<OwnData> {
        self.own.as_ref().map(|_| OwnData)
    }
}

/// Accounts in chat, each with its proof, and then what proves nothing in chat.
fn identities(view: &ProfileView) -> Vec<Identity> {
    let proof = |account: &PlatformAccount| {
        let is_of = |link: &&identity::Link| link.account == Some(account.id);
        view.links.iter().find(is_of)
    };
    let in_chat = view.accounts.iter().map(|account| {
        let link = proof(account);
        Identity {
            id: account.id.to_string(),
            platform: account.platform.as_str().to_owned(),
            platform_user_id: own_subject(view, link),
            platform_username: account.username.clone(),
            linked_at: link.map(|link| DateTime(link.linked_at)),
        }
    });
    let elsewhere = view.links.iter().filter(|link| {
        let is_in_chat = |account: &PlatformAccount| link.account == Some(account.id);
        !view.accounts.iter().any(is_in_chat)
    });
    let elsewhere = elsewhere.map(|link| Identity {
        id: format!("link-{}", link.id),
        platform: link.provider.clone(),
        platform_user_id: own_subject(view, Some(link)),
        platform_username: link.username.clone(),
        linked_at: Some(DateTime(link.linked_at)),
    });
    in_chat.chain(elsewhere).collect()
}

/// The provider's id of an account, for its owner alone.
fn own_subject(view: &ProfileView, link: Option<&identity::Link>) -> Option<String> {
    link.filter(|_| view.is_own)
        .map(|link| link.subject.clone())
}

/// An account of a person on a platform, or one elsewhere that they sign in with.
#[Object]
impl Identity {
    /// Its id.
    async fn id(&self) -> ID {
        ID(self.id.clone())
    }

    /// Where, in lower case, such as `discord`.
    async fn platform(&self) -> &str {
        &self.platform
    }

    /// The platform's id of it; null for anybody but oneself, and where it was not proved.
    async fn platform_user_id(&self) -> Option<&str> {
        self.platform_user_id.as_deref()
    }

    /// The name it went by last.
    async fn platform_username(&self) -> &str {
        &self.platform_username
    }

    /// Whether the person proved that it is theirs.
    async fn verified(&self) -> bool {
        self.linked_at.is_some()
    }

    /// When they did.
    async fn linked_at(&self) -> Option<DateTime> {
        self.linked_at
    }
}

/// How active a person was on a platform.
#[Object]
impl UserActivity {
    /// Where.
    async fn platform(&self) -> Platform {
        self.0.platform.into()
    }

    /// Messages.
    async fn messages(&self) -> i32 {
        count(self.0.messages)
    }

    /// Days with at least one of them.
    async fn active_days(&self) -> i32 {
        count(self.0.active_days)
    }
}
