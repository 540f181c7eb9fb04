//! The members' table: everybody who was seen in a community, with search, filter, sort and keyset
//! pages.

use std::collections::HashMap;

use identity::PlatformAccount;
use kernel::{
    Actor, CommunityId, Cursor, Page, PageRequest, Permission, Platform, Timestamp, UserId,
};

use crate::{Activity, ActivityError, OfEach, OfSeats, UNION_MAX, store as tables};

/// What the table is sorted by.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum MemberSort {
    /// The name, without regard to case.
    Name,
    /// When first seen.
    FirstSeen,
    /// When last seen.
    LastSeen,
    /// How many messages in all.
    Messages,
}

/// Which rows of the table, in which order.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct MemberQuery {
    /// Part of the name, without regard to case; empty = everybody.
    pub search: String,
    /// Only those seen on a platform.
    pub platform: Option<Platform>,
    /// The order.
    pub sort: MemberSort,
    /// Whether the largest comes first.
    pub descending: bool,
    /// Which page.
    pub page: PageRequest,
}

/// A row of the table.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Member {
    /// The person.
    pub user_id: UserId,
    /// That they were seen in the community whose member they are.
    pub presence: Presence,
    /// The name they went by last.
    pub name: String,
    /// Where they were seen.
    pub platforms: Vec<Platform>,
    /// When first seen.
    pub first_at: Timestamp,
    /// When last seen.
    pub last_at: Timestamp,
    /// Messages in all.
    pub messages: u64,
    /// Days with at least one message.
    pub active_days: u32,
}

/// That somebody was seen in a community. Only this crate can say so, and whoever has it need not be asked again.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Presence(CommunityId, UserId);

impl Presence {
    pub(crate) const fn new(community: CommunityId, user: UserId) -> Self {
        Self(community, user)
    }

    /// Where, and who.
    pub const fn seat(self) -> (CommunityId, UserId) {
        (self.0, self.1)
    }
}

/// Whether somebody was ever seen in a community, for the domains above, which authorise by community
/// before they ask.
pub async fn was_seen(
    conn: &impl sea_orm::ConnectionTrait,
    community: CommunityId,
    user: UserId,
) -> Result<bool, ::store::StoreError> {
    let seen = tables::member::among(conn, &[(community, user)]).await?;
    Ok(!seen.is_empty())
}

/// Who was seen in a community and is called exactly this, in lower case; a few at most. For the domains
/// above, which authorise before they ask.
pub async fn members_called(
    conn: &impl sea_orm::ConnectionTrait,
    community: CommunityId,
    name: &str,
) -> Result<Vec<UserId>, ::store::StoreError> {
    // PostgreSQL cannot even look for U+0000.
    if name.contains('\0') {
        return Ok(Vec::new());
    }
    tables::member::called(conn, community, name).await
}

/// Counting stops here; more are «10,000+».
pub(crate) const COUNT_MAX: i64 = 10_000;

fn check(query: &MemberQuery) -> Result<(), ActivityError> {
    // PostgreSQL cannot even look for U+0000.
    let nul_in_cursor = query.page.cursor().is_some_and(|c| c.key.contains('\0'));
    if query.search.len() > 200 || query.search.contains('\0') || nul_in_cursor {
        return Err(ActivityError::Invalid(
            "search for at most 200 bytes of text".to_owned(),
        ));
    }
    Ok(())
}

impl Activity {
    /// A page of the members' table.
    pub async fn members(
        &self,
        actor: &Actor,
        community: CommunityId,
        query: &MemberQuery,
    ) -> Result<Page<Member>, ActivityError> {
        Self::require(actor, Permission::ViewMembers, community)?;
        check(query)?;
        let mut pages = self.pages(&[community], query).await?;
        Ok(pages.remove(&community).unwrap_or_else(empty))
    }

    /// The same page of the members' tables of several communities, asked for at once.
    pub async fn members_of(
        &self,
        actor: &Actor,
        communities: &[CommunityId],
        query: &MemberQuery,
    ) -> Result<OfEach<Page<Member>>, ActivityError> {
        let (allowed, denied) = actor.sort_out(Permission::ViewMembers, communities);
        check(query)?;
        let mut found: OfEach<_> = denied.into_iter().map(|(id, why)| (id, Err(why))).collect();
        for part in allowed.chunks(UNION_MAX) {
            let mut pages = self.pages(part, query).await?;
            found.extend(part.iter().map(|id| {
                let page = pages.remove(id).unwrap_or_else(empty);
                (*id, Ok(page))
            }));
        }
        Ok(found)
    }

    async fn pages(
        &self,
        communities: &[CommunityId],
        query: &MemberQuery,
    ) -> Result<HashMap<CommunityId, Page<Member>>, ActivityError> {
        let mut rows: HashMap<CommunityId, Vec<tables::member::Row>> = HashMap::new();
        for row in tables::member::pages(self.db.read(), communities, query).await? {
            rows.entry(row.community()).or_default().push(row);
        }
        let sort = query.sort;
        let page = |rows| {
            Page::from_rows(rows, &query.page, |row: &tables::member::Row| Cursor {
                key: row.key(sort),
                id: row.user_id.into(),
            })
            .map(tables::member::Row::into_member)
        };
        Ok(rows
            .into_iter()
            .map(|(id, rows)| (id, page(rows)))
            .collect())
    }

    /// Rows of the tables of several communities; those that are absent or not to be known of are left out.
    pub async fn members_at(
        &self,
        actor: &Actor,
        seats: &[(CommunityId, UserId)],
    ) -> Result<OfSeats<Member>, ActivityError> {
        let may = |id| actor.require(Permission::ViewMembers, id).is_ok();
        let known: Vec<_> = seats.iter().copied().filter(|(id, _)| may(*id)).collect();
        let rows = tables::member::at(self.db.read(), &known).await?;
        Ok(rows
            .into_iter()
            .map(|row| {
                let member = row.into_member();
                (member.presence.seat(), member)
            })
            .collect())
    }

    /// How many rows the whole table has, up to 10,000. Where nothing is searched for the number is as old as an
    /// overview may be.
    pub async fn member_count(
        &self,
        actor: &Actor,
        community: CommunityId,
        query: &MemberQuery,
    ) -> Result<u64, ActivityError> {
        Self::require(actor, Permission::ViewMembers, community)?;
        check(query)?;
        let counts = self.counts(actor, &[community], query).await?;
        Ok(counts.get(&community).copied().unwrap_or(0))
    }

    async fn counts(
        &self,
        actor: &Actor,
        communities: &[CommunityId],
        query: &MemberQuery,
    ) -> Result<HashMap<CommunityId, u64>, ActivityError> {
        if query.platform.is_some() || !query.search.trim().is_empty() {
            return Ok(tables::member::counts(self.db.read(), communities, query).await?);
        }
        let most = u64::try_from(COUNT_MAX).unwrap_or(u64::MAX);
        let found = self.summaries(actor, communities).await?;
        Ok(found
            .into_iter()
            .map(|(community, summary)| (community, summary.members.min(most)))
            .collect())
    }

    /// The same of several communities.
    pub async fn member_counts(
        &self,
        actor: &Actor,
        communities: &[CommunityId],
        query: &MemberQuery,
    ) -> Result<OfEach<u64>, ActivityError> {
        let (allowed, denied) = actor.sort_out(Permission::ViewMembers, communities);
        check(query)?;
        let mut found: OfEach<_> = denied.into_iter().map(|(id, why)| (id, Err(why))).collect();
        for part in allowed.chunks(UNION_MAX) {
            let counts = self.counts(actor, part, query).await?;
            let count = |id| counts.get(id).copied().unwrap_or(0);
            found.extend(part.iter().map(|id| (*id, Ok(count(id)))));
        }
        Ok(found)
    }

    /// The platform accounts of some members. People who were never seen in the community are left
    /// out, whoever asks.
    pub async fn accounts(
        &self,
        actor: &Actor,
        community: CommunityId,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Vec<PlatformAccount>>, ActivityError> {
        let seats: Vec<_> = users.iter().map(|user| (community, *user)).collect();
        Self::require(actor, Permission::ViewMembers, community)?;
        let seen = tables::member::among(self.db.read(), &seats).await?;
        let found = self.accounts_of(actor, &seen).await?;
        Ok(found
            .into_iter()
            .map(|((_, user), list)| (user, list))
            .collect())
    }

    /// The same for people who were seen in several communities.
    pub async fn accounts_of(
        &self,
        actor: &Actor,
        seen: &[Presence],
    ) -> Result<OfSeats<Vec<PlatformAccount>>, ActivityError> {
        Self::require_seats(actor, Permission::ViewMembers, seen)?;
        let mut users: Vec<UserId> = seen.iter().map(|seen| seen.1).collect();
        users.sort_unstable();
        users.dedup();
        let accounts = identity::accounts_of(self.db.read(), &users).await?;
        let with = |seen: &Presence| Some((seen.seat(), accounts.get(&seen.1)?.clone()));
        Ok(seen.iter().filter_map(with).collect())
    }
}

/// The page of a community without members.
const fn empty() -> Page<Member> {
    Page {
        items: Vec::new(),
        next: None,
    }
}
