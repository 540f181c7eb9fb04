//! Pages of lists, each item with its cursor: what Relay calls a connection.
//!
//! Must never count a list that the database would have to walk through.

use std::sync::Arc;

use async_graphql::{Context, OutputType, Result, SimpleObject};
use kernel::{Cursor, Page, PageRequest};

use super::{
    bot::{BotAccountScore, BotAppeal, BotCase, BotCorrection, BotModel},
    cache_control::cache_control,
    chat::ChatMessage,
    community::{self, Community},
    delivery::Delivery,
    error::{bad_input, viewer},
    reputation::ReputationChange,
    suggestion::Suggestion,
    suspicion::Suspicion,
};

/// Where a page is in its list.
#[derive(SimpleObject)]
#[graphql(directive = cache_control::apply(None, None, Some(true)))]
pub(crate) struct PageInfo {
    /// Whether more follows.
    pub(super) has_next_page: bool,
    /// Whether the page was asked for with a cursor, and so may have something before it.
    pub(super) has_previous_page: bool,
    /// The cursor of the first item on the page.
    pub(super) start_cursor: Option<String>,
    /// The cursor of the last item on the page: pass it as `after` for the next one.
    pub(super) end_cursor: Option<String>,
}

/// A page of a list.
#[derive(SimpleObject)]
#[graphql(
    concrete(name = "BotCaseConnection", params(BotCase)),
    concrete(name = "BotAccountScoreConnection", params(BotAccountScore)),
    concrete(name = "BotCorrectionConnection", params(BotCorrection)),
    concrete(name = "BotAppealConnection", params(BotAppeal)),
    concrete(name = "BotModelConnection", params(BotModel)),
    concrete(name = "CommunityConnection", params(Community)),
    concrete(name = "ChatMessageConnection", params(ChatMessage)),
    concrete(name = "DeliveryConnection", params(Delivery)),
    concrete(name = "ReputationChangeConnection", params(ReputationChange)),
    concrete(name = "SuggestionConnection", params(Suggestion)),
    concrete(name = "SuspicionConnection", params(Suspicion))
)]
pub(crate) struct Connection<T>
where
    T: OutputType,
    Edge<T>: OutputType,
{
    /// The items with their cursors.
    edges: Vec<Edge<T>>,
    /// The items alone.
    nodes: Vec<Arc<T>>,
    /// Where this page is.
    page_info: PageInfo,
}

/// An item and its place in the list.
#[derive(SimpleObject)]
#[graphql(
    concrete(name = "BotCaseEdge", params(BotCase)),
    concrete(name = "BotAccountScoreEdge", params(BotAccountScore)),
    concrete(name = "BotCorrectionEdge", params(BotCorrection)),
    concrete(name = "BotAppealEdge", params(BotAppeal)),
    concrete(name = "BotModelEdge", params(BotModel)),
    concrete(name = "CommunityEdge", params(Community)),
    concrete(name = "ChatMessageEdge", params(ChatMessage)),
    concrete(name = "DeliveryEdge", params(Delivery)),
    concrete(name = "ReputationChangeEdge", params(ReputationChange)),
    concrete(name = "SuggestionEdge", params(Suggestion)),
    concrete(name = "SuspicionEdge", params(Suspicion))
)]
pub(crate) struct Edge<T: OutputType> {
    /// Continues right after this item when passed as `after`.
    cursor: String,
    /// The item.
    node: Arc<T>,
}

/// The page that a client's `first` and `after` ask for.
pub(crate) fn request(first: Option<i32>, after: Option<&str>) -> Result<PageRequest> {
    let limit = community::length("first", first.unwrap_or(25))?;
    let Some(text) = after else {
        return Ok(PageRequest::first(limit));
    };
    let cursor = Cursor::decode(text).map_err(|_bad| {
        bad_input("`after` is not a cursor of this list: start from the first page")
    })?;
    Ok(PageRequest::after(cursor, limit))
}

/// What a service found, as a client pages through it.
pub(crate) fn connect<R, T>(
    ctx: &Context<'_>,
    request: &PageRequest,
    found: Page<R>,
    cursor: impl Fn(&R) -> Cursor,
    view: impl Fn(R) -> T,
) -> Result<Connection<T>>
where
    T: OutputType,
    Edge<T>: OutputType,
{
    viewer(ctx)?.spend(ctx, found.items.len())?;
    let has_next_page = found.next.is_some();
    let edge = |row: R| Edge {
        cursor: cursor(&row).encode(),
        node: Arc::new(view(row)),
    };
    let edges: Vec<Edge<T>> = found.items.into_iter().map(edge).collect();
    Ok(Connection {
        nodes: edges.iter().map(|edge| Arc::clone(&edge.node)).collect(),
        page_info: PageInfo {
            has_next_page,
            has_previous_page: request.cursor().is_some(),
            start_cursor: edges.first().map(|edge| edge.cursor.clone()),
            end_cursor: edges.last().map(|edge| edge.cursor.clone()),
        },
        edges,
    })
}
