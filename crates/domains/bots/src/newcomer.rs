//! Newcomers whom a list names: they are looked at with their first word, follow or join. Most bots that lists name never say
//! enough to be scored.
//!
//! Must never look at the lists again for who is known already.

use std::collections::{BTreeMap, BTreeSet};

use ::store::StoreError;
use identity::PlatformAccount;
use kernel::{AccountId, CommunityId, Timestamp};
use sea_orm::ConnectionTrait;

use crate::{Known, correction::of_accounts, store::state::Seat};

/// Those that a list of unwanted accounts names in their community. One statement, and three for each community.
pub(crate) async fn listed(
    conn: &impl ConnectionTrait,
    newcomers: &BTreeSet<Seat>,
    now: Timestamp,
) -> Result<Vec<Seat>, StoreError> {
    if newcomers.is_empty() {
        return Ok(Vec::new());
    }
    let ids: BTreeSet<AccountId> = newcomers.iter().map(|seat| seat.1).collect();
    let ids: Vec<AccountId> = ids.into_iter().collect();
    let accounts = identity::accounts_by_id(conn, &ids).await?;
    let mut here: BTreeMap<CommunityId, Vec<&PlatformAccount>> = BTreeMap::new();
    for (community, id) in newcomers {
        // Erased meanwhile, if it is not known.
        here.entry(*community).or_default().extend(accounts.get(id));
    }
    let mut found = Vec::new();
    for (community, accounts) in here {
        let known = of_accounts(conn, community, &accounts).await?;
        let unwanted = known
            .into_iter()
            .filter(|(_, listed)| matches!(listed.known(now), Some(Known::Unwanted(_))));
        found.extend(unwanted.map(|(id, _)| (community, id)));
    }
    found.sort_unstable();
    Ok(found)
}
