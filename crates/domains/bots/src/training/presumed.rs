//! Members of a community whom nobody has decided on and nobody suspects: presumed to be people, so that a model that learns
//! from moderators knows also those they never look at.
//!
//! Must never take somebody with an open case, nor anybody of whom a person, a list or a mark says what they are.

use std::collections::{BTreeMap, HashSet};

use kernel::{AccountId, CommunityId};

use crate::{
    Bots, BotsError,
    features::SCHEMA,
    lot,
    store::{self as tables, prediction::Newest},
};

/// Accounts that are looked at in one go.
const PAGE: usize = 500;
/// So many are taken at most: the first by a hash of the account, so that it is a fair draw and the same ones again.
const MAX: usize = 500;

impl Bots {
    /// A fair draw of those of a community, with the newest prediction about each.
    pub(super) async fn presumed(&self, community: CommunityId) -> Result<Vec<Newest>, BotsError> {
        let known = tables::label::known(self.db.read(), community).await?;
        let mut known: HashSet<i64> = known.into_iter().collect();
        known.extend(tables::case::suspected(self.db.read(), community).await?);
        let mut drawn: BTreeMap<(u64, i64), Newest> = BTreeMap::new();
        let mut after = AccountId(0);
        loop {
            let page =
                tables::prediction::newest(self.db.read(), community, SCHEMA.hash(), after, PAGE)
                    .await?;
            let Some(last) = page.last() else { break };
            after = AccountId(last.account_id);
            for one in page
                .into_iter()
                .filter(|one| !known.contains(&one.account_id))
            {
                let lot = lot::lot([
                    b"presumed".as_slice(),
                    one.account_id.to_le_bytes().as_slice(),
                ]);
                drawn.insert((lot, one.account_id), one);
            }
            while drawn.len() > MAX {
                drawn.pop_last();
            }
        }
        Ok(drawn.into_values().collect())
    }
}
