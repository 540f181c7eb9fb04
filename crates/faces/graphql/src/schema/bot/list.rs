//! Lists of known accounts and domains, and what moderators say about their entries.

use ::bots::{Correction, ListChoice, Listable, Listed, Listing};
use async_graphql::{Enum, SimpleObject};
use kernel::Platform as Where;

use crate::schema::scalar::{Date, DateTime, Platform};

/// What a list is of.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::bots::ListKind")]
pub(crate) enum BotListKind {
    /// Accounts of bots that nobody asked for.
    Unwanted,
    /// Accounts of bots that communities use.
    Service,
    /// Domains that steal or harm.
    Dangerous,
    /// Domains that are seen with those.
    Suspicious,
}

/// What a moderator says about an account or a domain.
#[derive(Enum, Clone, Copy, PartialEq, Eq, Debug)]
#[graphql(remote = "::bots::Ruling")]
pub(crate) enum BotRuling {
    /// It is unwanted, whether a list has it or not.
    Right,
    /// It is not: no list counts.
    Wrong,
    /// It is a bot that is used here, or a domain that belongs to one.
    Service,
}

/// A list and whether a community uses it.
#[derive(SimpleObject)]
pub(crate) struct BotList {
    /// Its id.
    id: i32,
    /// Its name.
    name: String,
    /// What it is of.
    kind: BotListKind,
    /// Of accounts: where they are.
    platform: Option<Platform>,
    /// Where it comes from.
    source: String,
    /// Why its entries are on it.
    reason: String,
    /// What day it is of.
    as_of: Date,
    /// After how many days an entry counts half; 0 = it does not fade.
    half_life_days: i32,
    /// How many entries it has.
    entry_count: i32,
    /// When it was imported last.
    imported_at: DateTime,
    /// Whether it counts in the community.
    is_used: bool,
}

fn number(value: u32) -> i32 {
    i32::try_from(value).unwrap_or(i32::MAX)
}

impl From<ListChoice> for BotList {
    fn from(choice: ListChoice) -> Self {
        let list = choice.list;
        Self {
            id: list.id,
            name: list.name,
            kind: list.kind.into(),
            platform: list.platform.map(Platform::from),
            source: list.source,
            reason: list.reason,
            as_of: Date(list.as_of.day()),
            half_life_days: number(list.half_life_days),
            entry_count: number(list.n_entries),
            imported_at: DateTime(list.imported_at),
            is_used: choice.is_used,
        }
    }
}

/// What a moderator said about an account or a domain.
#[derive(SimpleObject)]
pub(crate) struct BotCorrection {
    /// The name of the account, or the domain.
    name: String,
    /// Of an account: where it is; null for a domain.
    platform: Option<Platform>,
    /// What it is.
    ruling: BotRuling,
    /// Why.
    reason: String,
    /// The community that said so; null = whoever runs the instance, for all.
    community_id: Option<i32>,
    /// Who said so; null = the program, or somebody who was erased since.
    decided_by: Option<i32>,
    /// When.
    decided_at: DateTime,
}

impl From<Correction> for BotCorrection {
    fn from(correction: Correction) -> Self {
        Self {
            name: correction.what.value().to_owned(),
            platform: correction.what.platform().map(Platform::from),
            ruling: correction.ruling.into(),
            reason: correction.reason,
            community_id: correction.community.map(|community| community.0),
            decided_by: correction.decided_by.map(|user| user.0),
            decided_at: DateTime(correction.decided_at),
        }
    }
}

/// That something is on a list.
#[derive(SimpleObject)]
pub(crate) struct BotListing {
    /// The list's name.
    list: String,
    /// What the list is of.
    kind: BotListKind,
    /// Where the list comes from.
    source: String,
    /// Why.
    reason: String,
    /// Since when.
    listed_at: DateTime,
    /// After how many days it counts half; 0 = it does not fade.
    half_life_days: i32,
}

impl From<Listing> for BotListing {
    fn from(listing: Listing) -> Self {
        Self {
            list: listing.list,
            kind: listing.kind.into(),
            source: listing.source,
            reason: listing.reason,
            listed_at: DateTime(listing.listed_at),
            half_life_days: number(listing.half_life_days),
        }
    }
}

/// What lists and corrections say about an account or a domain in a community.
#[derive(SimpleObject)]
pub(crate) struct BotListed {
    /// The lists that count there and have it.
    listings: Vec<BotListing>,
    /// The correction that holds there.
    correction: Option<BotCorrection>,
}

impl From<Listed> for BotListed {
    fn from(listed: Listed) -> Self {
        Self {
            listings: listed.listings.into_iter().map(BotListing::from).collect(),
            correction: listed.correction.map(BotCorrection::from),
        }
    }
}

/// An account by its name and platform, or without one a domain.
pub(super) fn listable(name: String, platform: Option<Platform>) -> Listable {
    match platform {
        Some(platform) => Listable::Account(Where::from(platform), name),
        None => Listable::Domain(name),
    }
}
