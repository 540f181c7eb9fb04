//! Finding pairs: names are kept as they are compared, with an index, so that whoever has a name
//! meets only those who have it too, however many people there are. In parts, each a transaction.
//!
//! Must never compare everybody with everybody, nor pairs of one platform.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use kernel::{CommunityId, Timestamp, UserId};
use store::{StoreError, Work};

use super::{
    AccountPair,
    evidence::{self, Side},
    name,
};
use crate::store::{self as tables, suggestion as table};

/// Accounts whose names are looked at in one transaction.
const ACCOUNTS_AT_ONCE: i64 = 1_000;
/// Names whose owners are compared in one transaction.
const NAMES_AT_ONCE: i64 = 200;
/// A name that more accounts have is nobody's.
const HOLDERS_MAX: i64 = 12;

/// Brings the compared names of some accounts up to date, in order of id; answers the last one, to go
/// on after it, or `None` at the end.
pub async fn renew_names(work: &Work, after: i64) -> Result<Option<i64>, StoreError> {
    let conn = work.conn();
    let accounts = table::named_after(conn, after, ACCOUNTS_AT_ONCE).await?;
    let (Some(first), Some(last)) = (accounts.first(), accounts.last()) else {
        return Ok(None);
    };
    let mut held: HashSet<(i64, String)> = table::keys_between(conn, first.id, last.id)
        .await?
        .into_iter()
        .collect();
    let mut new = Vec::new();
    for account in &accounts {
        for key in account.keys() {
            let wanted = (account.id, key);
            if !held.remove(&wanted) {
                new.push(wanted);
            }
        }
    }
    let last = last.id;
    for (account, key) in held {
        table::delete_key(conn, account, &key).await?;
    }
    table::insert_keys(conn, new).await?;
    Ok(Some(last))
}

impl table::Named {
    fn keys(&self) -> BTreeSet<String> {
        if self.is_bot || self.is_erased {
            return BTreeSet::new();
        }
        let names = [
            Some(&self.username),
            self.display.as_ref(),
            self.handle.as_ref(),
        ];
        names
            .into_iter()
            .flatten()
            .filter_map(|name| name::key(name))
            .collect()
    }
}

/// Accounts that have names in common.
pub struct Namesakes {
    by_key: BTreeMap<String, Vec<table::Holder>>,
    last: String,
}

impl std::fmt::Debug for Namesakes {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Namesakes").finish_non_exhaustive()
    }
}

impl Namesakes {
    /// The next ones after a name, in order of names; `None` at the end.
    pub async fn after(work: &Work, name: &str) -> Result<Option<Self>, StoreError> {
        let keys = table::shared_keys(work.conn(), name, HOLDERS_MAX, NAMES_AT_ONCE).await?;
        let Some(last) = keys.last().cloned() else {
            return Ok(None);
        };
        let mut by_key: BTreeMap<String, Vec<table::Holder>> = BTreeMap::new();
        for holder in table::holders(work.conn(), &keys).await? {
            by_key.entry(holder.key.clone()).or_default().push(holder);
        }
        Ok(Some(Self { by_key, last }))
    }

    /// The name to go on after.
    pub fn last(&self) -> &str {
        &self.last
    }

    /// Whose accounts they are.
    pub fn people(&self) -> Vec<UserId> {
        let all: BTreeSet<UserId> = self.by_key.values().flatten().map(|one| one.user).collect();
        all.into_iter().collect()
    }

    /// Writes down the pairs that may be one person, in every community in which both were seen.
    /// `run` is the same for all parts of a run.
    pub async fn suggest(
        &self,
        work: &Work,
        seen: &HashMap<UserId, BTreeSet<CommunityId>>,
        run: Timestamp,
    ) -> Result<u64, StoreError> {
        let mut platforms = HashMap::new();
        for account in tables::account::of_users(work.conn(), &self.people()).await? {
            let there: &mut Vec<_> = platforms.entry(account.user).or_default();
            there.push(account.platform);
        }
        let side = |holder: &table::Holder| Side {
            handle: holder.username.clone(),
            chosen: [&holder.display, &holder.handle]
                .into_iter()
                .flatten()
                .cloned()
                .collect(),
            picture: holder.picture.clone(),
            platforms: platforms.get(&holder.user).cloned().unwrap_or_default(),
            platform: Some(holder.platform),
        };
        let nowhere = BTreeSet::new();
        let places = |holder: &table::Holder| seen.get(&holder.user).unwrap_or(&nowhere);
        let mut found = Vec::new();
        for (key, holders) in &self.by_key {
            let people: BTreeSet<UserId> = holders.iter().map(|holder| holder.user).collect();
            for (n, one) in holders.iter().enumerate() {
                for other in holders.iter().skip(n + 1) {
                    if one.user == other.user || one.platform == other.platform {
                        continue;
                    }
                    let shared: Vec<CommunityId> =
                        places(one).intersection(places(other)).copied().collect();
                    if shared.is_empty() {
                        continue;
                    }
                    let judged = evidence::judge(&side(one), &side(other), key, people.len());
                    if judged.confidence < evidence::SHOWN_FROM {
                        continue;
                    }
                    let pair = AccountPair::new(one.account, other.account);
                    found.extend(
                        shared
                            .into_iter()
                            .map(|community| (community, pair, judged.clone())),
                    );
                }
            }
        }
        let n = u64::try_from(found.len()).unwrap_or(u64::MAX);
        for (community, pair, judged) in found {
            table::put(work.conn(), community, pair, &judged, run).await?;
        }
        Ok(n)
    }
}

/// Removes the pairs that a run, which has ended, did not find again.
pub async fn forget_suggestions(work: &Work, run: Timestamp) -> Result<u64, StoreError> {
    table::delete_before(work.conn(), run).await
}
