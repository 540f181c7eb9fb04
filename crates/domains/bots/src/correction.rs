//! What moderators say about entries of lists: that one is wrong, right, or a bot they use. It holds
//! whatever the next import of the list says, and a community's own word comes before the instance's. What follows for
//! an account that is known follows at once.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ::store::{StoreError, Work, audit::Entry};
use identity::PlatformAccount;
use kernel::{
    AccountId, Actor, CommunityId, Cursor, Page, PageRequest, Permission, Timestamp, UserId,
};
use sea_orm::ConnectionTrait;
use serde_json::json;

use crate::{
    Bots, BotsError, CaseState, Exemption, ListKind, Listable, Listing,
    bearing::Bearings,
    case,
    list::{FADED, check_words},
    looking::ask_to_look_at,
    scorer::Scorer,
    store::{self as tables, case::Row as CaseRow, state::Seat},
};

/// The most corrections of a community, and of the instance.
const CORRECTIONS_MAX: u64 = 10_000;

/// What somebody said about an entry.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Debug)]
pub enum Ruling {
    /// It is unwanted, whether a list has it or not.
    Right,
    /// It is not: no list counts.
    Wrong,
    /// It is a bot that is used here, or a domain that belongs to one.
    Service,
}

impl Ruling {
    /// Every ruling.
    pub const ALL: [Self; 3] = [Self::Right, Self::Wrong, Self::Service];

    /// The lower-case name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Right => "right",
            Self::Wrong => "wrong",
            Self::Service => "service",
        }
    }

    /// The ruling of a name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|ruling| ruling.as_str() == name)
    }

    /// The number stored in the database. Never renumber.
    pub(crate) const fn code(self) -> i16 {
        match self {
            Self::Right => 1,
            Self::Wrong => 2,
            Self::Service => 3,
        }
    }

    pub(crate) fn from_code(code: i16) -> Option<Self> {
        Self::ALL.into_iter().find(|ruling| ruling.code() == code)
    }
}

/// A correction.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct Correction {
    /// About what.
    pub what: Listable,
    /// What it is.
    pub ruling: Ruling,
    /// Why.
    pub reason: String,
    /// The community that said so; `None` = whoever runs the instance, for all.
    pub community: Option<CommunityId>,
    /// Who said so; `None` = the program, or somebody who was erased since.
    pub decided_by: Option<UserId>,
    /// When.
    pub decided_at: Timestamp,
    /// The account that was meant: the one that went by the name when it was said. Whoever takes the name later is not, and
    /// what it is called later does not matter. `None` = whoever goes by it, because nobody there did then, or several.
    pub account: Option<AccountId>,
}

/// What lists and corrections say about something in a community.
#[derive(Clone, PartialEq, Eq, Debug, Default)]
pub struct Listed {
    /// The lists that count there and have it.
    pub listings: Vec<Listing>,
    /// The correction that holds there.
    pub correction: Option<Correction>,
}

/// What follows from it.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Known {
    /// It is unwanted: so much that still says, from 1/16 to 1.
    Unwanted(f64),
    /// It is a bot that communities use.
    Service,
    /// Somebody said that it is neither.
    Cleared,
}

impl Listed {
    /// What follows from all of it; `None` if nothing is known, or only what has faded.
    pub fn known(&self, now: Timestamp) -> Option<Known> {
        if let Some(correction) = &self.correction {
            return Some(match correction.ruling {
                Ruling::Right => Known::Unwanted(1.0),
                Ruling::Wrong => Known::Cleared,
                Ruling::Service => Known::Service,
            });
        }
        let counts = |listing: &&Listing| listing.weight(now) >= FADED;
        let mut unwanted: Option<f64> = None;
        for listing in self.listings.iter().filter(counts) {
            match listing.kind {
                ListKind::Service => return Some(Known::Service),
                ListKind::Unwanted | ListKind::Dangerous | ListKind::Suspicious => {
                    unwanted = Some(listing.weight(now).max(unwanted.unwrap_or(0.0)));
                }
            }
        }
        unwanted.map(Known::Unwanted)
    }

    /// Takes a correction in: the community's own word comes before the instance's, and of equal ones the later heard.
    fn hear(&mut self, said: &Correction) {
        let is_own = |one: &Correction| one.community.is_some();
        if self
            .correction
            .as_ref()
            .is_none_or(|known| is_own(said) || !is_own(known))
        {
            self.correction = Some(said.clone());
        }
    }
}

/// What lists and corrections say about some names and domains in a community; what nothing is known of is
/// left out. All are folded.
pub(crate) async fn listed(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    all: &[Listable],
) -> Result<HashMap<Listable, Listed>, StoreError> {
    let mut found = listings(conn, community, all).await?;
    let values: Vec<&str> = all.iter().map(Listable::value).collect();
    for correction in tables::correction::about(conn, community, &values).await? {
        if all.contains(&correction.what) {
            let known = found.entry(correction.what.clone()).or_default();
            known.hear(&correction);
        }
    }
    Ok(found)
}

/// What lists and corrections say about accounts in a community; what nothing is known of is left out. Whoever only took
/// over the name of a corrected account is not that account.
pub(crate) async fn of_accounts(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    accounts: &[&PlatformAccount],
) -> Result<HashMap<AccountId, Listed>, StoreError> {
    // Who goes by a name that no list can have may still be meant by what was said when the name was another.
    let keys: Vec<(AccountId, Option<Listable>)> = accounts
        .iter()
        .map(|account| {
            let what = Listable::Account(account.platform, account.username.clone());
            (account.id, what.folded())
        })
        .collect();
    let names: Vec<Listable> = keys.iter().filter_map(|(_, name)| name.clone()).collect();
    let ids: Vec<AccountId> = keys.iter().map(|(id, _)| *id).collect();
    let values: Vec<&str> = names.iter().map(Listable::value).collect();
    let on_lists = listings(conn, community, &names).await?;
    let by_name = tables::correction::about(conn, community, &values).await?;
    let by_account = tables::correction::about_accounts(conn, community, &ids).await?;
    let mut of_name: HashMap<&Listable, Vec<&Correction>> = HashMap::new();
    for said in by_name.iter().filter(|said| said.account.is_none()) {
        of_name.entry(&said.what).or_default().push(said);
    }
    let mut of_account: HashMap<AccountId, Vec<&Correction>> = HashMap::new();
    for said in &by_account {
        if let Some(account) = said.account {
            of_account.entry(account).or_default().push(said);
        }
    }
    let mut found = HashMap::new();
    for (id, name) in &keys {
        let listed = name.as_ref().and_then(|name| on_lists.get(name));
        let mut known = listed.cloned().unwrap_or_default();
        // What was said about the account itself comes after, and so before what was said about its name.
        let by_name = name.as_ref().and_then(|name| of_name.get(name));
        let said = by_name.into_iter().chain(of_account.get(id));
        for correction in said.flatten() {
            known.hear(correction);
        }
        if known != Listed::default() {
            found.insert(*id, known);
        }
    }
    Ok(found)
}

/// The lists that have some of these.
async fn listings(
    conn: &impl ConnectionTrait,
    community: CommunityId,
    all: &[Listable],
) -> Result<HashMap<Listable, Listed>, StoreError> {
    let choices = tables::list::of_community(conn, community).await?;
    let used = choices.iter().filter(|choice| choice.is_used);
    let lists: Vec<_> = used.map(|choice| &choice.list).collect();
    let values: Vec<&str> = all.iter().map(Listable::value).collect();
    let mut found: HashMap<Listable, Listed> = HashMap::new();
    for (value, listing) in tables::list::listings(conn, &lists, &values).await? {
        let is_it = |what: &&Listable| what.value() == value && what.platform() == listing.platform;
        if let Some(what) = all.iter().find(is_it) {
            let known = found.entry(what.clone()).or_default();
            known.listings.push(listing);
        }
    }
    for known in found.values_mut() {
        known.listings.sort_by(|a, b| a.list.cmp(&b.list));
    }
    Ok(found)
}

fn folded(what: &Listable) -> Result<Listable, BotsError> {
    what.folded().ok_or_else(|| {
        BotsError::invalid(
            "name",
            "this is neither the name of an account nor a domain",
        )
    })
}

/// The accounts that go by a name, of those seen in a community, or of all.
async fn called(
    conn: &impl ConnectionTrait,
    community: Option<CommunityId>,
    what: &Listable,
) -> Result<Vec<PlatformAccount>, StoreError> {
    let Listable::Account(platform, name) = what else {
        return Ok(Vec::new());
    };
    let named = identity::accounts_named(conn, *platform, &[name]).await?;
    let Some(community) = community else {
        return Ok(named);
    };
    let seats: Vec<_> = named.iter().map(|one| (community, one.user)).collect();
    let seen = activity::first_seen(conn, &seats).await?;
    // Members' names are folded by the same rule whatever the database is, beyond ASCII too.
    let members = activity::members_called(conn, community, name).await?;
    let theirs = identity::accounts_of(conn, &members).await?;
    let mut here: BTreeMap<AccountId, PlatformAccount> = BTreeMap::new();
    let seen = |account: &PlatformAccount| seen.contains_key(&(community, account.user));
    let is_it = |account: &PlatformAccount| {
        account.platform == *platform && account.username.to_lowercase() == *name
    };
    let named = named.into_iter().filter(seen);
    let shown = theirs.into_values().flatten().filter(is_it);
    here.extend(named.chain(shown).map(|account| (account.id, account)));
    Ok(here.into_values().collect())
}

impl Correction {
    /// Its place in the list of a community's corrections.
    pub fn cursor(&self) -> Cursor {
        Cursor {
            key: self.what.value().to_owned(),
            id: i64::from(tables::correction::platform_code(&self.what)),
        }
    }
}

impl Bots {
    /// What lists and corrections say about an account or a domain in a community.
    pub async fn listed(
        &self,
        actor: &Actor,
        community: CommunityId,
        what: &Listable,
    ) -> Result<Listed, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        let what = folded(what)?;
        let mut found = listed(self.db.read(), community, std::slice::from_ref(&what)).await?;
        Ok(found.remove(&what).unwrap_or_default())
    }

    /// A community's own corrections, by what they are about.
    pub async fn corrections(
        &self,
        actor: &Actor,
        community: CommunityId,
        page: &PageRequest,
    ) -> Result<Page<Correction>, BotsError> {
        actor.require(Permission::ViewMembers, community)?;
        let rows = tables::correction::page(self.db.read(), community, page).await?;
        Ok(Page::from_rows(rows, page, Correction::cursor))
    }

    /// Says in a community what an account or a domain is; `None` takes that back. Saying the same
    /// again changes nothing.
    pub async fn correct(
        &self,
        actor: &Actor,
        community: CommunityId,
        what: &Listable,
        ruling: Option<Ruling>,
        reason: &str,
    ) -> Result<(), BotsError> {
        actor.require(Permission::ModerateMembers, community)?;
        self.put_correction(actor, Some(community), what, ruling, reason)
            .await
    }

    /// The same for all communities that do not say otherwise themselves.
    pub async fn correct_everywhere(
        &self,
        actor: &Actor,
        what: &Listable,
        ruling: Option<Ruling>,
        reason: &str,
    ) -> Result<(), BotsError> {
        actor.require_instance(Permission::OperateInstance)?;
        self.put_correction(actor, None, what, ruling, reason).await
    }

    async fn put_correction(
        &self,
        actor: &Actor,
        community: Option<CommunityId>,
        what: &Listable,
        ruling: Option<Ruling>,
        reason: &str,
    ) -> Result<(), BotsError> {
        let what = folded(what)?;
        let reason = match ruling {
            Some(_) => check_words("reason", reason)?,
            None => String::new(),
        };
        let scope = community.unwrap_or(CommunityId(0));
        let scorer = self.scorer().await?;
        let mut work = self.begin(actor).await?;
        // Before anything else, as whoever scores does: both take turns.
        identity::hold_owners(&work).await?;
        tables::scene::hold_progress(work.conn()).await?;
        tables::lock(&work, scope).await?;
        let called = called(work.conn(), community, &what).await?;
        // One is meant; of several nobody knows which.
        let meant = match called.as_slice() {
            [one] => Some(one),
            _ => None,
        };
        if ruling.is_some_and(|ruling| ruling != Ruling::Right)
            && called
                .iter()
                .any(|account| actor.user_id() == Some(account.user))
        {
            return Err(BotsError::invalid(
                "name",
                "this is your own account: another moderator has to say it",
            ));
        }
        let before = tables::correction::one(work.conn(), community, &what).await?;
        let said = before.as_ref().map(|c| (c.ruling, c.reason.clone()));
        if said == ruling.map(|ruling| (ruling, reason.clone())) {
            return Ok(());
        }
        match ruling {
            None => tables::correction::delete(work.conn(), community, &what).await?,
            Some(ruling) => {
                let n = tables::correction::count(work.conn(), community).await?;
                if before.is_none() && n >= CORRECTIONS_MAX {
                    return Err(BotsError::Conflict(format!(
                        "there are {CORRECTIONS_MAX} corrections already: take some back first"
                    )));
                }
                let correction = Correction {
                    what: what.clone(),
                    ruling,
                    reason,
                    community,
                    decided_by: actor.user_id(),
                    decided_at: work.now(),
                    account: meant.map(|account| account.id),
                };
                tables::correction::put(work.conn(), &correction).await?;
            }
        }
        // Also whom it was about until now, and who is called otherwise by now.
        let pinned = before.as_ref().and_then(|before| before.account);
        let called = called.iter().map(|account| account.id);
        // And whoever linked to the domain.
        let linking = match &what {
            Listable::Account(..) => Vec::new(),
            Listable::Domain(domain) => {
                tables::link::linking(work.conn(), community, domain).await?
            }
        };
        let concerned: BTreeSet<AccountId> = called.chain(pinned).chain(linking).collect();
        let concerned: Vec<AccountId> = concerned.into_iter().collect();
        // Names stay out of the log, which nobody can erase from.
        work.audit(Entry {
            action: "bots.list.correct",
            object: what
                .platform()
                .map_or("domain", kernel::Platform::as_str)
                .to_owned(),
            community,
            detail: json!({
                "before": before.map(|before| before.ruling.as_str()),
                "after": ruling.map(Ruling::as_str),
            }),
        });
        self.heed(&mut work, &scorer, community, &concerned).await?;
        if ruling == Some(Ruling::Right) && what.platform().is_some() {
            match community {
                Some(community) => {
                    self.look_at_now(&mut work, &scorer, &concerned, community)
                        .await?;
                }
                // They may be in any number of communities.
                None => ask_to_look_at(&mut work, &concerned).await?,
            }
        }
        Ok(work.commit().await?)
    }

    /// Does at once what follows from a correction: an open case about whom it leaves alone is withdrawn, and whom it is
    /// about are scored again.
    async fn heed(
        &self,
        work: &mut Work,
        scorer: &Scorer,
        community: Option<CommunityId>,
        accounts: &[AccountId],
    ) -> Result<(), BotsError> {
        if accounts.is_empty() {
            return Ok(());
        }
        let communities = match community {
            Some(community) => vec![community],
            None => tables::scene::communities(work.conn()).await?,
        };
        let cases = tables::case::among(work.conn(), &communities, accounts).await?;
        let open =
            |(seat, case): (Seat, CaseRow)| (case.state == CaseState::Open).then_some((seat, case));
        let open: BTreeMap<Seat, CaseRow> = cases.into_iter().filter_map(open).collect();
        let seats: Vec<Seat> = open.keys().copied().collect();
        let now = work.now();
        let bearings = Bearings::of(work.conn(), &seats, now).await?;
        for (seat, case) in open {
            let exemption = bearings.exemption(seat, now);
            let is_heard = matches!(exemption, Some(Exemption::Service | Exemption::Cleared));
            // Whoever is not scored yet has a case for nothing but what was linked, and what lists say.
            let is_unwanted = matches!(bearings.known(seat), Some(Known::Unwanted(_)));
            let is_moot = case.reasons.iter().all(|reason| reason.is_of_lists())
                && bearings.links(seat).is_none()
                && !is_unwanted;
            if is_heard || is_moot {
                withdraw(work, &case).await?;
            }
        }
        self.score_again(work, scorer, &communities, accounts)
            .await?;
        Ok(())
    }
}

/// Withdraws an open case because a correction says what the account is, or a list says it no longer.
pub(crate) async fn withdraw(work: &mut Work, case: &CaseRow) -> Result<(), StoreError> {
    tables::case::decide(work.conn(), case, CaseState::Withdrawn, None, None).await?;
    work.audit(Entry {
        action: "bots.review",
        object: format!("bot_case:{}", case.id),
        community: Some(case.community),
        detail: json!({
            "before": case.state.as_str(), "after": CaseState::Withdrawn.as_str(),
            "because": "a correction",
        }),
    });
    work.notify(case::topic(case.community), "");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::{Correction, Known, Listed, Ruling};
    use crate::{ListKind, Listable, Listing};
    use kernel::{Platform, Timestamp};

    const NOW: Timestamp = Timestamp::from_secs(400 * 86_400);

    fn listing(kind: ListKind, days_ago: i64) -> Listing {
        Listing {
            list: "list".to_owned(),
            kind,
            platform: Some(Platform::Twitch),
            source: "https://example.org".to_owned(),
            reason: "spam".to_owned(),
            listed_at: Timestamp::from_secs((400 - days_ago) * 86_400),
            half_life_days: 100,
        }
    }

    fn known(listings: Vec<Listing>, ruling: Option<Ruling>) -> Option<Known> {
        let correction = ruling.map(|ruling| Correction {
            what: Listable::Account(Platform::Twitch, "ann".to_owned()),
            ruling,
            reason: "I know her".to_owned(),
            community: None,
            decided_by: None,
            decided_at: NOW,
            account: None,
        });
        let listed = Listed {
            listings,
            correction,
        };
        listed.known(NOW)
    }

    #[test]
    fn the_strongest_listing_counts_and_a_faded_one_does_not() {
        assert_eq!(known(vec![], None), None);
        let one = known(vec![listing(ListKind::Unwanted, 100)], None);
        assert_eq!(one, Some(Known::Unwanted(0.5)));
        let two = vec![
            listing(ListKind::Unwanted, 100),
            listing(ListKind::Unwanted, 0),
        ];
        assert_eq!(known(two, None), Some(Known::Unwanted(1.0)));
        assert_eq!(known(vec![listing(ListKind::Unwanted, 401)], None), None);
    }

    #[test]
    fn a_service_bot_is_no_unwanted_one_and_people_have_the_last_word() {
        let both = || {
            vec![
                listing(ListKind::Unwanted, 0),
                listing(ListKind::Service, 0),
            ]
        };
        assert_eq!(known(both(), None), Some(Known::Service));
        assert_eq!(known(both(), Some(Ruling::Wrong)), Some(Known::Cleared));
        assert_eq!(
            known(both(), Some(Ruling::Right)),
            Some(Known::Unwanted(1.0))
        );
        assert_eq!(known(vec![], Some(Ruling::Service)), Some(Known::Service));
    }
}
