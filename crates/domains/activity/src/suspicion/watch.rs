//! The job that looks for patterns. It reads who is new and what was linked lately, never messages,
//! and at most a fixed number of people for each community; finding the same again only says so.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    time::Duration,
};

use identity::{FreshLink, PlatformAccount};
use kernel::{AccountId, Actor, CommunityId, Role, Timestamp, UserId, random};
use serde_json::json;
use sha2::{Digest, Sha256};
use store::DomainEvent;

use super::pattern::{self, Arrival, Evidence, Record};
use crate::{
    Activity, ActivityError, SUSPICION_FLAGGED,
    store::{self as tables, suspicion as table},
};

/// Most newcomers of a community that are looked at, the newest.
const NEWCOMERS_MAX: i64 = 20_000;
/// Most fresh links that are looked at, the newest.
const LINKS_MAX: i64 = 20_000;
/// Most accounts that are written down for a flag.
const ACCOUNTS_MAX: usize = 200;
/// How long a flag that nobody decided about stays after it was found last.
const KEEP_OPEN: Duration = Duration::from_secs(90 * 86_400);
/// How long one that somebody decided about does.
const KEEP_DECIDED: Duration = Duration::from_secs(365 * 86_400);

/// A pattern that was found.
pub(crate) struct Found {
    pub(crate) subject: String,
    pub(crate) evidence: Evidence,
    pub(crate) accounts: Vec<AccountId>,
}

/// Somebody new, with their accounts.
struct Newcomer {
    user: UserId,
    at: Timestamp,
    handle: String,
}

type Accounts = HashMap<UserId, Vec<PlatformAccount>>;

fn ids(accounts: &Accounts, users: impl IntoIterator<Item = UserId>) -> Vec<AccountId> {
    let users: BTreeSet<UserId> = users.into_iter().collect();
    let all = users.iter().filter_map(|user| accounts.get(user)).flatten();
    all.map(|account| account.id).take(ACCOUNTS_MAX).collect()
}

impl Activity {
    /// See [`watch`](Self::watch).
    pub(super) async fn look(&self) -> Result<u64, ActivityError> {
        let actor = Actor::System("watch");
        let now = self.clock.now();
        let links =
            identity::fresh_links(self.db.read(), now.minus(pattern::FRESH), LINKS_MAX).await?;
        let linkers: BTreeSet<UserId> = links.iter().map(|link| link.user).collect();
        let linkers: Vec<UserId> = linkers.into_iter().collect();
        let places = tables::member::places(self.db.read(), &linkers).await?;
        let mut n_found = 0;
        for (community, _) in self.identity.communities(&actor).await? {
            let here = |user: UserId| {
                places
                    .get(&user)
                    .is_some_and(|places| places.contains(&community.id))
            };
            let links: Vec<&FreshLink> = links.iter().filter(|link| here(link.user)).collect();
            let mut found = self.newcomers(community.id, now).await?;
            found.extend(self.links(&actor, community.id, &links, now).await?);
            n_found += u64::try_from(found.len()).unwrap_or(u64::MAX);
            if found.is_empty() {
                continue;
            }
            let mut work = self.db.begin(&actor, now).await?;
            let mut events = Vec::new();
            for one in &found {
                let put = table::put(work.conn(), community.id, one, now).await?;
                let pattern = one.evidence.pattern().as_str();
                events.extend(put.map(|suspicion| DomainEvent {
                    kind: SUSPICION_FLAGGED,
                    community: Some(community.id),
                    payload: json!({
                        "community": community.id.0, "suspicion": suspicion, "pattern": pattern,
                    }),
                }));
            }
            work.emit_all(events, &[]).await?;
            work.commit().await?;
        }
        let work = self.db.begin(&actor, now).await?;
        table::sweep(work.conn(), now.minus(KEEP_OPEN), now.minus(KEEP_DECIDED)).await?;
        work.commit().await?;
        Ok(n_found)
    }

    /// What newcomers look like.
    async fn newcomers(
        &self,
        community: CommunityId,
        now: Timestamp,
    ) -> Result<Vec<Found>, ActivityError> {
        let conn = self.db.read();
        let Some(begun) = table::begun(conn, community).await? else {
            return Ok(Vec::new());
        };
        let since = now.minus(pattern::NEW);
        let seen = table::newcomers(conn, community, since, NEWCOMERS_MAX).await?;
        let users: Vec<UserId> = seen.iter().map(|(user, ..)| *user).collect();
        let mut accounts = identity::accounts_of(conn, &users).await?;
        // Robots come in numbers, and are marked.
        accounts.retain(|_, own| own.iter().any(|account| !account.is_bot));
        let newcomers: Vec<Newcomer> = seen
            .into_iter()
            .filter(|(user, ..)| accounts.contains_key(user))
            .map(|(user, handle, at)| Newcomer { user, at, handle })
            .collect();
        let who = |indexes: &[usize]| {
            let chosen = indexes.iter().filter_map(|index| newcomers.get(*index));
            ids(&accounts, chosen.map(|one| one.user))
        };
        let handles: Vec<&str> = newcomers.iter().map(|one| one.handle.as_str()).collect();
        let mut found = Vec::new();
        for (stem, indexes, evidence) in pattern::shared_handles(&handles) {
            // A hash, because a name leads to people.
            let hash = Sha256::digest(stem.as_bytes());
            found.push(Found {
                subject: format!("stem:{}", random::hex(hash.get(..16).unwrap_or_default())),
                evidence,
                accounts: who(&indexes),
            });
        }
        let is_young = |one: &Newcomer| {
            let own = accounts.get(&one.user).map_or(&[][..], Vec::as_slice);
            let made = own.iter().filter_map(|account| account.account_created_at);
            made.max()
                .is_some_and(|made| made >= one.at.minus(pattern::YOUNG_FOR))
        };
        let arrivals: Vec<Arrival> = newcomers
            .iter()
            .map(|one| Arrival {
                at: one.at,
                is_young: is_young(one),
            })
            .collect();
        for (from, indexes, evidence) in pattern::shared_timing(&arrivals, since, begun, now) {
            found.push(Found {
                subject: format!("from:{}", from.0),
                evidence,
                accounts: who(&indexes),
            });
        }
        Ok(found)
    }

    /// What fresh links of a community's people look like; the links in order of time.
    async fn links(
        &self,
        actor: &Actor,
        community: CommunityId,
        links: &[&FreshLink],
        now: Timestamp,
    ) -> Result<Vec<Found>, ActivityError> {
        if links.is_empty() {
            return Ok(Vec::new());
        }
        let conn = self.db.read();
        let mut by_person: BTreeMap<UserId, Vec<&FreshLink>> = BTreeMap::new();
        for link in links {
            by_person.entry(link.user).or_default().push(link);
        }
        let people: Vec<UserId> = by_person.keys().copied().collect();
        let accounts = identity::accounts_of(conn, &people).await?;
        let own = |user: &UserId| accounts.get(user).map_or(&[][..], Vec::as_slice);
        let all: Vec<AccountId> = accounts
            .values()
            .flatten()
            .map(|account| account.id)
            .collect();
        let measures = table::measures(conn, community, &all, now.minus(pattern::RECORD)).await?;
        let scores = identity::scores(conn, community, &people).await?;
        let roles = self.identity.roles(actor, community, &people).await?;
        let mut found = Vec::new();
        for (user, fresh) in &by_person {
            let fresh_accounts = fresh.iter().filter_map(|link| link.account);
            let Some(subject) = fresh_accounts
                .min()
                .or_else(|| own(user).iter().map(|a| a.id).min())
            else {
                continue;
            };
            let subject = format!("account:{subject}");
            let times: Vec<Timestamp> = fresh.iter().map(|link| link.at).collect();
            let (mut bans, mut timeouts) = (0_u32, 0_u32);
            for account in own(user) {
                let held = measures.get(&account.id).copied().unwrap_or_default();
                bans = bans.saturating_add(held.bans);
                timeouts = timeouts.saturating_add(held.timeouts);
            }
            let record = Record {
                n_accounts: own(user).len(),
                bans,
                timeouts,
                score: scores.get(user).copied().unwrap_or_default().points(),
                is_banned: roles.get(user) == Some(&Role::Banned),
            };
            for evidence in [pattern::known_bad(record), pattern::link_burst(&times)] {
                found.extend(evidence.map(|evidence| Found {
                    subject: subject.clone(),
                    evidence,
                    accounts: ids(&accounts, [*user]),
                }));
            }
        }
        let times: Vec<(i32, Timestamp)> =
            links.iter().map(|link| (link.user.0, link.at)).collect();
        for (from, indexes, evidence) in pattern::community_links(&times, now) {
            let who = indexes.iter().filter_map(|index| links.get(*index));
            found.push(Found {
                subject: format!("from:{}", from.0),
                evidence,
                accounts: ids(&accounts, who.map(|link| link.user)),
            });
        }
        Ok(found)
    }
}
