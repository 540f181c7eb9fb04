//! The members' table: everybody who was seen in a community, with search, filter, sort and keyset
//! pages.

use std::collections::HashMap;

use identity::PlatformAccount;
use kernel::{
    Actor, CommunityId, Cursor, Page, PageRequest, Permission, Platform, Timestamp, UserId,
};

use crate::{Activity, ActivityError, store as tables};

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
#[derive(Debug, Clone, PartialEq, Eq)]
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
        let rows = tables::member::page(self.db.read(), community, query).await?;
        let sort = query.sort;
        let page = Page::from_rows(rows, &query.page, |row| Cursor {
            key: row.key(sort),
            id: row.user_id.into(),
        });
        let users: Vec<i32> = page.items.iter().map(|row| row.user_id).collect();
        let days = tables::member::active_days(self.db.read(), community, &users).await?;
        Ok(page.map(|row| {
            let active_days = days.get(&row.user_id).copied().unwrap_or(0);
            row.into_member(active_days)
        }))
    }

    /// How many rows the whole table has; counted up to 10,000.
    pub async fn member_count(
        &self,
        actor: &Actor,
        community: CommunityId,
        query: &MemberQuery,
    ) -> Result<u64, ActivityError> {
        Self::require(actor, Permission::ViewMembers, community)?;
        check(query)?;
        Ok(tables::member::count(self.db.read(), community, query).await?)
    }

    /// The platform accounts of some members. People who were never seen in the community are left
    /// out, whoever asks.
    pub async fn accounts(
        &self,
        actor: &Actor,
        community: CommunityId,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Vec<PlatformAccount>>, ActivityError> {
        Self::require(actor, Permission::ViewMembers, community)?;
        let members = tables::member::among(self.db.read(), community, users).await?;
        Ok(identity::accounts_of(self.db.read(), &members).await?)
    }
}
