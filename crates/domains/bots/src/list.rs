//! Lists of known accounts and domains, made by others: imported by whoever runs the instance, used by
//! the communities that want them.
//!
//! Invariants: an entry says from where, since when and why; it fades unless its list says otherwise, and
//! importing it again does not make it younger; what a community corrected outlives every import (see
//! [`crate::Correction`]). Being listed is a reason to look, never a verdict.

mod read;

use ::store::audit::Entry;
use engines::Sha256;
use kernel::{Actor, CommunityId, Day, Permission, Platform, Timestamp, UserId};
use serde_json::json;

pub use read::{Rejected, TEXT_MAX};
pub(crate) use read::{Said, domain};

use crate::{
    Bots, BotsError,
    batch::ask_to_score,
    looking::{Look, ask_to_look},
    store as tables,
};

/// How many lists an instance may have.
pub const LISTS_MAX: usize = 50;
/// The longest name, source and reason of a list, in characters.
const WORDS_MAX: usize = 200;
/// The slowest fading that can be asked for: a hundred years.
const HALF_LIFE_MAX: u32 = 36_500;
/// What weighs less than this says nothing any more: four half-lives.
pub(crate) const FADED: f64 = 1.0 / 16.0;
/// Rejected lines that are told.
const REJECTED_SHOWN: usize = 20;

/// What a list is of.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum ListKind {
    /// Accounts of bots that nobody asked for.
    Unwanted,
    /// Accounts of bots that communities use.
    Service,
    /// Domains that steal or harm.
    Dangerous,
    /// Domains that are seen with those.
    Suspicious,
}

impl ListKind {
    /// Every kind.
    pub const ALL: [Self; 4] = [
        Self::Unwanted,
        Self::Service,
        Self::Dangerous,
        Self::Suspicious,
    ];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unwanted => "unwanted",
            Self::Service => "service",
            Self::Dangerous => "dangerous",
            Self::Suspicious => "suspicious",
        }
    }

    /// The kind of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Whether its entries are accounts; else they are domains.
    pub const fn is_of_accounts(self) -> bool {
        matches!(self, Self::Unwanted | Self::Service)
    }

    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Unwanted => 1,
            Self::Service => 2,
            Self::Dangerous => 3,
            Self::Suspicious => 4,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.code() == code)
    }
}

/// A list as it was imported last.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct List {
    /// Its id.
    pub id: i32,
    /// Its name here.
    pub name: String,
    /// What it is of.
    pub kind: ListKind,
    /// Of accounts: where they are.
    pub platform: Option<Platform>,
    /// Where it comes from.
    pub source: String,
    /// Why its entries are on it, where they do not say so themselves.
    pub reason: String,
    /// What day it is of.
    pub as_of: Timestamp,
    /// After how many days an entry counts half; 0 = it does not fade.
    pub half_life_days: u32,
    /// SHA-256 of what was imported last.
    pub digest: String,
    /// How many entries it has.
    pub n_entries: u32,
    /// Who imported it last; `None` = the program, or somebody who was erased since.
    pub imported_by: Option<UserId>,
    /// When.
    pub imported_at: Timestamp,
}

/// A list and whether a community uses it.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct ListChoice {
    /// The list.
    pub list: List,
    /// Whether it counts there.
    pub is_used: bool,
}

/// A list to import.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct NewList {
    /// Its name here; importing one of the same name renews it.
    pub name: String,
    /// What it is of.
    pub kind: ListKind,
    /// Of accounts: where they are.
    pub platform: Option<Platform>,
    /// Where it comes from.
    pub source: String,
    /// Why its entries are on it.
    pub reason: String,
    /// What day it is of.
    pub as_of: Day,
    /// After how many days an entry counts half; 0 = it does not fade.
    pub half_life_days: u32,
}

/// What an import did.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Imported {
    /// Entries that were not there.
    pub added: u32,
    /// Entries that are there no longer.
    pub removed: u32,
    /// Entries that stay.
    pub kept: u32,
    /// Lines that are no entries: how many.
    pub n_rejected: u32,
    /// The first of them.
    pub rejected: Vec<Rejected>,
    /// Whether it was the same file as the last time, so that nothing was done.
    pub is_unchanged: bool,
}

/// An account or a domain that can be on a list.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Listable {
    /// An account, by the name it goes by.
    Account(Platform, String),
    /// A domain.
    Domain(String),
}

impl Listable {
    /// The same as lists have it: in lower case; `None` for what cannot be on one.
    pub fn folded(&self) -> Option<Self> {
        match self {
            Self::Account(platform, name) => {
                read::account(name).map(|name| Self::Account(*platform, name))
            }
            Self::Domain(text) => read::domain(text).map(Self::Domain),
        }
    }

    /// The name or domain.
    pub fn value(&self) -> &str {
        match self {
            Self::Account(_, value) | Self::Domain(value) => value,
        }
    }

    /// The platform of an account.
    pub const fn platform(&self) -> Option<Platform> {
        match self {
            Self::Account(platform, _) => Some(*platform),
            Self::Domain(_) => None,
        }
    }
}

/// That something is on a list.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Listing {
    /// The list's name.
    pub list: String,
    /// What the list is of.
    pub kind: ListKind,
    /// Of accounts: where they are.
    pub platform: Option<Platform>,
    /// Where the list comes from.
    pub source: String,
    /// Why.
    pub reason: String,
    /// Since when.
    pub listed_at: Timestamp,
    /// After how many days it counts half; 0 = it does not fade.
    pub half_life_days: u32,
}

impl Listing {
    /// How much it still says, 1 on its first day.
    pub fn weight(&self, now: Timestamp) -> f64 {
        weight(self.half_life_days, self.listed_at, now)
    }
}

pub(crate) fn check_words(field: &'static str, text: &str) -> Result<String, BotsError> {
    let text = text.trim();
    let fits = (1..=WORDS_MAX).contains(&text.chars().count());
    if fits && !text.chars().any(char::is_control) {
        return Ok(text.to_owned());
    }
    Err(BotsError::invalid(
        field,
        format!("use 1 to {WORDS_MAX} characters on one line"),
    ))
}

impl NewList {
    fn checked(&self, now: Timestamp) -> Result<Self, BotsError> {
        if self.kind.is_of_accounts() != self.platform.is_some() {
            return Err(BotsError::invalid(
                "platform",
                "a list of accounts names their platform, one of domains does not",
            ));
        }
        if self.as_of > now.day() {
            return Err(BotsError::invalid(
                "as_of",
                "a list cannot be of a day to come",
            ));
        }
        if self.half_life_days > HALF_LIFE_MAX {
            return Err(BotsError::invalid(
                "half_life_days",
                format!("use 0 to {HALF_LIFE_MAX} days"),
            ));
        }
        Ok(Self {
            name: check_words("name", &self.name)?,
            source: check_words("source", &self.source)?,
            reason: check_words("reason", &self.reason)?,
            ..self.clone()
        })
    }
}

/// How much an entry still says, 1 on its first day.
pub(crate) fn weight(half_life_days: u32, listed_at: Timestamp, now: Timestamp) -> f64 {
    if half_life_days == 0 {
        return 1.0;
    }
    let days = now.since(listed_at).as_secs_f64() / 86_400.0;
    0.5_f64.powf(days / f64::from(half_life_days))
}

impl Bots {
    /// The lists of the instance, and whether a community uses them.
    pub async fn lists(
        &self,
        actor: &Actor,
        community: CommunityId,
    ) -> Result<Vec<ListChoice>, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        Ok(tables::list::of_community(self.db.read(), community).await?)
    }

    /// Decides whether a list counts in a community. Saying the same again changes nothing.
    pub async fn use_list(
        &self,
        actor: &Actor,
        community: CommunityId,
        list: i32,
        is_used: bool,
    ) -> Result<(), BotsError> {
        actor.require(Permission::ManageCommunity, community)?;
        let mut work = self.begin(actor).await?;
        tables::lock(&work, community).await?;
        let all = tables::list::of_community(work.conn(), community).await?;
        let known = all.into_iter().find(|known| known.list.id == list);
        let known = known.ok_or(BotsError::NotFound)?;
        if known.is_used == is_used {
            return Ok(());
        }
        let choice = tables::list::Choice {
            community,
            list,
            is_used,
            by: actor.user_id(),
            at: work.now(),
        };
        tables::list::choose(work.conn(), &choice)
            .await
            .map_err(crate::unknown_community)?;
        work.audit(Entry {
            action: "bots.list.use",
            object: format!("bot_list:{list}"),
            community: Some(community),
            detail: json!({ "name": known.list.name, "is_used": is_used }),
        });
        if known.list.kind.is_of_accounts() {
            ask_to_score(&mut work, Some(&[community])).await?;
        }
        if is_used && known.list.kind == ListKind::Unwanted {
            let look = Look::of_list(list, Some(community));
            ask_to_look(&mut work, &look, &format!("list:{list}")).await?;
        }
        Ok(work.commit().await?)
    }

    /// Imports a list, or renews the one of the same name: entries that are gone from it are removed,
    /// the others keep the day on which they were listed first. The same file again does nothing.
    pub async fn import_list(
        &self,
        actor: &Actor,
        new: &NewList,
        text: &str,
    ) -> Result<Imported, BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        let new = new.checked(self.clock.now())?;
        let read = read::read(new.kind, new.as_of, text)
            .map_err(|error| BotsError::invalid("text", error.to_string()))?;
        if read.entries.is_empty() {
            return Err(BotsError::invalid("text", "there is no entry in it"));
        }
        let digest = Sha256::of(text.as_bytes()).to_string();
        let mut work = self.begin(actor).await?;
        tables::lock(&work, CommunityId(0)).await?;
        let before = tables::list::called(work.conn(), &new.name).await?;
        if let Some(before) = &before {
            if (before.kind, before.platform) != (new.kind, new.platform) {
                return Err(BotsError::Conflict(
                    "there is a list with this name that is of something else: choose another name"
                        .to_owned(),
                ));
            }
            if before.digest == digest && before.is_described_by(&new) {
                return Ok(Imported {
                    kept: before.n_entries,
                    is_unchanged: true,
                    ..Imported::default()
                });
            }
        } else if tables::list::all(work.conn()).await?.len() >= LISTS_MAX {
            return Err(BotsError::Conflict(format!(
                "there are {LISTS_MAX} lists already: remove one first"
            )));
        }
        let n_entries = u32::try_from(read.entries.len()).unwrap_or(u32::MAX);
        let row = tables::list::Put {
            new: &new,
            digest: &digest,
            n_entries,
            by: actor.user_id(),
            at: work.now(),
        };
        let id = match &before {
            Some(before) => {
                tables::list::renew(work.conn(), before.id, &row).await?;
                before.id
            }
            None => tables::list::insert(work.conn(), &row).await?,
        };
        let gone = tables::list::replace(work.conn(), id, &read.entries).await?;
        let had = before.as_ref().map_or(0, |before| before.n_entries);
        let kept = had.saturating_sub(gone);
        let done = Imported {
            added: n_entries.saturating_sub(kept),
            removed: gone,
            kept,
            n_rejected: u32::try_from(read.rejected.len()).unwrap_or(u32::MAX),
            rejected: read.rejected.into_iter().take(REJECTED_SHOWN).collect(),
            is_unchanged: false,
        };
        work.audit(Entry {
            action: "bots.list.import",
            object: format!("bot_list:{id}"),
            community: None,
            detail: json!({
                "name": new.name, "kind": new.kind.as_str(), "source": new.source,
                "as_of": new.as_of.to_string(), "digest": digest, "added": done.added,
                "removed": done.removed, "kept": done.kept, "rejected": done.n_rejected,
            }),
        });
        if new.kind.is_of_accounts() {
            ask_to_score(&mut work, None).await?;
        }
        if new.kind == ListKind::Unwanted {
            // Another file within the minute is another job: reading a large one may take longer than that of the first begins.
            let key = format!("list:{id}:{digest}");
            ask_to_look(&mut work, &Look::of_list(id, None), &key).await?;
        }
        work.commit().await?;
        Ok(done)
    }

    /// Removes a list with its entries. What communities corrected stays.
    pub async fn remove_list(&self, actor: &Actor, list: i32) -> Result<(), BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        let mut work = self.begin(actor).await?;
        tables::lock(&work, CommunityId(0)).await?;
        let all = tables::list::all(work.conn()).await?;
        let known = all.into_iter().find(|known| known.id == list);
        let known = known.ok_or(BotsError::NotFound)?;
        tables::list::delete(work.conn(), list).await?;
        work.audit(Entry {
            action: "bots.list.remove",
            object: format!("bot_list:{list}"),
            community: None,
            detail: json!({ "name": known.name, "entries": known.n_entries }),
        });
        if known.kind.is_of_accounts() {
            ask_to_score(&mut work, None).await?;
        }
        Ok(work.commit().await?)
    }
}

impl List {
    fn is_described_by(&self, new: &NewList) -> bool {
        self.source == new.source
            && self.reason == new.reason
            && self.as_of == new.as_of.start()
            && self.half_life_days == new.half_life_days
    }
}

#[cfg(test)]
mod tests {
    use super::weight;
    use kernel::Timestamp;

    #[test]
    fn an_entry_counts_half_after_its_half_life_and_one_without_does_not_fade() {
        let day = |n: i64| Timestamp::from_secs(n * 86_400);
        let close = |a: f64, b: f64| (a - b).abs() < 1e-12;
        assert!(close(weight(365, day(10), day(10)), 1.0));
        assert!(close(weight(365, day(0), day(365)), 0.5));
        assert!(close(weight(365, day(0), day(4 * 365)), super::FADED));
        assert!(close(weight(0, day(0), day(40_000)), 1.0));
        assert!(
            close(weight(365, day(10), day(0)), 1.0),
            "a clock that went back"
        );
    }
}
