//! The queue of a community's moderators: which case one of them gets next, so that two do not decide about the same one and
//! nobody decides about themselves.

use ::store::StoreError;
use kernel::{Actor, CommunityId, PageRequest, Permission, UserId};

use crate::{Bots, BotsError, Case, CaseOrder, CaseQuery, CaseState, store::case as table};

/// Among how many of the first cases the next one is looked for.
const NEXT_AMONG: u32 = 50;

/// Whether somebody may be given a case: nobody else has it before them, and it is not about them.
fn is_free(case: &Case, own: Option<UserId>) -> bool {
    let about = case.account.as_ref().map(|account| account.user);
    (case.looked_by.is_none() || case.looked_by == own) && (about.is_none() || about != own)
}

impl Bots {
    /// The case that a moderator gets next: the first of the open ones in an order that they have not left to others, that
    /// nobody else has before them, and that is not about themselves. Looked for among the first 50; `None` if there is none.
    pub async fn next_case(
        &self,
        actor: &Actor,
        community: CommunityId,
        order: CaseOrder,
    ) -> Result<Option<Case>, BotsError> {
        actor.require(Permission::ModerateMembers, community)?;
        let own = actor.user_id();
        let rows = self.first_open(community, order, own).await?;
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
            order,
            is_for_me: but_of.is_some(),
            page: PageRequest::first(NEXT_AMONG),
        };
        table::page(self.db.read(), community, &query, but_of).await
    }
}
