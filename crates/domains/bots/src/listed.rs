//! Whom a list of unwanted accounts names: newcomers are looked at with their first word, follow or join, because most bots that
//! lists name never say enough to be scored; and a case that only a list opened goes with it. Whoever came before the list is looked
//! for by `looking.rs`.
//!
//! Must never look at the lists again with each word of who is known already, nor ask each community where no list and no correction
//! names anybody.

use std::collections::{BTreeMap, BTreeSet};

use ::store::StoreError;
use identity::PlatformAccount;
use kernel::{AccountId, CommunityId, Timestamp};
use sea_orm::ConnectionTrait;

use crate::{
    Bots, Known, Listable,
    correction::{of_accounts, withdraw},
    follower::FOLLOWER,
    store::{self as tables, state::Seat},
};

/// Cases that are looked through in one transaction.
const PAGE: i64 = 256;
/// Of accounts in communities those that a list of unwanted accounts names there: two statements, and five for each community in which
/// somebody has a name that is on any list or in any correction.
pub(crate) async fn newcomers(
    conn: &impl ConnectionTrait,
    newcomers: &BTreeSet<Seat>,
    now: Timestamp,
) -> Result<Vec<Seat>, StoreError> {
    if newcomers.is_empty() {
        return Ok(Vec::new());
    }
    let ids: BTreeSet<AccountId> = newcomers.iter().map(|seat| seat.1).collect();
    let ids: Vec<AccountId> = ids.into_iter().collect();
    // Erased meanwhile, whoever is not among them.
    let accounts = identity::accounts_by_id(conn, &ids).await?;
    let called = |account: &PlatformAccount| {
        Listable::Account(account.platform, account.username.clone()).folded()
    };
    let names: BTreeSet<String> = accounts
        .values()
        .filter_map(called)
        .map(|name| name.value().to_owned())
        .collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    let about = tables::list::said_of(conn, &names).await?;
    let is_meant = |account: &&PlatformAccount| {
        called(account).is_some_and(|name| about.contains(name.value()))
    };
    let mut here: BTreeMap<CommunityId, Vec<&PlatformAccount>> = BTreeMap::new();
    for (community, id) in newcomers {
        if let Some(account) = accounts.get(id).filter(is_meant) {
            here.entry(*community).or_default().push(account);
        }
    }
    let mut found = Vec::new();
    for (community, accounts) in here {
        let unwanted = unwanted(conn, community, &accounts, now).await?;
        found.extend(unwanted.into_iter().map(|id| (community, id)));
    }
    Ok(found)
}

/// Those of some accounts that lists and corrections call unwanted in a community.
async fn unwanted(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    accounts: &[&PlatformAccount],
    now: Timestamp,
) -> Result<BTreeSet<AccountId>, StoreError> {
    let known = of_accounts(conn, community, accounts).await?;
    let is_unwanted = |known: Option<Known>| matches!(known, Some(Known::Unwanted(_)));
    let unwanted = known
        .into_iter()
        .filter(|(_, listed)| is_unwanted(listed.known(now)));
    Ok(unwanted.map(|(id, _)| id).collect())
}

impl Bots {
    /// Withdraws the open cases of a community for which nothing speaks but a list that does not name the account there any
    /// more: it was removed, left out, renewed without it, or has faded. Answers how many. For a job; in pages, each its own
    /// transaction.
    pub async fn withdraw_unlisted(&self, community: CommunityId) -> Result<u64, StoreError> {
        let (mut n, mut after) = (0, 0);
        loop {
            let mut work = self.begin(&FOLLOWER).await?;
            let cases = tables::case::only_listed(work.conn(), community, after, PAGE).await?;
            let Some(last) = cases.last() else {
                return Ok(n);
            };
            after = last.id;
            let ids: Vec<AccountId> = cases.iter().map(|case| case.account).collect();
            let accounts = identity::accounts_by_id(work.conn(), &ids).await?;
            let known: Vec<&PlatformAccount> = accounts.values().collect();
            let unwanted = unwanted(work.conn(), community, &known, work.now()).await?;
            for case in cases {
                if !unwanted.contains(&case.account) {
                    withdraw(&mut work, &case).await?;
                    n += 1;
                }
            }
            work.commit().await?;
        }
    }
}
