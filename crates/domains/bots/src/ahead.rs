//! A page of states, read while the page before it is scored: one core waits for the database while the others judge.
//!
//! Must never be scored by unless nothing of the community was changed since: what was read ahead says where it was.

use std::collections::HashMap;

use ::store::StoreError;
use kernel::{AccountId, CommunityId};
use sea_orm::ConnectionTrait;

use crate::{
    Bots,
    due::FIRST_IN_BURST,
    store::{
        scene::{self, Mark},
        score,
        state::{self, Seat},
    },
};

/// Accounts in one page: as many rows as one statement writes, and two lists of the longest that are asked for.
pub(crate) const PAGE: u32 = 512;

/// The states of the accounts after one.
#[derive(Debug)]
pub(crate) struct Ahead {
    after: AccountId,
    /// Where the states of the community were before these were read; none where nothing is known of it.
    mark: Option<Mark>,
    rows: Vec<(Seat, state::Row)>,
}

/// A page with how its accounts were scored.
#[derive(Debug)]
pub(crate) struct Page {
    pub(crate) rows: Vec<(Seat, state::Row)>,
    /// The last account, if there may be more behind it.
    pub(crate) next: Option<AccountId>,
}

impl Ahead {
    /// Whether it is what comes after an account.
    pub(crate) fn is_after(&self, account: AccountId) -> bool {
        self.after == account
    }

    /// The last account of it, if there may be more behind it.
    pub(crate) fn next(&self) -> Option<AccountId> {
        next(&self.rows)
    }

    /// The page as it is now, in a unit of work that holds the progress: read again if the states of the community are not where they
    /// were. How accounts were scored is read now in any case.
    pub(crate) async fn page(
        self,
        conn: &impl ConnectionTrait,
        community: CommunityId,
        mark: Mark,
    ) -> Result<Page, StoreError> {
        let mut rows = self.rows;
        if self.mark != Some(mark) {
            rows = state::after(conn, community, self.after, FIRST_IN_BURST, PAGE).await?;
        }
        let seats: Vec<Seat> = rows.iter().map(|(seat, _)| *seat).collect();
        let scores = score::of(conn, &seats).await?;
        let mut scores: HashMap<_, _> = scores.into_iter().collect();
        for (seat, row) in &mut rows {
            row.score = scores.remove(seat).unwrap_or_default();
        }
        let next = next(&rows);
        Ok(Page { rows, next })
    }
}

fn next(rows: &[(Seat, state::Row)]) -> Option<AccountId> {
    let is_whole = u32::try_from(rows.len()).is_ok_and(|n| n >= PAGE);
    let last = rows.last().filter(|_| is_whole);
    last.map(|(seat, _)| seat.1)
}

impl Bots {
    /// Reads the states of a community after an account, of those with enough messages to be scored in a burst.
    pub(crate) async fn read_ahead(
        &self,
        community: CommunityId,
        after: AccountId,
    ) -> Result<Ahead, StoreError> {
        let conn = self.db.read();
        // The mark first: what changes from here on makes it another one.
        let mark = scene::mark_of(conn, community).await?;
        let rows = state::after(conn, community, after, FIRST_IN_BURST, PAGE).await?;
        Ok(Ahead { after, mark, rows })
    }
}
