//! Who may be one person: pairs of accounts on different platforms that belong to two people, with
//! how sure it is and why; and that somebody says they are not.
//!
//! Invariants: a suggestion merges nothing and proves nothing; moderators see the pairs of people
//! who were seen in their community, a person only accounts seen where they were seen themselves and
//! whose owner does not hide them; what a person says of a pair changes nothing for moderators, nor
//! one community's word for another.

mod evidence;
mod find;
mod name;

use std::collections::BTreeSet;

use kernel::{
    AccountId, Actor, CommunityId, Cursor, Page, PageRequest, Permission, Platform, Role,
    Timestamp, UserId,
};
use serde_json::json;
use store::audit::Entry;

pub(crate) use evidence::Judgement;
pub use evidence::Sign;
pub use find::{Namesakes, forget_suggestions, renew_names};

use crate::{
    Facet, Identity, IdentityError, Owner, may_see,
    store::{
        self as tables,
        suggestion::{self as table, Voice},
    },
};

/// Most pairs on a person's page.
const OF_MEMBER_MAX: i64 = 20;
/// Most pairs that are read for a person themselves, before those they may not see are left out.
const OWN_MAX: i64 = 200;
/// Most pairs on the page of administrators.
const EVERYWHERE_MAX: i64 = 100;

/// Two accounts, in order of id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AccountPair {
    low: AccountId,
    high: AccountId,
}

impl AccountPair {
    /// The pair of two accounts, whichever comes first.
    pub fn new(one: AccountId, other: AccountId) -> Self {
        Self {
            low: one.min(other),
            high: one.max(other),
        }
    }

    /// The one with the lower id.
    pub const fn low(self) -> AccountId {
        self.low
    }

    /// The other one.
    pub const fn high(self) -> AccountId {
        self.high
    }
}

/// One of the two accounts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Party {
    /// Its id.
    pub account: AccountId,
    /// Whose it is.
    pub user: UserId,
    /// Where.
    pub platform: Platform,
    /// The name it went by last.
    pub username: String,
    /// Whether its owner signs in here.
    pub is_claimed: bool,
}

/// That somebody said that the two are not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unlike {
    /// Who; `None` if they were erased since, or it was the program.
    pub by: Option<UserId>,
    /// When.
    pub at: Timestamp,
}

/// Two accounts that may be one person's.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suggestion {
    /// Its id, for pages.
    pub id: i64,
    /// Where both were seen.
    pub community: CommunityId,
    /// The account with the lower id.
    pub low: Party,
    /// The other one.
    pub high: Party,
    /// How sure it is, in percent: 40 to 95.
    pub confidence: u8,
    /// Why.
    pub signs: Vec<Sign>,
    /// When it was found first.
    pub found_at: Timestamp,
    /// That somebody said they are not.
    pub unlike: Option<Unlike>,
}

impl Suggestion {
    /// The two accounts.
    pub fn pair(&self) -> AccountPair {
        AccountPair::new(self.low.account, self.high.account)
    }

    /// The side of a person and the other one; `None` for somebody who is neither.
    pub fn sides(&self, user: UserId) -> Option<(&Party, &Party)> {
        match user {
            user if user == self.low.user => Some((&self.low, &self.high)),
            user if user == self.high.user => Some((&self.high, &self.low)),
            _ => None,
        }
    }
}

/// An account that may be one's own.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OwnSuggestion {
    /// The two accounts.
    pub pair: AccountPair,
    /// Where the other one is.
    pub platform: Platform,
    /// What it is called there.
    pub username: String,
    /// One's own that it looks like.
    pub own_platform: Platform,
    /// What that is called.
    pub own_username: String,
    /// What speaks for it.
    pub signs: Vec<Sign>,
    /// Whether one said that it is not.
    pub is_dismissed: bool,
}

impl Identity {
    /// The pairs of a community's people, the surest first; with `dismissed` those that its
    /// moderators said are none.
    pub async fn suggestions(
        &self,
        actor: &Actor,
        community: CommunityId,
        dismissed: bool,
        page: &PageRequest,
    ) -> Result<Page<Suggestion>, IdentityError> {
        actor.require(Permission::ViewMembers, community)?;
        let rows = table::page(self.db.read(), community, dismissed, page).await?;
        Ok(Page::from_rows(rows, page, |row| Cursor {
            key: row.confidence.to_string(),
            id: row.id,
        }))
    }

    /// The pairs of one person in a community, the surest first, at most 20; those that moderators
    /// said are none as well.
    pub async fn suggestions_of(
        &self,
        actor: &Actor,
        community: CommunityId,
        user: UserId,
    ) -> Result<Vec<Suggestion>, IdentityError> {
        actor.require(Permission::ViewMembers, community)?;
        Ok(table::of_member(self.db.read(), community, user, OF_MEMBER_MAX).await?)
    }

    /// The surest pairs of the whole instance, each once, at most 100; without those that moderators
    /// said are none wherever they were found.
    pub async fn all_suggestions(&self, actor: &Actor) -> Result<Vec<Suggestion>, IdentityError> {
        actor.require_instance(Permission::OperateInstance)?;
        Ok(table::everywhere(self.db.read(), EVERYWHERE_MAX).await?)
    }

    /// Accounts that may be one's own: seen where one was seen oneself and is not banned, and not
    /// hidden by their owner. What would tell of their owner's other accounts is left out.
    pub async fn own_suggestions(
        &self,
        actor: &Actor,
    ) -> Result<Vec<OwnSuggestion>, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let conn = self.db.read();
        let mut told = BTreeSet::new();
        let mut own = Vec::new();
        let found = table::of_person(conn, user, OWN_MAX).await?;
        let others: BTreeSet<UserId> = found
            .iter()
            .filter_map(|suggestion| Some(suggestion.sides(user)?.1.user))
            .collect();
        let others: Vec<UserId> = others.into_iter().collect();
        let mut decided = tables::visibility::of_users(conn, &others).await?;
        for suggestion in found {
            let is_elsewhere = actor
                .limit()
                .is_some_and(|only| only != suggestion.community);
            if is_elsewhere || actor.role_in(suggestion.community) == Some(Role::Banned) {
                continue;
            }
            let Some((mine, theirs)) = suggestion.sides(user) else {
                continue;
            };
            let visibility = decided.entry(theirs.user).or_default();
            let owner = Owner {
                user: theirs.user,
                visibility,
            };
            let may = may_see(Some(user), owner, Facet::Profile, theirs.platform, true);
            if !may || !told.insert(suggestion.pair()) {
                continue;
            }
            own.push(OwnSuggestion {
                pair: suggestion.pair(),
                platform: theirs.platform,
                username: theirs.username.clone(),
                own_platform: mine.platform,
                own_username: mine.username.clone(),
                signs: suggestion
                    .signs
                    .iter()
                    .copied()
                    .filter(|sign| !sign.is_against())
                    .collect(),
                is_dismissed: suggestion.unlike.is_some(),
            });
        }
        Ok(own)
    }

    /// Says for a community's moderators that two accounts are not one person's. It stays said, also
    /// when the pair is found again. Saying it twice changes nothing.
    pub async fn dismiss_suggestion(
        &self,
        actor: &Actor,
        community: CommunityId,
        pair: AccountPair,
    ) -> Result<(), IdentityError> {
        actor.require(Permission::ModerateMembers, community)?;
        self.judge_pair(actor, pair, Voice::Moderators(community), true)
            .await
    }

    /// Takes back what a community's moderators said of two accounts.
    pub async fn restore_suggestion(
        &self,
        actor: &Actor,
        community: CommunityId,
        pair: AccountPair,
    ) -> Result<(), IdentityError> {
        actor.require(Permission::ModerateMembers, community)?;
        self.judge_pair(actor, pair, Voice::Moderators(community), false)
            .await
    }

    /// Says that an account is not one's own, for oneself only.
    pub async fn dismiss_own_suggestion(
        &self,
        actor: &Actor,
        pair: AccountPair,
    ) -> Result<(), IdentityError> {
        let own = self.own_side(actor, pair).await?;
        self.judge_pair(actor, pair, Voice::Owner(own), true).await
    }

    /// Takes back that an account is not one's own.
    pub async fn restore_own_suggestion(
        &self,
        actor: &Actor,
        pair: AccountPair,
    ) -> Result<(), IdentityError> {
        let own = self.own_side(actor, pair).await?;
        self.judge_pair(actor, pair, Voice::Owner(own), false).await
    }

    /// One's own account of a pair that one may see.
    async fn own_side(&self, actor: &Actor, pair: AccountPair) -> Result<AccountId, IdentityError> {
        let user = actor.user_id().ok_or(IdentityError::NotFound)?;
        let seen = self.own_suggestions(actor).await?;
        if !seen.iter().any(|own| own.pair == pair) {
            return Err(IdentityError::NotFound);
        }
        let accounts = tables::account::of_users(self.db.read(), &[user]).await?;
        let own = accounts
            .iter()
            .map(|account| account.id)
            .find(|id| [pair.low(), pair.high()].contains(id));
        own.ok_or(IdentityError::NotFound)
    }

    async fn judge_pair(
        &self,
        actor: &Actor,
        pair: AccountPair,
        voice: Voice,
        is_unlike: bool,
    ) -> Result<(), IdentityError> {
        let mut work = self.db.begin(actor, self.clock.now()).await?;
        let now = work.now();
        if let Voice::Moderators(community) = voice
            && !table::exists(work.conn(), community, pair).await?
        {
            return Err(IdentityError::NotFound);
        }
        let (action, changed) = if is_unlike {
            let by = actor.user_id();
            let changed = table::dismiss(work.conn(), pair, voice, by, now).await?;
            ("suggestion.dismiss", changed)
        } else {
            let changed = table::restore(work.conn(), pair, voice).await?;
            ("suggestion.restore", changed)
        };
        if !changed {
            return Ok(());
        }
        let community = match voice {
            Voice::Moderators(community) => Some(community),
            Voice::Owner(_) => None,
        };
        work.audit(Entry {
            action,
            object: format!("accounts:{}-{}", pair.low(), pair.high()),
            community,
            detail: json!({}),
        });
        Ok(work.commit().await?)
    }
}
