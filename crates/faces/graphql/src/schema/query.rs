//! The roots of queries.

#![expect(
    clippy::unused_async,
    reason = "the engine's resolvers are async, also those that have all they need"
)]

use std::sync::Arc;

use async_graphql::{Context, ID, Object, Result};
use identity::{Eyes, Who};
use kernel::{CommunityId, ConnectionId, ErrorCode, UserId};

use super::{
    cache_control::cache_control,
    command::{self, CommandSetting, CustomCommand},
    community::{self, Community},
    connection::{self, Channel},
    cost,
    delivery::{self, Delivery, DeliveryState, Medium},
    error::{coded, lookup, refused, viewer},
    merge::Merge,
    node::{self, Node},
    paged,
    rate_limit::RateLimit,
    reputation::{self, ReputationChange, Standings},
    suggestion::{self, Suggestion},
    suspicion::{self, Suspicion, SuspicionState},
    user::User,
    weight::{self, ReputationWeight},
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
        let communities = &viewer.loaders().communities;
        let found = communities.load_one(CommunityId(community_id)).await;
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

    /// The same in pages.
    #[graphql(complexity = "cost::list(first.unwrap_or(25), child_complexity)")]
    async fn communities_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100.", default = 25)] first: Option<i32>,
        #[graphql(desc = "The cursor to continue after.")] after: Option<String>,
    ) -> Result<paged::Connection<Community>> {
        viewer(ctx)?.signed_in()?;
        let request = paged::request(first, after.as_deref())?;
        community::visible_pages(ctx, &request, |_| true).await
    }

    /// A community by its name in URLs. Null if there is none or the viewer may not know of it.
    async fn community_by_slug(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its name in URLs.")] slug: String,
    ) -> Result<Option<Community>> {
        let viewer = viewer(ctx)?;
        let identity = &viewer.app().identity;
        let found = identity.community_by_slug(viewer.actor(), &slug).await;
        Ok(lookup(viewer, found)?.flatten().map(Community))
    }

    /// Anything by its id among everything. Null if there is no such thing or the viewer may not see it.
    #[graphql(complexity = "cost::LOOKUP + child_complexity")]
    async fn node(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Its `nodeId`.")] id: ID,
    ) -> Result<Option<Node>> {
        let found = node::find(ctx, &[id]).await?;
        Ok(found.into_iter().next().flatten())
    }

    /// Several things by their ids, in their order, at most 100; null for each that does not exist or the
    /// viewer may not see.
    #[graphql(
        complexity = "cost::list(i32::try_from(ids.len()).unwrap_or(i32::MAX), child_complexity)"
    )]
    async fn nodes(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "Their `nodeId`s.", validator(max_items = 100))] ids: Vec<ID>,
    ) -> Result<Vec<Option<Node>>> {
        node::find(ctx, &ids).await
    }

    /// A community's messages on their way out, newest first. Needs the role of a moderator.
    #[graphql(complexity = "cost::PAGE + cost::list(first.unwrap_or(25), child_complexity)")]
    async fn deliveries(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "How many, 1 to 100.", default = 25)] first: Option<i32>,
        #[graphql(desc = "The cursor to continue after.")] after: Option<String>,
        #[graphql(desc = "Only those in this state.")] state: Option<DeliveryState>,
        #[graphql(desc = "Only those that travel so.")] medium: Option<Medium>,
    ) -> Result<Option<paged::Connection<Delivery>>> {
        let request = paged::request(first, after.as_deref())?;
        let filter = ::delivery::DeliveryFilter {
            state: state.map(Into::into),
            medium: medium.map(Into::into),
        };
        let page = delivery::page(ctx, CommunityId(community_id), filter, &request);
        page.await.map(Some)
    }

    /// A message on its way out. Null if there is none or the viewer may not know of it.
    #[graphql(complexity = "cost::LOOKUP + child_complexity")]
    async fn delivery(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The delivery's id.")] id: ID,
    ) -> Result<Option<Delivery>> {
        delivery::find(ctx, &id).await
    }

    /// A community's own chat commands, by name. Needs the role of a member.
    #[graphql(complexity = "cost::list(50, child_complexity)")]
    async fn custom_commands(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
    ) -> Result<Option<Vec<CustomCommand>>> {
        command::custom(ctx, CommunityId(community_id))
            .await
            .map(Some)
    }

    /// The program's chat commands as a community has them. Needs the role of a member.
    #[graphql(complexity = "cost::list(50, child_complexity)")]
    async fn command_settings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
    ) -> Result<Option<Vec<CommandSetting>>> {
        command::settings(ctx, CommunityId(community_id))
            .await
            .map(Some)
    }

    /// The channels in which we could speak through a connection, as the platform tells now. Needs the
    /// role of an admin.
    #[graphql(complexity = "cost::OVERVIEW + child_complexity")]
    async fn connection_channels(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The connection's id.")] connection_id: i32,
    ) -> Result<Option<Vec<Channel>>> {
        connection::channels(ctx, ConnectionId(connection_id))
            .await
            .map(Some)
    }

    /// Pairs of a community's accounts that may be one person's, the surest first. Needs the role of a
    /// moderator.
    #[graphql(complexity = "cost::PAGE + cost::list(first.unwrap_or(25), child_complexity)")]
    async fn suggestions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "How many, 1 to 100.", default = 25)] first: Option<i32>,
        #[graphql(desc = "The cursor to continue after.")] after: Option<String>,
        #[graphql(
            desc = "Whether to list those that moderators said are none, instead of the others.",
            default = false
        )]
        dismissed: bool,
    ) -> Result<Option<paged::Connection<Suggestion>>> {
        let request = paged::request(first, after.as_deref())?;
        let page = suggestion::page(ctx, CommunityId(community_id), dismissed, &request);
        page.await.map(Some)
    }

    /// The pairs of one person in a community, the surest first, at most 20. Needs the role of a
    /// moderator.
    #[graphql(complexity = "cost::list(20, child_complexity)")]
    async fn suggestions_of_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The person's id.")] user_id: i32,
    ) -> Result<Option<Vec<Suggestion>>> {
        let (community, user) = (CommunityId(community_id), UserId(user_id));
        suggestion::of_member(ctx, community, user).await.map(Some)
    }

    /// The surest pairs of the whole instance, at most 100. For administrators of the instance.
    #[graphql(complexity = "cost::list(100, child_complexity)")]
    async fn all_suggestions(&self, ctx: &Context<'_>) -> Result<Option<Vec<Suggestion>>> {
        suggestion::everywhere(ctx).await.map(Some)
    }

    /// Patterns in a community that somebody should look at, the last found first. Needs the role of a
    /// moderator.
    #[graphql(complexity = "cost::PAGE + cost::list(first.unwrap_or(25), child_complexity)")]
    async fn suspicions(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "How many, 1 to 100.", default = 25)] first: Option<i32>,
        #[graphql(desc = "The cursor to continue after.")] after: Option<String>,
        #[graphql(desc = "Only those of which this became.")] state: Option<SuspicionState>,
    ) -> Result<Option<paged::Connection<Suspicion>>> {
        let request = paged::request(first, after.as_deref())?;
        let state = state.map(Into::into);
        let page = suspicion::page(ctx, CommunityId(community_id), state, &request);
        page.await.map(Some)
    }

    /// The flags about one person's accounts in a community, the last found first, at most 20. Needs the
    /// role of a moderator.
    #[graphql(complexity = "cost::list(20, child_complexity)")]
    async fn suspicions_of_member(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The person's id.")] user_id: i32,
    ) -> Result<Option<Vec<Suspicion>>> {
        let (community, user) = (CommunityId(community_id), UserId(user_id));
        suspicion::of_member(ctx, community, user).await.map(Some)
    }

    /// Who has the highest reputations of a community, and who is at risk. Needs the role of a moderator.
    #[graphql(complexity = "cost::list(100, child_complexity)")]
    async fn standings(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
    ) -> Result<Option<Standings>> {
        reputation::standings(ctx, CommunityId(community_id))
            .await
            .map(Some)
    }

    /// What every event is worth for a reputation in a community. Needs the role of a moderator.
    #[graphql(complexity = "cost::list(20, child_complexity)")]
    async fn reputation_weights(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
    ) -> Result<Option<Vec<ReputationWeight>>> {
        weight::all(ctx, CommunityId(community_id)).await.map(Some)
    }

    /// What changed a member's reputation, the newest first, without messages and commands. Needs the
    /// role of a moderator.
    #[graphql(complexity = "cost::PAGE + cost::list(first.unwrap_or(25), child_complexity)")]
    async fn reputation_history(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The community's id.")] community_id: i32,
        #[graphql(desc = "The person's id.")] user_id: i32,
        #[graphql(desc = "How many, 1 to 100.", default = 25)] first: Option<i32>,
        #[graphql(desc = "The cursor to continue after.")] after: Option<String>,
    ) -> Result<Option<paged::Connection<ReputationChange>>> {
        let request = paged::request(first, after.as_deref())?;
        let (community, user) = (CommunityId(community_id), UserId(user_id));
        reputation::history(ctx, community, user, &request)
            .await
            .map(Some)
    }

    /// All merges of the instance that are not long past, newest first. For administrators of the
    /// instance.
    #[graphql(complexity = "cost::list(100, child_complexity)")]
    async fn all_merges(&self, ctx: &Context<'_>) -> Result<Option<Vec<Merge>>> {
        let viewer = viewer(ctx)?;
        let found = viewer.app().identity.all_merges(viewer.actor()).await;
        let found = found.map_err(|cause| refused(viewer, &cause))?;
        viewer.spend(ctx, found.len())?;
        Ok(Some(found.into_iter().map(Merge).collect()))
    }
}
