//! What one person did, over all their accounts: their own feed with the words, and for others only
//! how much and when, as far as they may see it.

use std::collections::HashMap;

use identity::{Eyes, ProfileView, Who};
use kernel::{
    Actor, CommunityId, Cursor, Denied, Page, PageRequest, Permission, Platform, Timestamp, UserId,
    event::EventTag,
};

use crate::{Activity, ActivityError, store as tables};

/// How many days a profile looks back.
const DAYS: i32 = 90;
/// Most accounts of one person that a feed reads.
const ACCOUNTS_MAX: usize = 200;

/// One entry of a feed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FeedItem {
    /// Unique among entries of its kind.
    pub id: i64,
    /// Where it counts.
    pub community: CommunityId,
    /// Where it happened.
    pub platform: Platform,
    /// The channel's name.
    pub channel: String,
    /// When, by the platform's clock.
    pub at: Timestamp,
    /// What it was; `None` for a message.
    pub event: Option<EventTag>,
    /// What was said, or the event's detail.
    pub text: String,
}

/// Which part of a feed is asked for.
#[derive(Debug, Clone)]
pub struct FeedQuery {
    /// Only this platform.
    pub platform: Option<Platform>,
    /// Which page.
    pub page: PageRequest,
}

/// What somebody did on a platform lately.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlatformActivity {
    /// Where.
    pub platform: Platform,
    /// Messages of the last 90 days.
    pub messages: u64,
    /// Days with at least one of them.
    pub active_days: u64,
    /// The last of those days.
    pub last: Timestamp,
}

impl Activity {
    /// What one did oneself, newest first, over all one's accounts. What moderators did to one is
    /// there only in communities where the actor is a moderator too.
    pub async fn own_feed(
        &self,
        actor: &Actor,
        query: &FeedQuery,
    ) -> Result<Page<FeedItem>, ActivityError> {
        let user = actor.user_id().ok_or(ActivityError::NotAllowed(Denied {
            permission: Permission::ViewActivity,
            anonymous: true,
        }))?;
        let ids = self.accounts_in(user, |platform| {
            query.platform.is_none_or(|only| only == platform)
        });
        let ids = ids.await?;
        let place = query.page.cursor().map(place).transpose()?;
        let moderates = |id: CommunityId| actor.require(Permission::ViewMembers, id).is_ok();
        let mut rows = tables::feed::messages(self.db.read(), &ids, place, &query.page).await?;
        rows.extend(
            tables::feed::events(self.db.read(), &ids, place, &query.page, moderates).await?,
        );
        rows.sort_by_key(|item| std::cmp::Reverse(order(item)));
        Ok(Page::from_rows(rows, &query.page, |item| Cursor {
            key: format!("{}.{}", item.at.0, i64::from(item.event.is_some())),
            id: item.id,
        }))
    }

    /// How much and when somebody wrote lately, on the platforms where the actor may see it; empty
    /// if there is no such person, or nothing to see.
    pub async fn activity_of(
        &self,
        actor: &Actor,
        user: UserId,
        eyes: Eyes,
    ) -> Result<Vec<PlatformActivity>, ActivityError> {
        let seen = self.identity.profile(actor, Who::User(user), eyes).await?;
        let Some(seen) = seen else {
            return Ok(Vec::new());
        };
        let mut found = self.activity_shown(&[&seen]).await?;
        Ok(found.remove(&user).unwrap_or_default())
    }

    /// The same as people's profiles show it to whom the profiles were read for.
    pub async fn activity_shown(
        &self,
        seen: &[&ProfileView],
    ) -> Result<HashMap<UserId, Vec<PlatformActivity>>, ActivityError> {
        let since = self.clock.now().day().0.saturating_sub(DAYS);
        let ids = self.accounts_shown(seen, |view| &view.activity).await?;
        Ok(tables::feed::by_platform(self.db.read(), &flat(&ids), since).await?)
    }

    /// People's accounts on the platforms that their profiles show for something; who has none is left out.
    pub(crate) async fn accounts_shown(
        &self,
        seen: &[&ProfileView],
        shown: impl Fn(&ProfileView) -> &[Platform],
    ) -> Result<HashMap<UserId, Vec<i64>>, ActivityError> {
        let users: Vec<UserId> = seen.iter().map(|view| view.user).collect();
        let mut found = identity::accounts_of(self.db.read(), &users).await?;
        let of = |view: &&ProfileView| {
            let accounts = found.remove(&view.user)?;
            let ids: Vec<i64> = accounts
                .iter()
                .filter(|account| shown(view).contains(&account.platform))
                .map(|account| account.id.0)
                .take(ACCOUNTS_MAX)
                .collect();
            (!ids.is_empty()).then_some((view.user, ids))
        };
        Ok(seen.iter().filter_map(of).collect())
    }

    /// Somebody's accounts on some platforms.
    pub(crate) async fn accounts_in(
        &self,
        user: UserId,
        is_wanted: impl Fn(Platform) -> bool,
    ) -> Result<Vec<i64>, ActivityError> {
        let found = identity::accounts_of(self.db.read(), &[user]).await?;
        let accounts = found.get(&user).into_iter().flatten();
        Ok(accounts
            .filter(|account| is_wanted(account.platform))
            .map(|account| account.id.0)
            .take(ACCOUNTS_MAX)
            .collect())
    }
}

/// All accounts of several people.
pub(crate) fn flat(accounts: &HashMap<UserId, Vec<i64>>) -> Vec<i64> {
    accounts.values().flatten().copied().collect()
}

/// Where an entry stands: time, then messages before events, then id.
const fn order(item: &FeedItem) -> (i64, bool, i64) {
    (item.at.0, item.event.is_some(), item.id)
}

/// The place a cursor names.
fn place(cursor: &Cursor) -> Result<tables::feed::Place, ActivityError> {
    let wrong = || ActivityError::Invalid("start again from the first page".to_owned());
    let (at, is_event) = cursor.key.split_once('.').ok_or_else(wrong)?;
    Ok(tables::feed::Place {
        at: at.parse().ok().ok_or_else(wrong)?,
        is_event: is_event == "1",
        id: cursor.id,
    })
}
