//! The queue of a community's moderators: which case one of them gets next, so that two do not decide about the same one, nobody
//! decides about themselves, and of a hundred accounts that are alike not all come one after the other.
//!
//! Must never change the order in which cases are listed: pages of it would jump with each decision.

use std::collections::HashMap;

use ::store::StoreError;
use kernel::{Actor, CommunityId, PageRequest, Permission, UserId};
use ml::uncertain::furthest;

use crate::{
    Bots, BotsError, Case, CaseOrder, CaseQuery, CaseState,
    features::SCHEMA,
    learning::Columns,
    scorer::vector_of,
    store::{self as tables, case as table},
};

/// Among how many of the first cases the next one is looked for.
const NEXT_AMONG: u32 = 50;
/// After so many reviews of others, the next case is one of an account that was drawn by chance.
const OTHERS: i64 = 4;
/// Among how many of the oldest of these one is looked for that is free.
const DRAWN_AMONG: i64 = 20;
/// The next one is unlike so many that people said something of last.
const LATELY: i64 = 50;

/// Whether nobody else has a case before them.
fn is_unseen(case: &Case, own: Option<UserId>) -> bool {
    case.viewers.iter().all(|viewer| Some(*viewer) == own)
}

/// Whether somebody may be given a case: nobody else has it before them, and it is not about them.
fn is_free(case: &Case, own: Option<UserId>) -> bool {
    let about = case.account.as_ref().map(|account| account.user);
    is_unseen(case, own) && (about.is_none() || about != own)
}

/// By what accounts are alike: their numbers against the norms, which are all in spreads. Of an account of which nothing is kept all
/// are missing.
fn alike(features: Option<&String>) -> Vec<f32> {
    let vector = features.and_then(|text| vector_of(text));
    Columns::Compared.of(vector.as_ref().map_or(&[], |vector| vector.values()))
}

fn slices(all: &[Vec<f32>]) -> Vec<&[f32]> {
    all.iter().map(Vec::as_slice).collect()
}

impl Bots {
    /// The case that a moderator gets next, of the open ones that they have not left to others, that nobody else has before
    /// them, and that are not about themselves; looked for among the first 50 in an order. `None` if there is none.
    ///
    /// Of the surest ones it is the first. Of those from which most can be learned it is the one that is most unlike the fifty
    /// accounts of this community that people said something of last, and those that others have before them: the first while
    /// there are none; and after four reviews of others it is the oldest of those that were drawn by chance, however little
    /// can be learned from it: what the model never suspects would come last for ever, and recall is known from those alone. Asked
    /// again before somebody decides or looks, it is the same.
    pub async fn next_case(
        &self,
        actor: &Actor,
        community: CommunityId,
        order: CaseOrder,
    ) -> Result<Option<Case>, BotsError> {
        actor.require(Permission::ModerateMembers, community)?;
        let own = actor.user_id();
        if order == CaseOrder::Value
            && let Some(drawn) = self.drawn_in_turn(community, own).await?
        {
            return Ok(Some(drawn));
        }
        let rows = self.first_open(community, order, own).await?;
        let predictions: HashMap<i32, i64> = rows
            .iter()
            .filter_map(|row| Some((row.id, row.prediction?)))
            .collect();
        let cases = self.whole(rows).await?;
        let (unseen, seen): (Vec<Case>, Vec<Case>) =
            cases.into_iter().partition(|case| is_unseen(case, own));
        let free: Vec<Case> = unseen
            .into_iter()
            .filter(|case| is_free(case, own))
            .collect();
        if free.is_empty() {
            return Ok(None);
        }
        let place = match order {
            CaseOrder::Probability => 0,
            CaseOrder::Value => {
                self.most_unlike(community, &free, &seen, &predictions)
                    .await?
            }
        };
        Ok(free.into_iter().nth(place))
    }

    /// The place of the case that is most unlike those that people said something of lately and those that they have before
    /// them; the first of equals. Two statements, however many there are.
    async fn most_unlike(
        &self,
        community: CommunityId,
        free: &[Case],
        seen: &[Case],
        predictions: &HashMap<i32, i64>,
    ) -> Result<usize, StoreError> {
        let conn = self.db.read();
        let of = |case: &Case| predictions.get(&case.id).copied();
        let mut known = tables::review::predicted_lately(conn, community, LATELY).await?;
        known.extend(seen.iter().filter_map(of));
        if known.is_empty() {
            return Ok(0);
        }
        let mut ids: Vec<i64> = free.iter().filter_map(of).chain(known.clone()).collect();
        ids.sort_unstable();
        ids.dedup();
        let features = tables::prediction::features(conn, &ids, SCHEMA.hash()).await?;
        let known: Vec<Vec<f32>> = known
            .iter()
            .filter_map(|id| features.get(id))
            .map(|text| alike(Some(text)))
            .collect();
        let rows: Vec<Vec<f32>> = free
            .iter()
            .map(|case| alike(of(case).and_then(|id| features.get(&id))))
            .collect();
        Ok(furthest(&slices(&rows), &slices(&known)).unwrap_or(0))
    }

    /// The oldest free case of those that were drawn by chance, if it is their turn.
    async fn drawn_in_turn(
        &self,
        community: CommunityId,
        own: Option<UserId>,
    ) -> Result<Option<Case>, BotsError> {
        let conn = self.db.read();
        let rows = table::drawn_in_turn(conn, community, own, (OTHERS, DRAWN_AMONG)).await?;
        let cases = self.whole(rows).await?;
        Ok(cases.into_iter().find(|case| is_free(case, own)))
    }

    async fn first_open(
        &self,
        community: CommunityId,
        order: CaseOrder,
        but_of: Option<UserId>,
    ) -> Result<Vec<table::Row>, StoreError> {
        let query = CaseQuery {
            state: CaseState::Open,
            reason: None,
            order,
            is_for_me: but_of.is_some(),
            page: PageRequest::first(NEXT_AMONG),
        };
        table::page(self.db.read(), community, &query, but_of).await
    }
}
