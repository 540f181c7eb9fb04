//! Members of a community whom nobody has decided on and nobody suspects: presumed to be people, so that a model that learns
//! from moderators knows also those they never look at.
//!
//! Must never take somebody with an open case or whom the rules suspect, nor anybody of whom a person of the community, a list or a
//! mark says what they are.

use std::collections::{BTreeMap, HashSet};

use kernel::{AccountId, CommunityId};

use crate::{
    Bots, BotsError, due,
    features::SCHEMA,
    lot,
    store::{self as tables, prediction::Newest},
};

/// Accounts that are looked at in one go.
const PAGE: usize = 500;
/// So many are taken at most: the first by a hash of the account, so that it is a fair draw and the same ones again.
const MAX: usize = 500;

/// From here on the rules suspect somebody; whoever linked to a listed domain has as much.
const SUSPECTED: i32 = 500_000;

/// Whether the rules do not suspect an account either, and it said enough for that to mean something.
fn is_usual(one: &Newest) -> bool {
    let said = u32::try_from(one.n_messages).unwrap_or(0);
    one.rule_ppm < SUSPECTED && said >= due::FIRST
}

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
                .filter(|one| is_usual(one) && !known.contains(&one.account_id))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whom_the_rules_suspect_and_who_said_little_is_not_presumed_to_be_a_person() {
        let usual = |rule_ppm, n_messages| {
            is_usual(&Newest {
                account_id: 1,
                rule_ppm,
                features: String::new(),
                n_messages,
                at: 0,
            })
        };
        assert!(usual(499_999, 10));
        assert!(!usual(500_000, 10), "as who linked to a listed domain");
        assert!(!usual(0, 9), "as a newcomer of a burst");
    }
}
