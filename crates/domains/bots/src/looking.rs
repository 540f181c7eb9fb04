//! Whom lists and corrections call unwanted among those who came before these did and have said too little to be scored: they have a
//! case, as newcomers have.
//!
//! Must never look at more accounts in one transaction than a step of the follower does, nor keep a name in a job.

use std::collections::{BTreeMap, BTreeSet};

use ::store::{StoreError, Work, job::NewJob};
use engines::Sha256;
use identity::PlatformAccount;
use kernel::{AccountId, CommunityId, EventId, Platform};
use sea_orm::ConnectionTrait;
use serde_json::{Map, Value};
use tokio::task::yield_now;

use crate::{
    Bots, ListKind,
    batch::after_this_minute,
    due::FIRST,
    features::State,
    follower::{FOLLOWER, make_anew},
    listed::newcomers,
    outcome::{self, Candidate},
    scorer::Scorer,
    store::{
        self as tables, scene,
        state::{self, Seat},
    },
};

/// The job that looks for whom its payload, a [`Look`], means.
pub const LIST_JOB: &str = "bots.list";

/// Names that are looked for at once.
const NAMES: usize = 512;
/// Accounts in communities that are looked at in one transaction.
const SEATS: usize = 256;
/// The most accounts that a job names.
const ACCOUNTS_MAX: usize = 256;

/// For whom to look.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Look {
    /// For whom this list names; `None` = any list, and any correction of the community.
    pub list: Option<i32>,
    /// Only there; `None` = everywhere.
    pub community: Option<CommunityId>,
    /// Only for these, of whom somebody said something.
    pub accounts: Vec<AccountId>,
}

impl Look {
    /// For whom a list names.
    pub(crate) fn of_list(list: i32, community: Option<CommunityId>) -> Self {
        Self {
            list: Some(list),
            community,
            accounts: Vec::new(),
        }
    }

    /// For whom anything names in a community.
    pub(crate) fn of_community(community: CommunityId) -> Self {
        Self {
            community: Some(community),
            ..Self::default()
        }
    }

    /// As the payload of a job.
    fn to_json(&self) -> Value {
        let mut payload = Map::new();
        if let Some(list) = self.list {
            payload.insert("list".to_owned(), list.into());
        }
        if let Some(community) = self.community {
            payload.insert("community".to_owned(), community.0.into());
        }
        if !self.accounts.is_empty() {
            let accounts: Vec<i64> = self.accounts.iter().map(|account| account.0).collect();
            payload.insert("accounts".to_owned(), accounts.into());
        }
        Value::Object(payload)
    }

    /// Reads the payload of a job; `None` for what is none.
    pub fn read(payload: &Value) -> Option<Self> {
        let number = |value: &Value| i32::try_from(value.as_i64()?).ok();
        let list = payload.get("list").map(number);
        let community = payload.get("community").map(number);
        let accounts = match payload.get("accounts") {
            Some(list) => list
                .as_array()?
                .iter()
                .map(|id| id.as_i64().map(AccountId))
                .collect::<Option<Vec<AccountId>>>()?,
            None => Vec::new(),
        };
        let look = Self {
            list: list.map_or(Some(None), |list| list.map(Some))?,
            community: community.map_or(Some(None), |id| id.map(|id| Some(CommunityId(id))))?,
            accounts,
        };
        (look != Self::default()).then_some(look)
    }
}

/// Asks for somebody to be looked for, within a minute or so; nothing where nobody is known yet. What is asked for twice within a minute
/// under one `key` is looked for once.
pub(crate) async fn ask_to_look(work: &mut Work, look: &Look, key: &str) -> Result<(), StoreError> {
    let is_known = match look.community {
        Some(community) => scene::mark_of(work.conn(), community).await?.is_some(),
        None => !scene::communities(work.conn()).await?.is_empty(),
    };
    if !is_known {
        return Ok(());
    }
    let (minute, due_at) = after_this_minute(work.now());
    let here = look.community.map_or(0, |community| community.0);
    let mut job = NewJob::new(LIST_JOB, look.to_json())
        .unique(format!("look:{here}:{key}:{minute}"))
        .due_at(due_at);
    if let Some(community) = look.community {
        job = job.community(community);
    }
    work.enqueue(job).await?;
    Ok(())
}

/// The same for whom anything names in a community; nothing where nobody is named.
pub(crate) async fn ask_to_look_around(
    work: &mut Work,
    community: CommunityId,
) -> Result<(), StoreError> {
    let lists = tables::list::all(work.conn()).await?;
    let is_named = lists.iter().any(|list| list.kind == ListKind::Unwanted)
        || !tables::correction::unwanted(work.conn(), community)
            .await?
            .is_empty();
    if is_named {
        ask_to_look(work, &Look::of_community(community), "all").await?;
    }
    Ok(())
}

/// The same for some accounts, wherever they are.
pub(crate) async fn ask_to_look_at(
    work: &mut Work,
    accounts: &[AccountId],
) -> Result<(), StoreError> {
    for part in accounts.chunks(ACCOUNTS_MAX) {
        let look = Look {
            accounts: part.to_vec(),
            ..Look::default()
        };
        let key = Sha256::of(look.to_json().to_string().as_bytes());
        ask_to_look(work, &look, &format!("accounts:{key}")).await?;
    }
    Ok(())
}

/// Where accounts came and are not scored, and have said too little to be: by their states and, silent, by who followed or joined.
async fn early(
    conn: &impl ConnectionTrait,
    accounts: &[AccountId],
    community: Option<CommunityId>,
    now: kernel::Timestamp,
) -> Result<Vec<Seat>, StoreError> {
    let is_here = |seat: &Seat| community.is_none_or(|community| community == seat.0);
    let known = state::said(conn, accounts).await?;
    let known: BTreeMap<Seat, bool> = known
        .into_iter()
        .map(|said| (said.seat, said.n_messages < FIRST && !said.is_scored))
        .collect();
    let came = activity::came(conn, accounts, EventId(i64::MAX)).await?;
    let silent = came
        .into_iter()
        .filter(|(seat, until)| *until >= now && !known.contains_key(seat))
        .map(|(seat, _)| seat);
    let spoke = known
        .iter()
        .filter(|(_, is_early)| **is_early)
        .map(|(seat, _)| *seat);
    let all: BTreeSet<Seat> = spoke.chain(silent).filter(is_here).collect();
    Ok(all.into_iter().collect())
}

impl Bots {
    /// Looks for whom lists and corrections call unwanted; answers at how many it looked because one did. For a job; in parts, each its
    /// own transaction, and doing it again changes nothing.
    pub async fn look_for_listed(&self, look: &Look) -> Result<u64, StoreError> {
        let scorer = self.scorer().await?;
        let mut n = 0;
        if !look.accounts.is_empty() {
            return self.look_for(&scorer, &look.accounts, look.community).await;
        }
        let lists = tables::list::all(self.db.read()).await?;
        let lists = lists.into_iter().filter(|list| {
            let is_meant = look.list.is_none_or(|wanted| wanted == list.id);
            is_meant && list.kind == ListKind::Unwanted
        });
        for list in lists {
            let Some(platform) = list.platform else {
                continue;
            };
            let mut after = String::new();
            loop {
                let conn = self.db.read();
                let names = tables::list::entries_after(conn, list.id, &after, NAMES).await?;
                let Some(newest) = names.last() else {
                    break;
                };
                after.clone_from(newest);
                n += self
                    .look_for_names(&scorer, platform, &names, look.community)
                    .await?;
                // Whoever stops the job can do it here.
                yield_now().await;
            }
        }
        if let (None, Some(community)) = (look.list, look.community) {
            n += self.look_for_corrected(&scorer, community).await?;
        }
        Ok(n)
    }

    /// For whom corrections call unwanted in a community, by account or by name.
    async fn look_for_corrected(
        &self,
        scorer: &Scorer,
        community: CommunityId,
    ) -> Result<u64, StoreError> {
        let said = tables::correction::unwanted(self.db.read(), community).await?;
        let mut pinned = Vec::new();
        let mut names: BTreeMap<Platform, Vec<String>> = BTreeMap::new();
        for correction in said {
            match (correction.account, correction.what.platform()) {
                (Some(account), _) => pinned.push(account),
                (None, Some(platform)) => {
                    let name = correction.what.value().to_owned();
                    names.entry(platform).or_default().push(name);
                }
                (None, None) => {}
            }
        }
        let mut n = self.look_for(scorer, &pinned, Some(community)).await?;
        for (platform, names) in names {
            for part in names.chunks(NAMES) {
                n += self
                    .look_for_names(scorer, platform, part, Some(community))
                    .await?;
            }
        }
        Ok(n)
    }

    async fn look_for_names(
        &self,
        scorer: &Scorer,
        platform: Platform,
        names: &[String],
        community: Option<CommunityId>,
    ) -> Result<u64, StoreError> {
        let names: Vec<&str> = names.iter().map(String::as_str).collect();
        let called = identity::accounts_named(self.db.read(), platform, &names).await?;
        let accounts: Vec<AccountId> = called
            .iter()
            .map(|account: &PlatformAccount| account.id)
            .collect();
        self.look_for(scorer, &accounts, community).await
    }

    async fn look_for(
        &self,
        scorer: &Scorer,
        accounts: &[AccountId],
        community: Option<CommunityId>,
    ) -> Result<u64, StoreError> {
        if accounts.is_empty() {
            return Ok(0);
        }
        let seats = early(self.db.read(), accounts, community, self.clock.now()).await?;
        let mut n = 0;
        for part in seats.chunks(SEATS) {
            let mut work = self.begin(&FOLLOWER).await?;
            identity::hold_owners(&work).await?;
            scene::hold_progress(work.conn()).await?;
            n += self.look_at(&mut work, scorer, part).await?;
            work.commit().await?;
            yield_now().await;
        }
        Ok(n)
    }

    /// Looks at some accounts of a community at once, in the unit of work of what makes it necessary, which holds the progress.
    pub(crate) async fn look_at_now(
        &self,
        work: &mut Work,
        scorer: &Scorer,
        accounts: &[AccountId],
        community: CommunityId,
    ) -> Result<u64, StoreError> {
        let now = work.now();
        let seats = early(work.conn(), accounts, Some(community), now).await?;
        self.look_at(work, scorer, &seats).await
    }

    /// Looks at those of some accounts whom a list or a correction calls unwanted there; answers how many those are.
    async fn look_at(
        &self,
        work: &mut Work,
        scorer: &Scorer,
        seats: &[Seat],
    ) -> Result<u64, StoreError> {
        let seats: BTreeSet<Seat> = seats.iter().copied().collect();
        let listed = newcomers(work.conn(), &seats, work.now()).await?;
        if listed.is_empty() {
            return Ok(0);
        }
        let (communities, accounts): (BTreeSet<CommunityId>, BTreeSet<AccountId>) =
            listed.iter().copied().unzip();
        let communities: Vec<CommunityId> = communities.into_iter().collect();
        let accounts: Vec<AccountId> = accounts.into_iter().collect();
        let scenes = scene::of(work.conn(), &communities).await?;
        let rows = state::of(work.conn(), &communities, &accounts).await?;
        let rows: BTreeMap<Seat, state::Row> = rows.into_iter().collect();
        let mut known = Vec::with_capacity(listed.len());
        for seat in listed {
            // Of a community that is made anew everybody is looked for when it is whole.
            let Some(place) = scenes.get(&seat.0).filter(|place| !place.is_rebuilding) else {
                continue;
            };
            let row = rows.get(&seat);
            let state = match row.map(|row| State::from_bytes(&row.state)) {
                None => State::new(),
                Some(Ok(state)) => state,
                Some(Err(bad)) => {
                    make_anew(work, seat.0, bad).await?;
                    continue;
                }
            };
            let before = row.map(|row| row.score).unwrap_or_default();
            // They spoke meanwhile.
            if state.total() < FIRST && before.n == 0 {
                known.push((seat, state, before, place.hours()));
            }
        }
        let candidates: Vec<Candidate<'_>> = known
            .iter()
            .map(|(seat, state, before, hours)| Candidate {
                seat: *seat,
                state,
                before: *before,
                is_early: true,
                hours: *hours,
            })
            .collect();
        // Whoever is looked at so has no score, and none is written.
        outcome::score(work, scorer, &candidates, &*self.clock, &mut Vec::new()).await?;
        Ok(u64::try_from(candidates.len()).unwrap_or(u64::MAX))
    }
}

#[cfg(test)]
mod tests {
    use kernel::{AccountId, CommunityId};
    use serde_json::json;

    use super::Look;

    #[test]
    fn for_whom_to_look_reads_back_and_a_job_for_nobody_is_none() {
        for look in [
            Look::of_list(7, None),
            Look::of_list(7, Some(CommunityId(3))),
            Look::of_community(CommunityId(3)),
            Look {
                accounts: vec![AccountId(5), AccountId(1 << 40)],
                ..Look::default()
            },
        ] {
            assert_eq!(Look::read(&look.to_json()), Some(look));
        }
        for wrong in [
            json!({}),
            json!({ "list": "all" }),
            json!({ "list": 7, "community": 1.5 }),
            json!({ "accounts": ["ann"] }),
            json!({ "accounts": [] }),
        ] {
            assert_eq!(Look::read(&wrong), None, "{wrong}");
        }
    }
}
