//! The members of a community, in pages.

#![expect(
    clippy::unused_async,
    reason = "the engine's resolvers are async, also those that have all they need"
)]

use std::sync::Arc;

use ::activity::{MemberQuery, Presence};
use async_graphql::{ComplexObject, Context, Enum, ID, Object, Result, SimpleObject};
use kernel::{CommunityId, Cursor, Page, PageRequest};

use super::{
    Viewer,
    cache_control::cache_control,
    community::answered,
    cost,
    error::{bad_input, refused, viewer},
    loaders::Ask,
    node::NodeId,
    paged::PageInfo,
    reputation::Reputation,
    scalar::{DateTime, Platform, Role, count},
    user::User,
};

/// What members are sorted by.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::activity::MemberSort")]
pub(crate) enum MemberSort {
    /// The name, without regard to case.
    Name,
    /// When first seen.
    FirstSeen,
    /// When last seen.
    LastSeen,
    /// How many messages.
    Messages,
}

/// A place in the list: after so many rows beyond a cursor of the service. The service names the
/// last row of a page only; the rows before it are counted from where the page began.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub(crate) struct Place {
    cursor: Option<Cursor>,
    n_rows: u32,
}

impl Place {
    fn encode(&self) -> String {
        let cursor = self.cursor.as_ref().map(Cursor::encode).unwrap_or_default();
        match self.n_rows {
            0 => cursor,
            n => format!("{cursor}~{n}"),
        }
    }

    /// Reads what a client passes as `after`.
    pub(crate) fn decode(text: &str) -> Result<Self> {
        let wrong = || bad_input("`after` is not a cursor of this list: start from the first page");
        let (cursor, n_rows) = match text.split_once('~') {
            Some((cursor, n)) => {
                let n_rows = n.parse().map_err(|_not_a_number| wrong())?;
                let fits = (1..=kernel::page::MAX_LIMIT).contains(&n_rows);
                (cursor, fits.then_some(n_rows).ok_or_else(wrong)?)
            }
            None => (text, 0),
        };
        let cursor = match cursor {
            "" if n_rows > 0 => None,
            cursor => Some(Cursor::decode(cursor).map_err(|_bad| wrong())?),
        };
        Ok(Self { cursor, n_rows })
    }

    fn request(&self, limit: u32) -> PageRequest {
        match &self.cursor {
            Some(cursor) => PageRequest::after(cursor.clone(), limit),
            None => PageRequest::first(limit),
        }
    }
}

/// A page of members.
pub(crate) struct MemberConnection {
    community: CommunityId,
    query: MemberQuery,
    start: Place,
    page: Arc<Page<::activity::Member>>,
}

/// A member and its place in the list.
#[derive(SimpleObject)]
#[graphql(directive = cache_control::apply(None, None, Some(true)))]
pub(crate) struct MemberEdge {
    /// Continues right after this member when passed as `after`.
    cursor: String,
    /// The member.
    node: Member,
}

impl MemberConnection {
    /// Reads a page.
    pub(crate) async fn load(
        viewer: &Viewer,
        community: CommunityId,
        mut query: MemberQuery,
        place: Place,
    ) -> Result<Self> {
        let limit = query.page.limit();
        let start = Self::resolve(viewer, community, &query, place).await?;
        let page = match &start {
            Some(start) => {
                query.page = start.request(limit);
                Self::read(viewer, community, &query).await?
            }
            None => Arc::new(Page {
                items: Vec::new(),
                next: None,
            }),
        };
        Ok(Self {
            community,
            query,
            start: start.unwrap_or_default(),
            page,
        })
    }

    /// Turns a place into a cursor of the service; `None` if nothing follows it.
    async fn resolve(
        viewer: &Viewer,
        community: CommunityId,
        query: &MemberQuery,
        place: Place,
    ) -> Result<Option<Place>> {
        if place.n_rows == 0 {
            return Ok(Some(place));
        }
        let skipped = MemberQuery {
            page: place.request(place.n_rows),
            ..query.clone()
        };
        let skipped = Self::read(viewer, community, &skipped).await?;
        Ok(skipped.next.clone().map(|cursor| Place {
            cursor: Some(cursor),
            n_rows: 0,
        }))
    }

    async fn read(
        viewer: &Viewer,
        community: CommunityId,
        query: &MemberQuery,
    ) -> Result<Arc<Page<::activity::Member>>> {
        let query = query.clone();
        let asked = Ask { community, query };
        answered(viewer, viewer.loaders().members.load_one(asked).await)
    }

    /// The cursor of the `index`-th row.
    fn cursor(&self, index: usize) -> String {
        let is_last = index + 1 == self.page.items.len();
        match &self.page.next {
            Some(cursor) if is_last => cursor.encode(),
            _ => Place {
                n_rows: u32::try_from(index + 1).unwrap_or(u32::MAX),
                ..self.start.clone()
            }
            .encode(),
        }
    }

    fn members(&self) -> impl Iterator<Item = Member> {
        self.page.items.iter().map(Member::new)
    }
}

/// A page of members.
#[Object]
impl MemberConnection {
    /// The members with their cursors.
    async fn edges(&self, ctx: &Context<'_>) -> Result<Vec<MemberEdge>> {
        viewer(ctx)?.spend(ctx, self.page.items.len())?;
        let edges = self.members().enumerate().map(|(index, node)| MemberEdge {
            cursor: self.cursor(index),
            node,
        });
        Ok(edges.collect())
    }

    /// The members alone.
    async fn nodes(&self, ctx: &Context<'_>) -> Result<Vec<Member>> {
        viewer(ctx)?.spend(ctx, self.page.items.len())?;
        Ok(self.members().collect())
    }

    /// Where this page is.
    async fn page_info(&self) -> PageInfo {
        let n_rows = self.page.items.len();
        PageInfo {
            has_next_page: self.page.next.is_some(),
            has_previous_page: self.start.cursor.is_some(),
            start_cursor: (n_rows > 0).then(|| self.cursor(0)),
            end_cursor: n_rows.checked_sub(1).map(|last| self.cursor(last)),
        }
    }

    /// How many members the whole list has; 10,000 stands for that many or more.
    #[graphql(complexity = "cost::PAGE")]
    async fn total_count(&self, ctx: &Context<'_>) -> Result<i32> {
        let viewer = viewer(ctx)?;
        // Of the whole list, wherever the page is.
        let query = MemberQuery {
            page: PageRequest::first(1),
            ..self.query.clone()
        };
        let community = self.community;
        let asked = Ask { community, query };
        let counted = viewer.loaders().member_counts.load_one(asked).await;
        answered(viewer, counted).map(|n| count(*n))
    }
}

/// Somebody who was seen in a community.
#[derive(SimpleObject)]
#[graphql(complex, directive = cache_control::apply(None, None, Some(true)))]
pub(crate) struct Member {
    #[graphql(skip)]
    presence: Presence,
    /// The person's id.
    user_id: i32,
    /// The name they went by last.
    name: String,
    /// Where they were seen.
    platforms: Vec<Platform>,
    /// When they were first seen.
    first_seen_at: DateTime,
    /// When they were last seen.
    last_seen_at: DateTime,
    /// Their messages in all.
    message_count: i32,
    /// Days on which they wrote.
    active_days: i32,
}

impl Member {
    /// As the viewer sees one who is known to be there.
    pub(crate) fn new(row: &::activity::Member) -> Self {
        Self {
            presence: row.presence,
            user_id: row.user_id.0,
            name: row.name.clone(),
            platforms: row.platforms.iter().copied().map(Into::into).collect(),
            first_seen_at: DateTime(row.first_at),
            last_seen_at: DateTime(row.last_at),
            message_count: count(row.messages),
            active_days: count(u64::from(row.active_days)),
        }
    }
}

/// A member's account on one platform.
#[derive(SimpleObject)]
#[graphql(directive = cache_control::apply(None, None, Some(true)))]
pub(crate) struct Account {
    /// Its id.
    id: ID,
    /// Where it is.
    platform: Platform,
    /// Its name there.
    username: String,
    /// Whether the platform marks it as automated.
    is_bot: bool,
    /// When it was made there, if known.
    created_at: Option<DateTime>,
}

impl From<identity::PlatformAccount> for Account {
    fn from(account: identity::PlatformAccount) -> Self {
        Self {
            id: ID(account.id.to_string()),
            platform: account.platform.into(),
            username: account.username,
            is_bot: account.is_bot,
            created_at: account.account_created_at.map(DateTime),
        }
    }
}

#[ComplexObject]
impl Member {
    /// The id among everything.
    pub(crate) async fn node_id(&self) -> ID {
        NodeId::Member(self.presence.seat()).encode()
    }

    /// The person, as far as the viewer may see them; null for who does not sign in here or shows nothing.
    #[graphql(complexity = "cost::LOOKUP + child_complexity")]
    async fn user(&self, ctx: &Context<'_>) -> Result<Option<User>> {
        let viewer = viewer(ctx)?;
        let found = viewer
            .loaders()
            .profiles
            .load_one(self.presence.seat().1)
            .await;
        let found = found.map_err(|cause: Arc<_>| refused(viewer, &cause))?;
        found.map(|view| User::other(ctx, view)).transpose()
    }

    /// The role in the community; null for those who only wrote there.
    #[graphql(complexity = "cost::LOOKUP")]
    async fn role(&self, ctx: &Context<'_>) -> Result<Option<Role>> {
        let viewer = viewer(ctx)?;
        let found = viewer.loaders().roles.load_one(self.presence.seat()).await;
        let found = found.map_err(|cause| refused(viewer, &cause))?;
        Ok(found.map(Role::from))
    }

    /// The reputation in the community.
    #[graphql(complexity = "cost::LOOKUP + child_complexity")]
    async fn reputation(&self, ctx: &Context<'_>) -> Result<Option<Reputation>> {
        let viewer = viewer(ctx)?;
        let found = viewer.loaders().scores.load_one(self.presence).await;
        let found = found.map_err(|cause: Arc<_>| refused(viewer, &cause))?;
        Ok(found.map(Reputation::from))
    }

    /// The accounts on platforms.
    #[graphql(complexity = "cost::LOOKUP + child_complexity")]
    async fn accounts(&self, ctx: &Context<'_>) -> Result<Vec<Account>> {
        let viewer = viewer(ctx)?;
        let found = viewer.loaders().accounts.load_one(self.presence).await;
        let found = found.map_err(|cause: Arc<_>| refused(viewer, &cause))?;
        let accounts = found.unwrap_or_default();
        viewer.spend(ctx, accounts.len())?;
        Ok(accounts.into_iter().map(Account::from).collect())
    }
}

#[cfg(test)]
mod tests {
    use kernel::Cursor;
    use proptest::prelude::*;

    use super::Place;

    proptest! {
        #[test]
        fn a_place_survives_its_text(
            cursor in prop::option::of(("\\PC{0,20}", any::<i64>())),
            n_rows in 0_u32..=100,
        ) {
            prop_assume!(cursor.is_some() || n_rows > 0);
            let cursor = cursor.map(|(key, id)| Cursor { key, id });
            let place = Place { cursor, n_rows };
            prop_assert_eq!(Place::decode(&place.encode()).ok(), Some(place));
        }

        #[test]
        fn any_other_text_is_refused_without_panic(text in "[0-9a-f.~\\-]{0,12}|\\PC{0,12}") {
            let _ = Place::decode(&text);
        }
    }

    #[test]
    fn places_beyond_a_page_are_refused() {
        for text in ["", "~", "~0", "~101", "~-1", "~1~1", "zz.1", "61.1~0"] {
            assert!(Place::decode(text).is_err(), "{text}");
        }
        assert!(Place::decode("61.1~100").is_ok());
    }
}
