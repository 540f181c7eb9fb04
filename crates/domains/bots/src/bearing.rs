//! What is to be known of accounts beside their messages before they are scored: few statements for all of them.
//!
//! Must never be asked for accounts that nobody scores.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ::store::StoreError;
use identity::PlatformAccount;
use kernel::{AccountId, CommunityId, Timestamp, UserId};
use sea_orm::ConnectionTrait;

use crate::{
    Bearing, Cause, Exemption, Known, Setting,
    correction::of_accounts,
    features::{Account, Community, Norms},
    phishing::{self, Links},
    scorer::{Judge, Judged},
    store::{scene, setting, state::Seat},
};

/// What is known of accounts and their communities.
#[derive(Debug, Default)]
pub(crate) struct Bearings {
    /// With all others of the same people.
    accounts: HashMap<AccountId, PlatformAccount>,
    /// How many others there are.
    n_linked: HashMap<UserId, u32>,
    reputation: HashMap<(CommunityId, UserId), i32>,
    roles: HashMap<(CommunityId, UserId), kernel::Role>,
    first_seen: HashMap<(CommunityId, UserId), Timestamp>,
    moderated: HashMap<Seat, u32>,
    known: HashMap<Seat, Known>,
    links: HashMap<Seat, Links>,
    settings: HashMap<CommunityId, Setting>,
    communities: HashMap<CommunityId, Community>,
}

impl Bearings {
    /// Reads it.
    pub(crate) async fn of(
        conn: &impl ConnectionTrait,
        seats: &[Seat],
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let mut all = Self::default();
        if seats.is_empty() {
            return Ok(all);
        }
        let ids: BTreeSet<AccountId> = seats.iter().map(|(_, account)| *account).collect();
        let ids: Vec<AccountId> = ids.into_iter().collect();
        all.accounts = identity::accounts_with_others(conn, &ids).await?;
        for account in all.accounts.values() {
            let known = all.n_linked.entry(account.user);
            known.and_modify(|others| *others += 1).or_insert(0);
        }
        let people: BTreeSet<(CommunityId, UserId)> = seats
            .iter()
            .filter_map(|(community, account)| {
                all.accounts
                    .get(account)
                    .map(|known| (*community, known.user))
            })
            .collect();
        let people: Vec<(CommunityId, UserId)> = people.into_iter().collect();
        let scores = identity::scores_of(conn, &people).await?;
        all.reputation = scores
            .into_iter()
            .map(|(seat, score)| (seat, score.points()))
            .collect();
        all.roles = identity::roles_among(conn, &people).await?;
        all.first_seen = activity::first_seen(conn, &people).await?;
        all.moderated = activity::moderations(conn, &ids).await?;
        let mut by_community: BTreeMap<CommunityId, Vec<AccountId>> = BTreeMap::new();
        for (community, account) in seats {
            by_community.entry(*community).or_default().push(*account);
        }
        let here: Vec<CommunityId> = by_community.keys().copied().collect();
        all.communities = communities(conn, &here).await?;
        all.links = phishing::of(conn, &here, &ids, now).await?;
        for (community, accounts) in by_community {
            all.settings
                .insert(community, setting::one(conn, community).await?);
            all.look_up(conn, community, &accounts, now).await?;
        }
        Ok(all)
    }

    /// What lists and corrections say of accounts.
    async fn look_up(
        &mut self,
        conn: &impl ConnectionTrait,
        community: CommunityId,
        accounts: &[AccountId],
        now: Timestamp,
    ) -> Result<(), StoreError> {
        let known: Vec<&PlatformAccount> = accounts
            .iter()
            .filter_map(|id| self.accounts.get(id))
            .collect();
        for (account, listed) in of_accounts(conn, community, &known).await? {
            if let Some(known) = listed.known(now) {
                self.known.insert((community, account), known);
            }
        }
        Ok(())
    }

    /// The account; `None` for one that was erased meanwhile.
    pub(crate) fn account(&self, account: AccountId) -> Option<&PlatformAccount> {
        self.accounts.get(&account)
    }

    /// What a community decided.
    pub(crate) fn setting(&self, community: CommunityId) -> Setting {
        self.settings.get(&community).copied().unwrap_or_default()
    }

    /// What is usual in a community, where people speak at these hours.
    pub(crate) fn community(&self, community: CommunityId, hours: [f32; 24]) -> Community {
        let known = self.communities.get(&community).cloned();
        Community {
            hours,
            ..known.unwrap_or_default()
        }
    }

    /// Of how many members a community's norms are made; 0 where they are those of everywhere.
    pub(crate) fn members(&self, community: CommunityId) -> u32 {
        let known = self.communities.get(&community);
        known.map_or(0, |known| known.norms.members())
    }

    /// What lists and corrections say.
    pub(crate) fn known(&self, seat: Seat) -> Option<Known> {
        self.known.get(&seat).copied()
    }

    /// The listed domains it linked to.
    pub(crate) fn links(&self, seat: Seat) -> Option<&Links> {
        self.links.get(&seat).filter(|links| links.n != [0; 2])
    }

    /// Whether it linked to a domain that was listed then.
    pub(crate) fn has_linked(&self, seat: Seat) -> bool {
        self.links.contains_key(&seat)
    }

    /// What counted most for an answer, with what lists say of the account's links.
    pub(crate) fn why(
        &self,
        seat: Seat,
        judge: &Judge,
        judged: &Judged,
        norms: &Norms,
    ) -> Vec<Cause> {
        let mut why = judge.why(judged, norms);
        if let Some(links) = self.links(seat) {
            links.tell(&mut why);
        }
        why
    }

    fn person(&self, (community, account): Seat) -> Option<(CommunityId, UserId)> {
        Some((community, self.accounts.get(&account)?.user))
    }

    /// An account as the features look at it.
    pub(crate) fn features(&self, seat: Seat) -> Account {
        let person = self.person(seat);
        let reputation = person.and_then(|person| self.reputation.get(&person));
        Account {
            created_at: self
                .accounts
                .get(&seat.1)
                .and_then(|account| account.account_created_at),
            n_linked: person.and_then(|(_, user)| self.n_linked.get(&user).copied()),
            reputation: reputation.map(|points| {
                let points = i16::try_from(*points).unwrap_or(i16::MAX);
                f32::from(points)
            }),
            n_moderated: Some(self.moderated.get(&seat).copied().unwrap_or(0)),
            n_phishing: self.links(seat).map_or([0; 2], |links| links.n),
        }
    }

    /// Why an account is left alone.
    pub(crate) fn exemption(&self, seat: Seat, now: Timestamp) -> Option<Exemption> {
        match self.known(seat) {
            Some(Known::Service) => return Some(Exemption::Service),
            Some(Known::Cleared) => return Some(Exemption::Cleared),
            // Whoever is on a list is looked at, whatever the platform says.
            Some(Known::Unwanted(_)) => {}
            None => {
                let account = self.accounts.get(&seat.1);
                if account.is_some_and(|account| account.is_bot) {
                    return Some(Exemption::Marked);
                }
            }
        }
        let person = self.person(seat)?;
        let score = self.reputation.get(&person).copied().unwrap_or(0);
        let bearing = Bearing {
            role: self.roles.get(&person).copied(),
            first_seen: self.first_seen.get(&person).copied(),
            score: u32::try_from(score).unwrap_or(0),
        };
        self.setting(seat.0).exempts(&bearing, now)
    }
}

/// What is usual in communities, without the hours.
pub(crate) async fn communities(
    conn: &impl ConnectionTrait,
    here: &[CommunityId],
) -> Result<HashMap<CommunityId, Community>, StoreError> {
    let rows = scene::norms(conn, here).await?;
    let known = rows.into_iter().map(|(community, row)| {
        let usual = Community {
            members: row.members,
            messages_per_day: per_day(row.per_day_milli),
            norms: Norms::from_text(&row.norms),
            ..Community::default()
        };
        (community, usual)
    });
    Ok(known.collect())
}

fn per_day(milli: i64) -> f32 {
    #[expect(
        clippy::as_conversions,
        clippy::cast_precision_loss,
        reason = "messages a day need no more digits"
    )]
    let per_day = milli as f32 / 1_000.0;
    per_day
}
