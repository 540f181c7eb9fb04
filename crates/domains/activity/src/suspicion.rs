//! Patterns that look like abuse by several accounts: found by a job, read and judged by moderators.
//!
//! Invariants: a flag bans nobody and changes nobody's score; finding it again never changes what
//! somebody decided; every decision is in the audit log and can be taken back.

mod pattern;
mod watch;

use std::collections::HashMap;

use ::store::{DomainEvent, audit::Entry};
use identity::PlatformAccount;
use kernel::{
    AccountId, Actor, CommunityId, Cursor, Page, PageRequest, Permission, Timestamp, UserId,
};
use serde_json::json;

pub use pattern::{Evidence, Pattern};
pub(crate) use watch::Found;

use crate::{Activity, ActivityError, SUSPICION_DECIDED, store::suspicion as table};

/// Most accounts that are told of one flag.
pub(crate) const ACCOUNTS_SHOWN: usize = 10;
/// Most flags on a person's page.
const OF_MEMBER_MAX: i64 = 20;

/// What became of a flag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SuspicionState {
    /// Nobody has decided yet.
    Open,
    /// It was nothing.
    Dismissed,
    /// It was what it looked like.
    Confirmed,
}

impl SuspicionState {
    /// Every state.
    pub const ALL: [Self; 3] = [Self::Open, Self::Dismissed, Self::Confirmed];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Dismissed => "dismissed",
            Self::Confirmed => "confirmed",
        }
    }

    /// The state of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.as_str() == name)
    }

    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Open => 0,
            Self::Dismissed => 1,
            Self::Confirmed => 2,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|state| state.code() == code)
    }
}

/// A flag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Suspicion {
    /// Its id.
    pub id: i32,
    /// Where.
    pub community: CommunityId,
    /// The numbers, which know their pattern and their sentence.
    pub evidence: Evidence,
    /// When it was found first.
    pub first_seen_at: Timestamp,
    /// When it was found last.
    pub last_seen_at: Timestamp,
    /// What became of it.
    pub state: SuspicionState,
    /// Who decided so; `None` for what nobody decided or somebody who was erased since.
    pub decided_by: Option<UserId>,
    /// When.
    pub decided_at: Option<Timestamp>,
    /// The first accounts that it is about, at most ten.
    pub accounts: Vec<PlatformAccount>,
    /// How many there are.
    pub n_accounts: u64,
}

impl Suspicion {
    /// What it looks like.
    pub const fn pattern(&self) -> Pattern {
        self.evidence.pattern()
    }
}

impl Activity {
    /// Looks for suspicious patterns in every community; answers how many there are now. Run by a job.
    pub async fn watch(&self) -> Result<u64, ActivityError> {
        self.look().await
    }

    /// A community's flags, the last found first; those of one state, or all.
    pub async fn suspicions(
        &self,
        actor: &Actor,
        community: CommunityId,
        state: Option<SuspicionState>,
        page: &PageRequest,
    ) -> Result<Page<Suspicion>, ActivityError> {
        Self::require(actor, Permission::ViewMembers, community)?;
        let rows = table::page(self.db.read(), community, state, page).await?;
        let rows = Page::from_rows(rows, page, |row| Cursor {
            key: row.last_seen_at.to_string(),
            id: row.id.into(),
        });
        Ok(Page {
            items: self.with_accounts(rows.items).await?,
            next: rows.next,
        })
    }

    /// The flags about a person's accounts in a community, the last found first, at most 20.
    pub async fn suspicions_of(
        &self,
        actor: &Actor,
        community: CommunityId,
        user: UserId,
    ) -> Result<Vec<Suspicion>, ActivityError> {
        Self::require(actor, Permission::ViewMembers, community)?;
        let accounts = identity::accounts_of(self.db.read(), &[user]).await?;
        let ids: Vec<AccountId> = accounts
            .values()
            .flatten()
            .map(|account| account.id)
            .collect();
        let rows = table::of_accounts(self.db.read(), community, &ids, OF_MEMBER_MAX).await?;
        self.with_accounts(rows).await
    }

    /// Says what became of a flag; `Open` takes a decision back. Saying the same again changes nothing.
    ///
    /// # Errors
    /// [`ActivityError::Invalid`] if somebody decided otherwise meanwhile.
    pub async fn decide_suspicion(
        &self,
        actor: &Actor,
        community: CommunityId,
        id: i32,
        state: SuspicionState,
    ) -> Result<(), ActivityError> {
        Self::require(actor, Permission::ModerateMembers, community)?;
        let begun = self.db.begin(actor, self.clock.now()).await;
        let mut work = begun?;
        let before = table::state(work.conn(), community, id).await?;
        let before = before.ok_or(ActivityError::NotFound)?;
        if before == state {
            return Ok(());
        }
        let is_decision = state != SuspicionState::Open;
        let change = table::Change {
            before,
            after: state,
            by: actor.user_id().filter(|_| is_decision),
            at: is_decision.then_some(work.now()),
        };
        let may = before == SuspicionState::Open || !is_decision;
        if !may || !table::decide(work.conn(), community, id, &change).await? {
            return Err(ActivityError::Invalid(
                "somebody decided otherwise meanwhile: take that back first".to_owned(),
            ));
        }
        work.audit(Entry {
            action: "suspicion.decide",
            object: format!("suspicion:{id}"),
            community: Some(community),
            detail: json!({ "before": before.as_str(), "after": state.as_str() }),
        });
        let event = DomainEvent {
            kind: SUSPICION_DECIDED,
            community: Some(community),
            payload: json!({ "community": community.0, "suspicion": id, "state": state.as_str() }),
        };
        work.emit(event, &[]).await?;
        Ok(work.commit().await?)
    }

    async fn with_accounts(&self, rows: Vec<table::Row>) -> Result<Vec<Suspicion>, ActivityError> {
        let conn = self.db.read();
        let ids: Vec<i32> = rows.iter().map(|row| row.id).collect();
        let mut about: HashMap<i32, (Vec<AccountId>, u64)> = table::accounts(conn, &ids).await?;
        let all: Vec<AccountId> = about
            .values()
            .flat_map(|(ids, _)| ids.iter().copied())
            .collect();
        let known = identity::accounts_by_id(conn, &all).await?;
        let mut suspicions = Vec::with_capacity(rows.len());
        for row in rows {
            let (ids, n_accounts) = about.remove(&row.id).unwrap_or_default();
            let accounts = ids.iter().filter_map(|id| known.get(id).cloned()).collect();
            suspicions.push(row.into_suspicion(accounts, n_accounts)?);
        }
        Ok(suspicions)
    }
}
