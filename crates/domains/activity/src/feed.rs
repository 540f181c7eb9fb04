//! What one person did, over all their accounts: their own feed with the words, and for others only
//! how much and when, as far as they may see it.

use identity::{Eyes, Who};
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
        let since = self.clock.now().day().0.saturating_sub(DAYS);
        let ids = self.accounts_in(user, |platform| seen.activity.contains(&platform));
        Ok(tables::feed::by_platform(self.db.read(), &ids.await?, since).await?)
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
