//! The roots of queries.

#![expect(
    clippy::unused_async,
    reason = "the engine's resolvers are async, also those that have all they need"
)]

use std::sync::Arc;

use async_graphql::{Context, Object, Result};
use identity::{Eyes, Who};
use kernel::{CommunityId, ErrorCode, UserId};

use super::{
    cache_control::cache_control,
    community::{self, Community},
    cost,
    error::{coded, lookup, viewer},
    rate_limit::RateLimit,
    user::User,
};

/// What can be asked for about people and communities.
#[derive(Default)]
pub(crate) struct Query;

// Its fields are those of the root, which has the name.
#[Object(name = "CommonQuery")]
impl Query {
    /// The signed-in person. Null with the code `UNAUTHENTICATED` if nobody is.
    async fn me(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        Ok(Some(User::me(viewer(ctx)?.signed_in()?.clone())))
    }

    /// A person by their handle or their id, as far as the viewer may see them. Null if there is none
    /// or nothing of them may be seen; ask with exactly one of `hubUserId`, `id` (the same) and `handle`.
    async fn user(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The person's id.")] hub_user_id: Option<i32>,
        #[graphql(desc = "The person's handle.")] handle: Option<String>,
        #[graphql(desc = "The person's id.")] id: Option<i32>,
    ) -> Result<Option<User>> {
        let viewer = viewer(ctx)?;
        let found = match (&handle, hub_user_id.xor(id)) {
            (Some(handle), None) => {
                let identity = &viewer.app().identity;
                let who = Who::Handle(handle);
                let found = identity.profile(viewer.actor(), who, Eyes::Own).await;
                lookup(viewer, found)?.flatten().map(Arc::new)
            }
            (None, Some(id)) => {
                let found = viewer.loaders().profiles.load_one(UserId(id)).await;
                lookup(viewer, found)?.flatten()
            }
            _ => {
                return Err(coded(
                    ErrorCode::BadUserInput,
                    "give exactly one of `hubUserId`, `id` and `handle`",
                ));
            }
        };
        found.map(|view| User::other(ctx, view)).transpose()
    }

    /// A community by its id. Null if there is none or the viewer may not know of it.
    #[graphql(directive = cache_control::apply(Some(30), None, None))]
    async fn community(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
    ) -> Result<Option<Community>> {
        let viewer = viewer(ctx)?;
        let services = viewer.app();
        let found = services
            .identity
            .community(viewer.actor(), CommunityId(community_id))
            .await;
        Ok(lookup(viewer, found)?.flatten().map(Community))
    }

    /// What the caller may still ask in this minute. A query that costs more than is left is refused
    /// with the code `RATE_LIMITED`.
    async fn rate_limit(&self, ctx: &Context<'_>) -> Result<Option<RateLimit>> {
        Ok(viewer(ctx)?.toll().map(RateLimit::from))
    }

    /// The communities the viewer may see, by name. An administrator of the instance sees all.
    #[graphql(
        complexity = "cost::list(limit.unwrap_or(20), child_complexity)",
        directive = cache_control::apply(Some(30), None, None)
    )]
    async fn communities(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100.", default = 20)] limit: Option<i32>,
        #[graphql(desc = "How many to leave out at the beginning.", default = 0)] offset: Option<
            i32,
        >,
    ) -> Result<Vec<Community>> {
        let viewer = viewer(ctx)?;
        viewer.signed_in()?;
        community::visible(ctx, limit, offset, |_| true).await
    }
}
