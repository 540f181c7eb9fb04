//! A community and what hangs on it.

#![expect(
    clippy::unused_async,
    reason = "the engine's resolvers are async, also those that have all they need"
)]

use std::sync::Arc;

use ::activity::{ActivityError, MemberQuery, MessageQuery, Summary};
use async_graphql::{Context, ID, Object, Result, SimpleObject};
use identity::Server as IdentityServer;
use kernel::{Cursor, MessageId, Page, PageRequest};

use super::{
    Viewer,
    activity::{self, Activity, Period},
    bot::BotScore,
    cache_control::cache_control,
    chat::ChatMessage,
    connection::Connection,
    cost,
    error::{Coded, bad_input, refused, viewer},
    loaders::{Answer, Ask},
    member::{MemberConnection, MemberSort, Place},
    node::NodeId,
    paged,
    scalar::{Date, DateTime, Platform, Role, count},
};

/// A community: chat from any number of servers and channels.
pub(crate) struct Community(pub(crate) identity::Community);

/// A server, workspace or channel connected to a community.
#[derive(SimpleObject)]
pub(crate) struct Server {
    /// Its id.
    id: i32,
    /// Where it is.
    platform: Platform,
    /// The platform's id of it.
    platform_server_id: String,
    /// Its name.
    name: String,
    /// Whether it is the community's main place on that platform.
    is_primary: bool,
}

impl From<&IdentityServer> for Server {
    fn from(server: &IdentityServer) -> Self {
        Self {
            id: server.id.0,
            platform: server.platform.into(),
            platform_server_id: server.platform_server_id.clone(),
            name: server.name.clone(),
            is_primary: server.is_primary,
        }
    }
}

/// Of a list how many to show and how many to leave out before them.
pub(crate) fn window(limit: Option<i32>, offset: Option<i32>) -> Result<(usize, usize)> {
    let limit = length("limit", limit.unwrap_or(20))?;
    let offset = usize::try_from(offset.unwrap_or(0))
        .map_err(|_negative| bad_input("`offset` must not be negative"))?;
    Ok((usize::try_from(limit).unwrap_or(1), offset))
}

/// The communities the viewer may see and `wanted` picks by the viewer's role.
pub(crate) async fn visible(
    ctx: &Context<'_>,
    limit: Option<i32>,
    offset: Option<i32>,
    wanted: impl Fn(Option<kernel::Role>) -> bool,
) -> Result<Vec<Community>> {
    let viewer = viewer(ctx)?;
    let (limit, offset) = window(limit, offset)?;
    let found = viewer.app().identity.communities(viewer.actor()).await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    let page: Vec<Community> = found
        .into_iter()
        .filter(|(_, role)| wanted(*role))
        .skip(offset)
        .take(limit)
        .map(|(community, _)| Community(community))
        .collect();
    viewer.spend(ctx, page.len())?;
    Ok(page)
}

/// The communities that [`visible`] answers, in pages.
pub(crate) async fn visible_pages(
    ctx: &Context<'_>,
    request: &PageRequest,
    wanted: impl Fn(Option<kernel::Role>) -> bool,
) -> Result<paged::Connection<Community>> {
    let viewer = viewer(ctx)?;
    let found = viewer.app().identity.communities(viewer.actor()).await;
    let found = found.map_err(|cause| refused(viewer, &cause))?;
    let all = found.into_iter().filter(|(_, role)| wanted(*role));
    page(ctx, request, all.map(|(community, _)| community).collect())
}

/// A page of some communities, by name.
pub(crate) fn page(
    ctx: &Context<'_>,
    request: &PageRequest,
    mut all: Vec<identity::Community>,
) -> Result<paged::Connection<Community>> {
    let cursor = |community: &identity::Community| Cursor {
        key: community.name.to_lowercase(),
        id: community.id.0.into(),
    };
    all.sort_by_cached_key(|community| (community.name.to_lowercase(), community.id));
    if let Some(after) = request.cursor() {
        all.retain(|community| {
            let place = cursor(community);
            (&place.key, place.id) > (&after.key, after.id)
        });
    }
    let found = Page::from_rows(all, request, cursor);
    paged::connect(ctx, request, found, cursor, Community)
}

/// Checks the wanted length of a list.
pub(crate) fn length(name: &str, wanted: i32) -> Result<u32> {
    u32::try_from(wanted)
        .ok()
        .filter(|_| (1..=cost::LIST_MAX).contains(&wanted))
        .ok_or_else(|| bad_input(format!("`{name}` must be 1 to {}", cost::LIST_MAX)))
}

/// A community: chat from any number of servers and channels.
#[Object]
impl Community {
    /// Its id.
    async fn id(&self) -> i32 {
        self.0.id.0
    }

    /// Its id among everything.
    pub(crate) async fn node_id(&self) -> ID {
        NodeId::Community(self.0.id).encode()
    }

    /// Its name in URLs; never changes.
    async fn slug(&self) -> &str {
        &self.0.slug
    }

    /// Its name.
    async fn name(&self) -> &str {
        &self.0.name
    }

    /// What it is about.
    async fn description(&self) -> Option<&str> {
        Some(self.0.description.as_str()).filter(|text| !text.is_empty())
    }

    /// The platform of its main server, in lower case; null while none is connected.
    #[graphql(complexity = "cost::LOOKUP")]
    async fn platform(&self, ctx: &Context<'_>) -> Result<Option<&'static str>> {
        let servers = self.connected(ctx).await?;
        let main = servers.iter().find(|server| server.is_primary);
        Ok(main
            .or(servers.first())
            .map(|server| server.platform.as_str()))
    }

    /// Everybody ever seen in it.
    #[graphql(complexity = "cost::SUMMARY", directive = cache_control::apply(Some(10), None, None))]
    async fn member_count(&self, ctx: &Context<'_>) -> Result<i32> {
        let summary = self.summary(ctx).await?;
        Ok(summary.map_or(0, |summary| count(summary.members)))
    }

    /// When somebody was seen last.
    #[graphql(complexity = "cost::SUMMARY", directive = cache_control::apply(Some(10), None, None))]
    async fn last_seen_at(&self, ctx: &Context<'_>) -> Result<Option<DateTime>> {
        let summary = self.summary(ctx).await?;
        Ok(summary.and_then(|summary| summary.last_at).map(DateTime))
    }

    /// When it was made.
    async fn created_at(&self) -> DateTime {
        DateTime(self.0.created_at)
    }

    /// The viewer's role in it; null for an administrator of the instance who has none.
    async fn role(&self, ctx: &Context<'_>) -> Result<Option<Role>> {
        Ok(viewer(ctx)?.actor().role_in(self.0.id).map(Role::from))
    }

    /// The servers and channels its chat comes from.
    #[graphql(complexity = "cost::LOOKUP + child_complexity", directive = cache_control::apply(Some(30), None, None))]
    async fn servers(&self, ctx: &Context<'_>) -> Result<Vec<Server>> {
        let servers = self.connected(ctx).await?;
        viewer(ctx)?.spend(ctx, servers.len())?;
        Ok(servers.iter().map(Server::from).collect())
    }

    /// Where we may act for it. Needs the role of an admin.
    #[graphql(complexity = "cost::PAGE + child_complexity")]
    async fn connections(&self, ctx: &Context<'_>) -> Result<Option<Vec<Connection>>> {
        let viewer = viewer(ctx)?;
        let found = viewer.loaders().connections.load_one(self.0.id).await;
        let found = answered(viewer, found)?;
        viewer.spend(ctx, found.len())?;
        Ok(Some(found.iter().map(Connection::from).collect()))
    }

    /// Everybody seen in it, in pages. Needs the role of a moderator.
    #[graphql(
        complexity = "cost::PAGE + cost::list(first.unwrap_or(25), child_complexity)",
        directive = cache_control::apply(Some(10), None, None)
    )]
    #[expect(clippy::too_many_arguments, reason = "they are the field's arguments")]
    async fn members(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100.", default = 25)] first: Option<i32>,
        #[graphql(desc = "The cursor to continue after.")] after: Option<String>,
        #[graphql(desc = "Part of the name.")] search: Option<String>,
        #[graphql(desc = "Only those seen on this platform.")] platform: Option<Platform>,
        #[graphql(desc = "The order.", default_with = "Some(MemberSort::LastSeen)")] sort: Option<
            MemberSort,
        >,
        #[graphql(desc = "Largest or latest first; so it is unless the order is NAME.")] descending: Option<bool>,
    ) -> Result<Option<MemberConnection>> {
        let sort = sort.unwrap_or(MemberSort::LastSeen);
        let limit = length("first", first.unwrap_or(25))?;
        let viewer = viewer(ctx)?;
        let query = MemberQuery {
            search: search.unwrap_or_default(),
            platform: platform.map(Into::into),
            sort: sort.into(),
            descending: descending.unwrap_or(sort != MemberSort::Name),
            page: PageRequest::first(limit),
        };
        let place = after.as_deref().map(Place::decode).transpose()?;
        let page = MemberConnection::load(viewer, self.0.id, query, place.unwrap_or_default());
        page.await.map(Some)
    }

    /// What happened in it in a period: the last 30 days unless `period`, or `from` and `until`,
    /// say otherwise.
    #[graphql(complexity = "cost::OVERVIEW + child_complexity", directive = cache_control::apply(Some(10), None, None))]
    async fn activity(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "The days up to today.", default_with = "Some(Period::Month)")]
        period: Option<Period>,
        #[graphql(desc = "The first day; needs `until`.")] from: Option<Date>,
        #[graphql(desc = "The day after the last; needs `from`.")] until: Option<Date>,
    ) -> Result<Option<Activity>> {
        let viewer = viewer(ctx)?;
        let period = activity::period(viewer, period.unwrap_or(Period::Month), from, until)?;
        let asked = Ask {
            community: self.0.id,
            query: period,
        };
        let overview = viewer.loaders().overviews.load_one(asked).await;
        Ok(Some(Activity(answered(viewer, overview)?)))
    }

    /// How free of bots it is, 100 being clean.
    #[graphql(complexity = "cost::OVERVIEW + child_complexity", directive = cache_control::apply(Some(10), None, None))]
    async fn bot_score(&self, ctx: &Context<'_>) -> Result<Option<BotScore>> {
        let viewer = viewer(ctx)?;
        let found = viewer.loaders().bot_scores.load_one(self.0.id).await;
        let found = answered(viewer, found)?;
        Ok(Some(BotScore::of(self.0.id, &found)))
    }

    /// The latest chat messages, oldest first.
    #[graphql(complexity = "cost::PAGE + cost::list(last.unwrap_or(50), child_complexity)")]
    async fn messages(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100.", default = 50)] last: Option<i32>,
        #[graphql(desc = "Only those before this message.")] before: Option<ID>,
        #[graphql(desc = "Only those of this platform.")] platform: Option<Platform>,
    ) -> Result<Option<Vec<ChatMessage>>> {
        let limit = length("last", last.unwrap_or(50))?;
        let before = before.map(|id| message_id("before", &id)).transpose()?;
        let viewer = viewer(ctx)?;
        let query = MessageQuery {
            platform: platform.map(Into::into),
            before,
            limit,
        };
        let found = self.latest(viewer, query).await?;
        viewer.spend(ctx, found.len())?;
        Ok(Some(found.iter().map(ChatMessage::from).collect()))
    }

    /// The chat messages, the newest first, in pages.
    #[graphql(complexity = "cost::PAGE + cost::list(first.unwrap_or(25), child_complexity)")]
    async fn messages_connection(
        &self,
        ctx: &Context<'_>,
        #[graphql(desc = "How many, 1 to 100.", default = 25)] first: Option<i32>,
        #[graphql(desc = "The cursor to continue after.")] after: Option<String>,
        #[graphql(desc = "Only those of this platform.")] platform: Option<Platform>,
    ) -> Result<Option<paged::Connection<ChatMessage>>> {
        let request = paged::request(first, after.as_deref())?;
        let viewer = viewer(ctx)?;
        let query = MessageQuery {
            platform: platform.map(Into::into),
            before: request.cursor().map(|cursor| MessageId(cursor.id)),
            limit: request.limit() + 1,
        };
        let found = self.latest(viewer, query).await?;
        let cursor = |message: &&::activity::ChatMessage| Cursor {
            key: String::new(),
            id: message.id.0,
        };
        let rows = found.iter().rev().collect();
        let found = Page::from_rows(rows, &request, cursor);
        paged::connect(ctx, &request, found, cursor, ChatMessage::from).map(Some)
    }
}

impl Community {
    async fn latest(
        &self,
        viewer: &Viewer,
        query: MessageQuery,
    ) -> Result<Arc<Vec<::activity::ChatMessage>>> {
        let community = self.0.id;
        let asked = Ask { community, query };
        answered(viewer, viewer.loaders().messages.load_one(asked).await)
    }
}

/// What a loader found for one community.
pub(crate) fn answered<T, E: Coded>(
    viewer: &Viewer,
    found: Result<Option<Answer<T>>, E>,
) -> Result<Arc<T>> {
    let answer = found.map_err(|cause| refused(viewer, &cause))?;
    let nothing = || refused(viewer, &ActivityError::NotFound);
    let denied = |why| refused(viewer, &ActivityError::NotAllowed(why));
    answer.ok_or_else(nothing)?.map_err(denied)
}

/// Reads a message's id.
pub(crate) fn message_id(name: &str, id: &ID) -> Result<MessageId> {
    id.parse()
        .map_err(|_not_a_number| bad_input(format!("`{name}` is not the id of a message")))
}

impl Community {
    async fn summary(&self, ctx: &Context<'_>) -> Result<Option<Arc<Summary>>> {
        let viewer = viewer(ctx)?;
        let found = viewer.loaders().summaries.load_one(self.0.id).await;
        found.map_err(|cause| refused(viewer, &cause))
    }

    async fn connected(&self, ctx: &Context<'_>) -> Result<Arc<Vec<IdentityServer>>> {
        let viewer = viewer(ctx)?;
        let found = viewer.loaders().servers.load_one(self.0.id).await;
        Ok(found
            .map_err(|cause| refused(viewer, &cause))?
            .unwrap_or_default())
    }
}
